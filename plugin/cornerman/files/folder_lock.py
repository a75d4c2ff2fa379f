"""Folder lock: one process at a time writes to a data folder, a running game or a command.

The lock is the system's own, so it ends with the process that holds it, however that ends. A note in the locked file
says who holds it.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cornerman.contract import ModelError
from cornerman.files.atomic import disk_errors, read_json

FILE_NAME = "in-use.json"
_FAR = 2**30
"""The byte that is locked lies beyond the note: on Windows nobody can read a locked one."""
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class DataInUseError(ModelError):
    """Another process writes to this data directory; the text says which."""


class FolderLock:
    """A data folder claimed for this process until `close`, or until the process ends; not for another lock in it."""

    def __init__(self, folder: Path, who: str) -> None:
        """Claim `folder`, which is made where it is missing; DataInUseError names the holder, ModelError the disk."""
        self._descriptor: int | None = None
        path = folder / FILE_NAME
        with disk_errors(f"The data folder {folder} cannot be used"):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            _claim(descriptor)
        except OSError as error:
            if error.errno in _HELD:
                os.close(descriptor)
                raise DataInUseError(f"{folder} is in use by {_holder(path)}; close that first.") from None
            # A file system without locks, such as some network drives: going on unlocked beats not playing at all.
        self._descriptor = descriptor
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self.close)  # what the game forks does not keep the folder from the next
        note = {"who": who, "process": os.getpid(), "since": datetime.now().astimezone().isoformat(timespec="seconds")}
        with suppress(OSError):  # a full disk: the lock holds all the same, and only its holder stays unnamed
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(note).encode())

    def close(self) -> None:
        """Release the lock; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _claim(descriptor: int) -> None:
    """Lock without waiting; OSError where another process has it, or another lock of this one."""
    if sys.platform == "win32":
        import msvcrt  # here and not above: each system has only one of the two

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # lockf counts by process


def _holder(path: Path) -> str:
    try:
        note = read_json(path, "The note of who uses the data")
        return f"{str(note['who'])[:40]} (process {int(note['process'])}, since {str(note['since'])[:25]})"
    except (ModelError, KeyError, TypeError, ValueError):
        return "another process"
