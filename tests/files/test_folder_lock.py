"""data_lock.py: a second process is kept out and told by whom; the lock goes with the process that held it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.files.folder_lock import FILE_NAME, DataInUseError, FolderLock

TAKE = "import sys; from pathlib import Path; from cornerman.files.folder_lock import FolderLock; "
HOLD = TAKE + "lock = FolderLock(Path(sys.argv[1]), 'a running game'); print('held', flush=True); sys.stdin.read()"


def started(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_another_process_is_kept_out_and_named_until_it_ends(tmp_path: Path, ends: str) -> None:
    with started(tmp_path / "data") as process:
        with pytest.raises(DataInUseError, match=rf"game \(process {process.pid}, since 20.+close that first"):
            FolderLock(tmp_path / "data", "the test")
        if ends == "killed":
            process.kill()
        process.communicate()
    FolderLock(tmp_path / "data", "the test").release()


def test_released_it_lets_others_in(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, "the test")
    lock.release()
    lock.release()
    with started(tmp_path) as process:
        process.communicate()


def test_a_holder_whose_note_is_damaged_is_still_a_holder(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        (tmp_path / FILE_NAME).write_bytes(b"\xff{")
        with pytest.raises(DataInUseError, match="in use by another process"):
            FolderLock(tmp_path, "the test")
        process.communicate()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be used"):
        FolderLock(tmp_path / "file" / "data", "the test")
