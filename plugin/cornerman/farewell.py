"""Ends the process with the game although a thread of ours hangs. Only for that: everything else is stopped and joined.

Python waits for every thread before it exits, and a thread that hangs inside torch comes to no end that it could be
asked for. What was saved before is safe: every file is written under another name and renamed.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from threading import Thread, main_thread

GRACE_S = 0.3
POLL_S = 0.02


def see_off(thread: Thread) -> None:
    """Watch from a thread of its own: `thread` may take until the game has ended, and so long after it."""
    Thread(target=_watch, args=(thread,), name="cornerman-farewell", daemon=True).start()


def _watch(thread: Thread) -> None:
    while main_thread().is_alive():
        time.sleep(POLL_S)
        if not thread.is_alive():
            return
    thread.join(GRACE_S)
    if not thread.is_alive():
        return
    failed = getattr(sys, "last_value", None) is not None  # an exception that the game did not catch
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(1 if failed else 0)
