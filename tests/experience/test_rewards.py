from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import DataError, Source
from cornerman.experience.declaration import declaration_of
from cornerman.experience.rewards import RewardCalculator, numbered_sides, plugins_outcome
from tests.support.declared_games import Board
from tests.support.recordings import WON, Bench, change
from tests.support.sample_states import character, duel_state

HEALTHS = st.lists(st.integers(0, 100), min_size=4, max_size=4)


def team_state(healths: list[int]) -> dict[str, Any]:
    return {"round": 1, "characters": [character(at // 2, health) for at, health in enumerate(healths)]}


@given(HEALTHS, HEALTHS)
def test_two_seats_rewards_cancel_out(one: list[int], other: list[int]) -> None:
    rewards = RewardCalculator()
    before, after = team_state(one), team_state(other)
    assert change(rewards, before, after, 0) == pytest.approx(-change(rewards, before, after, 1), abs=1e-12)
    assert -1 <= change(rewards, before, after, 0) <= 1


@given(st.lists(HEALTHS, min_size=2, max_size=8))
def test_the_way_there_does_not_matter(path: list[list[int]]) -> None:
    rewards = RewardCalculator()
    states = [team_state(healths) for healths in path]
    stepwise = sum(change(rewards, a, b, 0) for a, b in pairwise(states))
    assert stepwise == pytest.approx(change(rewards, states[0], states[-1], 0), abs=1e-9)


def test_overkill_and_shields_are_no_reward() -> None:
    rewards = RewardCalculator()
    assert change(rewards, duel_state(1, 50, 0), duel_state(1, 50, -30), 0) == 0.0
    assert change(rewards, duel_state(1, 100, 50), duel_state(1, 140, 50), 0) == 0.0


def test_a_seat_of_nobody_gains_only_what_others_lose() -> None:
    assert change(RewardCalculator(1.0), duel_state(1, 50, 50), duel_state(1, 40, 50), 9) == pytest.approx(10 / 200)


def test_the_outcome_is_weighted() -> None:
    rewards = RewardCalculator(outcome_weight=2.0)
    assert [rewards.outcome({0: 1, 1: -1, 2: 0}, seat) for seat in range(3)] == [2.0, -2.0, 0.0]
    with pytest.raises(KeyError):
        rewards.outcome({0: 1}, 1)


class Counted(Board):
    """A board whose sides stand by what is written for them."""

    by_side: dict[int, float]

    def standing(self, state: Any, side: int) -> float:
        return self.by_side[side] if "X" in state else 0.0


BEFORE, AFTER = [" "] * 9, ["X", *[" "] * 8]


@pytest.mark.parametrize("sides", [(0, 1), (1, 0), (1, 2)])
def test_standing_is_asked_of_the_declared_side(sides: tuple[int, int]) -> None:
    declared = declaration_of(Counted(sides=sides, by_side={sides[0]: 0.5, sides[1]: -0.25}))
    rewards = RewardCalculator(1.0, declared=declared)
    numbered = numbered_sides(declared.allies)
    assert [change(rewards, BEFORE, AFTER, seat, numbered) for seat in (0, 1)] == [0.5, -0.25]


def test_recorder_refuses_seats_for_which_the_standing_cannot_be_asked() -> None:
    bench = Bench(Counted(by_side={0: 0.5, 1: -0.25}))

    def play(battle_id: int, sides: dict[int, int] | None = None) -> None:
        bench.recorder.start(battle_id, {1: Source.PLAYER, 2: Source.SCRIPTED}, sides)
        bench.turn(1, BEFORE, AFTER, battle_id=battle_id, action_mask=[True] * 9)
        bench.end({1: 1, 2: -1}, battle_id=battle_id)

    play(1)
    assert bench.rejected == {"seats": 3}
    assert bench.recorder.examples == {
        "seats": "Battle 1 has the seats [2], for which the game's standing cannot be asked. It has num_seats 2: "
        "declare more, number seats from 0, or name them in `sides`."
    }
    assert not bench.out
    play(2, {1: 0, 2: 1})
    assert len(bench.out) == 2, "named in `sides`: one decision, and the end"
    assert bench.rejected == {"seats": 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is None; it must be a number"),
        ("even", "is 'even'; it must be a number"),
        (float("nan"), "is nan; it must be a finite number"),
        (KeyError("X"), "failed with KeyError: 'X'"),
    ],
)
def test_standing_that_cannot_be_used_is_named(given: Any, said: str) -> None:
    class Faulty(Board):
        def standing(self, state: Any, side: int) -> float:
            if isinstance(given, Exception):
                raise given
            return given  # type: ignore[no-any-return]

    rewards = RewardCalculator(declared=declaration_of(Faulty()))
    with pytest.raises(DataError) as caught:
        rewards.standing(BEFORE)
    assert str(caught.value).startswith(f"The game's standing(state, 0) {said}")


def test_of_a_standing_out_of_range_the_nearest_counts_and_is_said_once() -> None:
    bench = board_bench(Counted(by_side={0: 1.25, 1: -40}), {}, truncated=True)
    assert bench.rows[0].reward == pytest.approx(0.5 * 0.99), "half of gamma, at a standing of 1"
    assert (bench.rejected, bench.recorder.clamped) == ({}, {"standing": 2})
    assert bench.recorder.examples == {
        "standing": "The game's standing(state, 0) is 1.25 and counts as 1; it must lie in -1 to 1."
    }


def board_bench(game: Board, outcome: dict[int, int], truncated: bool = False) -> Bench:
    """After a battle of one turn on a board."""
    bench = Bench(game)
    bench.begin()
    bench.turn(0, BEFORE, AFTER, action_mask=[True] * 9)
    bench.end(outcome, truncated)
    return bench


@pytest.mark.parametrize(
    ("game", "outcome", "standing"),
    [
        (Board(), WON, {}),
        (Counted(by_side={0: 0.5, 1: -0.25}), WON, {0: 0.5, 1: -0.25}),
        (Counted(by_side={0: 0.5, 1: -0.25}), WON | {2: 0}, {0: 0.5, 1: -0.25}),
    ],
    ids=["not declared", "declared", "an outcome of a seat that is not recorded, too"],
)
def test_end_says_how_each_seat_stood(game: Board, outcome: dict[int, int], standing: dict[int, float]) -> None:
    assert [end.standing for end in board_bench(game, outcome).ends] == [standing]


PLAYER, SCRIPTED, PLUGIN = Source.PLAYER, Source.SCRIPTED, Source.PLUGIN


@pytest.mark.parametrize(
    ("seats", "outcomes", "of_plugin"),
    [
        ([PLAYER, PLUGIN], [-0.4, -0.2], -0.2),
        ([PLAYER, PLUGIN, PLUGIN, PLUGIN], [-1, -1, 1, -1], 1),
        ([PLAYER, PLUGIN, PLUGIN, PLUGIN], [1, -1, -1, -1], -1),
        ([PLAYER, PLUGIN, PLUGIN, PLUGIN], [0, 0, 0, 0], 0),
        ([PLAYER, PLUGIN, SCRIPTED], [-1, -1, 1], -1),
        ([PLAYER, PLUGIN, PLUGIN, PLUGIN], [1, 1, -1, -1], -1),  # seat 1 sides with the player
        ([PLAYER, PLUGIN, PLUGIN, PLUGIN], [-1, -1, 1, 1], 1),
        ([SCRIPTED, PLUGIN, PLUGIN], [-1, -1, 1], 1),
        ([PLAYER, PLUGIN, PLUGIN], [1, -1, None], None),
        ([PLAYER, SCRIPTED], [1, -1], None),
    ],
)
def test_battle_ends_for_the_plugin_as_for_its_best_seat_against_whoever_it_meets(
    seats: list[Source], outcomes: list[float | None], of_plugin: float | None
) -> None:
    assert plugins_outcome(dict(enumerate(seats)), dict(enumerate(outcomes))) == of_plugin
