"""How learning gives way to the game's frames, and how long they were with learning and without.

No lock: the game's thread reports frames, and any thread may read.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import exp, log, sqrt
from typing import Any

NO_FRAME_MS = 250.0  # longer than this, the game was doing something else
FRAMES_JUDGED = 60
FRAMES_A_REPORT = 20
LATE_FACTOR, LATE_MS, LATE_SHARE = 1.2, 2.0, 0.03
"""Frames are late that take so many times as long as usual, and so many ms longer: less is not seen where there are
hundreds a second, of which pygame's clock tells whole milliseconds; a picture that a screen misses costs more."""
LATE_BESIDE, FRAMES_WEIGHED, FRAMES_APART = 0.006, 240, 3600
"""Where learning makes more frames late than that share of so many, two of them, and more than chance where many are
late without it, it keeps to the time between two frames, and tries again beside them after about so many, a minute or
two at 60 a second."""
LEAST_SHARE = 0.05
_LEAST_MS, _BINS_A_FACTOR_E = 0.1, 100
_MOST_BIN = int(_BINS_A_FACTOR_E * log(NO_FRAME_MS / _LEAST_MS))


class Frames:
    """How learning gives way to frames, from how many more are late with it than without: it keeps to the time between
    two of them, and where that is unknown or does not help takes a smaller share of the time."""

    def __init__(self) -> None:
        self.share = 1.0  # of the time
        self.between = False  # whether slices keep to the time between two frames
        self._typical_ms = 0.0
        self._late = {True: 0.0, False: 0.0}  # shares of the last frames, by whether the trainer worked in them
        self._late_beside = self._late_apart = 0.0  # of more frames, by whether it worked while they were drawn
        self._disturbs = False  # whether so many more were late beside it lately that it keeps away where it can
        self._learned = 0

    def frame(self, frame_ms: float, learned: bool, gap_known: bool = False) -> None:
        """Count one frame; `learned`: the trainer worked within it; `gap_known`: so is the time between two frames."""
        if not 0.0 < frame_ms < NO_FRAME_MS:
            return
        typical = self._typical_ms or frame_ms
        late = frame_ms > max(LATE_FACTOR * typical, typical + LATE_MS)
        self._typical_ms = typical + 0.02 * (min(frame_ms, 2 * typical) - typical)
        self._late[learned] += (late - self._late[learned]) / FRAMES_JUDGED
        self._keep_between(late, learned, gap_known)
        self._learned += learned
        if learned and self._learned % FRAMES_JUDGED == 0:
            if self._late[True] > self._late[False] + LATE_SHARE:
                self.share = max(LEAST_SHARE, 0.6 * self.share)
            elif self._late[True] < self._late[False] + LATE_SHARE / 2:
                self.share = min(1.0, self.share + 0.1)

    def _keep_between(self, late: bool, learned: bool, gap_known: bool) -> None:
        if learned and not self.between:
            self._late_beside += (late - self._late_beside) / FRAMES_WEIGHED
        else:
            self._late_apart += (late - self._late_apart) / FRAMES_WEIGHED
            self._late_beside -= self._late_beside / FRAMES_APART
        chance = 2.0 * sqrt(self._late_apart / FRAMES_WEIGHED)
        most = self._late_apart + chance + 2 * LATE_BESIDE  # with more it would not be tried again for long
        self._late_beside = min(self._late_beside, most)
        more = self._late_beside - self._late_apart
        if not self._disturbs and more > LATE_BESIDE + chance:
            self._disturbs = True
            self._late[True] = self._late[False]  # those frames say nothing of the ones that come now
        elif self._disturbs and more < LATE_BESIDE / 2:
            self._disturbs, self._late_beside = False, self._late_apart
        self.between = gap_known and self._disturbs


class FrameTimes:
    """Times of frames while training windows were open and while they were closed: two histograms of fixed size, whose
    bins are one percent wide. The game's thread."""

    def __init__(self) -> None:
        self._counts = {learning: [0] * (_MOST_BIN + 1) for learning in (True, False)}
        self._since = 0
        self._report = {"with": _times(self._counts[True]), "without": _times(self._counts[False])}

    def add(self, frame_ms: float, learning: bool) -> None:
        if 0.0 < frame_ms < NO_FRAME_MS:
            self._counts[learning][max(0, int(_BINS_A_FACTOR_E * log(frame_ms / _LEAST_MS)))] += 1
            self._since += 1

    def report(self) -> dict[str, Any]:
        """Plain data: p50_ms, p99_ms (None: no frame yet) and frames, `with` and `without` learning; anew once there
        are `FRAMES_A_REPORT` more."""
        if self._since >= FRAMES_A_REPORT:
            self._since = 0
            self._report = {"with": _times(self._counts[True]), "without": _times(self._counts[False])}
        return self._report


def _times(counts: list[int]) -> dict[str, float | int | None]:
    reached = list(accumulate(counts))
    at = {name: bisect_left(reached, share * reached[-1]) for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99))}
    times = {name: _LEAST_MS * exp((bin_ + 0.5) / _BINS_A_FACTOR_E) for name, bin_ in at.items()}
    return {**(times if reached[-1] else dict.fromkeys(at)), "frames": reached[-1]}
