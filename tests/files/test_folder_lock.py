"""Folder lock: a second process is kept out and shown who holds it; the lock ends with the process that held it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.files.folder_lock import FILE_NAME, DataInUseError, FolderLock
from tests.support.held_folder import held


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_another_process_is_kept_out_and_named_until_it_ends(tmp_path: Path, ends: str) -> None:
    with held(tmp_path / "data") as process:
        with pytest.raises(DataInUseError, match=rf"game \(process {process}, since 20.+close that first"):
            FolderLock(tmp_path / "data", "the test")
        if ends == "killed":
            os.kill(process, signal.SIGKILL)
    FolderLock(tmp_path / "data", "the test").close()


def test_a_holder_whose_note_is_damaged_is_still_a_holder(tmp_path: Path) -> None:
    with held(tmp_path):
        (tmp_path / FILE_NAME).write_bytes(b"\xff{")
        with pytest.raises(DataInUseError, match="in use by another process"):
            FolderLock(tmp_path, "the test")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be used"):
        FolderLock(tmp_path / "file" / "data", "the test")


def test_a_second_lock_of_one_process_is_refused_and_takes_nothing_from_the_first(tmp_path: Path) -> None:
    first = FolderLock(tmp_path, "two games in one")
    for _ in range(2):
        with pytest.raises(DataInUseError, match=rf"two games in one \(process {os.getpid()}, "):
            FolderLock(tmp_path, "the test")
    if hasattr(os, "fork"):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, b"forked")
            signal.pause()
        os.read(reading, 6)
        first.close()
        FolderLock(tmp_path, "one after it, whatever it left running").close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
