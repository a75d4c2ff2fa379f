"""Ends the process with the game although a thread of ours hangs. Only for that: everything else is stopped and joined.

Python waits for every thread before it exits, and a thread that hangs inside torch comes to no end that it could be
asked for. What was saved before is safe: every file is written under another name and renamed. The status is then 0, or
1 after an exception that the game did not catch; one that the game gave to `sys.exit` is nowhere to be read.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from threading import Thread, main_thread

LOOK_PERIOD_S = 0.2
GRACE_S, HURRIED_GRACE_S, SAVING_S = 1.0, 0.3, 10.0


class ExitWatchdog:
    """Sees one thread off: it may take until the game has ended and a second after it, ten where it is saving."""

    def __init__(self, thread: Thread, saving: Callable[[], bool]) -> None:
        self._thread, self._saving, self._grace_s = thread, saving, GRACE_S
        self._watcher = Thread(target=self._watch, name="cornerman-watchdog", daemon=True)

    def begin(self) -> None:
        """Watch from a thread of its own, which ends with the watched one."""
        self._watcher.start()

    def end(self) -> None:
        """Wait for the watcher of a thread that has ended."""
        self._watcher.join()

    def hurry(self) -> None:
        """It has had its time already. Any thread."""
        self._grace_s = HURRIED_GRACE_S

    def _watch(self) -> None:
        while main_thread().is_alive():
            self._thread.join(LOOK_PERIOD_S)
            if not self._thread.is_alive():
                return
        self._thread.join(self._grace_s)
        if self._saving() and self._grace_s == GRACE_S:
            self._thread.join(SAVING_S)
        if not self._thread.is_alive():
            return
        failed = getattr(sys, "last_value", None) is not None  # an exception that the game did not catch
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(1 if failed else 0)
