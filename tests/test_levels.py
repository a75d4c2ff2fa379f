"""Levels of difficulty with the ladder that Ringside ships: who plays, what counts, and what is kept of a player."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.experience.declaration import Declaration
from cornerman.policy.difficulty import ADAPTIVE, RUNG
from game_adapter.host.match import PLAYER, PLUGIN
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table
from tests.support.waiting import wait_for


def opened(folder: Path, **settings: Any) -> Table:
    return Table(RINGSIDE, folder, **{"from_nothing": False, "learning": False, **settings})


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    with opened(tmp_path) as table:
        yield table


def test_a_lower_level_is_an_earlier_self_and_its_results_are_no_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, learning=True, practice=0.0) as table:
        slot, plugin, counted = table.plugin.slot, table.plugin, list[int]()
        monkeypatch.setattr(plugin.champions, "live", lambda result: counted.append(result.version))
        plugin.controls.set_difficulty(1)
        lowest = slot.at_level(1)
        assert lowest is not None
        assert lowest.policy.version <= RUNG
        assert (plugin.report()["version"], plugin.report()["playing"]) == (-1, "level 1, gentle: an earlier self")
        table.play(2)
        table.on_owner(lambda loop: None)
        assert counted == []
        plugin.controls.set_difficulty(5)
        assert slot.at_level(5) == slot.rungs[-1]
        assert slot.rungs[-1].policy is slot.champion
        table.play(1)
        table.on_owner(lambda loop: None)
        assert counted == [slot.champion.version]
        assert not table.rejected


def test_level_that_does_not_exist_is_said_and_changes_nothing(table: Table) -> None:
    table.plugin.set_difficulty(2)
    for level in (0, 7, -1, 2.5, "hard", None, [3]):
        table.plugin.set_difficulty(level)  # type: ignore[arg-type]
        assert "from 1 to 6" in table.plugin.messages()[-1]
    assert table.plugin.report()["difficulty"]["level"] == 2
    table.plugin.set_difficulty(np.int64(3))  # type: ignore[arg-type]
    assert table.plugin.report()["difficulty"]["level"] == 3


def test_adaptive_level_follows_each_player_survives_a_restart_and_is_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path) as table:
        table.plugin.controls.set_difficulty(ADAPTIVE)
        assert table.plugin.report()["difficulty"]["note"] == "adaptive: no battle yet"
        table.play_as("ann", 3)
        table.play_as("bob", 1)
        note = table.plugin.report()["difficulty"]["note"]
        assert note.startswith("adaptive: ")
        assert note.endswith(" of the last battle")
        known = table.plugin.live.adaptive.state()
        assert list(known) == ["player ann", "player bob"]
        assert len(known["player ann"][2]) == 3
        won = [score for *_, scores in known.values() for score in scores]
        assert won == [(1 - sign) / 2 for sign in table.plugin.live.outcomes], "the player's scores"
    with opened(tmp_path) as table:
        assert table.plugin.report()["difficulty"]["level"] == ADAPTIVE
        assert table.plugin.live.adaptive.state() == known
        table.plugin.controls.forget()
        table.on_owner(lambda loop: None)
        assert table.plugin.live.adaptive.state() == {}
        assert json.loads((tmp_path / "switches.json").read_text("utf-8"))["players"] == {}


def test_report_says_which_rung_plays_at_the_adaptive_level(table: Table) -> None:
    plugin = table.plugin
    plugin.controls.set_difficulty(ADAPTIVE)
    adaptive, rungs, champion = plugin.live.adaptive, plugin.slot.rungs, plugin.slot.champion
    for points, words, version in (
        (rungs[0].points - 100.0, "adaptive, ", -1),
        (rungs[-1].points + 100.0, "the model that the game ships", champion.version),
    ):
        adaptive.restore({"player ann": [points, 400.0, []]})
        plugin.on_battle_start(int(points), {0: PLUGIN, 1: PLAYER}, None, "ann")
        report = plugin.report()
        assert report["playing"].startswith(words)
        assert (report["version"], report["playing"].endswith("an earlier self")) == (version, version < 0)


@pytest.mark.parametrize("two_sides", [True, False])
def test_report_says_how_strong_a_level_is_by_the_bot_that_is_nearest_to_it(
    table: Table, monkeypatch: pytest.MonkeyPatch, two_sides: bool
) -> None:
    """What ratings say of two sides is not what a bot wins against three."""
    monkeypatch.setattr(Declaration, "teams", ((0,), (1,), (2,))[: 3 - two_sides])

    def note(level: int) -> str:
        table.plugin.controls.set_difficulty(level)
        return str(table.plugin.report()["difficulty"]["note"])

    wait_for(lambda: table.plugin.report()["strength"]["bots"] or None)
    for level in (1, 2, 5):
        rung = table.plugin.slot.at_level(level)
        assert rung is not None
        share = 1 / (1 + 10 ** (rung.points / 400))  # of the weakest bot, which is rated 0
        words = f"level {level} is rated {rung.points:,.0f}, the bot random 0"
        if two_sides:
            words = f"the bot random wins {share:.0%} against level {level}, which is rated {rung.points:,.0f}"
        best = table.plugin.slot.points[table.plugin.slot.champion.version]
        whose = f"; the model that the game ships (version 1) at its best is rated {best:,.0f}"
        assert note(level) == words + whose * (level < 5)


def test_a_battle_in_which_the_dial_was_turned_says_nothing_of_the_player(table: Table) -> None:
    table.plugin.controls.set_difficulty(ADAPTIVE)

    def turn_the_dial(match: Any, turn: int) -> None:
        if turn == 6:
            table.plugin.controls.set_difficulty(5)

    table.play(1, each_turn=turn_the_dial)
    assert all(not recent for _, _, recent in table.plugin.live.adaptive.state().values())


def test_without_a_ladder_the_panel_says_what_levels_are(tmp_path: Path) -> None:
    with opened(tmp_path, from_nothing=True, difficulty=1) as table:
        assert "no battles have measured the levels" in table.plugin.report()["difficulty"]["note"]
        table.plugin.controls.set_difficulty(5)
        assert table.plugin.report()["difficulty"]["note"] == ""
