"""Log of bulk training: sentences for a person, log.jsonl for machines, and TensorBoard where it was asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cornerman.contract import CornermanError


class BulkLog:
    """Where a run reports to. A file that cannot be written is said; training goes on without."""

    def __init__(self, path: Path, say: Callable[[str], None], tensorboard: Path | None = None) -> None:
        """`tensorboard`: a folder; CornermanError where that package is not installed."""
        self.say, self._path = say, path
        self._board = None if tensorboard is None else _tensorboard(tensorboard)
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
        if self._board is not None:
            self._board(entry)

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


def _tensorboard(folder: Path) -> Callable[[Mapping[str, Any]], None]:
    """A writer of progress entries for TensorBoard, by decisions; it needs the package tensorboard beside torch."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise CornermanError("--tensorboard needs it installed (pip install tensorboard torch).") from error
    writer: Any = SummaryWriter(str(folder))  # untyped

    def write(entry: Mapping[str, Any]) -> None:
        figures = {
            f"train/{name}": entry[name] for name in ("decisions_per_s", "steps", "battles", "version", "rating")
        }
        figures |= {f"score/{name}": score for name, score in entry["score"].items()}
        for name, value in figures.items():
            if value is not None:
                writer.add_scalar(name, value, entry["decisions"])
        writer.flush()

    return write
