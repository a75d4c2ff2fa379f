"""What a plugin does wrong stays with it: failures switch it off by steps, crashes lead to a safe start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

import game_adapter.host.host
from game_adapter.host.crash_marker import CrashMarker
from game_adapter.host.host import Host
from game_adapter.host.manifest import ManifestError, read_manifest
from game_adapter.host.match import PLUGIN, SCRIPTED, Match
from game_adapter.ringside.game import RINGSIDE

MANIFEST = """[plugin]
name = "{name}"
version = "0.3"
api = 1
entry = "{name}.code:Plugin"
summary = "A plugin of the tests."
{more}
"""
CODE = """
import time
class Plugin:
    learning = None
    def on_load(self, settings):
        self.settings = settings
    def set_learning(self, on):
        self.learning = on
    def report(self):
        return {{"learning": self.learning, "settings": dict(self.settings)}}
    {hook}
"""
NAMES = iter(f"hostile_{number}" for number in range(1000))


def plugin_in(folder: Path, hook: str = "", more: str = "") -> str:
    """A plugin of a name of its own (a package is loaded once a process); `hook` is a method of it."""
    name = next(NAMES)
    (folder / name).mkdir(parents=True)
    (folder / name / "plugin.toml").write_text(MANIFEST.format(name=name, more=more))
    (folder / name / "__init__.py").write_text("")
    (folder / name / "code.py").write_text(CODE.format(hook=hook))
    return name


def loaded(tmp_path: Path, hook: str = "", **options: Any) -> tuple[Host, str]:
    name = plugin_in(tmp_path / "plugins", hook)
    host = Host(tmp_path / "plugins", tmp_path / "data", RINGSIDE, **options)
    host.load()
    return host, name


def play(host: Host, turns: int = 10_000) -> list[float]:
    """A battle in which the plugin has a seat; how long every turn took, in seconds."""
    bot = RINGSIDE.bots["random"]
    match = Match(host, RINGSIDE.new_battle(1), 1, {0: PLUGIN, 1: SCRIPTED}, bot, Random(1))
    took = []
    while not match.over and len(took) < turns:
        if match.between_rounds:
            match.start_round()
        start = time.perf_counter()
        match.play(match.decide())
        took.append(time.perf_counter() - start)
    return took


RAISES = "def choose_action(self): raise RuntimeError('no idea')"


def test_three_failures_switch_learning_off_three_more_the_plugin_and_try_again_both_on(tmp_path: Path) -> None:
    host, name = loaded(tmp_path, RAISES)
    plugin = host.loaded[0]
    play(host, 6)
    assert plugin.on
    assert plugin.learning_off
    assert "learning switched off after 3 failures" in plugin.reason
    assert host.report(name)["learning"] is False  # type: ignore[index]
    play(host, 12)
    assert not plugin.on
    assert "RuntimeError: no idea" in plugin.reason
    assert any("it is now off" in sentence for sentence in host.messages)
    host.try_again(name)
    assert (plugin.on, plugin.learning_off, plugin.reason) == (True, False, "")
    assert host.report(name)["learning"] is True  # type: ignore[index]


def test_failures_far_apart_switch_nothing_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = loaded(tmp_path, RAISES)
    clock = [0.0]
    monkeypatch.setattr(game_adapter.host.host.time, "monotonic", lambda: clock[0])
    for _ in range(9):
        clock[0] += 151.0
        assert host.choose_action(1, 0, {}, [True]) is None
    assert host.loaded[0].on
    assert not host.loaded[0].learning_off


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (RAISES, "failed in choose_action"),
        ("def choose_action(self): return 'heavy'", "chose 'heavy', which is not a legal action"),
        ("def choose_action(self): return float('nan')", "not a legal action"),
        ("def choose_action(self): return 10**30", "not a legal action"),
        ("def choose_action(self): return bytearray(2**28)", "chose a bytearray, which is not a legal action"),
        ("def choose_action(self): return 10**9999", "chose a int, which is not a legal action"),
        (
            "def on_turn(self): self.kept = [bytearray(2**20) for _ in range(64)]; raise MemoryError",
            "failed in on_turn",
        ),
        ("def choose_action(self): return self.choose_action()", "RecursionError"),
        ("def choose_action(self): raise SystemExit", "SystemExit"),
    ],
)
def test_hostile_hooks_cost_nothing_but_their_calls(tmp_path: Path, hook: str, said: str) -> None:
    host, _ = loaded(tmp_path, hook)
    took = play(host)
    assert len(took) > 5, "the battle did not go on"
    assert any(said in sentence for sentence in host.messages)
    assert sorted(took)[len(took) // 2] < 0.016, "the frame rate was lost"


@pytest.mark.parametrize("seconds", [0.5, pytest.param(5.0, marks=pytest.mark.long)])
def test_a_hook_that_hangs_costs_its_own_call_alone_and_is_told(tmp_path: Path, seconds: float) -> None:
    hang = f"def choose_action(self):\n        if self.learning is None: self.learning = 0; time.sleep({seconds})"
    host, name = loaded(tmp_path, hang)
    took = play(host)
    slow = [each for each in took if each > 0.1]
    assert len(slow) == 1
    assert seconds <= slow[0] < seconds + 0.3
    assert len(took) > 5, "the battle did not go on"
    assert sorted(took)[len(took) // 2] < 0.016, "the frame rate was lost"
    held = [sentence for sentence in host.messages if f"{name} held the game for" in sentence]
    assert len(held) == 1
    assert f"for {seconds * 1e3:.0f}"[:5] in held[0]  # and some milliseconds more


# ------------------------------------------------------------------------------------------------------------ crashes

CRASH = """
import os, sys
from game_adapter.host.host import Host
host = Host(sys.argv[1] + "/none", sys.argv[1] + "/data", None, mode=sys.argv[2])
host.load()
os._exit(1)
"""


def crash(folder: Path, mode: str, before: str = "") -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = CRASH.replace("import os, sys", f"import os, sys; {before}")
    subprocess.run([sys.executable, "-c", code, str(folder), mode], env=environment, timeout=60, check=False)


def test_after_two_crashes_the_next_start_is_safe_and_after_its_crash_nothing_loads(tmp_path: Path) -> None:
    crash(tmp_path, "window")
    host, name = loaded(tmp_path, mode="window")
    assert host.report(name)["settings"] == {}  # type: ignore[index]
    host.quit()
    for _ in range(2):
        crash(tmp_path, "window")
    host, _ = loaded(tmp_path, mode="window")
    assert host.report(host.loaded[0].name)["settings"] == {"safe_mode": True}  # type: ignore[index]
    assert "2 times in a row. This is a safe start" in host.messages[0]
    host.quit()
    for _ in range(3):
        crash(tmp_path, "window")
    host, _ = loaded(tmp_path, mode="window")
    assert host.loaded == []
    assert "the safe start before ended unexpectedly" in host.refused[0].reason
    host.quit()
    host, _ = loaded(tmp_path, mode="window")
    assert host.settings == {}
    host.quit()


def test_headless_runs_and_other_modes_trip_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        crash(tmp_path, "")
        crash(tmp_path, "kiosk")
    marker = CrashMarker(tmp_path / "data", "window")
    assert marker.begin() == 0
    marker.end()


def test_crashes_of_one_process_id_are_counted(tmp_path: Path) -> None:
    """In a container the game has the same process id at every start."""
    for _ in range(4):
        crash(tmp_path, "window", "os.getpid = lambda: 1")
    marker = CrashMarker(tmp_path / "data", "window")
    assert marker.begin() == 4
    assert CrashMarker(tmp_path / "data", "window").begin() == 4, "a second game of this process is no crash"
    marker.end()


def test_a_second_window_is_no_crash(tmp_path: Path) -> None:
    code = CRASH.replace("os._exit(1)", "print('up', flush=True); sys.stdin.read(); host.quit()")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    arguments = [sys.executable, "-c", code, str(tmp_path), "window"]
    with subprocess.Popen(arguments, stdin=-1, stdout=-1, stderr=-1, text=True, env=environment) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "up\n"
        marker = CrashMarker(tmp_path / "data", "window")
        assert marker.begin() == 0
        marker.end()
        first.communicate(timeout=30)


@pytest.mark.parametrize("damage", [b"", b"\xff", b"[1]", b'{"window": "x"}', b"[" * 100_000])
def test_damaged_counts_are_no_crash(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "unclean-ends.json").write_bytes(damage)
    assert CrashMarker(tmp_path, "window").begin() == 0


# ------------------------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ('host = ">=2"', "needs host >=2, and this is host 1.0: get a newer game"),
        ('host = ">=0.5,<1"', "needs host >=0.5,<1, and this is host 1.0: get a newer plugin"),
        ('python = ">=3.99"', r"needs Python >=3.99, and this is Python 3.\d+: get a newer Python"),
        ('host = "newest"', "host must be a range such as"),
        ("host = 1", "host must be a range such as"),
    ],
)
def test_an_incompatible_host_or_plugin_is_refused_with_both_versions(tmp_path: Path, more: str, sentence: str) -> None:
    name = plugin_in(tmp_path, more=more)
    with pytest.raises(ManifestError, match=sentence):
        read_manifest(tmp_path / name)


@pytest.mark.parametrize("more", ["", 'host = ">=1,<2"', 'host = ">=1.0"', 'python = ">=3.11,<4"'])
def test_a_compatible_one_is_not(tmp_path: Path, more: str) -> None:
    assert read_manifest(tmp_path / plugin_in(tmp_path, more=more)).version == "0.3"


def test_safe_mode_plays_what_is_stored_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cornerman.plugin import Cornerman;"
        "from game_adapter.ringside.game import RINGSIDE; plugin = Cornerman();"
        f"plugin.on_load(RINGSIDE, {str(tmp_path)!r}, {{'safe_mode': True}});"
        "assert plugin.slot.champion.version == 0; assert plugin.trainer is None;"
        "plugin.on_quit(); sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
