"""Crash detection: a marker file exists, locked by the game's process, for as long as the game runs.

A marker that nobody locks was left by a game that did not end properly. The lock decides, never the process id: ids
repeat, in a container at every start. A headless run, which asks for no marker, is never counted.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from pathlib import Path

log = logging.getLogger("host")

FOLDER = "running"
COUNTS = "unclean-ends.json"


class CrashMarker:
    """Call `begin` when the game starts and `end` when it ends, on the game's thread; a failing disk is no crash."""

    def __init__(self, folder: Path, mode: str) -> None:
        self._folder, self._mode = folder, mode
        self._path = folder / FOLDER / f"{mode}-{secrets.token_hex(8)}"
        self._descriptor: int | None = None

    def begin(self) -> int:
        """Write the marker; returns how many games of this mode in a row ended uncleanly before this one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unclean = self._counts().get(self._mode, 0) + self._remove_abandoned()
            self._write_count(unclean)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            locked(self._descriptor)
        except OSError:
            return 0
        return unclean

    def end(self) -> None:
        """Remove the marker and reset the count: the game ends properly. Safe to call twice, or without `begin`."""
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        try:
            self._path.unlink(missing_ok=True)
            self._write_count(0)
        except OSError:
            return  # the next start counts one unclean end too many and may be a safe one

    def _remove_abandoned(self) -> int:
        """Remove the markers of this mode that no process locks; returns their number."""
        gone = 0
        for path in self._path.parent.glob(f"{self._mode}-*"):
            descriptor = os.open(path, os.O_RDWR)
            left = locked(descriptor)
            os.close(descriptor)
            if left:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _counts(self) -> dict[str, int]:
        try:
            counts = json.loads((self._folder / COUNTS).read_text("utf-8"))
            return {str(mode): int(count) for mode, count in counts.items()}
        except OSError:
            return {}
        except (ValueError, TypeError, AttributeError, RecursionError):
            log.warning("%s in %s was damaged: unclean ends are counted anew", COUNTS, self._folder)
            (self._folder / COUNTS).unlink(missing_ok=True)
            return {}

    def _write_count(self, unclean: int) -> None:
        (self._folder / COUNTS).write_text(json.dumps(self._counts() | {self._mode: unclean}), "utf-8")


def locked(descriptor: int) -> bool:
    """Lock an open file; False where it is locked already, by this process or by another one.

    `flock` and not `lockf`: that one locks for the whole process, which would then find its own marker abandoned.
    """
    try:
        if sys.platform == "win32":
            import msvcrt  # each system has only one of the two

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
