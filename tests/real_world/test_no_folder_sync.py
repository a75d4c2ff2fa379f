"""Kind 9: a file system that cannot sync folders or files costs a log line, and everything is saved all the same."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cornerman.files import atomic
from cornerman.files.atomic import replace_file
from tests.support.sample_states import Duel, duel_state
from tests.support.table import Table

REAL_OPEN, REAL_SYNC = os.open, os.fsync


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_logged", set())


def refusing(code: int, folders: bool = True, files: bool = False) -> Callable[[int], None]:
    def refuse(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if (folder and folders) or (not folder and files):
            raise OSError(code, os.strerror(code))
        REAL_SYNC(descriptor)

    return refuse


def session(folder: Path) -> list[str]:
    """A whole session: a first version is saved, a battle is stored, the switches are kept; what was said."""
    with Table(Duel(), folder, learning=False) as table:
        plugin = table.plugin
        plugin.on_battle_start(1, {0: "player", 1: "plugin"})
        plugin.on_turn(1, 0, duel_state(), [True] * 3, 0, duel_state())
        plugin.on_battle_end(1, {0: 1, 1: -1})
        assert plugin.report()["recorder"]["kept"] == 1
        return plugin.messages()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EBADF])
def test_a_folder_that_cannot_be_synced_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code))
    with caplog.at_level(logging.WARNING, "cornerman"):
        assert session(tmp_path) == []
        assert session(tmp_path) == []
    assert caplog.text.count("cannot be synced here") == 1


def test_a_folder_that_cannot_be_opened_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str | Path, flags: int, *more: int) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return REAL_OPEN(path, flags, *more)

    with monkeypatch.context() as refusing_folders:  # pytest opens folders afterwards, to delete them
        refusing_folders.setattr(os, "open", refuse)
        assert session(tmp_path) == []


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
def test_files_that_cannot_be_synced_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code, files=True))
    replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize(("code", "files"), [(errno.EIO, True), (errno.ENOSPC, True), (errno.EIO, False)])
def test_a_disk_that_fails_is_still_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, files: bool
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code, folders=not files, files=files))
    with pytest.raises(OSError, match=os.strerror(code)):
        replace_file(tmp_path / "a", b"new")
