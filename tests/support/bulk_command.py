"""`cornerman train` for Ringside in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT, environment

RINGSIDE_NAME = "game_adapter.ringside.game:RINGSIDE"
QUICK = 'device = "cpu"\nfrom_nothing = true\nhidden = [8]\ngate_min_pairs = 2\ngate_max_pairs = 4\n'
"""Settings of a training run of seconds."""


def start_training(
    folder: Path, *options: str, game: str = RINGSIDE_NAME, new_session: bool = False
) -> subprocess.Popen[str]:
    """The running command; everything that it prints goes into its output."""
    arguments = ["--game", game, "--data", str(folder), "--report-battles", "2", "--ladder-battles", "0", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "cornerman", "train", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(RAY_USAGE_STATS_ENABLED="0"),
        start_new_session=new_session,
    )
