"""Checkpoint file: arrays and plain data from which learning is resumed, kept twice. The trainer's thread owns it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cornerman.contract import ModelError
from cornerman.files.atomic import disk_errors, first_sound, parse_object, read_file, rename, replace_file, unlink
from cornerman.files.tensor_file import Arrays, seal, unseal

FILE_NAME, SPARE_NAME = "resume.safetensors", "resume.previous.safetensors"
MAX_BYTES = 2**30
_WHAT = "The state of learning"


class CheckpointFile:
    """The learner's state between two sessions."""

    def __init__(self, data_dir: Path, made_for: str = "") -> None:
        """`made_for` names the game, its actions and features: a state of another one is refused. "": any will do."""
        self._path, self._spare, self._made_for = data_dir / FILE_NAME, data_dir / SPARE_NAME, made_for

    def save(self, arrays: Arrays, notes: Mapping[str, Any]) -> int:
        """Store arrays, and plain data such as generator states; returns how many bytes that took.

        ModelError, with the last state kept, on failure.
        """
        data = seal(arrays, {"notes": json.dumps(notes, allow_nan=False), "made_for": self._made_for}, _WHAT)
        if len(data) > MAX_BYTES:
            raise ModelError(f"{_WHAT} is {len(data):,} bytes, more than the {MAX_BYTES:,} that can be read back.")
        with disk_errors(f"{_WHAT} could not be saved", "; the last one is kept"):
            if self._path.exists():
                rename(self._path, self._spare)
            replace_file(self._path, data)
        return len(data)

    def load(self) -> tuple[tuple[dict[str, NDArray[Any]], dict[str, Any]] | None, list[str]]:
        """Arrays and plain data as saved last, or the time before where that is damaged; and sentences about damage.

        None for the pair where nothing was saved, or nothing of it can be used.
        """
        return first_sound((self._path, self._spare), self._read)

    def erase(self) -> None:
        """Delete both copies; ModelError when they cannot be deleted."""
        with disk_errors(f"{_WHAT} could not be erased"):
            unlink(self._path)
            unlink(self._spare)

    def _read(self, path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, texts = unseal(read_file(path, MAX_BYTES, _WHAT), f"{_WHAT} ({path.name})")
        made_for = texts.get("made_for")
        if made_for and self._made_for and made_for != self._made_for:
            raise ModelError(f"{_WHAT} ({path.name}) is that of another game, or of other actions or features.")
        return arrays, parse_object(texts.get("notes", "").encode(), _WHAT)
