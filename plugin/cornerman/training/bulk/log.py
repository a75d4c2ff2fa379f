"""Log of bulk training: sentences for a person, log.jsonl for machines, and TensorBoard where it was asked for.

Beside it lies the log of machine and training that a game keeps as well (files/figures_log.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cornerman.files.figures_log import FiguresLog
from cornerman.training.bulk.bar import Bar

TRAINING = ("decisions_per_s", "steps", "battles", "version", "rating")
"""What TensorBoard gets of the progress, beside the scores."""


class BulkLog:
    """Where a run reports to. A file that cannot be written is said; training goes on without."""

    def __init__(
        self, path: Path, say: Callable[[str], None], figures: FiguresLog | None = None, bar: Bar | None = None
    ) -> None:
        """`figures`: the log of machine and training, whose TensorBoard gets the progress too; None: there is none."""
        self.bar = bar or Bar(say)
        self.say, self._path = self.bar.say, path
        self.figures = figures or FiguresLog(path.parent, 0.0, say)
        self._said: set[str] = set()

    def say_once(self, sentence: str, event: str) -> bool:
        """Say a sentence that was not said before, and write it as an event; False where it was."""
        if sentence in self._said:
            return False
        self._said.add(sentence)
        self.say(sentence)
        self.write({"event": event, "reason": sentence})
        return True

    def write(self, entry: Mapping[str, Any]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
        except OSError as error:
            self.say(f"The log cannot be written ({error.strerror or error}).")

    def progress(self, entry: Mapping[str, Any]) -> None:
        self.write({"event": "progress", **entry})
        figures = {f"train/{name}": entry[name] for name in TRAINING}
        figures |= {f"score/{name}": score for name, score in entry["score"].items()}
        self.figures.tell_board(figures, entry["decisions"])

    @property
    def num_bytes(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def shorten(self, num_bytes: int) -> None:
        """Drop what was written after a checkpoint: it is done again, and comes out the same."""
        try:
            if self.num_bytes > num_bytes:
                os.truncate(self._path, num_bytes)
        except OSError as error:
            self.say(f"The log cannot be shortened ({error.strerror or error}).")
