"""The plugin beside a trainer that died, hangs or lost its device: the game goes on, and nothing is left to guess."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cornerman.training.training_thread
from cornerman.learning.learner import Learned, Learner
from cornerman.panel.controls import Controls
from cornerman.plugin import Cornerman
from cornerman.training.training_windows import BUSY_SHARE
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Gym
from tests.support.table import Table

PATIENCE_S = 10.0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.002)


def fail(*_: object) -> bool:
    raise RuntimeError("always")


def test_after_the_trainers_death_no_other_thread_touches_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: set[str] = set()
    use = Learner._use
    monkeypatch.setattr(Learner, "_use", lambda *a: touched.add(threading.current_thread().name) or use(*a))
    monkeypatch.setattr(cornerman.training.training_thread, "RESTS_S", (0.0, 0.0))
    with Table(RINGSIDE, tmp_path, training_window="always", practice=1.0) as table:
        plugin = table.plugin
        table.play(3, settle=True)
        assert plugin.training is not None
        monkeypatch.setattr(plugin.training, "slice", fail)
        trainer = plugin.trainer
        assert trainer is not None
        until(lambda: bool(trainer.dead_because))
        table.play(1)
        until(lambda: not trainer._thread.is_alive())
        Controls(plugin).forget()
        assert "Forgotten: " in plugin.notice
        assert plugin.slot.champion.version == 0
        assert touched == {"cornerman-trainer"}
        table.play(1)
        plugin.set_learning(True)
        until(lambda: plugin.trainer is not trainer and plugin.training is not None)
        assert plugin.trainer is not None
        assert plugin.trainer.alive, "tried again"


def test_what_is_asked_of_a_trainer_that_is_dying_still_happens_on_its_thread(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, training_window="always") as table:
        plugin, trainer = table.plugin, table.plugin.trainer
        assert plugin.training is not None
        assert trainer is not None
        close, closing, go = plugin.training.close, threading.Event(), threading.Event()

        def slowly() -> None:
            closing.set()
            assert go.wait(PATIENCE_S)
            close()

        plugin.training.close = slowly  # type: ignore[method-assign]
        trainer._die("It is off for the test's sake.")
        trainer._stopping = True
        assert closing.wait(PATIENCE_S)
        ran: list[str] = []
        plugin.hand_to_trainer(lambda: ran.append(threading.current_thread().name))
        assert ran == []
        go.set()
        until(lambda: ran == ["cornerman-trainer"])


def test_a_trainer_that_hangs_at_the_end_costs_no_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cornerman.training.training_thread.TrainingThread.stop, "__defaults__", (0.05,))
    go, inside = threading.Event(), threading.Event()
    plugin = Cornerman()
    plugin.on_load(RINGSIDE, str(tmp_path), {"hidden": [16], "device": "cpu", "training_window": "always"})
    assert plugin.trainer is not None
    plugin.trainer.post(lambda: inside.set() or go.wait(PATIENCE_S))  # type: ignore[func-returns-value]
    assert inside.wait(PATIENCE_S)
    Controls(plugin).set_difficulty(2)
    plugin.on_quit()
    noted = json.loads((tmp_path / "switches.json").read_text("utf-8"))
    go.set()
    until(lambda: not plugin.trainer or not plugin.trainer._thread.is_alive())
    assert noted["difficulty"] == 2
    plugin.on_quit()


def test_a_busy_machine_takes_its_share_of_lent_time_too(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, training_window="always", learning_time="pump") as table:
        trainer = table.plugin.trainer
        assert trainer is not None
        lent: list[float] = []
        trainer.windows._busy = True
        trainer.windows._look_at = float("inf")
        lend = trainer.windows.lend
        trainer.windows.lend = lambda seconds: lent.append(seconds) or lend(seconds)  # type: ignore[method-assign]
        for _ in range(8):
            table.plugin.pump(8.0)
        assert [seconds for seconds in lent if seconds] == [0.008] * round(8 * BUSY_SHARE)


def test_the_players_choice_is_a_window_through_the_hooks(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, training_window="while_choosing") as table:
        plugin = table.plugin
        plugin.on_battle_start(1, {0: "player", 1: "plugin"})
        assert not plugin.report()["window"]["open"]
        plugin.on_choosing(1, 0)
        assert plugin.report()["window"]["why"].startswith("while you choose")
        battle = RINGSIDE.new_battle(1)
        state, mask = battle.state(), battle.action_mask()
        plugin.on_turn(1, 0, state, mask, int(np.argmax(mask)), state)
        assert not plugin.report()["window"]["open"]


def test_who_will_not_wait_for_loading_need_not(tmp_path: Path) -> None:
    go, asked = threading.Event(), list[str]()
    plugin = Cornerman()
    prepare = plugin.prepare

    def slowly() -> Any:
        assert go.wait(PATIENCE_S)
        return prepare()

    plugin.prepare = slowly  # type: ignore[method-assign]
    begun = time.monotonic()
    plugin.on_load(RINGSIDE, str(tmp_path), {"hidden": [16], "device": "cpu"}, lambda line: bool(asked.append(line)))
    assert time.monotonic() - begun < PATIENCE_S / 2
    assert len(asked) == 1
    assert plugin.trainer is not None
    assert not plugin.trainer.ready()
    go.set()
    plugin.on_quit()


def test_who_tries_again_waits_until_the_trainer_before_has_saved(tmp_path: Path) -> None:
    saved, go = threading.Event(), threading.Event()
    with Table(RINGSIDE, tmp_path, training_window="always") as table:
        plugin, first = table.plugin, table.plugin.trainer
        assert plugin.training is not None
        assert first is not None
        close = plugin.training.close

        def slowly() -> None:
            assert go.wait(PATIENCE_S)
            close()
            saved.set()

        plugin.training.close = slowly  # type: ignore[method-assign]
        first._die("It is off for the test's sake.")
        first._stopping = True
        until(lambda: first._saving)
        prepare, order = plugin.prepare, list[bool]()

        def prepared() -> Any:
            order.append(saved.is_set())
            return prepare()

        plugin.prepare = prepared  # type: ignore[method-assign]
        plugin.set_learning(True)
        assert plugin.trainer is not first
        time.sleep(0.05)
        assert order == []
        go.set()
        assert plugin.trainer is not None
        assert plugin.trainer.ready(PATIENCE_S)
        assert order == [True]


def test_a_device_that_was_left_for_the_cpu_and_dropped_steps_are_told(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    learn = gym.learner.learn_rows

    def lose_the_device(*arguments: Any) -> Learned:
        gym.learner.fault, gym.learner.dropped = "The cuda device failed, so learning goes on on the CPU: lost", 3
        return learn(*arguments)

    gym.learner.learn_rows = lose_the_device  # type: ignore[method-assign]
    gym.training._burst.clock = time.perf_counter
    gym.play(60)
    gym.work()
    told = [event["text"] for event in gym.metrics.events() if "cuda device failed" in event["text"]]
    assert told == [gym.learner.fault], "once"
    assert gym.metrics.get("dropped") == 3
    assert gym.metrics.get("device") == "cpu"
    assert gym.training._burst.clock is time.thread_time


def test_waiting_for_the_interpreter_makes_no_step_longer(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    learn = gym.learner.learn_rows

    def wait_a_little(*arguments: Any) -> Learned:
        time.sleep(0.02)
        return learn(*arguments)

    gym.learner.learn_rows = wait_a_little  # type: ignore[method-assign]
    gym.play(60)
    assert gym.training.slice(0.0)
    assert 0.0 < gym.training._burst._step_s < 0.015
