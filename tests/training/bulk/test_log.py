"""Log of bulk training: what cannot be written is said, and sentences come once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cornerman.files.figures_log import FiguresLog
from cornerman.training.bulk.log import BulkLog


def test_shorten_drops_what_was_written_later(tmp_path: Path) -> None:
    log = BulkLog(tmp_path / "log.jsonl", lambda _: None)
    assert log.num_bytes == 0
    log.write({"event": "first"})
    size = log.num_bytes
    log.write({"event": "second"})
    log.shorten(size)
    assert (tmp_path / "log.jsonl").read_text("utf-8") == '{"event": "first"}\n'
    log.shorten(10 * size)
    assert log.num_bytes == size


def test_say_once_says_and_writes_a_sentence_once_and_a_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    log = BulkLog(tmp_path / "log.jsonl", said.append)
    assert [log.say_once("It stopped.", "fault") for _ in range(2)] == [True, False]
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"event": "fault", "reason": "It stopped."}]
    BulkLog(tmp_path / "no folder" / "log.jsonl", said.append).write({"event": "first"})
    assert said == ["It stopped.", "The log cannot be written (No such file or directory)."]


def test_full_disk_under_tensorboard_costs_one_message_and_no_progress(tmp_path: Path) -> None:
    class Full:
        def write(self, figures: dict[str, Any], step: int) -> None:
            raise OSError("No space left on device")

    said: list[str] = []
    log = BulkLog(tmp_path / "log.jsonl", said.append, FiguresLog(tmp_path, 0.0, said.append, Full))  # type: ignore[arg-type]
    entry = dict.fromkeys(("decisions", "decisions_per_s", "steps", "battles", "version", "rating"), 1)
    for _ in range(2):
        log.progress({**entry, "score": {"random": 0.5}})
    assert len((tmp_path / "log.jsonl").read_text("utf-8").splitlines()) == 2
    assert said == ["TensorBoard gets no more figures: No space left on device"]
