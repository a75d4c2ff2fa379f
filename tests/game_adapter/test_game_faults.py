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


def test_an_unknown_setting_is_named_with_its_file_and_a_suggestion(folder: Path) -> None:
    write_settings(folder, "lerning = false")
    run = play(folder, *ONE)
    run.check_clean()
    sentence = run.output.splitlines()[0]
    assert str(Path("data/series/cornerman/settings.toml")) in sentence
    assert "there is no setting 'lerning'. Did you mean learning?" in sentence
    assert run.summary is not None
    assert run.summary["now"] is not None, "it plays with the defaults"


def test_a_broken_manifest_leaves_the_scripted_fighter(folder: Path) -> None:
    manifest = folder / "plugins" / "cornerman" / "plugin.toml"
    manifest.write_text("[plugin\n", "utf-8")
    run = play(folder, *ONE)
    run.check_clean()
    sentence = run.output.splitlines()[0]
    assert sentence.startswith("cornerman was not loaded: ")
    assert str(manifest.relative_to(folder)) in sentence
    assert sentence.endswith("copy the plugin again.")
    assert len(run.battles) == 1


def test_a_hook_that_raises_switches_the_plugin_off_and_the_series_goes_on(folder: Path) -> None:
    path = folder / "plugins" / "cornerman" / "plugin.py"
    source = path.read_text("utf-8")
    assert source.count("    def on_turn(\n") == 1
    path.write_text(
        source.replace(
            "    def on_turn(\n",
            "    def on_turn(self, battle_id):\n        raise RuntimeError('ouch')\n\n    def never(\n",
        ),
        "utf-8",
    )
    run = play(folder, "--battles", "2")
    run.check_clean()
    told = [line for line in run.output.splitlines() if "failed in on_turn (RuntimeError: ouch)" in line]
    assert len(told) == 6
    assert told[2].endswith("it plays on, but learns no more.")
    assert told[-1].endswith("it is now off after 3 failures, and the game goes on without it.")
    assert len(run.battles) == 2


def test_a_damaged_champion_is_said_and_the_stored_files_stay(folder: Path) -> None:
    play(folder, *ONE).check_clean()
    (weights,) = (folder / "data" / "series" / "cornerman" / "versions").glob("*/weights.safetensors")
    data = bytearray(weights.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 8):
        data[place] ^= 0xFF
    weights.write_bytes(data)
    run = play(folder, *ONE)
    run.check_clean()
    assert "The weights of version 0 differ from what was saved" in run.output.splitlines()[0]
    assert "the computer's side starts anew" in run.output
    assert weights.read_bytes() == data, "what is damaged may still be mended by its owner"
    assert run.summary is not None
    assert run.summary["version"] == 1
    assert run.summary["now"] is not None
    assert run.summary["untrained"] is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display to ask")
def test_without_a_display_it_says_so_in_one_line_and_plays_headless(folder: Path) -> None:
    process = start(folder, *ONE, DISPLAY=None, WAYLAND_DISPLAY=None, SDL_VIDEODRIVER=None)
    run = finish(process, folder)
    run.check_clean()
    assert run.output.splitlines()[0] == (
        "There is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set. "
        "Playing a headless series of a fresh Cornerman instead."
    )
    assert len(run.battles) == 1
    assert "pygame" not in run.output


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt cannot be sent to another process there")
def test_an_interrupt_in_mid_series_ends_it_with_a_summary_and_nothing_saved_is_lost(folder: Path) -> None:
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


def test_the_installed_plugin_is_not_what_these_runs_play(folder: Path) -> None:
    """Guards the tests above: they must use the dropped copy."""
    (folder / "plugins" / "cornerman" / "policy" / "policy.py").write_text(
        "raise RuntimeError('the dropped one')\n", "utf-8"
    )
    run = play(folder, *ONE)
    assert "cornerman was not loaded: its code does not load (RuntimeError: the dropped one)." in run.output
