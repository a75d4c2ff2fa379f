"""What goes wrong for a player is one clear sentence; the game goes on or ends cleanly, and nothing saved is lost."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.support.ringside_runs import PATIENCE_S, drop_in, finish, link_in, play, start, versions, write_settings
from tests.support.waiting import wait_for

ONE = ("--battles", "1")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display to ask")
def test_missing_display_is_named_and_a_series_is_played(tmp_path: Path) -> None:
    link_in(tmp_path)
    write_settings(tmp_path, "learning = false")
    run = finish(start(tmp_path, *ONE, DISPLAY=None, WAYLAND_DISPLAY=None, SDL_VIDEODRIVER=None), tmp_path)
    run.check_clean()
    assert run.output.splitlines()[0] == (
        "There is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set. "
        "Playing a headless series of a fresh Cornerman instead."
    )
    assert "pygame" not in run.output
    assert run.summary is not None
    assert run.summary["now"] is not None


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt cannot be sent to another process there")
def test_interrupt_in_mid_series_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    folder = tmp_path
    link_in(folder)
    write_settings(folder, 'practice = 1.0\nworker = "thread"')
    process = start(folder, "--headless", "--battles", "5000")
    played = folder / "battles.jsonl"
    wait_for(lambda: played.exists() and len(played.read_text("utf-8").splitlines()) > 2, PATIENCE_S, pause_s=0.05)
    process.send_signal(signal.SIGINT)
    run = finish(process, folder)
    run.check_clean()
    assert "Stopped after " in run.output
    assert run.summary is not None
    assert run.summary["battles"] == len(run.battles) > 2
    stored = versions(folder)
    assert stored
    assert (folder / "data" / "series" / "cornerman" / "resume.safetensors").is_file(), "what was learned is kept"
    write_settings(folder, "learning = false")
    again = play(folder, *ONE)
    again.check_clean()
    assert again.battles[0]["version"] == run.summary["version"]
    assert stored.items() <= versions(folder).items()


def test_copy_that_is_dropped_in_is_used_and_not_the_installed_one(tmp_path: Path) -> None:
    copy = drop_in(tmp_path)
    (copy / "policy" / "policy.py").write_text("raise RuntimeError('the dropped one')\n", "utf-8")
    run = play(tmp_path, *ONE)
    assert "cornerman was not loaded: its code does not load (RuntimeError: the dropped one)." in run.output
