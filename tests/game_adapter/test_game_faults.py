"""What goes wrong for a player is one clear sentence; the game goes on or ends cleanly, and nothing saved is lost."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.ringside_runs import drop_in, finish, play, start

ONE = ("--battles", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A game with the plugin dropped in, which plays and does not learn: a run takes a second or two."""
    drop_in(tmp_path)
    write_settings(tmp_path, "learning = false")
    return tmp_path


def write_settings(folder: Path, text: str) -> None:
    data = folder / "data" / "series" / "cornerman"
    data.mkdir(parents=True, exist_ok=True)
    (data / "settings.toml").write_text(text + "\n", "utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display to ask")
def test_missing_display_and_unknown_setting_are_named_and_the_game_plays(folder: Path) -> None:
    write_settings(folder, "lerning = false")
    run = finish(start(folder, *ONE, DISPLAY=None, WAYLAND_DISPLAY=None, SDL_VIDEODRIVER=None), folder)
    run.check_clean()
    screen, _, setting = run.output.splitlines()[:3]
    assert screen == (
        "There is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set. "
        "Playing a headless series of a fresh Cornerman instead."
    )
    assert str(Path("data/series/cornerman/settings.toml")) in setting
    assert "there is no setting 'lerning'. Did you mean learning?" in setting
    assert "pygame" not in run.output
    assert run.summary is not None
    assert run.summary["now"] is not None, "it plays with the defaults"


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt cannot be sent to another process there")
def test_interrupt_in_mid_series_loses_nothing_that_was_saved(folder: Path) -> None:
    write_settings(folder, "learning = true")
    process = start(folder, "--headless", "--battles", "5000")
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    lines: list[str] = []
    while time.monotonic() < deadline and not (lines and lines[-1].split()[:1] == ["10"]):
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    run = finish(process, folder)
    run.check_clean()
    assert "Stopped after " in run.output
    assert run.summary is not None
    assert run.summary["battles"] == len(run.battles) >= 10
    stored = folder / "data" / "series" / "cornerman" / "versions"
    hashes = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in stored.glob("*/weights.safetensors")}
    assert hashes
    assert (folder / "data" / "series" / "cornerman" / "resume.safetensors").is_file(), "what was learned is kept"
    write_settings(folder, "learning = false")
    again = play(folder, *ONE)
    again.check_clean()
    assert again.battles[0]["version"] == run.summary["version"]
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == sha for path, sha in hashes.items())


def test_these_runs_do_not_find_the_installed_plugin(folder: Path) -> None:
    """Guards the tests above: they must use the dropped copy."""
    (folder / "plugins" / "cornerman" / "policy" / "policy.py").write_text(
        "raise RuntimeError('the dropped one')\n", "utf-8"
    )
    run = play(folder, *ONE)
    assert "cornerman was not loaded: its code does not load (RuntimeError: the dropped one)." in run.output
