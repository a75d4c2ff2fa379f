"""Training windows: when the trainer may learn, its time budgets, its share of the time, and reasons to rest.

No thread and no lock: the game's thread reports rounds and frames, the trainer's thread asks for budgets, and every
figure has one writer. So nothing here can hold up a frame.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.learning.processors import only_one
from cornerman.training.machine import Limits
from cornerman.training.windows.frames import Frames
from cornerman.training.windows.gaps import Gaps
from cornerman.training.windows.starvation import Starvation

SLICE_S, LEAST_SLICE_S = 0.048, 0.0005
HURRIED_SLICE_S = 0.05  # where no frame waits
RUN_ONS_JUDGED = 128
LOOK_PERIOD_S = 0.25
FRAMES_GONE_S = 1.0  # without a frame for so long, the game does not draw
MOST_OVERRUN_S, FORGIVEN = 0.020, 0.997
LONGEST_GRANT_S = 1.0

Reading = Mapping[str, float | None]


class TrainingWindows:
    """Whether learning may go on now, and for how long at a time."""

    def __init__(
        self,
        window: str = "between_rounds",
        learning_time: str = "thread",
        limits: Limits | None = None,
        read_machine: Callable[[], Reading] = dict,
        on_processor: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        pause_worker: Callable[[bool], None] = lambda paused: None,
        duty_cycle: float = 1.0,
    ) -> None:
        """`window`, `learning_time` and `duty_cycle` as in the settings; `read_machine` gives `Machine.read`'s figures,
        by which `limits` let learning rest. On a single processor it always keeps to the time between two frames.

        `on_processor` returns whether learning runs on the CPU, not an accelerator. `pause_worker` is called, on either
        thread, with whether the worker has to pause whenever that may have changed.
        """
        self.window, self.learning_time, self._duty_cycle = window, learning_time, duty_cycle
        self.rest = ""  # why learning rests, as a message
        self.reading: Reading = {}
        self.stop: NDArray[np.uint8] = np.zeros(1, np.uint8)
        """Set to 1 when the window closes: the slice under way ends after its step or turn."""
        self.starvation = Starvation(learning_time, on_processor)
        self._one_processor = only_one()
        self._limits, self._read_machine, self._clock = limits or Limits(clock=clock), read_machine, clock
        self._pause_worker = pause_worker
        self.paused = self._break = self._choosing = self._working = self._worked = False
        self._begun = False  # whether a battle has begun
        self._frames = Frames()
        self._run_ons: deque[float] = deque(maxlen=RUN_ONS_JUDGED)
        self._overrun_s = self._due = 0.0
        self._rest_until = self._granted_until = self._closed_at = 0.0
        self._look_at = clock()
        self._framed_at = -FRAMES_GONE_S
        self._gaps = Gaps()
        pause_worker(not self.window_open)

    # --------------------------------------------------------------------------------------------- the game's thread

    def open_window(self) -> None:
        """Called when a round has ended."""
        self._break = True
        self._changed()

    def close_window(self) -> None:
        """Called when a round starts."""
        self._break = self._choosing = False
        self._begun = True
        self._changed()

    def choose(self, choosing: bool) -> None:
        """Called when the player begins to choose, or has chosen."""
        self._choosing = choosing
        self._changed()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self._changed()

    def _changed(self) -> None:
        """Where the window is closed now, end the slice under way and pause the worker."""
        closed = not self.window_open
        if closed:
            self._closed_at = self._clock()
            self.stop[0] = 1
        self._pause_worker(closed)

    def frame(self, frame_ms: float, slack_ms: float = 0.0) -> None:
        """Called when a frame has been drawn, `frame_ms` after the one before it, with so much of it left to wait; or
        after that wait (`Gaps`)."""
        self._framed_at = now = self._clock()
        self._gaps.frame(now, 1e-3 * frame_ms, 1e-3 * slack_ms)
        gap_known = self.learning_time == "thread" and not self._one_processor and self._gaps.known(now)
        self._frames.frame(frame_ms, self._worked or self._working, gap_known)
        self._worked = False
        if self.window_open:
            self.starvation.seen_from_game(self._clock())

    def takes(self) -> bool:
        """Whether to use the time granted now: `share` of the grants are, each whole, since a part may fit no step."""
        self._due += self.share
        if self._due < 1.0:
            return False
        self._due -= 1.0
        return True

    def grant(self, seconds: float) -> float:
        """Let the trainer work for `seconds` from now on, a second at most; 0 or less revokes the grant.

        Returns the seconds granted.
        """
        seconds = min(seconds, LONGEST_GRANT_S) if seconds > 0.0 else 0.0  # NaN gives 0
        self._granted_until = self._clock() + seconds
        if not seconds:
            self.stop[0] = 1
        self._overrun_s *= FORGIVEN  # fades, so that a step that fitted no grant is tried again some seconds later
        return seconds

    # ---------------------------------------------------------------------------------------------------- either

    @property
    def window_open(self) -> bool:
        """Whether learning may go on now."""
        return self._in_window and not self.paused and not self.rest

    @property
    def has_frames(self) -> bool:
        """Whether the game draws frames now."""
        return self._clock() - self._framed_at < FRAMES_GONE_S

    @property
    def _in_window(self) -> bool:
        return self.window == "always" or self._break or (self._choosing and self.window == "while_choosing")

    @property
    def share(self) -> float:
        """Share of the time in a window that learning may take, 0.05 to 1."""
        return min(self._frames.share, self._duty_cycle)

    @property
    def why(self) -> str:
        """Why the window is open or closed, and what slows learning down; for the panel."""
        if self.paused:
            return "learning is off"
        if self.rest:
            return self.rest
        if not self._in_window:
            return "a round is being played" if self._begun else "no battle has begun yet"
        occasion = "always" if self.window == "always" else "between rounds" if self._break else "while you choose"
        if self.starvation.sentence:
            return f"{occasion}. {self.starvation.sentence}"
        if self._frames.between and self.share == self._duty_cycle:
            return f"{occasion}; frames came late, so learning keeps to the time between them"
        if self.share == 1.0:
            return occasion
        why = "the settings say so" if self.share == self._duty_cycle else "frames came late"
        return f"{occasion}; {why}, so learning takes {100 * self.share:.0f}% of the time"

    @property
    def held_back(self) -> str:
        """What holds learning back now, as a sentence; "" where nothing does but the length of the windows."""
        late = "Frames came late, so learning takes a part of the time alone."
        gives_way = self._frames.between or self.share < self._duty_cycle
        return self.rest or self.starvation.sentence or late * gives_way

    def report(self) -> dict[str, Any]:
        """Plain data for the panel and the headless table."""
        return {"open": self.window_open, "why": self.why, "share": self.share, "run_on_ms": self.run_on_ms}

    @property
    def run_on_ms(self) -> float | None:
        """99th percentile of how long slices ran on after a window closed, in ms; None: none did."""
        run_ons = sorted(self._run_ons)
        return 1e3 * run_ons[int(0.99 * (len(run_ons) - 1))] if run_ons else None

    # ------------------------------------------------------------------------------------------ the trainer's thread

    def look(self) -> None:
        """Read the machine's figures anew, at most four times a second."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_PERIOD_S
        self.reading = self._read_machine()
        rested, self.rest = self.rest, self._limits.rest_reason(self.reading, self.has_frames)
        if rested != self.rest:
            self._changed()

    def budget(self, hurried: bool = False) -> float:
        """Time budget of the next slice in seconds; 0: none now. `hurried`: the game draws nothing and waits."""
        now, pumped = self._clock(), self.learning_time == "pump"
        self.stop[0] = 0  # before the window is read: one that closes in between sets it again
        budget = HURRIED_SLICE_S if hurried else SLICE_S
        if pumped and not hurried:
            budget = min(SLICE_S, self._granted_until - now - self._overrun_s)
        if not (hurried or pumped):
            budget = min(budget, self._left_of_gap(now))
        rests = not hurried and not pumped and now < self._rest_until
        self._working = self.window_open and not rests and budget >= LEAST_SLICE_S
        if self._working:
            self.starvation.begins(now)
        elif self.window_open and not rests:
            self.starvation.waits(now)
        else:
            self.starvation.idle()
        return budget if self._working else 0.0

    def _left_of_gap(self, now: float) -> float:
        """Seconds until a slice has to end for the next frame; where that is too soon, learning rests until the gap
        after it."""
        if not (self._one_processor or self._frames.between) or not self._gaps.known(now):
            return SLICE_S
        left, rest_until = self._gaps.left(now)
        self._rest_until = max(self._rest_until, rest_until)
        return left

    @property
    def wait_s(self) -> float:
        """Seconds to sleep before asking for a budget again."""
        left = self._rest_until - self._clock()
        return min(max(left, 0.0005), LOOK_PERIOD_S) if self.learning_time == "thread" else 0.05

    def worked(self, seconds: float, budget_s: float, done: bool = True) -> None:
        """Count a slice that took `seconds` with a budget of `budget_s`; `done`: there was something to do."""
        now = self._clock()
        self._worked, self._working = self._worked or done, False
        self.starvation.worked(now)
        self._overrun_s += 0.1 * (min(max(0.0, seconds - budget_s), MOST_OVERRUN_S) - self._overrun_s)
        if not self.window_open and self._closed_at:
            self._run_ons.append(min(seconds, now - self._closed_at))
        self._rest_until = now + seconds * (1.0 / self.share - 1.0)
