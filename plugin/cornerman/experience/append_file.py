"""A file that only grows by whole pieces, each on the disk before the call returns.

One thread of one process writes to it; any number may read the file meanwhile and see at most one unfinished piece at
its end. All errors of the disk come out as OSError.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


class AppendFile:
    """One open file that only grows by whole pieces; no other process writes to it meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, path: Path) -> AppendFile:
        """A file that must not exist yet."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o644)
        _lock(descriptor)
        return cls(descriptor)

    @classmethod
    def reopen(cls, path: Path) -> AppendFile | None:
        """An old file to go on with; None where another process may be writing to it."""
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        if _lock(descriptor):
            return cls(descriptor)
        os.close(descriptor)
        return None

    def cut(self, size: int) -> None:
        """Shorten the file to `size` bytes, where the next piece goes."""
        if size != self.size:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
        self.size = size

    def write(self, data: bytes, sync: bool = True) -> None:
        """Add bytes and wait until they are on the disk; OSError takes back what was written of them.

        Without `sync` they are the system's when this returns: safe from a kill, not from a power cut.
        """
        try:
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            if sync:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool:
    """Claim an open file for this process; False where another has it, or where the system cannot tell (Windows)."""
    if sys.platform == "win32":
        return False
    import fcntl  # here and not above: it does not exist on Windows

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
