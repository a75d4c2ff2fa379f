"""Ladder of bulk training: snapshots dense at first, five rungs with equal steps from a beginner to the champion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from cornerman.evaluation.ratings import Meeting, win_share
from cornerman.policy.difficulty import Rung
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.training.bulk.ladder import MOST_CANDIDATES, MOST_SNAPSHOTS, LadderMaker, Snapshots

SPEC = NetworkSpec(3, 2, (4,))
FLAT = draw(SPEC, np.random.default_rng(0))
BOTS = {"feeble": 0.0, "feisty": 220.0}


class Known:
    """Pairings that come out as the players' true strengths say, without luck; a temperature of 1 costs 400 points."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.num_played, self._stop_after = 0, stop_after

    def stopped(self) -> bool:
        return self.num_played >= self._stop_after

    def play(
        self, players: Mapping[str, Any], pairings: Iterable[tuple[str, str]], batched: int, scalar: int
    ) -> list[Meeting]:
        del scalar
        found = []
        for first, second in pairings:
            if self.stopped():
                break
            self.num_played += 1
            chance = win_share(strength(players[first]), strength(players[second]))
            found.append(Meeting(first, second, chance * batched, batched))
        return found


def strength(player: Any) -> float:
    """The version stands for the points."""
    return player.policy.version - 400.0 * player.temperature if isinstance(player, Rung) else float(player)


def policies(points: Sequence[int]) -> list[Policy]:
    return [Policy(SPEC, FLAT, version) for version in points]


def made(earlier: Sequence[int], champion: int = 800, **how: Any) -> Any:
    known: tuple[Any, Any] = Known(**how), BOTS
    return LadderMaker(known[0], Policy(SPEC, FLAT, champion), known[1], 4096).make(policies(earlier))


def test_make_chooses_equal_steps_from_a_beginner_to_the_champion() -> None:
    ladder = made([-30, 20, 80, 120, 200, 260, 330, 440, 520, 560, 600, 700, 780])
    rungs = [*ladder.rungs[ladder.first :], ladder.top]
    assert [strength(rung) for rung in rungs] == [80, 260, 440, 600, 800]
    assert [rung.points for rung in rungs] == pytest.approx([80, 260, 440, 600, 800], abs=8)
    assert all(rung.low < rung.points < rung.high for rung in rungs)
    assert [strength(rung) for rung in ladder.rungs[: ladder.first]] == [-30], "for players weaker than level 1"


def test_make_fills_gaps_with_temperatures() -> None:
    ladder = made([700, 750])
    rungs = [*ladder.rungs[ladder.first :], ladder.top]
    assert all(rung.temperature > 0.0 for rung in rungs[:3])
    assert strength(rungs[0]) == pytest.approx(90, abs=40)
    steps = np.diff([strength(rung) for rung in rungs])
    assert steps.max() < 1.3 * steps.min()


def test_make_gives_no_ladder_where_nobody_is_a_beginner_or_it_is_stopped() -> None:
    assert made([20, 80, 120], champion=130) is None
    assert made([20, 80, 330, 560], stop_after=12) is None
    assert made([20, 80, 330, 560], stop_after=25) is None


def test_snapshots_are_dense_at_first_bounded_and_restored() -> None:
    snapshots, steps = Snapshots(), 0
    while steps < 500_000:
        steps += 16
        if snapshots.due(steps):
            snapshots.add(steps, FLAT)
    assert snapshots.steps[:4] == [16, 32, 48, 64]
    assert MOST_SNAPSHOTS / 2 < len(snapshots.steps) <= MOST_SNAPSHOTS
    assert snapshots.steps[-1] > 490_000
    assert 16 < len(snapshots.policies(SPEC)) <= MOST_CANDIDATES
    again = Snapshots()
    again.restore(snapshots.state())
    assert again.steps == snapshots.steps
    assert np.array_equal(again.weights, snapshots.weights)
    again.restore({})
    assert again.state() == {}
