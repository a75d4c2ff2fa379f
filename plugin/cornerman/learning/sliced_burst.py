"""A burst of learning steps in parts that fit a time budget; any parts give the same weights.

The rows of the whole burst are drawn before its first part, so what is learned does not depend on how fast the machine
is. The trainer's thread only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cornerman.experience.replay_buffer import Batch, ReplayBuffers, batch_for
from cornerman.learning.learner import Learner

MOST_LOSS = 100.0
"""A mean Huber loss that no healthy network reaches: returns lie in about -2 to 2."""
MOST_DROPPED = 3
"""Bursts in a row in which no step was finite before learning counts as broken."""

Flag: TypeAlias = NDArray[np.uint8]
"""`[1]`: set to 1 by any thread to end the slice under way after its step or turn."""

YIELD_PERIOD_S, YIELD_S, NO_FRAMES_S = 0.0005, 1e-6, 0.05
"""How often plain Python gives up the interpreter, for how long, and the budget from which on there are no frames."""


def for_a_slice(budget_s: float, stop: Flag) -> Callable[[], bool]:
    """Predicate: within the time budget and not stopped; for loops of plain Python beside a game that draws.

    Such a loop gives up the interpreter every 5 ms only, and frames came 10 ms late. So the predicate sleeps for a
    moment every half millisecond: 0.2 ms late, for a fifth of the turns. A budget of 50 ms or more means no frames.
    """
    begun = yielded = time.perf_counter()
    if budget_s >= NO_FRAMES_S:
        return lambda: not stop[0] and time.perf_counter() - begun < budget_s

    def go_on() -> bool:
        nonlocal yielded
        now = time.perf_counter()
        if now - yielded > YIELD_PERIOD_S:
            time.sleep(YIELD_S)
            now = yielded = time.perf_counter()
        return not stop[0] and now - begun < budget_s

    return go_on


class SlicedBurst:
    """`begin` a burst, then `advance` it until it is no longer `pending`."""

    def __init__(
        self,
        learner: Learner,
        batch_size: int,
        count_steps: Callable[[int, float], object],
        stop: Flag | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`count_steps` gets the steps and the seconds of each part; `stop` ends a part early, from any thread."""
        self._learner, self._batch_size, self._count_steps = learner, batch_size, count_steps
        self._stop, self.clock = stop, clock
        self._memory: tuple[str, Batch[Any]] | None = None  # for rows of bursts, and the device it suits
        self._batch: Batch[Any] | None = None
        self._rows: Any = None  # the batch as the learner prepared it
        self._steps = self._at = self._dropped = 0
        self._step_s = 0.0  # seconds that a step takes, 0 before the first
        self._applied, self._loss = 0, 0.0

    @property
    def pending(self) -> bool:
        """Whether a burst was begun and is not over."""
        return self._batch is not None

    def begin(self, buffers: ReplayBuffers, num_steps: int, at_once: int = 1) -> None:
        """Draw the rows of `at_once` bursts of `num_steps` steps, from both buffers in proportion to their sizes.

        Two bursts at once draw the same rows as one after the other.
        """
        batch, self._steps = self._memory_for(num_steps * at_once), num_steps * at_once
        buffers.sample_many(at_once, (num_steps, self._batch_size), batch)
        self._batch, self._rows, self._at = batch, self._learner.prepare(batch), 0
        self._applied, self._loss = 0, 0.0

    def _memory_for(self, num_steps: int) -> Batch[Any]:
        """Memory for the rows of so many steps: the same every time where it is large enough and suits the device.

        With fresh memory for every burst the process grew by megabytes, as other things took its place in between.
        """
        spec, device, num_rows = self._learner.spec, self._learner.device, self._batch_size * num_steps
        if self._memory is None or self._memory[0] != device or len(self._memory[1].action) < num_rows:
            self._memory = (device, batch_for(device, num_rows, spec.observation_size, spec.num_actions))
        return self._memory[1].part(0, num_rows)

    def drop(self) -> None:
        """Forget the rest of the burst, and how many bursts were dropped."""
        self._batch, self._rows, self._dropped = None, None, 0

    def advance(self, budget_s: float) -> float | None:
        """Learn about as many steps as fit, at least one; the whole burst's mean loss once it is over, else None.

        NaN where every step was dropped. FloatingPointError where learning has come apart: the weights are then no
        good, although they are finite.
        """
        assert self._batch is not None
        fitting = int(budget_s / self._step_s) if self._step_s else 1
        most = max(1, min(fitting, self._steps - self._at))
        begun = self.clock()
        learned = self._learner.learn_rows(self._rows, self._at, most, self._stop)
        seconds, done = self.clock() - begun, learned.steps + learned.dropped
        self._count_steps(done, seconds)
        self._step_s += (0.2 if self._step_s else 1.0) * (seconds / done - self._step_s)
        self._at += done
        if learned.steps:
            self._applied += learned.steps
            self._loss += learned.loss * learned.steps
        if self._at < self._steps:
            return None
        self._batch = self._rows = None
        return self._checked_loss()

    def _checked_loss(self) -> float:
        if not self._applied:
            self._dropped += 1
            if self._dropped >= MOST_DROPPED:
                self._dropped = 0
                raise FloatingPointError(f"no step of {MOST_DROPPED} bursts in a row was finite")
            return math.nan
        self._dropped = 0
        loss = self._loss / self._applied
        if loss > MOST_LOSS:
            raise FloatingPointError(f"the loss went up to {loss:.3g}")
        return loss
