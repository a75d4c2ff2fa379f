"""kill -9 of a session that records and learns: what was acknowledged is there on the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KILLS = 10


@pytest.mark.skipif(not (hasattr(signal, "SIGKILL") and hasattr(os, "fork")), reason="no kill and no fork here")
def test_every_acknowledged_battle_is_there_on_the_next_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_sessions", str(tmp_path), str(KILLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lives = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(lives) == KILLS
    for acknowledged, came_back, _ in lives:
        assert came_back >= acknowledged
    assert lives[-1][2] > 3 * KILLS  # every session added some
