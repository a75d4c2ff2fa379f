"""Processors: leaves one of two processors to a game that needs more than half of one for its frames, and lets a
frame interrupt learning where there is only one.

Trainer, worker and game never wait for one another. Where they share processors, Linux let the game's thread wait
up to 4 ms after it woke, in one frame of a hundred, whatever the priorities of the other two were.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id, local
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

BUSY, CALM = 0.5, 0.4
"""Share of a processor that the game's thread uses from which on it is left one, and below which it no longer is."""
FRAMES_JUDGED = 60
_elsewhere = local()  # `seconds`: processor time of the calling thread's calls of `Interruptible`s


def _available() -> set[int]:
    """The processors that the calling thread may use; none where the system lets nobody choose."""
    return os.sched_getaffinity(0) if sys.platform.startswith("linux") else set()


def _keep_to(process: int, processors: set[int]) -> None:
    """Let a process's main thread, or for 0 the calling thread, run on these processors alone."""
    if sys.platform.startswith("linux"):
        with suppress(OSError):  # it has just ended, or a sandbox forbids it; learning works without
            os.sched_setaffinity(process, processors)


def only_one() -> bool:
    """Whether game, trainer and worker share one processor (Linux): the main thread's, as `Processors` may leave the
    trainer one of two."""
    return sys.platform.startswith("linux") and len(os.sched_getaffinity(os.getpid())) == 1


def processor_time() -> float:
    """Seconds of processor time of the calling thread, with what its calls of `Interruptible`s took."""
    return time.thread_time() + getattr(_elsewhere, "seconds", 0.0)


class Interruptible(Generic[P, R]):
    """Calls a function on a thread of Linux's idle class, which the game's thread interrupts the moment it wakes.

    For functions that do not hold the interpreter. With the whole trainer in that class frames were as even, but beside
    another program it was not let run while it held the interpreter, and the game stood still for up to 0.8 s.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self._function = function
        self._thread = ThreadPoolExecutor(1, "cornerman-learning", initializer=_interruptible)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        try:
            call = self._thread.submit(self._timed, *arguments, **named)
        except RuntimeError:  # the game ended without `on_quit`: Python starts nothing on other threads any more
            return self._function(*arguments, **named)
        result, seconds = call.result()
        _elsewhere.seconds = getattr(_elsewhere, "seconds", 0.0) + seconds
        return result

    def _timed(self, *arguments: P.args, **named: P.kwargs) -> tuple[R, float]:
        begun = time.thread_time()
        return self._function(*arguments, **named), time.thread_time() - begun


def _interruptible() -> None:
    if sys.platform.startswith("linux"):
        with suppress(OSError):  # a sandbox may forbid it; learning works without
            os.sched_setscheduler(get_native_id(), os.SCHED_IDLE, os.sched_param(0))


class Processors:
    """Which processors trainer and worker may use; with more than two, or one, all of them."""

    def __init__(
        self,
        worker_pid: Callable[[], int | None] = lambda: None,
        available: Callable[[], set[int]] = _available,
        keep_to: Callable[[int, set[int]], None] = _keep_to,
        clock: Callable[[], float] = time.perf_counter,
        own_time: Callable[[], float] = time.thread_time,
    ) -> None:
        """`own_time`: processor time of the calling thread."""
        self._worker_pid, self._keep_to, self._clock, self._own_time = worker_pid, keep_to, clock, own_time
        self._all = available()
        self._share = 0.0
        self._framed_at, self._used = clock(), own_time()
        self._kept_off: tuple[int | None, ...] = ()
        """The trainer's thread and the worker that the game's processor was taken from; none where it was not."""

    def frame(self) -> None:
        """Called on the game's thread when a frame has been drawn."""
        now, used = self._clock(), self._own_time()
        share = (used - self._used) / max(now - self._framed_at, 1e-6)
        self._share += (min(share, 1.0) - self._share) / FRAMES_JUDGED
        self._framed_at, self._used = now, used

    def look(self) -> None:
        """Called on the trainer's thread now and then: take or give back the game's processor."""
        leave_one = self._share > (CALM if self._kept_off else BUSY)
        worker = self._worker_pid()
        keep_off = (get_native_id(), worker) if leave_one else ()
        if len(self._all) != 2 or keep_off == self._kept_off:
            return
        self._kept_off = keep_off
        for process in (0, worker):
            if process is not None:
                self._keep_to(process, {max(self._all)} if leave_one else self._all)
