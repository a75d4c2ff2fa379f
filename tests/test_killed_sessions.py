"""kill -9 of a game that records, learns, promotes and rolls back: what was acknowledged is there on the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 8


@pytest.mark.skipif(not (hasattr(signal, "SIGKILL") and hasattr(os, "fork")), reason="no kill and no fork here")
def test_killed_at_any_moment_nothing_that_was_acknowledged_is_lost_or_wrong(tmp_path: Path) -> None:
    """A few kills of `make torture`, in a process of its own: only one without threads may fork."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "kill", str(KILLS)],
        cwd=tmp_path,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "torture.json").read_text())
    assert counts["kill.runs"] == KILLS
    assert counts["kill.battles"] > KILLS
    assert counts["kill.versions"] > 0
    assert counts["kill.rolled_back"] > 0
    faults = ("unreadable", "lost", "wrong_weights", "failed")
    assert {fault: counts[f"kill.{fault}"] for fault in faults} == dict.fromkeys(faults, 0)
