"""Exit watchdog: ends the process when the game has ended and the trainer hangs.

Only for that: Python waits for every thread before it exits, and a thread that hangs in native code cannot be asked to
end. What was saved before is safe: every file is written under another name and renamed. The exit status is then 0, or
1 after an exception that the game did not catch; a status that the game gave to `sys.exit` cannot be read anywhere.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable
from threading import Thread, main_thread

log = logging.getLogger("cornerman")

LOOK_PERIOD_S = 0.2
GRACE_S, HURRIED_GRACE_S, SAVING_S = 1.0, 0.3, 10.0


class ExitWatchdog:
    """Watches one thread, which may run for a second after the game has ended, ten seconds where it is saving."""

    def __init__(self, thread: Thread, saving: Callable[[], bool]) -> None:
        self._thread, self._saving, self._grace_s = thread, saving, GRACE_S
        self._watcher = Thread(target=self._watch, name="cornerman-watchdog", daemon=True)

    def begin(self) -> None:
        """Start watching, on a thread of its own that ends with the watched one; a system that gives none is logged."""
        try:
            self._watcher.start()
        except (RuntimeError, MemoryError) as error:  # what Python raises where the system gives no more threads
            log.warning("no thread to watch the trainer with (%s)", error)

    def end(self) -> None:
        """Wait for the watcher of a thread that has ended."""
        if self._watcher.ident is not None:
            self._watcher.join()

    def hurry(self) -> None:
        """Shorten the time after the game's end, since `stop` has waited already. Any thread."""
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
