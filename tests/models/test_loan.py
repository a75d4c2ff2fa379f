"""loan.py: while another game holds the data folder, the stored version plays from a copy and the folder stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.files.preferences import FILE_NAME, Preferences, write_preferences
from cornerman.models.loan import lend
from cornerman.panel.controls import LENT, Controls
from game_adapter.ringside.game import RINGSIDE
from tests.files.test_folder_lock import started
from tests.panel.test_controls import promote
from tests.support.table import Table


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the note of who holds the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "in-use.json"
    }


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A data folder with three versions, in which the player chose a difficulty."""
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        promote(table, 2)
        folder = table.plugin.registry.folder
        champion = table.plugin.slot.champion.version
    write_preferences(folder, Preferences(recording=True, learning=True, difficulty=4))
    assert champion == 2
    return tmp_path


def test_the_stored_version_plays_while_another_game_holds_the_folder(stored: Path) -> None:
    (folder,) = (path.parent for path in stored.rglob("champion.json"))
    before = contents(folder)
    with started(folder) as other, Table(RINGSIDE, stored) as table:
        plugin = table.plugin
        assert plugin.slot.champion.version == 2
        assert plugin.level == 4
        assert not plugin.recording
        assert not plugin.learning
        assert plugin.trainer is None
        assert f"process {other.pid}" in plugin.notice
        assert "Version 2 plays from a copy; nothing of this game is recorded or learned." in plugin.notice
        table.play(2)
        assert len(plugin.results) == 2
        controls = Controls(plugin)
        assert controls.forget() == controls.take_in() == LENT
        controls.set_learning(True)
        controls.set_recording(True)
        assert not plugin.recording
        assert plugin.trainer is None
        copy = plugin.registry.folder
        plugin.on_quit()
        assert not copy.exists()
        assert contents(folder) == before
        other.communicate()


def test_without_a_stored_version_the_games_own_fighter_moves(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        folder = table.plugin.registry.folder
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert lend(folder) is None
    with started(folder) as other:
        with pytest.raises(ModelError, match="is in use by"):
            type(table.plugin)().on_load(RINGSIDE, str(folder))
        other.communicate()


def test_what_cannot_be_copied_is_left_out(stored: Path) -> None:
    (folder,) = (path.parent for path in stored.rglob("champion.json"))
    (folder / FILE_NAME).unlink()
    shutil.rmtree(folder / "versions" / "000001")
    (folder / "versions" / "000001").symlink_to(folder / "nowhere")
    loan = lend(folder)
    assert loan is not None
    with loan as name:
        assert sorted(path.name for path in (Path(name) / "versions").iterdir()) == ["000000", "000002"]
        assert (Path(name) / "champion.json").read_bytes() == (folder / "champion.json").read_bytes()
