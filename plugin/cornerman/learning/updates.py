"""Gradient steps of a running game: credited for what was recorded, taken in bursts that end early when told to.

The trainer's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cornerman.experience.replay_buffer import ReplayBuffers
from cornerman.learning.learner import Learner
from cornerman.learning.processors import only_one
from cornerman.learning.sliced_burst import Flag, SlicedBurst
from cornerman.learning.teachers import Teachers, Who, better_actions, weights_by_role, weights_of
from cornerman.policy.policy import Policy
from cornerman.settings import Settings

Arrays = Mapping[str, NDArray[Any]]

MOST_BURSTS, MOST_BURSTS_ON_ONE = 16, 4
"""Bursts drawn at once: less Python between steps, which keeps the game's thread waiting. Fewer on a single processor,
where drawing 16 of them takes 3 ms of it, in which no frame can begin."""
FIRST_STEPS = 1000
"""Learning steps to begin imitation with, once there is enough to imitate."""


class Figures(Protocol):
    """What takes the figures of learning: training/metrics.py."""

    def set(self, **figures: Any) -> None: ...
    def measured(self, at: float, **figures: float | None) -> None: ...
    def get(self, name: str, otherwise: Any = None) -> Any: ...
    def did(self, name: str, count: int, seconds: float) -> None: ...
    def event(self, text: str) -> None: ...


class Updates:
    """Gradient steps: credited for new transitions, taken in bursts that end early where `stop` is set."""

    def __init__(
        self,
        learner: Learner,
        buffers: ReplayBuffers,
        teachers: Teachers,
        settings: Settings,
        metrics: Figures,
        stop: Flag,
    ) -> None:
        self.learner, self.teachers, self.stop = learner, teachers, stop
        self.newest = Policy(learner.spec, learner.averaged())
        """The averaged weights after the last whole burst."""
        self.due = 0.0  # steps credited and not yet taken
        self.live_rate = settings.updates_per_transition
        """Steps for each transition of a live battle."""
        self.imitating = False
        self._imitated: list[Who] = []
        self.sound: Arrays | None = None  # the learner at the last candidate: what to go back to
        self._buffers, self._settings, self._metrics = buffers, settings, metrics
        count_steps = partial(metrics.did, "steps")
        self._burst = SlicedBurst(learner, settings.batch_size, count_steps, stop, self._step_clock)

    @property
    def steps(self) -> int:
        """Learning steps so far, earlier sessions included."""
        return self.learner.steps

    def imitate(self, on: bool, by_lot: bool = False) -> None:
        """Imitate whoever fares best from now on, or nobody; where those decide by lot, imitate what did best."""
        self.imitating, settings, buffer = on, self._settings, self._buffers.player
        self.live_rate = settings.updates_per_watched if on and not by_lot else settings.updates_per_transition
        before, self._imitated = self._imitated, self.teachers.imitated() if on else []
        if self._imitated and by_lot:
            advantages = self.teachers.advantages()
            buffer.weigh(partial(weights_by_role, advantages), partial(better_actions, advantages))
        elif before or self._imitated:
            buffer.weigh(partial(weights_of, self._imitated))

    def credit(self, transitions: int, rate: float) -> None:
        """Credit `rate` steps for each of `transitions` new ones; at most as many in all as for a full buffer of live
        transitions, however long learning was off."""
        most = self._settings.updates_per_transition * self._settings.replay_capacity
        self.due = min(self.due + rate * transitions, most)

    @property
    def pending(self) -> bool:
        """Whether a burst is under way."""
        return self._burst.pending

    def begin(self, budget_s: float) -> None:
        """Begin the whole bursts that are due, a few at a time; before the buffer is warm the credit is dropped."""
        settings = self._settings
        if len(self._buffers) < settings.warm:
            self.due = 0.0
            return
        if self.imitating and not self.steps:
            self.due += FIRST_STEPS
        at_once = min(MOST_BURSTS_ON_ONE if only_one() else MOST_BURSTS, int(self.due / settings.burst_steps))
        self.due -= at_once * settings.burst_steps
        self._burst.clock = self._step_clock
        self._burst.begin(self._buffers, settings.burst_steps, at_once)
        self.advance(budget_s)

    def advance(self, budget_s: float) -> None:
        """Take steps of the burst under way within the time budget."""
        loss = self._burst.advance(budget_s)
        if loss is None:
            return
        learner, metrics = self.learner, self._metrics
        self.newest = Policy(learner.spec, learner.averaged())
        metrics.set(steps=learner.steps, dropped=learner.dropped, device=learner.device)
        if np.isfinite(loss):
            metrics.measured(learner.steps, loss=loss)
        if learner.fault and metrics.get("fault") != learner.fault:
            metrics.set(fault=learner.fault)
            metrics.event(learner.fault)

    def restart(self, policy: Policy) -> None:
        """Restart the learner from a policy's weights; the burst under way is dropped."""
        self._burst.drop()
        self.newest = policy
        self.learner.load(policy.flat)

    def restore(self, arrays: Arrays) -> None:
        """Restore a stored learner; ModelError where it does not fit."""
        self._burst.drop()
        self.learner.restore(dict(arrays))
        self.newest = Policy(self.learner.spec, self.learner.averaged())

    def drop(self) -> None:
        """Drop the rest of the burst under way."""
        self._burst.drop()

    @property
    def _step_clock(self) -> Callable[[], float]:
        """On a CPU, the thread's own time: waiting for the interpreter makes no step longer. Not on a single processor,
        where the steps may run on another thread (`Interruptible`)."""
        return time.thread_time if self.learner.device == "cpu" and not only_one() else time.perf_counter
