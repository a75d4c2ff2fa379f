"""Every test runs with one torch thread and without a screen or a sound device."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: its children would hear no Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

PRIORITY = os.getpriority(os.PRIO_PROCESS, 0) if sys.platform.startswith("linux") else 0


@pytest.fixture(autouse=True)
def usual_thread() -> Iterator[None]:
    """Commands set the calling thread up as the trainer's (no denormals, low priority); the next test starts afresh."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
    if sys.platform.startswith("linux"):
        with suppress(PermissionError):  # only a privileged user may raise it again
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
