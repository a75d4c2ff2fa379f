"""Kind 17: seats of one team are one side, so that hurting an ally is no reward and healing one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import Source
from tests.support.recordings import Bench, one_of
from tests.support.sample_states import Duel, duel_state
from tests.support.table import Table

ALL = dict.fromkeys(range(4), Source.PLUGIN)
TEAMS = {0: 0, 1: 0, 2: 1, 3: 1}


def reward(before: tuple[int, ...], after: tuple[int, ...], sides: Any, seat: int = 0) -> float:
    """What a decision of `seat` is worth that changes these healths."""
    bench = Bench()
    seats = dict.fromkeys(range(len(before)), Source.PLUGIN)
    bench.recorder.start(1, seats, sides)
    bench.turn(seat, duel_state(1, *before), duel_state(1, *after))
    bench.end(dict.fromkeys(range(len(before)), 0))
    assert bench.rejected == {}
    return bench.rows[0].reward


def test_hurting_an_ally_is_punished_and_hurting_an_enemy_rewarded() -> None:
    before = (50, 50, 50, 50)
    assert reward(before, (50, 30, 50, 50), TEAMS) == pytest.approx(-0.5 * 20 / 200)
    assert reward(before, (50, 50, 30, 50), TEAMS) == pytest.approx(0.5 * 20 / 200)
    assert reward(before, (50, 70, 50, 50), TEAMS) == pytest.approx(0.5 * 20 / 200)


def test_without_sides_every_seat_is_a_side_of_its_own() -> None:
    assert reward((50, 50, 50, 50), (50, 30, 50, 50), None) == pytest.approx(0.5 * 20 / 300)
    assert reward((50, 50, 50, 50), (50, 30, 50, 50), {}) == pytest.approx(0.5 * 20 / 300)


@pytest.mark.parametrize("sides", [{0: 7, 1: 7}, {0: 2, 1: 2}, {0: -1, 1: -1, 3: 2}])
def test_a_seat_that_is_not_named_is_alone_whatever_the_sides_are_called(sides: dict[int, int]) -> None:
    assert reward((50, 50, 50, 50), (50, 30, 50, 50), sides) == pytest.approx(-0.5 * 20 / 200)
    assert reward((50, 50, 50, 50), (50, 50, 30, 50), sides) == pytest.approx(0.5 * 20 / 200)
    assert reward((50, 50, 50, 50), (50, 50, 50, 30), sides, seat=2) == pytest.approx(0.5 * 20 / 300)


def test_who_sits_opposite_is_the_other_side() -> None:
    bench = Bench()
    kinds = {0: Source.PLAYER, 1: Source.PLUGIN, 2: Source.SCRIPTED, 3: Source.SCRIPTED}
    bench.recorder.start(1, kinds, TEAMS)
    for seat in range(4):
        bench.turn(seat, duel_state(1, 9, 9, 9, 9))
    bench.end(dict.fromkeys(range(4), 0))
    opponents = {row.seat: row.opponent for row in bench.rows}
    assert (opponents[0], opponents[1], opponents[2]) == (Source.SCRIPTED, Source.SCRIPTED, Source.UNKNOWN)


@pytest.mark.parametrize("sides", ["teams", [0, 0, 1, 1], {"0": 0}, {0: "heroes"}, {0: None}, 3])
def test_sides_that_cannot_be_read_are_told_and_nothing_is_recorded(sides: Any) -> None:
    bench = Bench()
    bench.recorder.start(1, ALL, sides)
    assert "map seats to sides, both whole numbers" in one_of(bench, "sides")
    bench.end()
    assert not bench.out


def test_sides_go_through_the_plugin_and_hold_after_recording_was_off(tmp_path: Path) -> None:
    with Table(Duel(), tmp_path, learning=False) as table:
        plugin, seats = table.plugin, dict.fromkeys(range(4), "player")
        plugin.on_battle_start(1, seats, sides=TEAMS)
        for at, healths in enumerate([(50, 30, 50, 50), (50, 10, 50, 50)]):
            if at == 1:
                plugin.controls.set_recording(False)
                plugin.controls.set_recording(True)
            plugin.on_turn(1, 0, duel_state(1, 50, 50, 50, 50), [True] * 3, 0, duel_state(1, *healths))
        plugin.on_battle_end(1, dict.fromkeys(range(4), 0))
        rewards = [item.reward for item in table.handed_over if hasattr(item, "reward")]
        assert rewards == [pytest.approx(-0.5 * 40 / 200)]
