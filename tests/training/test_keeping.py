"""The plugin keeps what was recorded: when, on which thread, and what the player hears of it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cornerman import plugin as plugin_module
from cornerman.experience.battle_store import FILE_NAME, BattleStore
from cornerman.files.database import Database
from cornerman.files.quality_note import quality_lines
from cornerman.plugin import Cornerman
from cornerman.training import build
from tests.support.marked_game import Session
from tests.support.table import on_owner
from tests.support.waiting import wait_for

NAMES = ("recorded", "rejected", "clamped", "examples", "abandoned", "not_as_chosen", "kept")


def stored(session: Session) -> list[int]:
    """How many decisions every battle of the player on the disk holds."""
    with closing(BattleStore(session.folder, session.plugin.store.battles.data_format, read_only=True)) as store:
        return [len(battle) for battle in store.battles()]


def writers_of(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, bool]]:
    """The threads that write battles from now on, and whether they wait for the disk."""
    writers = set()
    writing = Database.writing

    def watched(self: Database, wait: bool = True) -> Any:
        writers.add((threading.current_thread().name, wait))
        return writing(self, wait)

    monkeypatch.setattr(Database, "writing", watched)
    return writers


def test_files_are_written_by_the_trainer_alone_while_battles_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = writers_of(monkeypatch)
    session = Session(tmp_path)
    for number in range(1, 11):
        session.battle(number, marked=False)
        session.plugin.settle(30.0)
    session.plugin.on_quit()
    assert writers == {("cornerman-trainer", True)}
    assert stored(session) == [2] * 10


@pytest.mark.parametrize("started", [True, False])
def test_battle_is_stored_at_its_end_with_learning_paused_or_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    writers = writers_of(monkeypatch)
    session = Session(tmp_path, learning=started)
    session.plugin.set_learning(False)
    session.battle(1, marked=False)
    on_owner(session.plugin, lambda loop: None)
    assert writers == {("cornerman-trainer", True) if started else ("MainThread", False)}, "no frame waits for the disk"
    assert session.plugin.report()["recorder"]["kept"] == 1
    assert stored(session) == [2]
    session.plugin.on_quit()
    assert stored(session) == [2]


def test_quit_stores_what_a_dead_trainer_left(tmp_path: Path) -> None:
    session = Session(tmp_path)

    def fail(*_: object) -> None:
        raise RuntimeError("always")

    def break_it(loop: Any) -> None:
        loop.slice = loop.recover = fail

    on_owner(session.plugin, break_it)
    session.battle(1, marked=False)
    wait_for(lambda: not session.plugin.training.running)
    session.battle(2, marked=False)
    session.plugin.on_quit()
    assert stored(session) == [2, 2]


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Learning loads, for longer than the game waits, until this is set."""
    go, prepared = threading.Event(), build.prepare_means

    def slowly(*arguments: Any) -> Any:
        assert go.wait(30.0)
        return prepared(*arguments)

    monkeypatch.setattr(build, "prepare_means", slowly)
    monkeypatch.setattr(plugin_module, "LOADING_S", 0.1)
    yield go
    go.set()


def test_battle_is_stored_at_its_end_while_learning_loads_and_a_quit_then_adds_nothing(
    tmp_path: Path, go: threading.Event
) -> None:
    session = Session(tmp_path)
    session.battle(1, marked=False)
    assert not session.plugin.settle(0.01)
    session.battle(2, marked=False)
    assert stored(session) == [2, 2], "a kill now costs no battle"
    assert session.plugin.report()["recorder"]["kept"] == 2
    session.plugin.on_quit()
    assert not session.plugin.training.owns_files
    go.set()
    wait_for(lambda: not session.plugin.training.running)
    assert stored(session) == [2, 2]
    assert not any("has loaded" in sentence for sentence in session.plugin.messages())


@pytest.mark.parametrize("checkpoint", [False, True])
def test_battles_of_while_learning_loaded_are_credited_once(
    tmp_path: Path, go: threading.Event, checkpoint: bool
) -> None:
    settings: dict[str, Any] = {"burst_steps": 1024, "held_out_fraction": 0.0, "practice": 0.0, "idle_practice": 0}
    if checkpoint:
        go.set()
        session = Session(tmp_path, **settings)
        on_owner(session.plugin, lambda loop: None)  # it has loaded
        session.battle(1, marked=False)
        session.plugin.on_quit()
        go.clear()
    session = Session(tmp_path, **settings)
    for number in (1, 2):
        session.battle(number, marked=False)
    assert not session.plugin.training.owns_files
    go.set()
    due, rate, fill = on_owner(
        session.plugin, lambda loop: (loop.updates.due, loop.updates.live_rate, loop.experience.buffers.player.size)
    )
    session.plugin.on_quit()
    decisions = 2 * (2 + checkpoint)
    assert (due, fill) == (decisions * rate, decisions)
    assert stored(session) == [2] * (2 + checkpoint)


def test_memory_stays_bounded_over_battles_of_which_every_third_never_ends(tmp_path: Path) -> None:
    session = Session(tmp_path, learning=False)
    plugin, state, held = session.plugin, session.game.new_battle(1).state(), []
    for number in range(2_400):
        plugin.on_battle_start(battle_id=number, seats={0: "player", 1: "plugin"})
        plugin.on_turn(number, 0, state, [True, True, False], 0, state)
        if number % 3:
            plugin.on_battle_end(battle_id=number, outcome={0: 1, 1: -1})
        if number in (1_199, 2_399):
            on_owner(plugin, lambda loop: None)  # what waited is stored
            gc.collect()
            held.append(sys.getallocatedblocks())
    assert held[1] - held[0] < 1_200, "less than an object a battle"
    assert 255 <= len(plugin.recording.open) <= 256
    plugin.on_quit()
    assert len(stored(session)) == 1600  # those that ended


def test_quit_stores_the_complete_turns_of_a_battle_under_way_and_is_silent_where_nothing_was_loaded(
    tmp_path: Path,
) -> None:
    Cornerman().on_quit()
    session = Session(tmp_path)
    plugin, state = session.plugin, session.game.new_battle(1).state()
    plugin.on_battle_start(battle_id=1, seats={0: "player", 1: "plugin"})
    for _ in range(3):
        plugin.on_turn(1, 0, state, [True, True, False], 0, state)
    plugin.on_quit()
    assert stored(session) == [2]  # the third decision's consequences are not known


def test_report_says_what_was_rejected_and_a_damaged_store_is_a_notice_at_the_next_start(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.battle(1, marked=False)
    session.misbehave()
    on_owner(session.plugin, lambda loop: None)
    recorder = session.plugin.report()["recorder"]
    assert set(recorder) == set(NAMES)
    assert (recorder["recorded"], recorder["rejected"]["type"]) == (2, 1)
    assert "mark-of-the-player" in recorder["examples"]["type"]
    assert any("x type: " in line for line in quality_lines(tmp_path))  # already now, should the game be killed
    session.plugin.on_quit()
    assert any("2 decisions recorded" in line for line in quality_lines(tmp_path))
    (tmp_path / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes()[:-4096])
    again = Session(tmp_path)
    assert "set-aside" in again.plugin.report()["plugin"]["notice"]
    assert stored(again) == []
    again.plugin.on_quit()
