"""Log of machine and training: at its interval, bounded, whole after a kill; a disk that refuses costs a message."""

from __future__ import annotations

import json
from importlib.util import find_spec
from math import nan
from pathlib import Path

import pytest

from cornerman.contract import CornermanError
from cornerman.files.figures_log import FILE_NAME, FOLDER, OLDER_NAME, FiguresLog, TensorBoard, read_figures
from cornerman.settings import Settings


class Bench:
    """A log whose clock the test moves."""

    def __init__(self, folder: Path, interval_s: float = 10.0, max_bytes: int = 2000) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.log = FiguresLog(folder, interval_s, self.said.append, clock=lambda: self.now, max_bytes=max_bytes)

    def write(self, **figures: object) -> None:
        self.now += 10.0
        self.log.write(figures, 0)


def test_log_is_due_at_its_interval_and_never_at_0(tmp_path: Path) -> None:
    bench, off = Bench(tmp_path), Bench(tmp_path, interval_s=0.0)
    due = []
    for bench.now in (100.0, 109.9, 110.0):
        due.append(bench.log.due)
    bench.write(loss=1.0)
    off.now = 1e9
    assert (due, bench.log.due, off.log.due) == ([False, False, True], False, False)


def test_lines_hold_finite_figures_and_the_frames_since_the_line_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for frame_ms in (*range(1, 101), 0.0, -1.0, 251.0, nan):  # the last four are no frames
        bench.log.frame(frame_ms, window_open=True)
    bench.write(loss=0.5, accuracy=None, steps=7, rest="hot", cpu_percent=nan, battery_percent=float("inf"))
    bench.log.frame(16.0, window_open=False)
    bench.write()
    (first, second), problems = read_figures(tmp_path)
    session = first["session"]
    frames: dict[str, float] = {"open_frames": 100, "open_p50_ms": 51, "open_p99_ms": 99}
    assert first == {"session": session, "at": 10.0, "loss": 0.5, "steps": 7, "rest": "hot", **frames}
    frames = {"closed_frames": 1, "closed_p50_ms": 16.0, "closed_p99_ms": 16.0}
    assert second == {"session": session, "at": 20.0, **frames}
    assert problems == []


def test_log_keeps_two_bounded_files_with_the_newest_lines(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for number in range(300):
        bench.write(number=number)
    assert sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir()) <= 4000
    numbers = [line["number"] for line in read_figures(tmp_path)[0]]
    assert len(numbers) > 30
    assert numbers == list(range(300))[-len(numbers) :]


def test_disk_that_refuses_costs_one_message_and_the_log_goes_on_when_it_can(tmp_path: Path) -> None:
    in_the_way = tmp_path / FOLDER
    in_the_way.write_text("no folder")
    bench = Bench(tmp_path)
    bench.write(number=1)
    bench.write(number=2)
    assert len(bench.said) == 1
    assert bench.said[0].startswith("The log of machine and training cannot be written (")
    in_the_way.unlink()
    bench.write(number=3)
    assert [line["number"] for line in read_figures(tmp_path)[0]] == [3]


def test_line_that_a_kill_cut_off_is_named_and_spoils_no_other(tmp_path: Path) -> None:
    Bench(tmp_path).write(number=1)
    with (tmp_path / FOLDER / FILE_NAME).open("ab") as file:
        file.write(b'{"session": 1, "number": 2')
    after = Bench(tmp_path)
    after.now = 150.0
    after.write(number=3)
    lines, problems = read_figures(tmp_path)
    assert [line["number"] for line in lines] == [1, 3]
    assert problems == ["figures.jsonl: line 2 cannot be read and is left out."]
    (tmp_path / FOLDER / OLDER_NAME).write_bytes(b"\xff\x00\n[1]\nNaN\n" + json.dumps({"number": 0}).encode())
    lines, problems = read_figures(tmp_path)
    assert [line["number"] for line in lines] == [0, 1, 3]
    assert problems[0] == "figures.1.jsonl: 3 lines, the first is line 1, cannot be read and is left out."


def test_erase_deletes_the_log_and_the_next_line_begins_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.log.erase()  # nothing there yet
    bench.write(number=1)
    bench.log.erase()
    assert not (tmp_path / FOLDER).exists()
    bench.write(number=2)
    assert [line["number"] for line in read_figures(tmp_path)[0]] == [2]


def test_tensorboard_gets_the_numbers_or_is_missing_with_one_sentence(tmp_path: Path) -> None:
    said: list[str] = []
    log = FiguresLog.of(tmp_path, Settings(log_tensorboard=True), said.append)
    for step in (1, 2):
        log.write({"source": "game", "loss": 0.25, "window_open": True}, step)
    if find_spec("tensorboard") is None:
        assert said == ["TensorBoard gets no more figures: TensorBoard has to be installed for that "
                        "(pip install tensorboard)."]  # fmt: skip
        with pytest.raises(CornermanError, match="pip install tensorboard"):
            TensorBoard(tmp_path)
    else:
        [events] = (tmp_path / FOLDER / "tensorboard").glob("events.*")
        assert events.read_bytes().count(b"loss") == 2
        log.erase()
        assert not events.exists()
        assert said == []
    log.write({}, 3)
    assert len(read_figures(tmp_path)[0]) == (3 if find_spec("tensorboard") is None else 1)
