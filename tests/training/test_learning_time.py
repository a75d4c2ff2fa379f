"""The three ways to give the trainer time, held to the same tests: its own thread, the game's slack, lent by pump."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cornerman.plugin import Cornerman
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import TrainingThread
from cornerman.training.training_windows import TrainingWindows
from game_adapter.ringside.game import RINGSIDE

PATIENCE_S = 10.0
WAYS = ("thread", "slack", "pump")


class Pieces:
    """Work that counts, each slice `took_s` long."""

    def __init__(self, todo: int, took_s: float = 0.0005) -> None:
        self.todo, self.took_s, self.done = todo, took_s, 0
        self.threads: set[str] = set()
        self.when: list[float] = []

    def slice(self, budget_s: float) -> bool:
        self.threads.add(threading.current_thread().name)
        if not self.todo:
            return False
        self.when.append(time.monotonic())
        time.sleep(min(self.took_s, budget_s))
        self.todo -= 1
        self.done += 1
        return True

    def practise_idle(self) -> bool:
        return False

    def recover(self) -> None: ...
    def close(self) -> None: ...


class Game:
    """A loop of frames: some work, then the wait, in which it gives the trainer time in the one way or the other."""

    def __init__(self, trainer: TrainingThread, work_s: float = 0.002, wait_s: float = 0.006) -> None:
        self.trainer, self.work_s, self.wait_s, self.frames = trainer, work_s, wait_s, 0
        self.waits: list[tuple[float, float]] = []
        self.lent_s: list[float] = []

    def frame(self) -> None:
        time.sleep(self.work_s)
        begun = time.monotonic()
        self.trainer.frame(1e3 * (self.work_s + self.wait_s), 1e3 * self.wait_s)
        if self.trainer.windows.learning_time == "pump":
            self.trainer.lend(self.wait_s - 0.001)
            self.lent_s.append(time.monotonic() - begun)
        time.sleep(max(0.0, begun + self.wait_s - time.monotonic()))
        self.waits.append((begun, time.monotonic()))
        self.frames += 1

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "it never came to pass"
            self.frame()

    def play(self, frames: int) -> None:
        for _ in range(frames):
            self.frame()


Start = Callable[..., tuple[TrainingThread, Game]]


@pytest.fixture(params=WAYS)
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    made: list[TrainingThread] = []

    def begin(work: Pieces, window: str = "between_rounds") -> tuple[TrainingThread, Game]:
        trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows(window, request.param))
        made.append(trainer)
        assert trainer.start(PATIENCE_S)
        return trainer, Game(trainer)

    yield begin
    for trainer in made:
        assert trainer.stop(PATIENCE_S)


def test_in_an_open_window_everything_gets_done_on_the_trainers_thread_alone(start: Start) -> None:
    work = Pieces(40)
    trainer, game = start(work)
    trainer.open_window()
    game.until(lambda: work.done == 40)
    assert work.threads == {"cornerman-trainer"}


def test_nothing_is_done_in_a_closed_window_whatever_the_game_gives(start: Start) -> None:
    work = Pieces(10**6)
    trainer, game = start(work)
    game.play(30)
    assert work.done == 0
    trainer.open_window()
    game.until(lambda: work.done > 5)
    trainer.close_window()
    time.sleep(0.05)
    done = work.done
    game.play(30)
    assert work.done == done


def test_while_the_player_chooses_is_a_window_where_the_setting_says_so(start: Start) -> None:
    work = Pieces(10**6)
    trainer, game = start(work, "while_choosing")
    game.play(10)
    assert work.done == 0
    trainer.choose(True)
    game.until(lambda: work.done > 5)
    trainer.choose(False)
    time.sleep(0.05)
    done = work.done
    game.play(20)
    assert work.done == done


def test_settle_and_commands_need_no_frames(start: Start) -> None:
    work, ran = Pieces(50), threading.Event()
    trainer, _ = start(work)
    trainer.post(ran.set)
    assert ran.wait(PATIENCE_S)
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    assert work.done == 50


def test_pausing_holds_it_and_it_stops_in_time(start: Start) -> None:
    work = Pieces(10**6)
    trainer, game = start(work)
    trainer.open_window()
    game.until(lambda: work.done > 5)
    trainer.pause(True)
    time.sleep(0.05)
    done = work.done
    game.play(20)
    assert work.done == done
    trainer.pause(False)
    game.until(lambda: work.done > done)
    begun = time.monotonic()
    assert trainer.stop()
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize("way", ["slack", "pump"])
def test_work_begins_only_in_the_time_that_was_given(way: str) -> None:
    work = Pieces(10**6)
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always", way))
    assert trainer.start(PATIENCE_S)
    game = Game(trainer, work_s=0.006)
    game.play(60)
    assert trainer.stop(PATIENCE_S)
    assert work.done > 20
    inside = [any(begun <= when <= end for begun, end in game.waits) for when in work.when]
    assert sum(inside) >= 0.97 * len(inside), "a busy machine may wake the trainer a moment too late"


def test_pump_returns_at_once_where_nothing_is_to_be_done_and_in_time_where_a_slice_hangs() -> None:
    work = Pieces(0)
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always", "pump"))
    assert trainer.start(PATIENCE_S)
    game = Game(trainer)
    game.play(40)
    assert sorted(game.lent_s)[20] < 0.004, "the game gets its time back"
    work.todo, work.slice = 1, lambda budget_s: time.sleep(0.5) or False  # type: ignore[method-assign,assignment]
    game.lent_s.clear()
    game.play(20)
    assert sorted(game.lent_s)[10] < 0.015
    assert trainer.stop(PATIENCE_S)


def test_pump_takes_whatever_a_game_reckons_as_a_time() -> None:
    work = Pieces(3)
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always", "pump"))
    assert trainer.start(PATIENCE_S)
    for seconds in (float("nan"), float("-inf"), -1.0, 0.0):
        trainer.lend(seconds)
    trainer.lend(float("inf"))
    assert (work.done, trainer.stop(PATIENCE_S)) == (3, True)


@pytest.mark.parametrize("way", ["thread", "slack"])
def test_pump_does_nothing_where_time_comes_from_elsewhere(way: str) -> None:
    trainer = TrainingThread(lambda: Pieces(10**6), Metrics(), TrainingWindows("always", way))
    assert trainer.start(PATIENCE_S)
    begun = time.monotonic()
    trainer.lend(5.0)
    assert time.monotonic() - begun < 1.0
    assert trainer.stop(PATIENCE_S)


def test_a_game_that_never_lets_go_of_the_interpreter_is_named_with_what_to_do() -> None:
    hold = ctypes.PyDLL(None).usleep  # holds the interpreter, as a busy loop in C does
    work = Pieces(10**9, took_s=0.0)
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always"))
    assert trainer.start(PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while not trainer.trouble and time.monotonic() < end:
        hold(200_000)
        trainer.frame(200.0, 0.0)
    assert "keeps the interpreter to itself" in trainer.trouble
    assert "pump(budget_ms)" in trainer.trouble
    assert trainer.stop(PATIENCE_S)


def test_the_loading_screen_hears_what_is_waited_for(tmp_path: Path) -> None:
    lines, threads = list[str](), set[str]()

    def progress(line: str) -> None:
        lines.append(line)
        threads.add(threading.current_thread().name)

    plugin = Cornerman()
    prepare = plugin.prepare
    plugin.prepare = lambda: time.sleep(0.35) or prepare()  # type: ignore[method-assign,func-returns-value]
    plugin.on_load(RINGSIDE, str(tmp_path), {}, progress)
    try:
        assert plugin.trainer is not None
        assert plugin.trainer.alive
        assert plugin.trainer.ready()
    finally:
        plugin.on_quit()
    assert lines[0] == "waking the corner: the trainer ..."
    assert threads == {threading.current_thread().name}


def test_closing_the_window_reaches_the_step_under_way(tmp_path: Path) -> None:
    plugin = Cornerman()
    plugin.on_load(RINGSIDE, str(tmp_path), {"hidden": [16], "device": "cpu"})
    try:
        assert plugin.training is not None
        plugin.training.stop[0] = 0
        plugin.on_round_start(1, 1)
        assert plugin.training.stop[0] == 1
    finally:
        plugin.on_quit()


TOGGLED = """
import sys
from cornerman.plugin import Cornerman
from game_adapter.ringside.game import RINGSIDE

plugin = Cornerman()
plugin.on_load(RINGSIDE, sys.argv[1], {"learning": False})
plugin.on_battle_start(1, {0: "player", 1: "plugin"})
plugin.set_learning(True)
assert plugin.trainer is None, "not in the middle of a battle"
assert "next battle" in plugin.report()["events"][0]["text"]
plugin.on_battle_end(1, {0: 1, 1: -1})
assert plugin.trainer is None
plugin.on_battle_start(2, {0: "player", 1: "plugin"})
assert plugin.trainer.ready(60.0) and plugin.trainer.alive and "torch" not in sys.modules
plugin.on_quit()
"""


def test_switched_on_in_a_battle_the_trainer_starts_before_the_next_one(tmp_path: Path) -> None:
    run = [sys.executable, "-c", TOGGLED, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
