"""Plugins are found, loaded and isolated: whatever one does, the game goes on and a sentence says so."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

from game_adapter.host import Host, Match
from game_adapter.host.hooks import SLOW_HOOK_MS
from game_adapter.host.loaded_plugin import FAILURE_PERIOD_S, FAILURES_ALLOWED, LoadedPlugin
from game_adapter.host.match import PLUGIN, SCRIPTED
from game_adapter.ringside.game import RINGSIDE
from tests.support.dropped_plugins import CALLED, NamedGame, drop, host_of, run_python
from tests.support.paths import ROOT
from tests.support.ringside_runs import drop_in

MASK = (True, False, True)
FAILS = "def on_quit(self): self.quits.append(1)\nquits = []\ndef on_frame(self): raise RuntimeError('ouch')\n"
FAILS += "def choose_action(self): return 2\n"
LEARNS = FAILS + "learning = None\ndef set_learning(self, on): self.learning = on\n"
LEARNS += "def report(self): return {'learning': self.learning}\n"


def choose(host: Host) -> int | None:
    return host.choose_action(1, 0, {"round": 1, "characters": []}, MASK)


def only(host: Host) -> LoadedPlugin:
    (plugin,) = host.loaded
    return plugin


def test_missing_plugins_folder_means_no_plugins(tmp_path: Path) -> None:
    host = host_of(tmp_path / "nowhere")
    assert host.plugins == []
    assert host.messages == [f"No plugins folder at {tmp_path / 'nowhere'}: the game plays without one."]
    assert choose(host) is None
    assert host.on_event(object()) is False
    host.on_frame(16.0, 5.0)
    host.quit()
    (tmp_path / "empty" / "notes").mkdir(parents=True)
    assert host_of(tmp_path / "empty").messages == [f"No plugin in {tmp_path / 'empty'}: the game plays without one."]


def test_on_load_offers_game_data_folder_and_settings(plugins: Path) -> None:
    drop(plugins, "fake_a", CALLED + "def on_load(self, **what): self.calls.append(what)")
    host = host_of(plugins, seed=7)
    plugin = only(host)
    assert (plugin.on, plugin.reason, plugin.version, plugin.summary) == (True, "", "1.2", "A plugin of the tests.")
    data_dir = plugins.parent / "data" / "fake_a"
    assert data_dir.is_dir()
    offered = {"game": host.game, "data_dir": str(data_dir), "settings": {"seed": 7}, "progress": None}
    assert host.report("fake_a") == {"calls": [offered]}
    assert host.messages == []


def test_data_stays_in_one_folder_wherever_the_game_goes(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(plugins, "fake_a", CALLED + "def on_load(self, data_dir): self.calls.append(data_dir)")
    monkeypatch.chdir(plugins.parent)
    host = Host("plugins", "data", NamedGame())
    assert host.data_dir == plugins.parent / "data"
    host.load()
    monkeypatch.chdir(plugins)
    assert host.report("fake_a") == {"calls": [str(plugins.parent / "data" / "fake_a")]}
    monkeypatch.setattr("os.getcwd", lambda: Path("nowhere").read_text())
    assert Host(plugins, "data", NamedGame()).data_dir == Path("data"), "nothing to go by"


def test_second_load_is_said_to_be_one(plugins: Path) -> None:
    drop(plugins, "fake_a", CALLED)
    (host := host_of(plugins)).load()
    said = ["fake_a was not loaded: it is loaded already; call load() once, and make a new Host after quit()."]
    assert host.messages == said
    host.quit()
    host.load()
    assert host.messages == said * 2


@pytest.mark.parametrize("answer", [False, True, None])
def test_progress_passes_the_loading_screens_answer_on(plugins: Path, answer: bool | None) -> None:
    for name in ("fake_a", "fake_b"):
        drop(plugins, name, CALLED + "def on_load(self, progress): self.calls.append(progress('loading ...'))")
    host = Host(plugins, plugins.parent / "data", NamedGame())
    host.load(lambda line: answer if line == "loading ..." else line)
    assert host.report("fake_a") == host.report("fake_b") == {"calls": [answer]}


@pytest.mark.parametrize(
    ("before", "hooks", "reason"),
    [
        ("raise RuntimeError('ouch.')", "def on_quit(self): ...", "its code does not load (RuntimeError: ouch)."),
        ("import sys; sys.exit('ouch')", "def on_quit(self): ...", "(SystemExit: ouch)."),
        ("", "def __init__(self): raise RuntimeError('ouch')\ndef on_quit(self): ...", "(RuntimeError: ouch)."),
        ("", "on_quit = property(lambda self: 1 / 0)", "(ZeroDivisionError: division by zero)."),
        ("", "def on_load(self, weather): ...", "on_load asks for 'weather'"),
        ("", "def on_lod(self): ...", "which is no hook; meant is on_load?"),
        ("(", "def on_quit(self): ...", "SyntaxError"),
    ],
)
def test_plugin_that_does_not_load_is_refused_and_the_next_one_loads(
    plugins: Path, before: str, hooks: str, reason: str
) -> None:
    drop(plugins, "fake_a", hooks, before)
    drop(plugins, "fake_b", "def choose_action(self): return 2")
    host = host_of(plugins)
    (refused,) = host.refused
    assert (refused.name, refused.on) == ("fake_a", False)
    assert reason in refused.reason
    assert host.messages == [f"fake_a was not loaded: {refused.reason}"]
    assert (only(host).name, choose(host)) == ("fake_b", 2)


def test_incomplete_folder_is_refused(plugins: Path) -> None:
    (drop(plugins, "fake_a") / "__init__.py").unlink()
    (drop(plugins, "fake_b") / "main.py").write_text("class Other: ...", "utf-8")
    host = host_of(plugins)
    assert "copy the whole folder" in host.messages[0]
    assert "Plugin" in host.messages[1]
    assert host.loaded == []


def test_plugin_is_loaded_where_its_data_folder_cannot_be_made(plugins: Path) -> None:
    drop(plugins, "fake_a", CALLED + "def on_load(self, data_dir): self.calls.append(data_dir)")
    (plugins.parent / "data").write_text("a file", "utf-8")
    host = host_of(plugins)
    assert host.report("fake_a") == {"calls": [str(plugins.parent / "data" / "fake_a")]}
    assert host.messages == []


def test_try_again_loads_a_plugin_that_raised_in_on_load(plugins: Path) -> None:
    load = "loads = 0\ndef on_load(self):\n    self.loads += 1\n    if self.loads == 1: raise OSError('no disk')\n"
    drop(plugins, "fake_a", load + "def choose_action(self): return 2")
    host = host_of(plugins)
    plugin = only(host)
    assert (plugin.on, plugin.reason) == (False, "fake_a failed in on_load (OSError: no disk).")
    assert choose(host) is None
    host.try_again("fake_a")
    assert (plugin.on, plugin.reason, choose(host)) == (True, "", 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The host's idea of now, in seconds, as a list of one."""
    now = [1000.0]
    monkeypatch.setattr("game_adapter.host.loaded_plugin.time.monotonic", lambda: now[0])
    return now


def test_third_failure_switches_a_plugin_without_learning_off(plugins: Path, clock: list[float]) -> None:
    drop(plugins, "fake_a", FAILS)
    host = host_of(plugins)
    for _ in range(FAILURES_ALLOWED - 1):
        host.on_frame(16.0, 4.0)
        clock[0] += 10
    assert host.messages == ["fake_a failed in on_frame (RuntimeError: ouch)."] * 2
    assert choose(host) == 2, "two failures switch nothing off"
    host.on_frame(16.0, 4.0)
    assert "now off after 3 failures" in host.messages[-1]
    assert host.messages[-1].endswith("the game goes on without it.")
    plugin = only(host)
    assert (plugin.on, choose(host)) == (False, None)
    assert plugin.reason == "switched off after 3 failures: fake_a failed in on_frame (RuntimeError: ouch)"
    host.on_frame(16.0, 4.0)
    assert len(host.messages) == host.num_said == 3, "a plugin that is off is not called"
    host.try_again("fake_a")
    assert (plugin.on, plugin.reason, choose(host)) == (True, "", 2)
    host.on_frame(16.0, 4.0)
    assert plugin.on, "the count begins anew"
    for _ in range(2):
        host.on_frame(16.0, 4.0)
    assert not plugin.on
    host.quit()  # reaches it all the same: it may still have a thread that keeps the process alive
    assert sys.modules["fake_a.main"].Plugin.quits == [1]


def test_third_failure_switches_learning_off_and_three_more_the_plugin(plugins: Path) -> None:
    drop(plugins, "fake_a", LEARNS)
    host = host_of(plugins)
    plugin = only(host)
    for _ in range(3):
        host.on_frame(16.0, 4.0)
    assert (plugin.on, plugin.learning_off, host.report("fake_a")) == (True, True, {"learning": False})
    assert "learning switched off after 3 failures" in plugin.reason
    for _ in range(3):
        host.on_frame(16.0, 4.0)
    assert not plugin.on
    assert "RuntimeError: ouch" in plugin.reason
    assert "it is now off" in host.messages[-1]
    host.try_again("fake_a")
    assert (plugin.on, plugin.learning_off, plugin.reason) == (True, False, "")
    assert host.report("fake_a") == {"learning": True}


def test_failures_far_apart_switch_nothing_off(plugins: Path, clock: list[float]) -> None:
    drop(plugins, "fake_a", LEARNS)
    host = host_of(plugins)
    for _ in range(9):
        host.on_frame(16.0, 4.0)
        clock[0] += FAILURE_PERIOD_S / 2 + 1
    assert (only(host).on, only(host).learning_off, host.num_said) == (True, False, 9)


@pytest.mark.parametrize("hook", ["on_draw(None)", "on_event(None)"])
def test_failures_of_the_panel_close_the_panel_alone(plugins: Path, hook: str) -> None:
    panel = "def on_draw(self): raise RuntimeError('ouch')\ndef on_event(self): raise RuntimeError('ouch')\n"
    drop(plugins, "fake_a", LEARNS + panel)
    host = host_of(plugins)
    plugin = only(host)
    for _ in range(7):
        eval(f"host.{hook}")
    assert (plugin.on, plugin.learning_off, host.report("fake_a")) == (True, False, {"learning": None})
    assert host.num_said == 3
    assert host.messages[-1].endswith("its panel is closed, and it plays and learns on.")
    assert (plugin.panel_off, choose(host)) == (True, 2)
    host.try_again("fake_a")
    assert (plugin.panel_off, plugin.reason) == (False, "")


def test_settle_is_true_where_every_plugin_has_settled_and_forget_returns_what_they_say(plugins: Path) -> None:
    drop(plugins, "slow", "def settle(self, timeout_s): return timeout_s > 1\ndef forget(self): return 'gone'")
    drop(plugins, "third", "def forget(self): return 'too'\ndef forget_player(self, player): return player[:-1]")
    host = host_of(plugins)
    assert (host.settle(0.5), host.settle(2.0)) == (False, True)
    assert (host.forget(), host.forget_player("anna")) == ("gone too", "ann"), "who knows no players erases nothing"
    drop(plugins, "broken", "def settle(self, timeout_s): raise RuntimeError('ouch')")
    assert host_of(plugins).settle(2.0) is False
    assert host_of(plugins / "nowhere").settle(2.0) is True


def test_interrupt_in_a_hook_reaches_the_game(plugins: Path) -> None:
    drop(plugins, "fake_a", "def on_draw(self): raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        host_of(plugins).on_draw(None)


def battle_turns(host: Host) -> list[float]:
    """A battle in which the plugin controls a seat; the seconds of every turn."""
    bot, took = RINGSIDE.bots["random"], []
    match = Match(host, RINGSIDE.new_battle(1), 1, {0: PLUGIN, 1: SCRIPTED}, bot, Random(1))
    while not match.over:
        match.start_round()
        start = time.perf_counter()
        match.play(match.decide())
        took.append(time.perf_counter() - start)
    assert len(took) > 5, "the battle did not go on"
    return took


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("choose_action(self): raise RuntimeError('no idea')", "failed in choose_action (RuntimeError: no idea)"),
        ("choose_action(self): raise SystemExit(3)", "failed in choose_action (SystemExit: 3)"),
        ("choose_action(self): return self.choose_action()", "RecursionError"),
        ("choose_action(self): return 'heavy'", "chose 'heavy', which is not a legal action"),
        ("choose_action(self): return float('nan')", "chose nan, which is not a legal action"),
        ("choose_action(self): return 1.0", "chose 1.0, which is not a legal action"),
        ("choose_action(self): return -1", "chose -1, which is not a legal action"),
        ("choose_action(self): return 11", "chose 11, which is not a legal action"),
        ("choose_action(self): return 10**9999", "chose a int, which is not a legal action"),
        ("choose_action(self): return bytearray(2**28)", "chose a bytearray, which is not a legal action"),
        ("choose_action(self): return type('X', (), {'__index__': lambda x: 1 / 0})()", "ZeroDivisionError"),
        ("on_turn(self): self.kept = [bytearray(2**20) for _ in range(64)]; raise MemoryError", "(MemoryError)"),
    ],
)
def test_hostile_hook_costs_nothing_but_its_own_calls(plugins: Path, hook: str, said: str) -> None:
    drop(plugins, "fake_a", f"def {hook}")
    host = host_of(plugins)
    battle_turns(host)
    assert any(said in sentence for sentence in host.messages)
    assert not only(host).on, "three failures in a battle"


@pytest.mark.parametrize("draws", [True, False])
def test_hanging_hook_costs_one_call_and_is_said_where_frames_wait_for_it(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, draws: bool
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now.pop() + seconds))
    hang = "hung = 0\ndef choose_action(self):\n    if not self.hung: self.hung = 1; time.sleep(5.0)\n"
    hang += f"def on_load(self): time.sleep({SLOW_HOOK_MS / 1e3 + 0.02})"  # the loading screen may be slow
    drop(plugins, "fake_a", hang, "import time")
    host = host_of(plugins)
    assert host.messages == []
    if draws:
        host.on_frame(16.0, 4.0)
    assert [each for each in battle_turns(host) if each] == pytest.approx([5.0])
    said = "fake_a held the game for 5000 ms in choose_action; now and then, a machine or disk is busy."
    assert host.messages == [said] * draws


def test_hook_that_is_often_slow_is_said_once_then_counted(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now.pop() + seconds))
    hooks = "def on_draw(self, surface): time.sleep(0.2)\ndef on_frame(self): time.sleep(0.3)"
    drop(plugins, "fake_a", hooks, "import time")
    host = host_of(plugins)
    for _ in range(120):
        host.on_draw(None)
    host.on_frame(16.0, 4.0)
    assert host.messages == [
        "fake_a held the game for 200 ms in on_draw; now and then, a machine or disk is busy.",
        "fake_a has held the game 10 times in on_draw, now for 200 ms: tell its author.",
        "fake_a has held the game 100 times in on_draw, now for 200 ms: tell its author.",
        "fake_a held the game for 300 ms in on_frame; now and then, a machine or disk is busy.",
    ]


def test_first_legal_opinion_wins_and_all_plugins_get_every_event(plugins: Path) -> None:
    answers = "opinion = None\ndef choose_action(self): return self.opinion\ndef report(self): return 'no mapping'"
    drop(plugins, "fake_a", answers)
    both = "def choose_action(self): return 2\ndef on_round_end(self, round): self.calls.append(round)\n"
    drop(plugins, "fake_b", CALLED + both)
    drop(plugins, "fake_c", CALLED + both.replace("2", "0"))
    host = host_of(plugins)
    assert choose(host) == 2, "fake_a has no opinion, fake_b comes before fake_c"
    sys.modules["fake_a.main"].Plugin.opinion = 1  # illegal
    assert choose(host) == 2
    sys.modules["fake_a.main"].Plugin.opinion = np.int64(0)
    assert (choose(host), type(choose(host)), host.report("fake_a")) == (0, int, None)
    host.on_round_end(battle_id=1, round=5)
    assert host.report("fake_b") == host.report("fake_c") == {"calls": [5]}


def test_first_plugin_that_uses_an_event_keeps_it(plugins: Path) -> None:
    takes = "def on_event(self, event):\n    self.calls.append(event)\n    return event == 'mine'\n"
    drop(plugins, "fake_a", CALLED + takes)
    drop(plugins, "fake_b", CALLED + takes)
    host = host_of(plugins)
    assert host.on_event("mine") is True
    assert host.on_event("other") is False
    assert host.report("fake_a") == {"calls": ["mine", "other"]}
    assert host.report("fake_b") == {"calls": ["other"]}


def test_plugins_messages_are_shown_once_and_logged_by_itself(plugins: Path, caplog: pytest.LogCaptureFixture) -> None:
    speaks = "said = ['It plays.']\ndef messages(self): return self.said\n"
    speaks += "def set_difficulty(self): self.said += ['No level.']\n"
    drop(plugins, "fake_a", speaks + "def on_battle_end(self): self.said += ['A battle was left out.', 'It plays.']")
    host = host_of(plugins)
    assert host.messages == ["fake_a: It plays."]
    for _ in range(2):
        host.on_battle_end(1, {0: 1, 1: -1})
    host.set_difficulty(7)
    assert host.messages == ["fake_a: It plays.", "fake_a: A battle was left out.", "fake_a: No level."]
    assert "It plays." not in caplog.text
    assert only(host).on


def test_trace_prints_every_call_with_its_answer(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = "def on_load(self): ...\ndef choose_action(self): return 2\ndef on_draw(self): raise OSError(3)"
    drop(plugins, "fake_a", hooks)
    choose(host_of(plugins))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("CORNERMAN_TRACE", "1")
    host = host_of(plugins)
    choose(host)
    host.on_draw(None)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("(")[0] for line in lines] == ["fake_a.on_load", "fake_a.choose_action", "fake_a.on_draw"]
    assert "-> 2 " in lines[1]
    assert "seat=0" in lines[1]
    assert lines[2].endswith("raised OSError: 3")


LOAD = """
from game_adapter.host import Host
from game_adapter.ringside.game import RINGSIDE
host = Host("plugins", "data", RINGSIDE, {"learning": False})
host.load()
print("LOADED", [(p.name, p.on) for p in host.loaded], host.messages)
"""


def test_only_the_copy_that_was_loaded_first_is_used(plugins: Path) -> None:
    dropped = drop_in(plugins.parent)
    output = run_python(plugins.parent, "import cornerman\n" + LOAD)
    installed = ROOT / "plugin" / "cornerman" / "__init__.py"
    assert "LOADED [] " in output
    assert f"another copy of cornerman is already loaded from {installed}: use only one of the two." in output
    code = LOAD + "import cornerman, cornerman.settings, cornerman.evaluation.ratings, sys\n"
    code += "files = {m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'cornerman'}\n"
    code += f"print('ELSEWHERE', [file for file in files if not file.startswith({str(dropped)!r})])"
    output = run_python(plugins.parent, code)
    assert "LOADED [('cornerman', True)]" in output
    assert "ELSEWHERE []" in output
