"""Starvation: notices that the trainer gets no time although its window is open, and says what to do about it.

Three ways to starve: the game never lets go of the interpreter; the game was to lend time and does not; other programs
take the whole processor. The trainer's thread calls everything here but `seen_from_game`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

JUDGED_S = 1.0  # of working time, before it is judged
STARVING_SHARE = 0.1
NOTHING_LENT_S = 3.0
NO_SIGN_S = 2.0
ASLEEP_S = 1.5
"""More than this between two looks: the whole process slept, and nobody is to blame."""

HELD = (
    "Learning hardly gets any time ({share:.0%}): the game keeps the interpreter to itself, or other programs the "
    "processor. A game should wait with pygame's clock.tick, not in a busy loop, or set learning_time to pump and call "
    "pump(budget_ms) while it waits."
)
NOT_LENT = (
    "Learning gets no time: learning_time is pump, but the game has not called pump(budget_ms). "
    "Call it while the game waits for its next frame, or set learning_time to thread."
)


class Starvation:
    """`sentence` is empty while all is well."""

    def __init__(
        self,
        learning_time: str,
        on_processor: Callable[[], bool] = lambda: True,
        thread_time: Callable[[], float] = time.thread_time,
        thread_clock: Callable[[], Callable[[], float]] | None = None,
    ) -> None:
        """`on_processor`: whether the processor does the learning; an accelerator's thread rightly takes no time of it.

        `thread_clock`, called on the trainer's thread, gives what tells its processor time from any other one.
        """
        self.sentence = ""
        self._pumped, self._on_processor, self._thread_time = learning_time == "pump", on_processor, thread_time
        self._thread_clock = thread_clock or clock_of_this_thread
        self._seen_time: Callable[[], float] | None = None  # the trainer's processor time, for the game's thread
        self._seen: tuple[float, float] | None = None  # when the game's thread looked, and what it saw
        self._mark: tuple[float, float] | None = None
        self._wall_s = self._processor_s = 0.0
        self._waits_since: float | None = None
        self._last_sign: float | None = None

    def idle(self) -> None:
        """Nothing is due, or nothing is allowed: what follows is not held against the game."""
        self._mark = self._waits_since = self._last_sign = None

    def thread_ends(self) -> None:
        """The trainer's thread ends, and with it the clock of its processor time."""
        self.idle()
        self._seen_time, self.sentence = None, ""

    def begins(self, now: float) -> None:
        """A slice begins."""
        self._last_sign = now
        if self._waits_since is not None and self._pumped:
            self.sentence = ""
        self._waits_since = None
        if self._seen_time is None:
            self._seen_time = self._thread_clock()
        if self._mark is None:
            self._mark = (now, self._thread_time())

    def worked(self, now: float) -> None:
        """A slice has ended: from its beginning, or the end of the one before it, the thread wanted to run."""
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
            self.sentence = HELD.format(share=share) if share < STARVING_SHARE else ""
            self._wall_s = self._processor_s = 0.0

    def waits(self, now: float) -> None:
        """The window is open, but no time was lent."""
        self._mark = None
        self._last_sign = now
        if self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > NOTHING_LENT_S:
            self.sentence = NOT_LENT

    def seen_from_game(self, now: float) -> None:
        """A frame went by with the window open; the game's thread. Says so where the trainer gives no sign at all.

        A long step that computes is a sign: it takes processor time.
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
    """What tells this thread's processor time in seconds from any thread; OSError once this one has ended.

    Where the system has no such clock (Windows, macOS) it stands still: there a long step looks like no time at all.
    """
    clock_id = getattr(time, "pthread_getcpuclockid", None)
    if clock_id is None:
        return lambda: 0.0
    own = clock_id(threading.get_ident())
    return lambda: time.clock_gettime(own)
