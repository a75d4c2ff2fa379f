"""Kills, swaps, cycles and ends of `make torture`, a little of each: it finds nothing, and goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture import __main__ as torture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9, fork and sessions are POSIX")

RUNS = {"swap": 20_000, "kill": 8, "cycle": 200, "worker": 1}
LONG = ("cycle", "worker")


@pytest.mark.parametrize("what", [pytest.param(what, marks=[pytest.mark.long] * (what in LONG)) for what in RUNS])
def test_a_little_of_each_finds_nothing(what: str, tmp_path: Path) -> None:
    """In a process of its own: only one without threads may fork."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", what, str(RUNS[what])],
        cwd=tmp_path,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "torture.json").read_text())
    assert counts[torture.COUNTED[what][0]] >= RUNS[what]
    if what == "kill":
        assert counts["kill.battles"] > RUNS["kill"]
        assert counts["kill.versions"] > 0
        assert counts["kill.rolled_back"] > 0
        for fault in ("unreadable", "lost", "wrong_weights", "failed"):
            assert counts[f"kill.{fault}"] == 0
