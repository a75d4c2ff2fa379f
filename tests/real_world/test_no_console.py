"""No standard output, as under pythonw or in a windowed build: the work succeeds, and so does the command.

Rule: streams are made usable before anything is printed or opened (cli/output.py); a process that is started takes over
no descriptor that its parent does not have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cornerman.__main__ import main
from game_adapter.__main__ import main as play
from game_adapter.ringside.game import RINGSIDE
from tests.support.bulk_command import QUICK, RINGSIDE_NAME
from tests.support.paths import ROOT, environment
from tests.support.stored_versions import store_versions

EVALUATE = ["evaluate", "--game", RINGSIDE_NAME, "--battles", "2", "--bot", "random"]


def run_without(closed: tuple[int, ...], *command: str) -> int:
    """Exit status of a command of Python whose descriptors are closed from the start."""

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    command = (sys.executable, *command)
    return subprocess.run(command, env=environment(), preexec_fn=close, cwd=ROOT, timeout=120).returncode


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        ((1,), EVALUATE, 0),
        ((1, 2), EVALUATE, 0),
        ((0, 1, 2), ["versions", "--tree"], 0),
        ((1, 2), ["evaluate", "--game", "nothing"], 1),
        ((1, 2), ["dance"], 2),
    ],
    ids=["output", "output and error", "all three", "a refusal", "a wrong command line"],
)
def test_commands_end_with_their_own_status(
    tmp_path: Path, closed: tuple[int, ...], arguments: list[str], status: int
) -> None:
    store_versions(tmp_path, RINGSIDE)
    data = ["--data", str(tmp_path)] if status == 0 else []
    assert run_without(closed, "-m", "cornerman", *arguments, *data) == status


def test_streams_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pythonw sets them, with descriptors that exist."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    status = main(["versions", "--data", str(tmp_path / "nothing")])
    streams = [sys.stdout, sys.stderr]
    assert status == 1
    for stream in streams:
        stream.close()


def test_a_game_plays_without_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    folders = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--plugins", str(tmp_path)]
    assert play(["--headless", "--battles", "1", *folders]) == 0


def test_training_without_a_console(tmp_path: Path) -> None:
    """Files are opened under free numbers: what a library prints must not end up in one of them."""
    (tmp_path / "settings.toml").write_text(QUICK)
    options = ["--decisions", "1", "--workers", "1", "--report-battles", "2", "--ladder-battles", "0"]
    command = ["train", "--game", "tests.real_world.talking_game:QUIET", "--data", str(tmp_path), *options]
    assert run_without((0, 1, 2), "-m", "cornerman", *command) == 0
    log = (tmp_path / "bulk" / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["event"] for line in log][-1] == "checkpoint"


def test_a_worker_of_a_game_without_a_console(tmp_path: Path) -> None:
    """The game's rules print in the worker, which must disturb neither its battles nor its answers."""
    code = f"""
import numpy as np
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.orders import PRESENT, collecting
from cornerman.selfplay.worker_process import WorkerProcess
from cornerman.settings import Settings
options = {{"hidden": (8,), "seed": 0, "number": 0, "background": False}}
worker = WorkerProcess("tests.real_world.talking_game:TALKING", options)
flat = draw(NetworkSpec(18, 3, (8,)), np.random.default_rng(0))
worker.order({{PRESENT: flat}}, collecting(Settings(), {{PRESENT: 0}}, {{"random": 1.0}}, {{"itself": 1.0}}))
_, notes = worker.answer(60.0)
worker.close()
open({str(tmp_path / "answer")!r}, "w").write(str(notes["battles"] > 0 and not notes.get("dropped")))
"""
    assert run_without((2,), "-c", code) == 0
    assert (tmp_path / "answer").read_text() == "True"
