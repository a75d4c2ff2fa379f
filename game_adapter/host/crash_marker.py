"""Tells at a start whether the games before it ended properly: a marker lies on the disk for as long as one runs.

One marker a process and mode, so two windows at once do not mistake each other for a crash, and a headless run, which
asks for no marker, trips none. A marker whose process is gone was left by an end that nobody was told of.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FOLDER = "running"
COUNTS = "unclean-ends.json"


class CrashMarker:
    """`begin` when the game starts, `end` when it ends; the game's thread. A disk that fails counts as no crash."""

    def __init__(self, folder: Path, mode: str) -> None:
        self._folder, self._mode = folder, mode
        self._path = folder / FOLDER / f"{mode}-{os.getpid()}"
        self._descriptor: int | None = None

    def begin(self) -> int:
        """Put the marker down; how many games of this mode ended uncleanly in a row before this one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unclean = self._counts().get(self._mode, 0) + self._take_away_left_ones()
            self._note(unclean)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            _claimed(self._descriptor)
        except OSError:
            return 0
        return unclean

    def end(self) -> None:
        """The game ends properly: the count starts anew. Safe to call twice, or without `begin`."""
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        try:
            self._path.unlink(missing_ok=True)
            self._note(0)
        except OSError:
            return  # the next start counts one unclean end too many: it plays safe, and harms nothing

    def _take_away_left_ones(self) -> int:
        """Remove the markers of this mode whose process is gone; how many there were."""
        gone = 0
        for path in self._path.parent.glob(f"{self._mode}-*"):
            if path == self._path:
                continue
            descriptor = os.open(path, os.O_RDWR)
            left = _claimed(descriptor)
            os.close(descriptor)
            if left:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _counts(self) -> dict[str, int]:
        try:
            counts = json.loads((self._folder / COUNTS).read_text("utf-8"))
            return {str(mode): int(count) for mode, count in counts.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def _note(self, unclean: int) -> None:
        (self._folder / COUNTS).write_text(json.dumps(self._counts() | {self._mode: unclean}), "utf-8")


def _claimed(descriptor: int) -> bool:
    """Lock an open marker for this process; False where another one holds it, and lives."""
    try:
        if sys.platform == "win32":
            import msvcrt  # here and not above: each system has only one of the two

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
