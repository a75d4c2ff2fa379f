"""Kills, swaps, cycles and ends of `make torture`, a little of each: it finds nothing, goes on, and would find it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import IO

import pytest

from cornerman.policy.policy import Policy
from tests.support import plugin_operations
from tests.support.plugin_operations import Opened
from tests.torture import __main__ as torture
from tests.torture import worker_runs

RUNS = {"swap": 20_000, "cycle": 36, "kill": 8}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("logging.disable", lambda: None)  # it would be for all the tests after this one
    monkeypatch.setattr(torture, "CYCLES_COUNTED", 6)


@pytest.mark.parametrize("what", ["swap", "cycle"])
def test_a_little_of_each_finds_nothing_and_goes_on_where_it_was(what: str) -> None:
    done = torture.COUNTED[what][0]
    assert torture.main(what, RUNS[what] // 2) == 0
    assert json.loads(torture.FIGURES.read_text())[done] == RUNS[what] // 2
    assert torture.main(what, RUNS[what]) == 0
    assert json.loads(torture.FIGURES.read_text())[done] == RUNS[what]


def test_a_mixture_of_two_versions_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "act", lambda *_: 0)
    assert torture.main("swap", 20_000) == 1


def test_a_file_left_open_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[IO[str]] = []
    promote = plugin_operations.promote

    def leave_open(opened: Opened) -> None:
        left.append(Path(__file__).open())  # noqa: SIM115 - left open is what it is about
        promote(opened)

    monkeypatch.setattr(plugin_operations, "promote", leave_open)
    assert torture.main("cycle", 12) == 1
    for file in left:
        file.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and sessions are POSIX")
def test_game_that_is_ended_leaves_no_process_and_loses_nothing() -> None:
    torture.main("worker", 1)
    counts = json.loads(torture.FIGURES.read_text())
    assert counts["worker.runs"] == len(worker_runs.ENDS)
    assert (counts["worker.left"], counts["worker.lost"], counts["worker.failed"]) == (0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and sessions are POSIX")
def test_process_that_is_left_is_counted_and_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worker_runs, "LEFT_S", 0.05)
    counts: Counter[str] = Counter()
    sleeping: list[int] = []
    lines = worker_runs.game(tmp_path, 0, sleeping.append, "unended", counts)
    assert counts["worker.left"] == 1
    assert "ended" not in lines
    assert worker_runs.processes(sleeping[0]) == []


@pytest.mark.skipif(not (hasattr(signal, "SIGKILL") and hasattr(os, "fork")), reason="no kill and no fork here")
def test_killed_at_any_moment_nothing_that_was_acknowledged_is_lost_or_wrong(tmp_path: Path) -> None:
    """A few kills of `make torture`, in a process of its own: only one without threads may fork."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "kill", str(RUNS["kill"])],
        cwd=tmp_path,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "torture.json").read_text())
    assert counts["kill.runs"] == RUNS["kill"]
    assert counts["kill.battles"] > RUNS["kill"]
    assert counts["kill.versions"] > 0
    assert counts["kill.rolled_back"] > 0
    faults = ("unreadable", "lost", "wrong_weights", "failed")
    assert {fault: counts[f"kill.{fault}"] for fault in faults} == dict.fromkeys(faults, 0)
