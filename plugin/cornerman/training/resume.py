"""Checkpoints of the live trainer: what they hold and when they are saved.

A checkpoint holds the learner and a few figures, no transitions: the replay buffer is refilled from the stored battles,
and those newer than the checkpoint are credited with learning steps. So a kill costs what was learned since the last
checkpoint, never what was recorded. The trainer's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import NDArray

from cornerman.contract import ModelError
from cornerman.files.checkpoint_file import CheckpointFile

PERIOD_S = 120.0
MOST_SHARE = 0.01
"""Largest share of the time that saving may take: a large network on a slow disk is saved less often."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a checkpoint holds beside the learner's arrays."""

    steps_due: float = 0.0  # gradient steps credited and not yet taken
    candidates: int = 0  # so far
    candidate_steps: int = 0  # learning steps when the last candidate was made
    transitions: Mapping[str, int] = field(default_factory=dict)  # learned from so far, by source
    reached: int | None = None  # battles from this number on came later; None: nobody knows
    from_player: bool = True  # whether what was learned goes back to the player's battles
    trials: Mapping[str, Any] = field(default_factory=dict)  # of candidates in live battles; empty: none so far

    @classmethod
    def of(cls, notes: Mapping[str, Any]) -> Progress:
        """From a checkpoint's plain data; ModelError where something is missing or of another type."""
        try:
            return cls(
                float(notes["steps_due"]),
                int(notes["candidates"]),
                int(notes["candidate_steps"]),
                {str(source): int(count) for source, count in notes["transitions"].items()},
                None if notes["reached"] is None else int(notes["reached"]),
                bool(notes["from_player"]),
                dict(notes.get("trials") or {}),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The checkpoint does not hold what it should ({error}).") from error


class Checkpoints:
    """Saves the learner after a promotion, and every `PERIOD_S` where anything was learned since."""

    def __init__(
        self, file: CheckpointFile, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`tell` gets a message where the disk refuses, once until saving works again."""
        self._file, self._tell, self._clock = file, tell, clock
        self._steps = 0
        self._at = clock() + PERIOD_S
        self._failing = False

    def due(self, steps: int) -> bool:
        """Whether to save now, after so many learning steps in all."""
        return steps != self._steps and self._clock() >= self._at

    def hurry(self) -> None:
        self._at = self._clock()

    def save(self, steps: int, arrays: Arrays, progress: Progress, ending: bool = False) -> None:
        """Save, and schedule the next time; a disk that refuses is reported, at the `ending` by ModelError."""
        began = self._clock()
        try:
            self._file.save(arrays, asdict(progress))
            self._failing = False
        except ModelError as error:
            if ending:
                raise
            if not self._failing:
                self._tell(str(error))
            self._failing = True
        now = self._clock()
        self._steps, self._at = steps, now + max(PERIOD_S, (now - began) / MOST_SHARE)

    def load(self) -> tuple[Arrays, Progress] | None:
        """The last checkpoint, or the one before it where that is damaged; None where neither is usable."""
        saved, sentences = self._file.load()
        found: tuple[Arrays, Progress] | None = None
        try:
            found = None if saved is None else (saved[0], Progress.of(saved[1]))
        except ModelError as error:
            sentences.append(str(error))
        for sentence in sentences:
            start = "the checkpoint before it" if found else "the champion"
            self._tell(f"{sentence} Learning goes on from {start}.")
        return found
