"""Log of figures: how machine and training fared, one JSON object a line in `log/figures.jsonl`, at an interval.

It holds figures alone, nothing of what a player did; Forget erases it all the same. Two files of `MAX_BYTES` at most: a
full one takes the place of the older one. Who owns the data folder's files writes (the trainer's thread, or bulk
training); the game's thread only counts frames. A disk that refuses costs one message.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from cornerman.contract import CornermanError, ModelError
from cornerman.files.atomic import parse_object, read_file, rename
from cornerman.settings import Settings

FOLDER, FILE_NAME, OLDER_NAME = "log", "figures.jsonl", "figures.1.jsonl"
MAX_BYTES = 2 * 2**20
"""Of one file; at 10 seconds some 14 hours."""
MAX_READ_BYTES = 64 * 2**20
NO_FRAME_MS = 250.0  # longer than this, the game was doing something else
MAX_FRAMES = 20_000  # counted between two lines


class TensorBoard:
    """Writes figures for TensorBoard into a folder; needs the package tensorboard, but neither torch nor tensorflow."""

    def __init__(self, folder: Path) -> None:
        """CornermanError where the package is not installed."""
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise CornermanError("TensorBoard has to be installed for that (pip install tensorboard).") from error
        self._writer = Writer(str(folder))

    def write(self, figures: Mapping[str, Any], step: int) -> None:
        """Add what is a number, by its name."""
        for name, value in figures.items():
            if type(value) in (int, float):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class FiguresLog:
    """The log that one session adds to."""

    def __init__(
        self,
        data_folder: Path,
        interval_s: float,
        say: Callable[[str], None],
        board: Callable[[], TensorBoard] | None = None,
        clock: Callable[[], float] = time.monotonic,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """`interval_s` 0 writes nothing. `board` makes what gets the figures too, at the first line."""
        self._folder, self._interval_s, self._say = data_folder / FOLDER, interval_s, say
        self._make_board, self._clock, self._max_bytes = board, clock, max_bytes
        self._board: TensorBoard | None = None
        self._session, self._began = round(time.time()), clock()
        self._due = self._began + interval_s
        self._frames: dict[bool, deque[float]] = {at: deque(maxlen=MAX_FRAMES) for at in (True, False)}
        self._failed = False
        self._torn = True  # whether the file may end within a line, as after a kill

    @classmethod
    def of(cls, data_folder: Path, settings: Settings, say: Callable[[str], None]) -> FiguresLog:
        """The log that the settings ask for."""
        board = partial(TensorBoard, data_folder / FOLDER / "tensorboard") if settings.log_tensorboard else None
        return cls(data_folder, settings.log_interval_s, say, board)

    def frame(self, frame_ms: float, window_open: bool) -> None:
        """Count a frame that was drawn `frame_ms` after the one before it. The game's thread."""
        if self._interval_s and 0.0 < frame_ms < NO_FRAME_MS:
            self._frames[window_open].append(frame_ms)

    @property
    def due(self) -> bool:
        return self._interval_s > 0.0 and self._clock() >= self._due

    def write(self, figures: Mapping[str, Any], step: int) -> None:
        """Add a line of plain values by name; None and what is not finite are left out. `step`: for the board."""
        now = self._clock()
        self._due = now + self._interval_s
        given = {**figures, **self._frame_times("open"), **self._frame_times("closed")}
        known = {name: value for name, value in given.items() if value is not None}
        entry = {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in known.items()
            if not isinstance(value, float) or isfinite(value)
        }
        try:
            self._append(json.dumps({"session": self._session, "at": round(now - self._began, 1), **entry}) + "\n")
        except OSError as error:
            if not self._failed:
                self._say(f"The log of machine and training cannot be written ({error.strerror or error}).")
            self._failed = self._torn = True
        self.tell_board(entry, step)

    def _frame_times(self, window: str) -> dict[str, float]:
        """Of the frames since the last line, while training windows were open or closed."""
        counted, times = self._frames[window == "open"], list[float]()
        while counted:
            times.append(counted.popleft())
        if not times:
            return {}
        times.sort()
        half, most = times[len(times) // 2], times[int(0.99 * (len(times) - 1))]
        return {f"{window}_frames": len(times), f"{window}_p50_ms": round(half, 2), f"{window}_p99_ms": round(most, 2)}

    def _append(self, line: str) -> None:
        path = self._folder / FILE_NAME
        self._folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size + len(line) > self._max_bytes:
            rename(path, self._folder / OLDER_NAME)
        begin = "\n" * (self._torn and path.exists())
        with path.open("a", encoding="utf-8") as file:
            file.write(begin + line)
        self._torn = False

    def tell_board(self, figures: Mapping[str, Any], step: int) -> None:
        """Give TensorBoard figures by name, where it was asked for; what it raises costs a message and the rest."""
        if self._make_board is None:
            return
        try:
            self._board = self._board or self._make_board()
            self._board.write(figures, step)
        except Exception as error:  # noqa: BLE001 - another package's files and threads; the log goes on without
            self._make_board = None
            self._say(f"TensorBoard gets no more figures: {error}")

    def erase(self) -> None:
        """Delete every line of this session and earlier ones; OSError where they cannot be deleted."""
        if self._board is not None:
            self._board.close()
            self._board = None
        if os.path.exists(self._folder):
            shutil.rmtree(self._folder)


def read_figures(data_folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Every line of the log, oldest first, and sentences about what could not be read; also while it is written."""
    newest, sentences = read_lines(data_folder / FOLDER / FILE_NAME)
    older, more = read_lines(data_folder / FOLDER / OLDER_NAME)
    if newest and older[: len(newest)] == newest:  # it was full in between, and has become the older one
        return older, more
    return older + newest, more + sentences


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The JSON objects of a file, one a line, and a sentence where the file or some lines cannot be read; a file that
    does not exist is empty."""
    if not os.path.exists(path):
        return [], []
    try:
        lines = read_file(path, MAX_READ_BYTES, "The log").splitlines()
    except ModelError as error:
        return [], [str(error)]
    entries, damaged = list[dict[str, Any]](), list[int]()
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                entries.append(parse_object(line, "The line"))
        except ModelError:
            damaged.append(number)
    if not damaged:
        return entries, []
    what = f"line {damaged[0]}" if len(damaged) == 1 else f"{len(damaged):,} lines, the first is line {damaged[0]},"
    return entries, [f"{path.name}: {what} cannot be read and is left out."]
