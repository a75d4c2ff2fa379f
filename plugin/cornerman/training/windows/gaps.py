"""The time between two frames, in which the game's thread waits: the next one, from what the game says of each frame.

A game says how long a frame was and how much of it was left either before it waits for the next one or after that. The
processor time of its thread tells which: what it has used since then is nothing before the wait, and most of the time
that has passed after it. Where the system has no clock of that (Windows, macOS) no such time is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cornerman.training.windows.starvation import clock_of_this_thread, has_thread_clocks

LEAST_GAP_S, GAP_MARGIN_S, GONE_S = 0.004, 0.001, 0.25
"""What must be left of the time between two frames, since a slice cannot be ended in the middle of copying a batch, how
long before a frame it ends, and after how long without such a gap frames are not waited for."""
NEXT_LOOK_S = 0.002
LEAST_DIFFERENCE_S = 0.001  # of processor time, between said before the wait and said after it
WEIGHT = 0.1  # of one look at that


class _Said(NamedTuple):
    at: float
    frame_s: float
    slack_s: float
    game_time: Callable[[], float]  # processor time of the thread that said it
    used_s: float  # of that, by then


class Gaps:
    """Says how long a slice may go on. The game's thread calls `frame`, the trainer's thread `left`."""

    def __init__(self, thread_clock: Callable[[], Callable[[], float]] | None = None) -> None:
        """`thread_clock`, called on the game's thread, returns a function that gives its CPU time on any thread."""
        self._thread_clock = thread_clock or (clock_of_this_thread if has_thread_clocks() else None)
        self._said: _Said | None = None
        self._frame_s = GONE_S  # the last frame's length
        self._after = 0.0  # how often it looked as if the game says it after the wait, of the last looks

    def frame(self, now: float, frame_s: float, slack_s: float) -> None:
        """Called when the game says a frame's length and what was left of it."""
        frame_s, self._frame_s = min(frame_s, self._frame_s), frame_s  # after one that was long the next is not
        slack_s = min(frame_s, slack_s)
        if self._thread_clock is None or not slack_s >= LEAST_GAP_S + GAP_MARGIN_S:  # NaN is no gap either
            return
        game_time = self._thread_clock() if self._said is None else self._said.game_time
        try:
            used_s = game_time()
        except OSError:  # the thread that drew before has ended
            game_time = self._thread_clock()
            used_s = game_time()
        self._said = _Said(now, frame_s, slack_s, game_time, used_s)

    def known(self, now: float) -> bool:
        """Whether the game has said one lately. Either thread."""
        return self._said is not None and now - self._said.at <= GONE_S

    def left(self, now: float) -> tuple[float, float]:
        """Seconds until a slice that begins now has to end, and, where that is too soon, until when to rest instead.

        Only where the next gap is `known`.
        """
        said = self._said
        assert said is not None
        self._look(said, now)
        begin = said.at + (said.frame_s - said.slack_s if self._after > 0.5 else 0.0)
        left = begin + said.slack_s - GAP_MARGIN_S - now
        if now < begin:
            return 0.0, begin
        return left, 0.0 if left >= LEAST_GAP_S else max(begin + said.frame_s, now + NEXT_LOOK_S)

    def _look(self, said: _Said, now: float) -> None:
        """Whether the game's thread has worked since then as after the wait, or as before it."""
        passed = now - said.at
        before, after = max(0.0, passed - said.slack_s), min(passed, said.frame_s - said.slack_s)
        if passed > said.frame_s or abs(after - before) < LEAST_DIFFERENCE_S:
            return
        try:
            used = said.game_time() - said.used_s
        except OSError:  # that thread has ended
            return
        self._after += WEIGHT * ((abs(used - after) < abs(used - before)) - self._after)
