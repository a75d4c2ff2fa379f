"""One case for everything that a real game may do: it ends in correct rows or in a counted, explained rejection."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Source
from cornerman.experience.recorder import NONE_ENDED, NOT_AS_CHOSEN
from tests.support.recordings import SEATS, Bench, one_of
from tests.support.sample_states import EVERY, TallDuel, character, duel_state

CUT_OFF = BattleEnd(1, {}, True, SEATS)


@pytest.fixture
def bench() -> Bench:
    """A battle between seats 0 and 1 has begun."""
    bench = Bench()
    bench.begin()
    return bench


# ------------------------------------------------------------------------------------------------- beginning and end


def test_events_after_the_end_of_a_battle(bench: Bench) -> None:
    bench.turn()
    bench.end()
    items = len(bench.out)
    bench.turn()
    bench.end()
    assert len(bench.out) == items
    assert bench.rejected == {"after the end": 2}
    assert "has ended" in bench.recorder.examples["after the end"]


def test_a_battle_that_was_never_started() -> None:
    bench = Bench()
    bench.turn()
    assert "on_battle_start" in one_of(bench, "not started")
    bench.end()
    bench.recorder.abandon(1)
    bench.recorder.chose(1, 0, 0, 0)
    assert not bench.out


@pytest.mark.parametrize(
    "outcome",
    [{0: 1}, {0: 1, 1: 5}, {0: 1, 1: "lost"}, {"0": 1, "1": -1}, {}, "won", 3, {0: 1, 1: 1.5}, {0: 1, 1: True}],
)
def test_an_outcome_that_cannot_be_read(bench: Bench, outcome: Any) -> None:
    bench.turn(0)
    bench.turn(0)
    bench.end(outcome)
    assert "a number from -1 (lost) to 1 (won) for each of the seats [0, 1]" in one_of(bench, "outcome")
    assert len(bench.rows) == 1  # the one that the next decision completed
    assert bench.ends == [CUT_OFF]


def test_a_battle_never_ended_is_abandoned_and_counted() -> None:
    bench = Bench(max_open_battles=3)
    for battle_id in range(5):
        bench.begin(battle_id=battle_id)
        bench.turn(battle_id=battle_id)
    assert bench.ends == [BattleEnd(0, {}, True, SEATS), BattleEnd(1, {}, True, SEATS)]
    assert bench.rejected == {"never ended": 2}
    assert (bench.recorder.abandoned, bench.rows) == (2, [])


def test_that_no_battle_ever_ends_is_said_long_before_one_is_abandoned() -> None:
    forgetful, several = Bench(), Bench()
    several.begin(battle_id=99)
    several.end(battle_id=99)
    for battle_id in range(NONE_ENDED):
        assert not forgetful.recorder.examples
        forgetful.begin(battle_id=battle_id)
        several.begin(battle_id=battle_id)
    assert "call on_battle_end" in forgetful.recorder.examples["never ended"]
    assert not several.recorder.examples, "a game of many battles at once, which ends them"


def test_a_battle_that_starts_again_before_it_ended_and_one_whose_id_comes_back(bench: Bench) -> None:
    bench.turn(0, duel_state(7))
    bench.begin()
    bench.turn(0, duel_state(1))
    bench.end()
    assert "started again" in one_of(bench, "never ended")
    assert [row.index for row in bench.rows] == [0]
    bench.begin()
    bench.turn(0)
    bench.end()
    assert bench.rejected == {"never ended": 1}
    assert len(bench.rows) == 2


def test_abandoning_keeps_what_is_complete(bench: Bench) -> None:
    bench.turn(0)
    bench.turn(0)
    bench.recorder.abandon(1)
    bench.turn(0)
    assert [row.index for row in bench.rows] == [0]
    assert bench.ends == [CUT_OFF]
    assert bench.rejected == {"after the end": 1}


# ---------------------------------------------------------------------------------------------------- ids and seats


@pytest.mark.parametrize("seats", [{}, {0: 99}, {"red": 1}, None, [0, 1], {0: None}])
def test_seats_that_cannot_be_read(seats: Any) -> None:
    bench = Bench()
    bench.begin(seats)
    one_of(bench, "seats")
    bench.end()
    assert not bench.out


@pytest.mark.parametrize("battle_id", ["first", None, 1.5, [1], 2**70])
def test_a_battle_id_that_is_no_number(battle_id: Any) -> None:
    bench = Bench()
    bench.begin(battle_id=battle_id)
    bench.turn(battle_id=battle_id)
    bench.recorder.chose(battle_id, 0, 0, 0)
    bench.end(battle_id=battle_id)
    bench.recorder.abandon(battle_id)
    assert not bench.out
    assert bench.rejected == {"battle": 3}


@pytest.mark.parametrize("seat", [5, -1, "0", None, [0], 1.0])
def test_a_seat_that_does_not_play(bench: Bench, seat: Any) -> None:
    bench.turn(seat)
    assert bench.recorder.rejected["seat"] == 1
    bench.turn(0)
    bench.end()
    assert len(bench.rows) == 1


def test_a_seat_that_was_not_announced_still_shows_what_it_did() -> None:
    bench = Bench()
    bench.begin({0: Source.PLUGIN})
    bench.turn(0, duel_state(1, 100, 100))
    bench.turn(1, duel_state(1, 100, 100), duel_state(1, 0, 100))
    bench.end({0: -1, 1: 1})
    assert "which has seats [0]" in one_of(bench, "seat")
    assert [row.reward for row in bench.rows] == [pytest.approx(-1.5)]


def test_what_a_seat_that_was_not_announced_sees_is_not_asked() -> None:
    bench, state = Bench(TallDuel()), {**duel_state(), "field": {"heights": [0.1, 0.2]}}
    bench.begin()
    bench.turn(2, state)
    assert "Seat 2 played in battle 1" in one_of(bench, "seat")
    bench.turn(0, state)
    bench.turn(2, state)
    bench.end()
    assert bench.rejected == {"seat": 2}
    assert len(bench.rows) == 1


# ---------------------------------------------------------------------------------------------------------- decisions


def test_the_executed_action_differs_from_the_chosen_one(bench: Bench) -> None:
    bench.recorder.chose(1, 1, action=2, version=8)
    bench.turn(1, action=0)
    bench.turn(1, action=2)  # nothing was chosen for this one
    bench.end()
    assert [(row.action, row.version) for row in bench.rows] == [(0, -1), (2, -1)]
    assert [row.source for row in bench.rows] == [Source.UNKNOWN, Source.PLUGIN]
    assert bench.recorder.not_as_chosen == 1


@pytest.mark.parametrize(
    ("mask", "look"), [(EVERY, "play what choose_action returns"), ((True, True, False), "give choose_action the same")]
)
def test_that_the_game_plays_other_actions_than_are_chosen_is_said_once(mask: Any, look: str) -> None:
    bench = Bench()
    for battle_id in range(NOT_AS_CHOSEN + 2):
        bench.begin(battle_id=battle_id)
        bench.recorder.chose(battle_id, 1, action=2, version=8)
        assert ("not as chosen" in bench.recorder.examples) == (battle_id >= NOT_AS_CHOSEN)
        bench.turn(1, battle_id=battle_id, action_mask=mask)
        bench.end(battle_id=battle_id)
    sentence = bench.recorder.examples["not as chosen"]
    assert f"In battle {NOT_AS_CHOSEN - 1}, seat 1, the game played 'strike' where 'guard' was chosen" in sentence
    assert look in sentence


def test_a_choice_belongs_to_the_next_turn_only(bench: Bench) -> None:
    bench.recorder.chose(1, 1, action=2, version=8)
    bench.turn(1, action=99)
    bench.turn(1, action=2)
    bench.end()
    assert [row.version for row in bench.rows] == [-1]


def test_an_illegal_action_is_not_learned_from(bench: Bench) -> None:
    bench.turn(0)
    bench.turn(0, action=1, action_mask=(True, False, True))
    bench.turn(0)
    bench.end()
    assert "Action 1 ('heavy') was played by seat 0 in battle 1 although" in one_of(bench, "illegal")
    assert [(row.index, row.discount) for row in bench.rows] == [(0, 1.0), (2, 0.0)]


# ------------------------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize("where", ["state", "next_state"])
@pytest.mark.parametrize(
    ("key", "value"), [("health", "61"), ("maxHealth", float("inf")), ("attack", float("nan")), ("speed", None)]
)
def test_a_bad_stat_before_or_after_a_turn(bench: Bench, where: str, key: str, value: Any) -> None:
    bench.turn(0)
    good, bad = duel_state(), duel_state()
    bad["characters"][1][key] = value
    bench.turn(0, *((bad, good) if where == "state" else (good, bad)))
    bench.turn(0)
    bench.end()
    if value is None:
        assert (bench.rejected, len(bench.rows)) == ({}, 3)  # declared unknown
        return
    assert sum(bench.rejected.values()) == 1
    # A bad state loses the decision before it too; after a good one only the turn itself is lost.
    assert [row.index for row in bench.rows] == ([2] if where == "state" else [0, 2])
    assert all(np.isfinite(row.observation).all() for row in bench.rows)


def test_characters_that_leave_and_join_in_mid_battle(bench: Bench) -> None:
    full: dict[str, Any] = {"round": 1, "characters": [character(0, 100), character(1, 100), character(1, 40)]}
    left = {"round": 1, "characters": full["characters"][:2]}
    bench.turn(0, full, left)
    bench.turn(0, left, full)
    bench.end({0: 0, 1: 0})
    assert bench.rejected == {}
    assert [round(row.reward, 6) for row in bench.rows] == [0.1, -0.1]  # 0.5 * 40 / 200, fallen and back
    assert [row.observation[17] for row in bench.rows] == [0.75, 0.5]


def test_a_seat_whose_last_character_left_has_no_next_observation(bench: Bench) -> None:
    bench.turn(0, duel_state(), {"round": 1, "characters": [character(1)]})
    bench.end({}, truncated=True)
    assert "seat 0" in one_of(bench, "seat")
    assert bench.rows == []


def test_rounds_that_go_back_are_no_transition(bench: Bench) -> None:
    for round_ in (5, 6, 2, 3, 4):  # the player loaded an older save
        bench.turn(0, duel_state(round_))
    bench.end()
    assert "from round 6 to 2" in one_of(bench, "time")
    assert [row.index for row in bench.rows] == [0, 3, 4]


def test_a_turn_that_itself_goes_back_in_time(bench: Bench) -> None:
    bench.turn(0, duel_state(5))
    bench.turn(1, duel_state(5), duel_state(4))
    bench.turn(0, duel_state(4))
    bench.end()
    one_of(bench, "time")
    assert [(row.seat, row.index) for row in bench.rows] == [(0, 1)]


def test_an_opponents_bad_turn_costs_this_seat_nothing(bench: Bench) -> None:
    bench.turn(0, duel_state(1, 100, 100), duel_state(1, 100, 90))
    bench.turn(1, duel_state(1, 100, 90), "nonsense")
    bench.turn(0, duel_state(1, 60, 90))
    bench.end()
    assert bench.rejected == {"state": 1}
    first = next(row for row in bench.rows if row.seat == 0)
    assert first.reward == pytest.approx(0.5 * (10 - 40) / 100)  # what the bad turn did shows in the next state


@pytest.mark.parametrize("truncated", [False, True])
def test_an_end_right_after_a_bad_turn_is_not_guessed(bench: Bench, truncated: bool) -> None:
    bench.turn(0)
    bench.turn(1, duel_state(), "nonsense")
    bench.end(truncated=truncated)
    assert bench.rejected == {"state": 1, "gap": 1}
    assert bench.recorder.examples["gap"].endswith(f"cannot be credited: {bench.recorder.examples['state']}")
    assert (bench.rows, len(bench.ends)) == ([], 1)


def line_of(function: Any) -> int:
    """Of its one statement."""
    return int(inspect.getsourcelines(function)[1]) + 1


def test_an_encode_of_the_games_own_that_fails_at_a_limit() -> None:
    bench = Bench(TallDuel())
    bench.begin()
    good, bad = ({**duel_state(), "field": field} for field in ({"heights": [0.1, 0.2]}, {}))
    bench.turn(0, good, bad)
    bench.end({}, truncated=True)
    place = rf"encode failed with KeyError: 'heights' \(support.sample_states\.py, line {line_of(TallDuel.encode)}\)\.$"
    assert re.search(place, one_of(bench, "encode"))
    assert (bench.rows, len(bench.ends)) == ([], 1)


def test_seat_of_an_unknown_kind_is_recorded_and_said_once() -> None:
    bench = Bench()
    for battle_id in (1, 2):
        bench.begin({0: Source.PLAYER, 1: Source.UNKNOWN}, battle_id=battle_id)
        bench.turn(battle_id=battle_id)
        bench.end(battle_id=battle_id)
    assert len(bench.rows) == 2
    assert bench.recorder.clamped == {"who decides": 2}
    assert 'does not say who decides for the seats [1]: give "player"' in bench.recorder.examples["who decides"]
