"""store.py: one writer a data folder; while that is another game, or the disk refuses, what is stored plays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.files.folder_lock import DataInUseError
from cornerman.files.preferences import Preferences, write_preferences
from cornerman.models.manifest import Provenance
from cornerman.panel.controls import READ_ONLY
from game_adapter.ringside.game import RINGSIDE
from tests.support.held_folder import held
from tests.support.stored_versions import damage, filled_store, flat, path_of, store_in
from tests.support.table import Table, promote


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the note of who holds the folder and SQLite's index of who reads."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("in-use.json", "history.sqlite-shm")
    }


def test_store_for_writing_keeps_another_process_out_until_it_is_closed(tmp_path: Path) -> None:
    with held(tmp_path) as other, pytest.raises(DataInUseError, match=f"process {other}"):
        store_in(tmp_path)
    with store_in(tmp_path) as store:
        assert not store.read_only
        store.history().add_battle("live 5", "1", "player", 1.0, 9)
        assert store.history() is store.history()
    store.close()
    assert store_in(tmp_path).history().num_battles() == 1


def test_read_only_store_reads_everything_and_writes_nothing(tmp_path: Path) -> None:
    with filled_store(tmp_path) as writer:
        writer.history().add_battle("live 5", "1", "player", 1.0, 9)
        damage(path_of(tmp_path, 2, "weights.safetensors"))
        before = contents(tmp_path)
        store = store_in(tmp_path, who="")
        champion, sentences = store.registry.load_champion()
        assert champion is not None
        assert champion.version == 1
        assert len(sentences) == 2
        assert store.history().num_battles() == 1
        for change in (
            lambda: store.registry.save(flat(3), Provenance()),
            lambda: store.registry.promote(0),
            store.registry.roll_back,
            store.registry.erase_trained_from_player,
        ):
            with pytest.raises(ModelError, match="open for reading only"):
                change()
        assert contents(tmp_path) == before
    store.close()
    store = store_in(tmp_path / "none", who="")
    assert store.registry.load_champion() == (None, [])
    with pytest.raises(ModelError, match="no history"):
        store.history()
    assert not (tmp_path / "none").exists()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A data folder with three versions, in which the player chose a difficulty."""
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        promote(table.plugin, 2)
    write_preferences(tmp_path, Preferences(recording=True, learning=True, difficulty=4))
    return tmp_path


def check_plays_without_writing(table: Table, folder: Path, before: dict[str, bytes]) -> None:
    plugin = table.plugin
    switches = plugin.switches
    assert (plugin.slot.champion.version, switches.level) == (2, 4)
    assert (switches.recording, switches.learning, plugin.training.running) == (False, False, False)
    assert "Version 2 plays; nothing of this game is recorded or learned." in plugin.metrics.notice
    table.play(2)
    assert plugin.report()["record"]["battles"] == 2
    controls = plugin.controls
    assert controls.forget() == controls.import_model() == controls.roll_back() == READ_ONLY
    controls.set_learning(True)
    controls.set_recording(True)
    controls.set_difficulty(3)
    assert (switches.recording, plugin.training.running, switches.level) == (False, False, 3)
    plugin.on_quit()
    assert contents(folder) == before


def test_stored_version_plays_while_another_game_holds_the_folder(stored: Path) -> None:
    before = contents(stored)
    with held(stored) as other, Table(RINGSIDE, stored) as table:
        assert f"process {other}" in table.plugin.metrics.notice
        check_plays_without_writing(table, stored, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folders that only their files' owner may not write")
def test_stored_version_plays_where_the_disk_takes_nothing(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, opened = contents(stored), os.open

    def refused(path: str | Path, flags: int, *mode: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(30, "Read-only file system")
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", refused)
    with Table(RINGSIDE, stored) as table:
        assert "Read-only file system" in table.plugin.metrics.notice
        check_plays_without_writing(table, stored, before)
