"""Crashes are counted by markers that no process locks; after two the start is safe, after three nothing is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from game_adapter.host.crash_marker import CrashMarker
from game_adapter.host.host import BACK
from tests.support.dropped_plugins import drop, host_of, run_python
from tests.support.paths import ROOT, environment

GAME = """
import os, sys
from game_adapter.host import Host
host = Host(sys.argv[1] + "/none", sys.argv[1] + "/data", None, mode=sys.argv[2])
host.load()
"""
SETTINGS = "def on_load(self, settings): self.settings = settings\ndef report(self): return dict(self.settings)"


def crash(folder: Path, mode: str = "window", before: str = "") -> None:
    run_python(folder, f"import os; {before}\n{GAME}os._exit(0)", str(folder), mode)


def test_two_crashes_make_the_next_start_safe_and_a_third_loads_nothing(plugins: Path) -> None:
    folder = plugins.parent
    drop(plugins, "fake_a", SETTINGS)
    for crashes, safe in ((1, False), (2, True)):
        for _ in range(crashes):
            crash(folder)
        host = host_of(plugins, mode="window")
        assert host.report("fake_a") == ({"safe_mode": True} if safe else {})
        started = [said for said in host.messages if "2 times in a row. This is a safe start" in said]
        assert bool(started) is safe
        assert all(BACK in said for said in started)
        host.quit()
    for _ in range(3):
        crash(folder)
    host = host_of(plugins, mode="window")
    assert host.loaded == []
    assert "the safe start before ended unexpectedly, too (3 times in a row). " in host.refused[0].reason
    assert "Quit the game once as usual, so that it calls host.quit(), and the next start loads it" in host.messages[0]
    assert len(host.messages) == 1, "nothing else is said, which would contradict it"
    host.quit()
    host = host_of(plugins, mode="window")
    assert host.settings == {}
    host.quit()


def test_crashes_of_windows_are_counted_also_of_one_process_id(tmp_path: Path) -> None:
    """In a container the game has the same process id at every start; headless runs and other modes do not count."""
    for mode in ("", "kiosk"):
        crash(tmp_path, mode)
    for _ in range(4):
        crash(tmp_path, before="os.getpid = lambda: 1")
    marker = CrashMarker(tmp_path / "data", "window")
    assert marker.begin() == 4
    assert CrashMarker(tmp_path / "data", "window").begin() == 4, "a second game of this process is no crash"
    marker.end()


def test_second_window_at_the_same_time_is_no_crash(tmp_path: Path) -> None:
    code = GAME + "print('up', flush=True); sys.stdin.read(); host.quit()"
    arguments = [sys.executable, "-c", code, str(tmp_path), "window"]
    with subprocess.Popen(arguments, stdin=-1, stdout=-1, stderr=-1, text=True, env=environment(ROOT)) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "up\n"
        marker = CrashMarker(tmp_path / "data", "window")
        assert marker.begin() == 0
        marker.end()
        first.communicate(timeout=30)


@pytest.mark.parametrize("damage", [b"", b"\xff", b"[1]", b'{"window": "x"}', b"[" * 100_000])
def test_damaged_counts_are_no_crash_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    (tmp_path / "unclean-ends.json").write_bytes(damage)
    for _ in range(2):
        marker = CrashMarker(tmp_path, "window")
        assert marker.begin() == 0
        marker.end()
    assert caplog.text.count("unclean ends are counted anew") == 1


def test_safe_mode_plays_the_stored_version_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from game_adapter.host import Host; from game_adapter.ringside.game import RINGSIDE\n"
        "host = Host(sys.argv[1], 'data', RINGSIDE, {'safe_mode': True}); host.load()\n"
        "report = host.report('cornerman'); host.quit()\n"
        "print(report['version'], report['plugin']['learning'], 'torch' in sys.modules)"
    )
    assert run_python(tmp_path, code, str(ROOT / "plugin"), paths=(ROOT,)) == "1 False False\n"
