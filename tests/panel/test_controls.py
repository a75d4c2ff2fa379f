"""What the panel's switches do: difficulty, roll-back and forgetting, with a trainer and without, in mid-battle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.policy.difficulty import LEVELS
from cornerman.policy.policy import Policy
from cornerman.training.training_loop import TrainingLoop
from game_adapter.host.match import PLUGIN
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table, promote


@pytest.fixture(params=[True, False], ids=["with a trainer", "without"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    # No candidates: what plays is decided by the test alone.
    with Table(RINGSIDE, tmp_path, learning=request.param, practice=1.0, candidate_period=1_000_000) as table:
        yield table


def done(table: Table) -> None:
    """Wait until what was asked is done."""
    table.on_owner(lambda loop: None)


def stored(table: Table) -> list[str]:
    return sorted(path.name for path in (table.plugin.store.folder / "versions").iterdir())


def test_set_difficulty_changes_version_and_temperature_at_once(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(table.plugin, 4)
    controls, plugin = table.plugin.controls, table.plugin
    asked: list[tuple[int, float, float]] = []

    def act(self: Policy, _: Any, mask: Any, random: Any, temperature: float, epsilon: float, by: object) -> int:
        del random, by
        asked.append((self.version, temperature, epsilon))
        return int(np.flatnonzero(mask)[0])

    monkeypatch.setattr(Policy, "act", act)
    match = table.match({0: PLUGIN, 1: PLUGIN})
    controls.set_recording(False)  # so that it plays its best and tries nothing
    for number in (1, 2, 3, 4, 5, 1):
        controls.set_difficulty(number)
        match.start_round()
        asked.clear()
        assert match.decide() is not None
        wanted = LEVELS[number - 1]
        assert asked == [(4 - wanted.versions_back, wanted.temperature, 0.0)]
        report = plugin.report()
        assert (report["version"], report["difficulty"]["name"]) == (4 - wanted.versions_back, wanted.name)
    match.abandon()


def test_roll_back_in_mid_battle_changes_slot_and_disk_together(table: Table) -> None:
    promote(table.plugin, 2)
    controls, plugin = table.plugin.controls, table.plugin

    def each_turn(match: Any, turn: int) -> None:
        if turn == 8:
            assert controls.roll_back() == "Going back to the version before."
            done(table)

    table.play(1, each_turn=each_turn)
    assert set(table.versions) == {1, 2}
    assert table.versions == sorted(table.versions, reverse=True)
    assert (plugin.store.registry.champion, plugin.report()["version"]) == (1, 1)
    assert plugin.report()["events"][0]["text"] == "Version 1 plays again."
    assert table.rejected == {}
    for _ in range(3):  # as a player who is in a hurry does
        controls.roll_back()
    done(table)
    assert controls.roll_back() == "There is no earlier version to go back to."
    assert (plugin.store.registry.champion, plugin.slot.champion.version) == (0, 0)


def test_promote_lets_a_stored_version_play_and_roll_back_brings_the_other_one_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = list[TrainingLoop]()
    monkeypatch.setattr(TrainingLoop, "drop_candidate", lambda loop: dropped.append(loop))
    promote(table.plugin, 3)
    controls, plugin = table.plugin.controls, table.plugin
    assert controls.promote(3) == "Version 3 plays already."
    controls.promote(1)
    done(table)
    assert (plugin.report()["version"], plugin.store.registry.champion) == (1, 1)
    assert plugin.report()["events"][0]["text"] == "Version 1 plays, as you chose, after version 3."
    controls.roll_back()
    done(table)
    assert plugin.report()["version"] == 3
    assert len(dropped) == 2 * plugin.training.alive, "it was judged against another champion"


@pytest.mark.parametrize(("version", "why"), [(9, "version 9"), (2, "version 2"), (0, "Version 0 has learned nothing")])
def test_promote_says_why_a_version_cannot_play_and_the_champion_plays_on(table: Table, version: int, why: str) -> None:
    promote(table.plugin, 3)
    (table.plugin.store.folder / "versions" / "000002" / "weights.safetensors").write_bytes(b"damaged")
    table.plugin.slot.from_nothing = False
    table.plugin.controls.promote(version)
    done(table)
    assert why in table.plugin.report()["plugin"]["notice"]
    assert table.plugin.report()["version"] == 3


def test_export_writes_a_file_that_another_game_imports(table: Table, tmp_path: Path) -> None:
    promote(table.plugin, 1)
    table.plugin.controls.export(1)
    table.plugin.controls.export(7)
    done(table)
    events = [event["text"] for event in table.plugin.report()["events"]]
    assert "version 7" in events[0]
    file = table.plugin.store.folder / "exports" / "version-1.zip"
    assert str(file) in events[1]
    other = tmp_path / "other"
    (other / "imports").mkdir(parents=True)
    file.rename(other / "imports" / file.name)
    with Table(RINGSIDE, other, learning=False) as again:
        again.plugin.controls.import_model()
        assert np.array_equal(again.plugin.slot.champion.flat, table.plugin.slot.champion.flat)


def test_forget_player_erases_that_player_s_battles_and_model_and_nothing_else(table: Table) -> None:
    promote(table.plugin, 1, rows={"player": 10})
    plugin, controls = table.plugin, table.plugin.controls
    table.play_as("ann", 2)
    table.play_as("bob", 1)
    done(table)
    assert plugin.store.battles.counts().battles == 3
    told: list[int] = []
    controls.count_battles("bob", told.append)
    assert controls.forget_player("bob") == "Forgetting what was recorded of bob."
    done(table)
    assert told == [1]
    ends = [each.end for each in table.on_owner(lambda loop: list(plugin.store.battles.battles()))]
    assert [end.player for end in ends] == ["ann", "ann"]
    report = plugin.report()
    assert report["events"][0]["text"].startswith("Forgotten: 1 recorded battle of bob (")
    assert (report["version"], report["decision"], report["strength"]["you"]) == (1, None, [])
    assert (report["player"]["name"], report["player"]["battles"]) == ("bob", 0)
    if plugin.training.alive:
        assert table.on_owner(lambda loop: loop.experience.buffers.player.size) > 0
    table.play_as("ann", 1)
    assert table.on_owner(lambda loop: plugin.store.battles.counts().battles) == 3
    assert table.rejected == {}
    match = table.match()
    for player, abandoned in (("bob", 0), ("ann", 1)):  # forgotten while ann plays
        match.start_round()
        match.play(match.decide())
        controls.forget_player(player)
        done(table)
        plugin.recording.events.drain()
        assert plugin.report()["recorder"]["abandoned"] == abandoned
    match.abandon()


def test_forget_of_every_version_leaves_an_untrained_one_to_play(table: Table) -> None:
    weights = table.plugin.store.folder / "versions" / "000000" / "manifest.json"
    weights.write_text("{")
    table.plugin.controls.forget()
    done(table)
    version = table.plugin.report()["version"]
    assert version == 1, "a number is never given twice"
    assert stored(table) == ["000001"]
    table.play(1)
    assert set(table.versions) == {version}


def test_forget_pressed_just_before_quitting_is_done(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, practice=1.0, candidate_period=1_000_000) as table:
        promote(table.plugin, 2, rows={"player": 10})
        table.play(1, settle=True)
        table.plugin.controls.forget()
    assert stored(table) == ["000000"]
    with Table(RINGSIDE, tmp_path) as again:
        assert again.plugin.report()["version"] == 0
        assert again.on_owner(lambda loop: loop.experience.rows.total()) == 0
