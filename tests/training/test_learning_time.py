"""Two ways to give the trainer time, under the same tests: its own thread, or time granted by pump; and its start."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cornerman.plugin import Cornerman
from cornerman.training import build
from cornerman.training.machine import Machine
from cornerman.training.service import BATTLES_BEHIND
from cornerman.training.windows import starvation, training_windows
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.driven_thread import PATIENCE_S, DrivenThread, Work, started
from tests.support.table import NO_GATE, Table
from tests.support.waiting import wait_for


class Game:
    """A loop of frames: the wait, in which it gives the trainer time in the one way or the other, then some work."""

    def __init__(self, trainer: DrivenThread) -> None:
        self.trainer = trainer

    def frame(self) -> None:
        self.trainer.frame(8.0)
        if self.trainer.windows.learning_time == "pump":
            self.trainer.grant(0.005)
        else:
            time.sleep(0.005)
        time.sleep(0.002)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "it never came to pass"
            self.frame()

    def play(self, frames: int) -> None:
        for _ in range(frames):
            self.frame()


both_ways = pytest.mark.parametrize("way", ["thread", "pump"])


def test_pump_work_begins_only_in_granted_time() -> None:
    work = Work(10**6, took_s=0.0005)
    with started(work, "always", learning_time="pump") as trainer:

        def frame() -> bool:
            trainer.grant(0.005)
            begun = len(work.when)
            time.sleep(0.006)
            assert len(work.when) <= begun + 1, "more than the slice that had its budget already"
            return work.done > 20

        wait_for(frame)


def test_pump_returns_at_once_where_nothing_is_to_be_done_and_in_time_where_a_slice_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_windows, "LONGEST_GRANT_S", 1000.0)
    work = Work()
    with started(work, "always", learning_time="pump") as trainer:
        begun = time.monotonic()
        trainer.grant(1000.0)
        assert time.monotonic() - begun < 100.0, "the game gets its time back"
        work.inside.clear()
        work.go.clear()
        wait_for(lambda: trainer.grant(0.005) or work.inside.is_set())  # type: ignore[func-returns-value]
        work.go.set()
        assert trainer.settle(PATIENCE_S)
        assert work.recovered == [], "no grant waited for the slice"


def test_game_that_never_releases_the_interpreter_is_told_what_to_do() -> None:
    hold = ctypes.PyDLL(None).usleep  # holds the interpreter, as a busy loop in C does
    with started(Work(10**9), "always", judged=True) as trainer:
        end = time.monotonic() + PATIENCE_S
        while not trainer.trouble and time.monotonic() < end:
            hold(200_000)
            trainer.frame(200.0)
        assert "keeps the interpreter to itself" in trainer.trouble
        assert "pump(budget_ms)" in trainer.trouble


def test_game_that_waits_in_settle_is_known_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Table(Choosing(), tmp_path) as table:
        training, waits = table.plugin.training, list[bool]()
        assert training.thread is not None
        settle = training.thread.settle

        def settled(timeout_s: float) -> bool:
            waits.append(training.windows.starvation.game_waits)
            return settle(timeout_s)

        monkeypatch.setattr(training.thread, "settle", settled)
        assert training.settle(PATIENCE_S) is training.windows.window_open
        assert (waits, training.windows.starvation.game_waits) == ([True], False)


def test_learning_is_not_hurried_after_a_settle_that_ran_out_of_time() -> None:
    work = Work(10**9, took_s=0.001)
    with started(work, "always", learning_time="pump") as trainer:
        assert not trainer.settle(0.05)

        def rests() -> bool:
            done = work.done
            time.sleep(0.1)
            return work.done == done

        wait_for(rests)  # the game gives no time, and waits no longer
        done = work.done
        wait_for(lambda: trainer.grant(0.05) or work.done > done)  # type: ignore[func-returns-value]


def test_frames_go_on_after_learning_ended_in_an_open_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of a thread that has ended is none."""
    monkeypatch.setattr(starvation, "NO_SIGN_S", 0.05)
    work = Work(10**6, took_s=0.001)
    with started(work, "always", judged=True) as trainer:
        Game(trainer).until(lambda: work.done > 3)
        work.raises = [RuntimeError("always")] * 9
        while trainer.running:
            trainer.frame(16.7)
            time.sleep(0.001)
        for _ in range(20):
            trainer.frame(16.7)
            time.sleep(0.01)
        assert "it failed 3 times" in trainer.trouble


TOGGLED = """
import sys, time
from cornerman.plugin import Cornerman
from game_adapter.ringside.game import RINGSIDE

plugin = Cornerman()
plugin.on_load(RINGSIDE, sys.argv[1], {"learning": False})
plugin.on_battle_start(1, {0: "player", 1: "plugin"})
plugin.set_learning(True)
assert not plugin.training.alive, "not in the middle of a battle"
assert "next battle" in plugin.report()["events"][0]["text"]
plugin.on_battle_end(1, {0: 1, 1: -1})
assert not plugin.training.alive
plugin.training.windows.stop[0] = 0
plugin.on_battle_start(2, {0: "player", 1: "plugin"})
assert plugin.training.alive
assert plugin.training.windows.stop[0] == 1, "a round that starts ends the step under way"
while plugin.report()["device"] == "none":
    time.sleep(0.01)
assert "torch" not in sys.modules
plugin.on_quit()
"""


def test_switched_on_in_a_battle_the_trainer_starts_before_the_next_one(tmp_path: Path) -> None:
    run = [sys.executable, "-c", TOGGLED, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr


@both_ways
@pytest.mark.parametrize("window", ["between_rounds", "while_choosing"])
def test_work_is_done_on_the_trainer_thread_in_an_open_window_only(way: str, window: str) -> None:
    work, ran = Work(10**6, took_s=0.0005), threading.Event()
    with started(work, window, learning_time=way) as trainer:
        game = Game(trainer)

        def rests() -> None:
            ran.clear()
            trainer.post(ran.set)  # after the slice under way
            assert ran.wait(PATIENCE_S), "commands need no window and no frames"
            done = work.done
            game.play(20)
            assert work.done == done

        rests()
        if window == "while_choosing":
            trainer.windows.choose(True)
            trainer.wake()
        else:
            trainer.open_window()
        game.until(lambda: work.done > 5)
        trainer.pause(True)
        rests()
        trainer.pause(False)
        done = work.done
        game.until(lambda: work.done > done)
        if window == "while_choosing":
            trainer.windows.choose(False)
        else:
            trainer.windows.close_window()
        rests()
        trainer.open_window()
        work.todo = 50
        assert trainer.settle(PATIENCE_S), "it needs no frames"
        assert trainer.stop(PATIENCE_S)
    assert work.threads == {"cornerman-trainer"}


def test_pump_takes_any_number_as_a_time_and_does_nothing_where_the_trainer_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = Work(3)
    with started(work, "always", learning_time="pump") as trainer:
        for seconds in (float("nan"), float("-inf"), -1.0, 0.0):
            trainer.grant(seconds)
        trainer.grant(float("inf"))
        assert work.done == 3
    monkeypatch.setattr(training_windows, "LONGEST_GRANT_S", 1000.0)
    with started(Work(10**6), "always") as trainer:
        begun = time.monotonic()
        trainer.grant(1000.0)
        assert time.monotonic() - begun < 100.0


@pytest.mark.parametrize("waits", [True, False])
def test_loading_screen_gets_lines_until_it_is_loaded_or_the_game_waits_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    go, built, lines, threads = threading.Event(), build.prepare_means, list[str](), set[str]()

    def slowly(*arguments: Any) -> Any:
        assert go.wait(PATIENCE_S)
        return built(*arguments)

    def progress(line: str) -> bool:
        lines.append(line)
        threads.add(threading.current_thread().name)
        if len(lines) == 3:
            go.set()
        return waits

    monkeypatch.setattr(build, "prepare_means", slowly)
    plugin = Cornerman()
    plugin.on_load(RINGSIDE, str(tmp_path), {"hidden": [16], "device": "cpu"}, progress)
    assert go.is_set() is waits
    assert plugin.training.alive
    assert any("loads in the background" in sentence for sentence in plugin.messages()) is not waits
    plugin.training.open_window()
    window = plugin.report()["window"]
    assert window["why"].startswith("learning still loads (") is not waits
    assert waits or not window["open"]
    go.set()
    wait_for(lambda: plugin.training.thread is not None and plugin.training.thread.ready())
    assert "loads" not in plugin.report()["window"]["why"]
    wait_for(lambda: any("has loaded" in sentence for sentence in plugin.messages()) is not waits)
    plugin.on_quit()
    assert (lines[0], len(lines) >= 3) == ("loading the trainer ...", waits)
    assert threads == {threading.current_thread().name}


@pytest.mark.parametrize(
    ("others", "why"),
    [(95.0, "Other programs use the whole machine: learning rests"), (0.0, "Longer breaks, or settle after a battle")],
)
def test_learning_that_does_not_keep_up_with_the_battles_says_why_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: float, why: str
) -> None:
    monkeypatch.setattr(Machine, "read", lambda _: {"cpu_percent": 5.0 + others, "own_cpu_percent": 5.0})
    with Table(RINGSIDE, tmp_path, rest_when_busy=True, training_window="while_choosing", **NO_GATE) as table:
        plugin = table.plugin

        def said() -> list[str]:
            return [line for line in plugin.messages() if "kept up" in line]

        def rests() -> bool:
            plugin.on_frame(frame_ms=16.7, slack_ms=8.0)
            return bool(plugin.training.windows.rest)

        wait_for(lambda: rests() or not others)
        for number in range(BATTLES_BEHIND + 3):
            assert (number > BATTLES_BEHIND) is bool(said())
            plugin.on_battle_start(number, {0: "player", 1: "plugin"})
        (sentence,) = said()
        assert sentence.startswith(f"Learning has not kept up with the last {BATTLES_BEHIND} battles. {why}")


def test_one_moment_in_which_all_is_learned_or_learning_switched_off_is_no_lagging_behind(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, **NO_GATE) as table:
        plugin = table.plugin
        for switched_off in (False, True):
            plugin.training.pause(switched_off)
            for number in range(BATTLES_BEHIND + 1):
                plugin.on_battle_start(number, {0: "player", 1: "plugin"})
                if number % BATTLES_BEHIND == 1 and not switched_off:
                    table.play(1, settle=True)
        assert not [line for line in plugin.messages() if "kept up" in line]
