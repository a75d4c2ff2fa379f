"""Adaptive difficulty: a player of any strength wins as often as wanted, and what is known of players is kept."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest

from cornerman.evaluation.live.adaptive import SCRIPTED, Adaptive
from cornerman.evaluation.ratings import win_share
from cornerman.policy.difficulty import Rung
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw

SPEC = NetworkSpec(3, 2, (4,))
POLICY = Policy(SPEC, draw(SPEC, np.random.default_rng(0)))
RUNGS = [Rung(POLICY, points=points) for points in (50.0, 230.0, 400.0, 560.0, 750.0)]


def play(
    adaptive: Adaptive, strength: float, battles: int, seed: int, scale: float = 1.0, name: str = "ann"
) -> list[float]:
    """Scores of a player whose true distance to every rung is `scale` times what the ratings say."""
    random, scores = Random(seed), []
    for battle_id in range(battles):
        adaptive.begin(battle_id, name, RUNGS)
        rung = adaptive.rung_of(battle_id)
        assert rung is not None
        score = float(random.random() < win_share(scale * strength, scale * rung.points))
        adaptive.end(battle_id, score)
        scores.append(score)
    return scores


@pytest.mark.parametrize("target", [0.5, 0.65])
@pytest.mark.parametrize(("strength", "scale"), [(60.0, 1.0), (300.0, 1.0), (700.0, 1.0), (300.0, 0.5), (500.0, 1.6)])
def test_begin_holds_the_win_rate_at_the_target_though_ratings_are_wrong(
    strength: float, scale: float, target: float
) -> None:
    rates = [np.mean(play(Adaptive(Random(seed), target), strength, 120, seed, scale)[20:]) for seed in range(30)]
    reachable = min(target, win_share(scale * strength, scale * RUNGS[0].points))
    assert np.mean(rates) == pytest.approx(reachable, abs=0.03)


def test_a_player_beyond_the_rungs_meets_the_last_one_and_comes_back_soon() -> None:
    adaptive = Adaptive(Random(1), 0.5)
    assert np.mean(play(adaptive, 2000.0, 60, 1)[20:]) > 0.95
    adaptive.begin(1000, "ann", RUNGS)
    assert adaptive.rung_of(1000) is RUNGS[-1]
    assert np.mean(play(adaptive, 400.0, 100, 2)[40:]) == pytest.approx(0.5, abs=0.12)


def test_standing_names_the_levels_and_what_the_player_wins() -> None:
    adaptive = Adaptive(Random(1), 0.5)
    weaker = [Rung(POLICY, points=0.0), *RUNGS]
    assert adaptive.standing([*RUNGS], weaker) == "no battle yet"
    for points, where in (
        (-20.0, "the weakest level is still too strong for you, and there is none below it"),
        (20.0, "below gentle"),
        (300.0, "between easy and even"),
        (750.0, "its best"),
        (900.0, "the strongest level is still too weak for you, and there is none above it"),
    ):
        adaptive.restore({"ann": [points, 400.0, [1.0, 0.0, 0.5, 1.0]]})
        assert adaptive.standing([*RUNGS], weaker) == f"{where}; you win 62% of the last 4 battles"
    assert adaptive.standing([None], weaker) == "no battle yet"


def test_standing_says_who_wins() -> None:
    adaptive, levels = Adaptive(Random(1), 0.5), list(RUNGS)
    for name, who in (("player ann", "you win"), (SCRIPTED, "the scripted side wins")):
        play(adaptive, 100.0, 4, 1, name=name)
        assert f"; {who} " in adaptive.standing(levels, RUNGS)


def test_state_is_restored_apart_for_each_player_and_forgotten() -> None:
    adaptive = Adaptive(Random(1), 0.5)
    play(adaptive, 100.0, 30, 1, name="ann")
    play(adaptive, 600.0, 30, 1, name="bob")
    again = Adaptive(Random(1), 0.5)
    again.restore(json.loads(json.dumps(adaptive.state())))
    assert again.estimates == adaptive.estimates
    assert again.estimates["ann"].points < again.estimates["bob"].points - 200.0
    again.forget()
    assert again.state() == {}


@pytest.mark.parametrize(
    "value",
    [None, [1.0], [1.0, 0.0, []], [float("nan"), 1.0, []], [10**400, 1.0, []], [1.0, 2.0, ["x"]], [1.0, 2.0, [7]], "a"],
    ids=str,
)
def test_restore_leaves_out_what_is_damaged(value: object) -> None:
    adaptive = Adaptive(Random(1), 0.5)
    adaptive.restore({"ann": value, "bob": [100.0, 400.0, [1, 0.5]]})
    assert list(adaptive.estimates) == ["bob"]


def test_no_rungs_and_battles_that_say_nothing_change_nothing() -> None:
    adaptive = Adaptive(Random(1), 0.5)
    adaptive.begin(1, "ann", [])
    assert adaptive.rung_of(1) is None
    adaptive.end(1, 1.0)
    adaptive.begin(2, "ann", RUNGS)
    before = adaptive.state()
    adaptive.end(2, None)
    assert adaptive.state() == before


@pytest.mark.parametrize(("points", "bound"), [(9_000.0, 950.0), (-9_000.0, -150.0)])
def test_estimate_lies_not_far_beyond_the_rungs(points: float, bound: float) -> None:
    adaptive = Adaptive(Random(1), 0.5)
    adaptive.restore({"ann": [points, 400.0, [1.0]]})
    adaptive.begin(1, "ann", RUNGS)
    assert adaptive.estimates["ann"].points == bound
