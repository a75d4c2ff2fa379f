"""Kinds 7 and 18: ids and seats that are texts, or too large, are told once a reason; large seats are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import Transition
from tests.support.sample_states import Duel, duel_state
from tests.support.table import Table


def battle(table: Table, battle_id: Any, seats: Any, seat: Any = 0, outcome: Any = None) -> None:
    """Two decisions of one seat, whose characters bear its number where it is one."""
    state = duel_state()
    if type(seat) is int:
        state["characters"][0]["seat"] = seat
    table.plugin.on_battle_start(battle_id, seats)
    for _ in range(2):
        table.plugin.choose_action(battle_id=battle_id, seat=seat, state=state, action_mask=[True] * 3)
        table.plugin.on_turn(battle_id, seat, state, [True] * 3, 0, state)
    table.plugin.on_battle_end(battle_id, outcome or {seat: 1, 1: -1})


def kept(table: Table) -> list[Transition]:
    return [item for item in table.handed_over if isinstance(item, Transition)]


@pytest.mark.parametrize("seat", [32_767, 32_768, -32_769, 2**31, 2**63 - 1])
def test_large_seats_are_recorded_stored_and_learned_from(tmp_path: Path, seat: int) -> None:
    with Table(Duel(), tmp_path, batch_size=2, warmup_fraction=0.0) as table:
        battle(table, 1, {seat: "plugin", 1: "player"}, seat)
        assert table.plugin.settle(60.0)
        assert table.plugin.report()["recorder"]["kept"] == 1
        assert [row.seat for row in kept(table)] == [seat, seat]
        assert table.plugin.report()["plugin"]["learning"]
        assert table.plugin.metrics.notice == ""


@pytest.mark.parametrize(
    ("battle_id", "seats", "seat", "words"),
    [
        ("arena-7", {0: "plugin", 1: "player"}, 0, "'arena-7' must be a whole number"),
        (2**64, {0: "plugin", 1: "player"}, 0, "must be a whole number"),
        ([7], {0: "plugin", 1: "player"}, 0, "must be a whole number"),
        ({"arena": 7}, {0: "plugin", 1: "player"}, 0, "must be a whole number"),
        (None, {0: "plugin", 1: "player"}, 0, "must be a whole number"),
        (1, {"0": "plugin", "1": "player"}, "0", "they are whole numbers, as in the states' characters"),
        (1, {"red": "plugin", "blue": "player"}, "red", "they are whole numbers, as in the states' characters"),
        (1, {0: "plugin", 1: "player"}, "0", "Seat '0' must be a whole number, as in the states' characters"),
        (1, {2**63: "plugin", 1: "player"}, 2**63, "numbers of more than 63 bits"),
    ],
)
def test_what_cannot_be_recorded_is_told_once_and_says_what_to_do(
    tmp_path: Path, battle_id: Any, seats: Any, seat: Any, words: str
) -> None:
    with Table(Duel(), tmp_path, learning=False) as table:
        for _ in range(3):
            battle(table, battle_id, seats, seat, {0: 1, 1: -1, seat: 1})
        assert kept(table) == []
        sentences = table.plugin.messages()
        assert sum(words in sentence for sentence in sentences) == 1
        assert len(sentences) == len(set(sentences)) <= 3
        assert table.plugin.switches.on


def test_every_reason_is_told_once_however_often_it_comes(tmp_path: Path) -> None:
    with Table(Duel(), tmp_path, learning=False) as table:
        plugin, state = table.plugin, duel_state()
        for battle_id in range(4):
            plugin.on_battle_start(battle_id, {0: "plugin", 1: "player"})
            plugin.on_turn(battle_id, 0, state, [True] * 3, 9, state)
            plugin.on_turn(battle_id, 0, state, [False] * 3, 0, state)
            plugin.on_turn(battle_id, 1, {**state, "round": "one"}, [True] * 3, 0, state)
            plugin.on_battle_end(battle_id, {0: 1})
        rejected = plugin.report()["recorder"]["rejected"]
        assert rejected == {"action": 4, "mask": 4, "type": 4, "outcome": 4}
        assert len(plugin.messages()) == 4
