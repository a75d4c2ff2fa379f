"""Starvation: detects that the trainer gets no time although its window is open, with a message on what to do.

Three causes: the game never releases the interpreter; the game does not call `pump`; other programs take the whole
processor. The trainer's thread calls everything here but `seen_from_game`; `game_waits` is the game's thread's to set.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cornerman.learning.processors import processor_time

JUDGED_S = 1.0  # working time over which the share is measured
STARVING_SHARE = 0.1
NOTHING_GRANTED_S = 3.0
NO_SIGN_S = 2.0
ASLEEP_S = 1.5
"""With more than this between two readings, the whole process slept; that is no starvation."""

HELD = (
    "Learning hardly gets any time ({share:.0%}): the game keeps the interpreter to itself, or other programs the "
    "processor. A game should wait with pygame's clock.tick, not in a busy loop, or set learning_time to pump and call "
    "pump(budget_ms) while it waits."
)
BUSY = "Learning hardly gets any time ({share:.0%}), although the game waits for it: other programs take the processor."
NOT_PUMPED = (
    "Learning gets no time: learning_time is pump, but the game has not called pump(budget_ms). "
    "Call it while the game waits for its next frame, or set learning_time to thread."
)


class Starvation:
    """Measures the trainer's share of processor time; `sentence` says what is wrong, "" where nothing is."""

    def __init__(
        self,
        learning_time: str,
        on_processor: Callable[[], bool] = lambda: True,
        thread_time: Callable[[], float] = processor_time,
        thread_clock: Callable[[], Callable[[], float]] | None = None,
    ) -> None:
        """`on_processor` returns whether learning runs on the CPU; with an accelerator its thread uses little CPU time.

        `thread_clock`, called on the trainer's thread, returns a function that gives its CPU time on any thread.
        """
        self.sentence = ""
        self.game_waits = False  # whether the game's thread sleeps in `settle`, and so keeps nothing to itself
        self._pumped, self._on_processor, self._thread_time = learning_time == "pump", on_processor, thread_time
        self._thread_clock = thread_clock or clock_of_this_thread
        self._seen_time: Callable[[], float] | None = None  # the trainer's CPU time, read on the game's thread
        self._seen: tuple[float, float] | None = None  # time and that CPU time when it was read last
        self._mark: tuple[float, float] | None = None
        self._wall_s = self._processor_s = 0.0
        self._waits_since: float | None = None
        self._last_sign: float | None = None

    def idle(self) -> None:
        """Called when the trainer has nothing to do: the time until the next slice does not count."""
        self._mark = self._waits_since = self._last_sign = None

    def thread_ends(self) -> None:
        """Called when the trainer's thread ends, and with it the clock of its CPU time."""
        self.idle()
        self._seen_time, self.sentence = None, ""

    def begins(self, now: float) -> None:
        """Called when a slice begins."""
        self._last_sign = now
        if self._waits_since is not None and self._pumped:
            self.sentence = ""
        self._waits_since = None
        if self._seen_time is None:
            self._seen_time = self._thread_clock()
        if self._mark is None:
            self._mark = (now, self._thread_time())

    def worked(self, now: float) -> None:
        """Called when a slice has ended; the thread wanted to run since it began, or since the one before it ended."""
        if self._mark is None or not self._on_processor():
            return
        processor, (then, before) = self._thread_time(), self._mark
        self._last_sign, self._mark = now, (now, processor)
        if now - then > ASLEEP_S:
            return
        self._wall_s += now - then
        self._processor_s += processor - before
        if self._wall_s >= JUDGED_S:
            share = self._processor_s / self._wall_s
            why = BUSY if self.game_waits else HELD
            self.sentence = why.format(share=share) if share < STARVING_SHARE else ""
            self._wall_s = self._processor_s = 0.0

    def waits(self, now: float) -> None:
        """Called when the window is open, but no time is granted."""
        self._mark = None
        self._last_sign = now
        if self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > NOTHING_GRANTED_S:
            self.sentence = NOT_PUMPED

    def seen_from_game(self, now: float) -> None:
        """Called on the game's thread after each frame with the window open: detects a trainer that makes no progress.

        A long step that computes is progress: it takes CPU time.
        """
        sign, seen_time = self._last_sign, self._seen_time
        if self._pumped or sign is None or seen_time is None or now - sign <= NO_SIGN_S:
            self._seen = None
            return
        if not self._on_processor():
            return
        try:
            processor = seen_time()
        except OSError:  # the thread has just ended, and its clock with it
            self._seen = None
            return
        if self._seen is None or now - self._seen[0] > ASLEEP_S:
            self._seen = (now, processor)
        elif now - self._seen[0] >= JUDGED_S:
            share = (processor - self._seen[1]) / (now - self._seen[0])
            self._seen = (now, processor)
            self.sentence = HELD.format(share=share) if share < STARVING_SHARE else ""


def clock_of_this_thread() -> Callable[[], float]:
    """A function that gives this thread's CPU time in seconds on any thread; OSError once this thread has ended.

    Where the system has no such clock it always gives 0, and a long step looks like no progress.
    """
    if not has_thread_clocks():
        return lambda: 0.0
    own = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(own)


def has_thread_clocks() -> bool:
    """Whether a thread can read the CPU time of another; not on Windows and macOS."""
    return hasattr(time, "pthread_getcpuclockid")
