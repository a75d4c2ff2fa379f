"""Kind 15: numbers beyond their range (overkill, debuffs, huge stats) cost no data; only what is no number does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.recordings import Bench
from tests.support.sample_states import TallDuel, duel_state
from tests.support.table import Table


def last_blow(changes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A state, and one in which seat 1 was changed."""
    before, after = duel_state(3, 60, 20), duel_state(3, 60, 0)
    after["characters"][1].update(changes)
    return before, after


@pytest.mark.parametrize(
    "changes",
    [
        {"health": -101},
        {"health": -(10**9)},
        {"health": 250},
        {"defense": -40},
        {"attack": 1_001},
        {"speed": 10**15},
        {"maxHealth": 0},
        {"maxHealth": -20, "health": -20},
    ],
)
def test_a_winning_blow_is_recorded_whatever_it_does_to_the_numbers(changes: dict[str, Any]) -> None:
    bench = Bench()
    bench.begin()
    bench.turn(1, last_blow(changes)[0])
    bench.turn(0, *last_blow(changes))
    bench.end()
    assert bench.rejected == {}
    assert [(row.seat, row.discount) for row in bench.rows] == [(1, 0.0), (0, 0.0)]
    assert all(-2.0 <= row.reward <= 2.0 for row in bench.rows)


def test_features_of_the_games_own_beyond_ten_are_recorded_as_ten() -> None:
    bench = Bench(TallDuel())
    bench.begin()
    bench.turn(0, {**duel_state(), "field": {"heights": [640.0, -3e30]}})
    bench.end()
    assert bench.rejected == {}
    assert bench.rows[0].observation[-1] == 10.0


def test_a_number_out_of_range_is_told_once_and_counted_always(tmp_path: Path) -> None:
    with Table(TallDuel(), tmp_path, learning=False) as table:
        plugin = table.plugin
        for battle_id in range(3):
            plugin.on_battle_start(battle_id, {0: "player", 1: "plugin"})
            state = {**duel_state(1, 10, -500), "field": {"heights": [0.5, 0.5]}}
            plugin.on_turn(battle_id, 0, state, [True, True, True], 0, state)
            plugin.on_battle_end(battle_id, {0: 1, 1: -1})
        assert sum("health of character 2 is -500 of 100" in sentence for sentence in plugin.messages()) == 1
        assert plugin.report()["recorder"]["clamped"] == {"health": 6}
