"""Plugins are found, loaded and isolated: whatever one does, the game goes on and says so in a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import game_adapter.host.host
from game_adapter.host.hooks import SLOW_HOOK_MS
from game_adapter.host.host import FAILURE_PERIOD_S, FAILURES_ALLOWED, Host, LoadedPlugin
from tests.support.dropped_plugins import NamedGame, drop
from tests.support.paths import ROOT

MASK = (True, False, True)
CALLED = """
def __init__(self):
    self.calls = []
def report(self):
    return {"calls": list(self.calls)}
"""


@pytest.fixture(autouse=True)
def forget_test_plugins() -> Iterator[None]:
    """A plugin's modules stay loaded for a process: what a test loaded must not meet the next one."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0].startswith("fake_"):
            del sys.modules[name]


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def host_of(plugins: Path, **settings: Any) -> Host:
    host = Host(plugins, plugins.parent / "data", NamedGame(), settings)
    host.load()
    return host


def choose(host: Host) -> int | None:
    return host.choose_action(1, 0, {"round": 1, "characters": []}, MASK)


def only(host: Host) -> LoadedPlugin:
    assert len(host.loaded) == 1
    return host.loaded[0]


# ------------------------------------------------------------------------------------------------------------- loading


def test_without_a_folder_the_game_has_no_plugins(tmp_path: Path) -> None:
    host = host_of(tmp_path / "nowhere")
    assert host.plugins == []
    assert host.messages == [
        f"No plugins folder at {tmp_path / 'nowhere'}: the computer's side plays its scripted fighter."
    ]
    assert choose(host) is None
    assert host.event(object()) is False
    host.frame(16.0, 5.0)
    host.quit()


def test_an_empty_folder_and_folders_that_are_no_plugins_are_said_once(plugins: Path) -> None:
    (plugins / "notes").mkdir()
    (plugins / "plugin.toml").write_text("", "utf-8")
    host = host_of(plugins)
    assert host.plugins == []
    assert host.messages == [f"No plugin in {plugins}: the computer's side plays its scripted fighter."]


def test_a_plugin_is_given_game_data_folder_and_wishes(plugins: Path) -> None:
    drop(plugins, "fake_a", CALLED + "def on_load(self, **what):\n    self.calls.append(what)\n")
    host = host_of(plugins, seed=7)
    plugin = only(host)
    assert (plugin.on, plugin.reason, plugin.version, plugin.summary) == (True, "", "1.2", "A plugin of the tests.")
    data_dir = plugins.parent / "data" / "fake_a"
    assert data_dir.is_dir()
    told = {"game": host.game, "data_dir": str(data_dir), "settings": {"seed": 7}, "progress": None}
    assert host.report("fake_a") == {"calls": [told]}
    assert host.messages == []
    assert host.report("nobody") is None


@pytest.mark.parametrize("answer", [False, True, None])
def test_a_plugin_hears_what_the_loading_screen_answers(plugins: Path, answer: bool | None) -> None:
    for name in ("fake_a", "fake_b"):
        drop(plugins, name, CALLED + "def on_load(self, progress):\n    self.calls.append(progress('waking ...'))\n")
    host = Host(plugins, plugins.parent / "data", NamedGame())
    host.load(lambda line: answer if line == "waking ..." else line)
    assert host.report("fake_a") == host.report("fake_b") == {"calls": [answer]}
    assert host.messages == []


@pytest.mark.parametrize(
    ("before", "hooks"),
    [
        ("raise RuntimeError('ouch')", "def on_quit(self): ..."),
        ("import sys; sys.exit('ouch')", "def on_quit(self): ..."),
        ("", "def __init__(self): raise RuntimeError('ouch')\ndef on_quit(self): ..."),
        ("", "on_quit = property(lambda self: 1 / 0, doc='ouch')"),
        ("", "def on_load(self, weather): 'ouch'"),
        ("", "def on_lod(self): 'ouch'"),
        ("(", "def on_quit(self): 'ouch'"),
    ],
)
def test_one_that_does_not_load_is_refused_and_the_next_one_loads(plugins: Path, before: str, hooks: str) -> None:
    drop(plugins, "fake_a", hooks, before)
    drop(plugins, "fake_b", "def choose_action(self): return 2")
    host = host_of(plugins)
    (refused,) = host.refused
    assert (refused.name, refused.on) == ("fake_a", False)
    assert host.messages == [f"fake_a was not loaded: {refused.reason}"]
    assert refused.reason.endswith(".") or "?" in refused.reason
    assert only(host).name == "fake_b"
    assert choose(host) == 2


def test_the_sentence_of_a_failed_import_names_the_error(plugins: Path) -> None:
    drop(plugins, "fake_a", "def on_quit(self): ...", "raise RuntimeError('the moon is full.')")
    assert host_of(plugins).messages == [
        "fake_a was not loaded: its code does not load (RuntimeError: the moon is full)."
    ]


def test_a_folder_without_its_package_or_class_is_refused(plugins: Path) -> None:
    (drop(plugins, "fake_a", "def on_quit(self): ...") / "__init__.py").unlink()
    (drop(plugins, "fake_b", "def on_quit(self): ...") / "main.py").write_text("class Other: ...", "utf-8")
    host = host_of(plugins)
    assert "copy the whole folder" in host.messages[0]
    assert "Plugin" in host.messages[1]
    assert host.loaded == []


def test_one_that_raises_in_on_load_is_off_and_try_again_loads_it(plugins: Path) -> None:
    drop(
        plugins,
        "fake_a",
        """
        loads = 0
        def on_load(self):
            self.loads += 1
            if self.loads == 1:
                raise OSError("no disk")
        def choose_action(self):
            return 2
        """,
    )
    host = host_of(plugins)
    plugin = only(host)
    assert (plugin.on, plugin.reason) == (False, "fake_a failed in on_load (OSError: no disk).")
    assert choose(host) is None
    host.try_again("fake_a")
    assert (plugin.on, plugin.reason) == (True, "")
    assert choose(host) == 2


def test_a_data_folder_that_cannot_be_made_refuses_the_plugin(plugins: Path) -> None:
    drop(plugins, "fake_a", "def on_quit(self): ...")
    (plugins.parent / "data").write_text("a file", "utf-8")
    host = host_of(plugins)
    assert host.loaded == []
    assert len(host.messages) == 1
    assert "its data cannot be kept in" in host.messages[0]


# ------------------------------------------------------------------------------------------------------------ failures

FAILS = """
def on_turn(self):
    raise RuntimeError("ouch")
def choose_action(self):
    return 2
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The host's idea of now, in seconds, as a list of one."""
    now = [1000.0]
    monkeypatch.setattr(game_adapter.host.host.time, "monotonic", lambda: now[0])
    return now


def test_a_hook_that_raises_is_said_and_after_three_the_plugin_is_off(plugins: Path, clock: list[float]) -> None:
    drop(plugins, "fake_a", FAILS)
    host = host_of(plugins)
    for _ in range(FAILURES_ALLOWED - 1):
        host.tell("on_turn")
        clock[0] += 10
    assert host.messages == ["fake_a failed in on_turn (RuntimeError: ouch)."] * 2
    assert choose(host) == 2, "two failures switch nothing off"
    host.tell("on_turn")
    assert "now off after 3 failures" in host.messages[-1]
    assert host.messages[-1].endswith("the game goes on without it.")
    plugin = only(host)
    assert (plugin.on, choose(host)) == (False, None)
    assert plugin.reason == "switched off after 3 failures: fake_a failed in on_turn (RuntimeError: ouch)"
    host.tell("on_turn")
    assert len(host.messages) == host.num_said == 3, "a plugin that is off is not called"
    host.try_again("fake_a")
    assert (plugin.on, plugin.reason, choose(host)) == (True, "", 2)
    host.tell("on_turn")
    assert plugin.on, "the count begins anew"


def test_failures_far_apart_switch_nothing_off(plugins: Path, clock: list[float]) -> None:
    drop(plugins, "fake_a", FAILS)
    host = host_of(plugins)
    for _ in range(6):
        host.tell("on_turn")
        clock[0] += FAILURE_PERIOD_S / 2
    assert only(host).on
    assert host.num_said == 6


def test_sys_exit_in_a_hook_does_not_end_the_game(plugins: Path) -> None:
    drop(plugins, "fake_a", "def on_turn(self):\n    raise SystemExit(3)")
    host = host_of(plugins)
    host.tell("on_turn")
    assert host.messages == ["fake_a failed in on_turn (SystemExit: 3)."]


def test_an_interrupt_in_a_hook_reaches_the_game(plugins: Path) -> None:
    drop(plugins, "fake_a", "def on_turn(self):\n    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        host_of(plugins).tell("on_turn")


@pytest.mark.parametrize("answer", ["1", "3", "-1", "10**30", "'strike'", "1.0", "float('nan')"])
def test_an_answer_that_is_no_legal_action_is_no_opinion_and_is_said(plugins: Path, answer: str) -> None:
    drop(plugins, "fake_a", f"def choose_action(self): return {answer}")
    host = host_of(plugins)
    assert choose(host) is None
    assert host.messages == [f"fake_a chose {eval(answer)!r}, which is not a legal action."]
    for _ in range(2):
        choose(host)
    assert not only(host).on, "an illegal answer counts as a failure"


def test_a_numpy_integer_is_an_action(plugins: Path) -> None:
    drop(plugins, "fake_a", "def choose_action(self): return numpy.int64(2)", "import numpy")
    answer = choose(host_of(plugins))
    assert (answer, type(answer)) == (2, int)


def test_of_two_plugins_the_first_legal_opinion_wins_and_both_hear_the_news(plugins: Path) -> None:
    drop(plugins, "fake_a", "opinion = None\ndef choose_action(self): return self.opinion\n")
    both = "def choose_action(self): return 2\ndef on_round_end(self, round): self.calls.append(round)\n"
    drop(plugins, "fake_b", CALLED + both)
    drop(plugins, "fake_c", CALLED + both.replace("2", "0"))
    host = host_of(plugins)
    assert choose(host) == 2, "fake_a has no opinion, fake_b comes before fake_c"
    sys.modules["fake_a.main"].Plugin.opinion = 1  # illegal
    assert choose(host) == 2
    sys.modules["fake_a.main"].Plugin.opinion = 0
    assert choose(host) == 0
    host.tell("on_round_end", battle_id=1, round=5)
    assert host.report("fake_b") == host.report("fake_c") == {"calls": [5]}


def test_the_first_plugin_that_uses_an_event_up_keeps_it(plugins: Path) -> None:
    takes = "def on_event(self, event):\n    self.calls.append(event)\n    return event == 'mine'\n"
    drop(plugins, "fake_a", CALLED + takes)
    drop(plugins, "fake_b", CALLED + takes)
    host = host_of(plugins)
    assert host.event("mine") is True
    assert host.event("other") is False
    assert host.report("fake_a") == {"calls": ["mine", "other"]}
    assert host.report("fake_b") == {"calls": ["other"]}


def test_a_slow_hook_is_told_unless_it_may_be_slow(plugins: Path) -> None:
    slow = f"    time.sleep({SLOW_HOOK_MS / 1e3 + 0.02})\n"
    drop(plugins, "fake_a", f"def on_load(self):\n{slow}def on_turn(self):\n{slow}", "import time")
    host = host_of(plugins)
    assert host.messages == []
    host.tell("on_turn")
    (sentence,) = host.messages
    assert sentence.startswith("fake_a held the game for ")
    assert sentence.endswith(" ms in on_turn.")
    assert only(host).on


def test_a_report_that_is_no_mapping_is_none(plugins: Path) -> None:
    drop(plugins, "fake_a", "def report(self): return 'fine'")
    assert host_of(plugins).report("fake_a") is None


def test_quit_reaches_one_that_was_switched_off(plugins: Path) -> None:
    """It may still have a thread that keeps the process alive."""
    drop(plugins, "fake_a", FAILS + "quits = []\ndef on_quit(self): self.quits.append(1)\n")
    host = host_of(plugins)
    for _ in range(FAILURES_ALLOWED):
        host.tell("on_turn")
    host.quit()
    assert sys.modules["fake_a.main"].Plugin.quits == [1]
    assert choose(host) is None


def test_trace_prints_every_call_with_its_answer(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORNERMAN_TRACE", "1")
    drop(
        plugins,
        "fake_a",
        "def on_load(self): ...\ndef choose_action(self): return 2\ndef on_turn(self): raise OSError(3)",
    )
    host = host_of(plugins)
    choose(host)
    host.tell("on_turn", action=2)
    host.tell("on_draw", surface=None)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("(")[0] for line in lines] == ["fake_a.on_load", "fake_a.choose_action", "fake_a.on_turn"]
    assert "-> 2 " in lines[1]
    assert "seat=0" in lines[1]
    assert lines[2].endswith("raised OSError(3)")


def test_without_trace_nothing_is_printed(plugins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop(plugins, "fake_a", "def choose_action(self): return 2")
    choose(host_of(plugins))
    assert capsys.readouterr() == ("", "")


# ----------------------------------------------------------------------------------------------------------- one copy

LOAD = """
from pathlib import Path
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
host = Host("plugins", "data", RINGSIDE, {"learning": False})
host.load()
print("LOADED", [(p.name, p.on) for p in host.loaded], host.messages)
"""


def in_process(folder: Path, code: str) -> str:
    paths = os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def dropped(plugins: Path) -> Path:
    shutil.copytree(ROOT / "plugin" / "cornerman", plugins / "cornerman", ignore=shutil.ignore_patterns("__pycache__"))
    return plugins / "cornerman"


def test_an_installed_copy_that_came_first_refuses_the_dropped_one(dropped: Path) -> None:
    output = in_process(dropped.parent.parent, "import cornerman\n" + LOAD)
    installed = ROOT / "plugin" / "cornerman" / "__init__.py"
    assert "LOADED [] " in output
    assert f"another copy of cornerman is already loaded from {installed}: use only one of the two." in output


def test_a_dropped_copy_that_came_first_is_the_one_that_import_gives(dropped: Path) -> None:
    code = LOAD + "import cornerman, cornerman.settings, cornerman.evaluation.ratings, sys\n"
    code += (
        "print(*{m.__file__.split('cornerman')[0] for n, m in sys.modules.items() if n.split('.')[0] == 'cornerman'})"
    )
    output = in_process(dropped.parent.parent, code)
    assert "LOADED [('cornerman', True)]" in output
    assert output.splitlines()[-1] == f"{dropped.resolve().parent}/"
