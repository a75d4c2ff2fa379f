"""SIGTERM or Ctrl-C to `cornerman train`: what it says then is true, and it ends.

Rule: the data folder is held while something is written there and no longer; whatever takes its time asks whether it
was interrupted. It used to say "everything is saved" and to hold the folder for another minute, until a second signal.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cornerman.contract import ModelError
from cornerman.files.folder_lock import FolderLock
from tests.support.bulk_command import QUICK, start_training
from tests.support.waiting import wait_for

GAME = "tests.support.slow_report:SLOW_REPORT"
SOON_S = 30.0
"""A busy machine ends processes slowly; the report's battles would take a minute."""


def training(folder: Path, *options: str) -> subprocess.Popen[str]:
    (folder / "settings.toml").write_text(QUICK)
    return start_training(folder, "--workers", "1", "--report-battles", "60", *options, game=GAME)


def has(folder: Path, event: str, times: int = 1) -> Callable[[], bool]:
    log = folder / "bulk" / "log.jsonl"
    return lambda: log.is_file() and log.read_text("utf-8").count(f'"event": "{event}"') >= times


def interrupted(running: subprocess.Popen[str], how: signal.Signals) -> str:
    """The output after one signal; AssertionError where it does not end soon."""
    start = time.monotonic()
    running.send_signal(how)
    try:
        out, _ = running.communicate(timeout=SOON_S)
    finally:
        running.kill()
    assert time.monotonic() - start < SOON_S
    assert running.returncode == 0, out
    assert "Traceback" not in out
    return out


def test_sigterm_while_it_trains(tmp_path: Path) -> None:
    running = training(tmp_path, "--minutes", "5", "--checkpoint", "0.1")
    wait_for(has(tmp_path, "checkpoint"), 60.0, pause_s=0.1)
    out = interrupted(running, signal.SIGTERM)
    for part in ("Stopped; everything is saved, and --resume goes on from here.", "Learning curve", "It is stored in"):
        assert part in out
    assert "Cross table" not in out, "its battles would take a minute"
    FolderLock(tmp_path, "the test").close()


def test_ctrl_c_while_the_report_is_made(tmp_path: Path) -> None:
    """Nobody holds the folder meanwhile."""
    running = training(tmp_path, "--decisions", "1")
    wait_for(has(tmp_path, "checkpoint"), 60.0, pause_s=0.1)
    wait_for(lambda: can_hold(tmp_path), SOON_S, pause_s=0.1)
    assert running.poll() is None, running.communicate()[0]
    out = interrupted(running, signal.SIGINT)
    assert "Stopped" not in out, "training came to its end"
    assert "Learning curve" in out
    assert "Cross table" not in out


def test_sigterm_before_the_first_answer_and_ctrl_c_after_resuming(tmp_path: Path) -> None:
    running = training(tmp_path, "--minutes", "5")
    wait_for((tmp_path / "bulk").is_dir, 60.0, pause_s=0.02)
    out = interrupted(running, signal.SIGTERM)
    assert "Stopped; everything is saved" in out
    FolderLock(tmp_path, "the test").close()
    again = training(tmp_path, "--resume", "--minutes", "5")
    wait_for(has(tmp_path, "devices", 2), 60.0, pause_s=0.1)
    assert "Goes on from" in interrupted(again, signal.SIGINT)


def can_hold(folder: Path) -> bool:
    try:
        FolderLock(folder, "the test").close()
    except ModelError:
        return False
    return True
