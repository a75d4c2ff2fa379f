"""The plugin beside a trainer that died, hangs or is slow to end: the game goes on, one thread at a time owns files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.learning.learner import Learner
from cornerman.plugin import Cornerman
from cornerman.training import training_thread
from game_adapter.ringside.game import RINGSIDE
from tests.support.driven_thread import PATIENCE_S
from tests.support.table import Table
from tests.support.waiting import wait_for


def fail(*_: object) -> bool:
    raise RuntimeError("always")


def kill_learning(table: Table) -> None:
    """Every slice fails from now on, until learning gives up."""
    table.on_owner(lambda loop: setattr(loop, "slice", fail))
    wait_for(lambda: not table.plugin.training.alive)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setattr(training_thread, "RESTS_S", (0.0, 0.0))
    with Table(RINGSIDE, tmp_path, training_window="always", practice=1.0) as table:
        yield table


def test_ended_trainer_leaves_its_device_to_no_other_thread(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: set[str] = set()

    def watch(name: str, real: Any) -> None:
        def noted(*arguments: Any, **more: Any) -> Any:
            touched.add(threading.current_thread().name)
            return real(*arguments, **more)

        monkeypatch.setattr(Learner, name, noted)

    for name in ("learn_rows", "load", "restore", "state"):
        watch(name, getattr(Learner, name))
    plugin = table.plugin
    table.play(3, settle=True)
    kill_learning(table)
    table.play(1)
    wait_for(lambda: not plugin.training.running)
    plugin.controls.forget()
    assert "Forgotten: " in plugin.metrics.notice
    assert plugin.slot.champion.version == 0
    assert touched == {"cornerman-trainer"}
    plugin.set_learning(True)
    assert plugin.training.alive, "tried again"
    table.play(1, settle=True)
    assert table.on_owner(lambda loop: loop is not None)


def test_command_to_an_ending_trainer_runs_on_its_thread_before_the_next_one_starts(table: Table) -> None:
    plugin, closing, go, ran = table.plugin, threading.Event(), threading.Event(), list[str]()
    first = plugin.training.thread

    def slow_to_close(loop: Any) -> None:
        close = loop.close

        def slowly() -> None:
            closing.set()
            assert go.wait(PATIENCE_S)
            close()
            ran.append("saved")

        loop.close = slowly

    table.on_owner(slow_to_close)
    kill_learning(table)
    assert closing.wait(PATIENCE_S)
    plugin.training.call(lambda loop: ran.append(threading.current_thread().name))
    plugin.set_learning(True)
    table.play(1)
    assert plugin.training.thread is first, "two threads on one set of files"
    assert ran == []
    go.set()
    wait_for(lambda: not plugin.training.running)
    assert ran == ["saved", "cornerman-trainer"]
    table.play(2)
    assert plugin.training.thread is not first
    assert plugin.training.alive


def test_trainer_that_hangs_at_the_end_costs_no_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_thread.TrainingThread.stop, "__defaults__", (0.05,))
    monkeypatch.setattr(training_thread, "SAVING_S", 0.05)
    go, inside = threading.Event(), threading.Event()
    plugin = Cornerman()
    plugin.on_load(RINGSIDE, str(tmp_path), {"hidden": [16], "device": "cpu", "training_window": "always"})

    def hang(loop: Any) -> None:
        del loop
        inside.set()
        assert go.wait(PATIENCE_S)

    plugin.training.call(hang)
    assert inside.wait(PATIENCE_S)
    plugin.controls.set_difficulty(2)
    plugin.on_quit()
    noted = json.loads((tmp_path / "switches.json").read_text("utf-8"))
    go.set()
    wait_for(lambda: not plugin.training.running)
    assert noted["difficulty"] == 2
    plugin.on_quit()


def test_lower_share_takes_whole_grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Table(RINGSIDE, tmp_path, training_window="always", learning_time="pump") as table:
        windows, granted = table.plugin.training.windows, list[float]()
        monkeypatch.setattr(type(windows), "share", 0.25)
        grant = windows.grant

        def noted(seconds: float) -> float:
            granted.append(seconds)
            return grant(seconds)

        monkeypatch.setattr(windows, "grant", noted)
        for _ in range(8):
            table.plugin.pump(8.0)
        assert [seconds for seconds in granted if seconds] == [0.008] * 2


def test_players_choice_opens_the_window_through_the_hooks(tmp_path: Path) -> None:
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
