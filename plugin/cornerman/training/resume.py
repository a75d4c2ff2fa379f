"""Where training stands, as data: from it the next session goes on. A part of `TrainingLoop` in a room of its own.

At a clean end everything is saved, and the next session does exactly what this one would have done. Now and then in
between, what was learned is saved without the memory of play: after a kill it comes back with the battles that the
journal kept since, which are due to be learned from. The trainer's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cornerman.contract import ModelError
from cornerman.policy.policy import Policy

if TYPE_CHECKING:
    from cornerman.training.training_loop import TrainingLoop

PERIOD_S = 120.0
MOST_SHARE = 0.01
"""Of the time, where saving takes long: a large network on a slow disk is saved less often."""


class Schedule:
    """When to save what was learned: after a promotion, and now and then where anything was learned since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._steps = clock, 0
        self._at = clock() + PERIOD_S

    def due(self, steps: int) -> bool:
        """Whether to save now, after so many learning steps in all."""
        return steps != self._steps and self._clock() >= self._at

    def hurry(self) -> None:
        """As soon as there is anything new to save."""
        self._at = self._clock()

    def saved(self, steps: int, began: float) -> None:
        """It was saved, or tried to, from the clock's `began` until now."""
        now = self._clock()
        self._steps, self._at = steps, now + max(PERIOD_S, (now - began) / MOST_SHARE)


def whole(training: TrainingLoop) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that decides what is learned next, as arrays and plain data."""
    arrays, notes = _learned(training)
    memory, remembered = training.memory.state()
    burst, notes["burst"] = training._burst.state()
    arrays |= memory | {f"burst.{name}": array for name, array in burst.items()}
    arrays["newest"] = training._newest.flat
    notes |= {**remembered, "beside": training.beside(), "champion": training._lineage.champion.version}
    if training._practice is not None:
        practice, notes["practice"] = training._practice.state()
        arrays |= {f"practice.{name}": array for name, array in practice.items()}
    if training._judge is not None and training._candidate is not None:
        arrays["candidate"] = training._candidate.flat
    return arrays, notes


def progress(training: TrainingLoop) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was learned and from how much; between two bursts."""
    arrays, notes = _learned(training)
    reached = training.memory.safe.reached()
    return arrays, notes | {"rows": dict(training.memory.rows), "numbers": {"journal": reached}}


def _learned(training: TrainingLoop) -> tuple[dict[str, Any], dict[str, Any]]:
    notes = {
        "owed": training._owed,
        "candidates": training._candidates,
        "from_player": training._from_player,
        "learned_at_candidate": training._learned_at_candidate,
    }
    return dict(training._learner.state()), notes


def take(training: TrainingLoop, arrays: Mapping[str, Any], notes: Mapping[str, Any]) -> bool:
    """Become what `whole` described; False where only what was learned could be taken, and the memory is empty.

    ModelError where it is no use at all.
    """
    learner = training._learner
    learner.restore(dict(arrays))
    training._from_player = bool(notes.get("from_player", True))
    training._newest = Policy(learner.spec, learner.averaged())
    training._candidates, training._learned_at_candidate = int(notes.get("candidates", 0)), learner.steps
    try:
        training._owed, training._learned_at_candidate = float(notes["owed"]), int(notes["learned_at_candidate"])
        if not training.memory.restore(arrays, notes):
            return False
        training._newest = Policy(learner.spec, np.asarray(arrays["newest"], np.float32))
        training._burst.restore(_part(arrays, "burst."), notes["burst"])
        if training._practice is not None and "practice" in notes:
            parts = _part(arrays, "practice."), notes["practice"]
            training._practice.restore(*parts, training._champion, training._safe.take_practice)
    except (ModelError, KeyError, TypeError, ValueError) as error:
        training._metrics.event(f"Learning goes on with the kept battles, but not exactly where it stopped ({error}).")
        training.memory.empty()
        return False
    if "candidate" in arrays and notes.get("champion") == training._lineage.champion.version:
        # A judgement depends on its seeds alone, so one that was cut off comes out the same from its beginning.
        training._judge_candidate(Policy(learner.spec, np.asarray(arrays["candidate"], np.float32), version=-1))
    return True


def resume(training: TrainingLoop) -> Mapping[str, Any]:
    """Go on from what was saved last; gives what was kept beside then, where it is exactly the same place."""
    saved, sentences = training._resume_file.load()
    exact = taken = False
    try:
        if saved is not None:
            exact, taken = take(training, *saved), True
    except ModelError as error:
        sentences.append(str(error))
    if not taken:
        training.start_over()
    for sentence in sentences:
        whence = "what was saved before" if taken else "the champion"
        training._metrics.event(f"{sentence} Learning goes on from {whence}.")
    if not exact:
        training._owe(training.memory.refill(_ends(saved[1]) if taken and saved is not None else {}))
    return saved[1].get("beside", {}) if exact and saved is not None else {}


def _ends(notes: Mapping[str, Any]) -> dict[str, int]:
    """From which number on battles came after what was saved, by their kind; empty where nobody knows."""
    try:
        return {str(kind): int(number) for kind, number in notes["numbers"]["journal"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose names begin so, without that."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
