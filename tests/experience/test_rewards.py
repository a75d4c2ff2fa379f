from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, DataError, Source
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator, numbered_sides
from tests.support.declared_games import Board
from tests.support.recordings import change
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
    game, rows = Counted(by_side={0: 0.5, 1: -0.25}), list[Any]()
    encoder = Encoder(game)
    recorder = Recorder(encoder, RewardCalculator(declared=encoder.declaration), rows.append)

    def play(battle_id: int, sides: dict[int, int] | None = None) -> None:
        recorder.start(battle_id, {1: Source.PLAYER, 2: Source.SCRIPTED}, sides)
        recorder.turn(battle_id, 1, BEFORE, [True] * 9, 0, AFTER)
        recorder.end(battle_id, {1: 1, 2: -1})

    play(1)
    assert recorder.rejected == {"seats": 3}
    assert recorder.examples == {
        "seats": "Battle 1 has the seats [2], for which the game's standing cannot be asked. It has num_seats 2: "
        "declare more, number seats from 0, or name them in `sides`."
    }
    assert not rows
    play(2, {1: 0, 2: 1})
    assert len(rows) == 2, "named in `sides`: one decision, and the end"
    assert recorder.rejected == {"seats": 3}


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
    game, rows = Counted(by_side={0: 1.25, 1: -40}), list[Any]()
    encoder = Encoder(game)
    recorder = Recorder(encoder, RewardCalculator(1.0, declared=encoder.declaration), rows.append)
    recorder.start(1, {0: Source.PLAYER, 1: Source.PLUGIN})
    recorder.turn(1, 0, BEFORE, [True] * 9, 0, AFTER)
    recorder.end(1, {}, truncated=True)
    assert rows[0].reward == pytest.approx(0.99), "gamma, at a standing of 1"
    assert (recorder.rejected, recorder.clamped) == ({}, {"standing": 2})
    assert recorder.examples == {
        "standing": "The game's standing(state, 0) is 1.25 and counts as 1; it must lie in -1 to 1."
    }


def end_of(game: Any, outcome: dict[int, int]) -> BattleEnd:
    """The end of a battle of one turn on a board."""
    encoder, items = Encoder(game), list[Any]()
    recorder = Recorder(encoder, RewardCalculator(declared=encoder.declaration), items.append)
    recorder.start(1, {0: Source.PLAYER, 1: Source.PLUGIN})
    recorder.turn(1, 0, BEFORE, [True] * 9, 0, AFTER)
    recorder.end(1, outcome)
    return next(item for item in items if isinstance(item, BattleEnd))


def test_how_a_board_stood_at_the_end_is_unknown_where_the_game_does_not_say() -> None:
    assert end_of(Board(), {0: 1, 1: -1}).standing == {}
    assert end_of(Counted(by_side={0: 0.5, 1: -0.25}), {0: 1, 1: -1}).standing == {0: 0.5, 1: -0.25}


def test_outcome_of_a_seat_that_is_not_recorded_ends_the_battle_all_the_same() -> None:
    end = end_of(Counted(by_side={0: 0.5, 1: -0.25}), {0: 1, 1: -1, 2: 0})
    assert end.standing == {0: 0.5, 1: -0.25}
