"""expected.py: what was expected of the player's last decision, by the model from before it, at any level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.opponent.ghost import Ghost
from game_adapter.host.match import PLAYER, PLUGIN
from game_adapter.ringside.game import RINGSIDE, Ringside
from tests.support.table import Table
from tests.support.waiting import wait_for

NAMES = list(RINGSIDE.action_names)


def moved(table: Table) -> tuple[Any, Any, Any]:
    """What the report says after the player's first legal action in a new battle; what the player saw; its mask."""
    match = table.match({0: PLAYER, 1: PLUGIN})
    match.start_round()
    while match.seat_to_play != 0:
        match.play(match.decide())
    seen, mask = table.plugin.encoder.encode(match.state, 0), np.array(match.action_mask)
    match.play(int(mask.nonzero()[0][0]))
    table.plugin.report()  # somebody looks
    table.on_owner(lambda loop: None)
    said = table.plugin.report()["expected"]
    match.abandon()
    return said, seen, mask


@pytest.mark.parametrize("level", [2, 6], ids=["easy", "adaptive"])
def test_last_move_is_expected_first_of_a_stranger_then_by_the_model_from_before_it(tmp_path: Path, level: int) -> None:
    with Table(RINGSIDE, tmp_path, difficulty=level, from_nothing=False, practice=0.0) as table:
        plugin = table.plugin
        assert plugin.report()["expected"] is None
        table.player = "ann"
        said, _, mask = moved(table)
        assert said["battles"] == 0
        assert [each["name"] for each in said["actions"] if each["taken"]] == [NAMES[int(mask.nonzero()[0][0])]]
        table.play_as("ann", 2)
        ghost = plugin.slot.ghost
        assert isinstance(ghost, Ghost)
        said, seen, mask = moved(table)
        assert said["battles"] == ghost.battles > 0
        chances = ghost.model.probabilities(seen[None], mask[None])[0]
        assert [each["share"] for each in said["actions"]] == [chances[NAMES.index(e["name"])] for e in said["actions"]]
        shares = [each["share"] for each in said["actions"]]
        assert shares == sorted(shares, reverse=True)
        table.player = "bob"  # whose model is another one, and not there yet
        assert moved(table)[0]["battles"] == 0
        plugin.controls.forget_player("bob")
        table.on_owner(lambda loop: None)
        wait_for(lambda: plugin.report()["expected"] is None)


class WithoutModel(Ringside):
    """Ships no model: its own fighter plays first, and nothing is known of a player before the first battle."""

    base_model = None  # type: ignore[assignment]


def test_last_move_is_expected_while_the_own_fighter_plays(tmp_path: Path) -> None:
    with Table(WithoutModel(), tmp_path, from_nothing=False, practice=0.0) as table:
        table.player = "ann"
        assert moved(table)[0] is None
        table.play_as("ann", 1)
        assert moved(table)[0]["battles"] == 2, "the one that was broken off counts, too"
        assert table.plugin.report()["decision"] is None


def test_nothing_is_expected_where_nothing_is_known_recorded_or_readable(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False, from_nothing=False) as table:
        plugin, state, mask = table.plugin, table.match().state, [True] * len(NAMES)
        plugin.on_battle_start(1, {0: PLAYER, 1: PLUGIN})
        cases: list[tuple[int, Any, Any, int, bool]] = [
            (0, state, mask, 0, False),
            (1, state, mask, 0, True),
            (0, {}, mask, 0, True),
            (0, state, None, 0, True),
            (0, state, 3, 0, True),
            (0, state, mask, 99, True),
        ]
        for seat, seen, legal, action, recording in cases:
            plugin.controls.set_recording(recording)
            plugin.on_turn(1, seat, seen, legal, action, state)
            assert plugin.report()["expected"] is None
        plugin.on_turn(1, 0, state, mask, 0, state)
        state["characters"].clear()
        assert plugin.report()["expected"] is not None, "the game may change a state as soon as on_turn returns"
