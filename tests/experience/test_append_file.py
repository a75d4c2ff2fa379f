from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cornerman.experience.append_file import AppendFile


def test_pieces_follow_one_another(tmp_path: Path) -> None:
    file = AppendFile.create(tmp_path / "a")
    file.write(b"one")
    file.write(b"two")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"onetwo"


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        AppendFile.create(tmp_path / "a")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows always begins a new file")
def test_an_old_file_goes_on_behind_its_good_part(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"good" + b"torn")
    file = AppendFile.reopen(tmp_path / "a")
    assert file is not None
    assert file.size == 8
    file.cut(4)
    file.write(b"new")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"goodnew"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows always begins a new file")
def test_only_one_may_write(tmp_path: Path) -> None:
    file = AppendFile.create(tmp_path / "a")
    assert AppendFile.reopen(tmp_path / "a") is None
    file.close()
    again = AppendFile.reopen(tmp_path / "a")
    assert again is not None
    again.close()


def test_a_full_disk_leaves_no_half_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AppendFile.create(tmp_path / "a")
    file.write(b"good")
    write = os.write
    calls = []

    def full(descriptor: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.write(b"never whole")
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == b"good"
    file.write(b"er")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"gooder"
