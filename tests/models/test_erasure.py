"""Forgetting: nothing of the player's is left on the disk or in memory, whatever runs meanwhile, and play goes on."""

from __future__ import annotations

import sqlite3
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cornerman.models.exchange import export_version
from cornerman.models.manifest import Provenance
from cornerman.panel.controls import Controls
from cornerman.plugin import Cornerman
from tests.support.choosing import SMALL, Choosing
from tests.support.table import Table

MARKS = (0.7071234, -0.3141592)
TRACE = struct.pack("<2f", *MARKS)
"""What a marked observation looks like in a file."""
WORD = "mark-of-the-player"


class Marked(Choosing):
    """The game shows two numbers of its own: the player's battles are marked by them, headless ones are not."""

    feature_names: Sequence[str] = ("mark 1", "mark 2")

    def encode(self, state: Mapping[str, Any], seat: int) -> Sequence[float]:
        del seat
        return state.get("marks", (0.0, 0.0))


class Session:
    """A plugin and battles against the player, told by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.game, self.plugin = folder, Marked(), Cornerman()
        quick = {"held_out_fraction": 0.3, "warmup_fraction": 0.05, "gate_min_pairs": 4, "gate_max_pairs": 8}
        self.plugin.on_load(self.game, str(folder), {**SMALL, **quick, **settings})

    def battle(self, number: int, marked: bool, in_the_middle: Callable[[], None] | None = None) -> None:
        plugin, battle, random = self.plugin, self.game.new_battle(number), Random(number)
        marks = {"marks": MARKS} if marked else {}
        plugin.on_battle_start(battle_id=number, seats={0: "player", 1: "plugin"})
        while (seat := battle.seat) is not None:
            state, mask, action = {**battle.state(), **marks}, battle.action_mask(), random.randrange(2)
            if seat == 1:
                chosen = plugin.choose_action(number, seat, state, mask)
                assert chosen is not None
                action = chosen
            battle.apply(action)
            plugin.on_turn(number, seat, state, mask, action, {**battle.state(), **marks})
            if seat == 0 and in_the_middle is not None:
                in_the_middle()
                marks = {}
        plugin.on_battle_end(battle_id=number, outcome=battle.outcome or {})
        plugin.on_round_end(battle_id=number, round=1)

    def misbehave(self) -> None:
        """An event whose explanation quotes the player's word."""
        state = self.game.new_battle(0).state()
        state["characters"][0]["health"] = WORD
        self.plugin.on_battle_start(battle_id=900, seats={0: "player"})
        self.plugin.on_turn(900, 0, state, [True, True, False], 0, state)
        self.plugin.on_battle_end(battle_id=900, outcome={0: 0})
        self.plugin.on_round_end(battle_id=900, round=1)

    def forget(self) -> None:
        assert self.plugin._panel._controls.forget().endswith(".")
        done = threading.Event()
        self.plugin.hand_to_trainer(done.set)
        assert done.wait(30.0)

    @property
    def traces(self) -> set[str]:
        """Files that hold something of the player's."""
        files = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {
            path.name.removesuffix("-wal") for path, data in files.items() if TRACE in data or WORD.encode() in data
        }


def versions_from_the_player(session: Session) -> list[int]:
    return [entry.version for entry in session.plugin.registry.versions() if entry.manifest and entry.manifest.rows]


def live_battles(session: Session) -> int:
    """Battles against the player in the history, its log included."""
    with closing(sqlite3.connect(session.folder / "history.sqlite")) as history:
        return int(history.execute("select count(*) from battles where opponent = 'player'").fetchone()[0])


def filled(folder: Path, battles: int = 60, **settings: Any) -> Session:
    """A session with marked battles, kept on the disk; its trainer has caught up."""
    session = Session(folder, **settings)
    for number in range(1, battles + 1):
        session.battle(number, marked=True)
        session.plugin.settle(30.0)
    session.misbehave()
    session.plugin.settle(30.0)
    assert live_battles(session) > battles // 2
    return session


def check_gone(session: Session) -> None:
    """Nothing is left, neither now nor after a restart, and play goes on."""
    folder, plugin = session.folder, session.plugin
    assert session.traces == set()
    assert versions_from_the_player(session) == []
    assert live_battles(session) == 0
    report = plugin.report()
    assert report["recorder"]["examples"] == report["recorder"]["rejected"] == {}
    assert report["plugin"]["notice"].startswith("Forgotten: ")
    for number in range(101, 104):
        session.battle(number, marked=False)
    plugin.on_quit()
    assert session.traces == set()
    again = Session(folder)
    training = again.plugin.training
    assert training is not None
    assert not (training.rings.player.columns()["observation"] == MARKS[0]).any()
    assert not any((battle.observation == MARKS[0]).any() for battle in training.held_out.battles)
    kept = len(training.rings.player) + sum(len(battle.action) for battle in training.held_out.battles)
    assert kept == pytest.approx(6, abs=1)  # of the three battles since; the open one's first half is gone
    assert again.plugin.choose_action(1, 0, again.game.new_battle(1).state(), [True, True, False]) in (0, 1)
    again.battle(1, marked=False)
    again.plugin.on_quit()
    assert again.traces == set()


def test_while_it_learns(tmp_path: Path) -> None:
    session = filled(tmp_path)
    registry, slot = session.plugin.registry, session.plugin.slot
    version = registry.save(slot.champion.flat, Provenance(parent=0, rows={"player": 3}))
    registry.promote(version)
    assert session.traces >= {"battles.sqlite", "quality.json"}
    session.forget()
    notice = session.plugin.notice
    assert notice.startswith("Forgotten: 60 battles of yours (120 decisions), ")
    assert "1 version that learned from you" in notice
    assert registry.champion == slot.champion.version == 0
    check_gone(session)


def test_while_it_is_paused(tmp_path: Path) -> None:
    session = filled(tmp_path)
    session.plugin.set_learning(False)
    session.battle(80, marked=True)
    session.forget()
    assert "61 battles of yours (122 decisions)" in session.plugin.notice
    check_gone(session)


def test_in_mid_battle(tmp_path: Path) -> None:
    session = filled(tmp_path, training_window="always")
    session.battle(80, marked=True, in_the_middle=session.forget)
    check_gone(session)


def test_half_a_battle_that_the_trainer_holds_is_gone_from_its_memory(tmp_path: Path) -> None:
    session = Session(tmp_path, held_out_fraction=0.0)
    plugin, training = session.plugin, session.plugin.training
    assert training is not None
    state = {**session.game.new_battle(1).state(), "marks": MARKS}
    plugin.on_battle_start(battle_id=1, seats={0: "player", 1: "plugin"})
    for _ in range(4):
        plugin.on_turn(1, 0, state, [True, True, False], 0, state)
    kept = threading.Event()
    plugin.hand_to_trainer(training.keep)
    plugin.hand_to_trainer(kept.set)
    assert kept.wait(30.0)
    assert (len(training.memory._n_step._tails), len(training.rings)) == (
        1,
        1,
    )  # three-step returns: one of three is complete
    session.forget()
    assert (len(training.memory._n_step._tails), len(training.rings)) == (0, 0)
    plugin.on_battle_end(battle_id=1, outcome={0: 1, 1: -1})
    plugin.on_quit()
    assert session.traces == set()


def test_with_a_champion_of_other_hidden_layers_that_was_imported(tmp_path: Path) -> None:
    with Table(Marked(), tmp_path / "other", learning=False, hidden=[24]) as other:
        file = tmp_path / "mine" / "imports" / "friend.zip"
        file.parent.mkdir(parents=True)
        export_version(other.plugin.registry, 0, file)
    session = filled(tmp_path / "mine")
    Controls(session.plugin).take_in()
    session.forget()
    assert "60 battles of yours (120 decisions)" in session.plugin.notice
    assert session.plugin.slot.champion.spec.hidden == (24,), "it never saw the player, so it stays"
    check_gone(session)


def test_without_a_trainer(tmp_path: Path) -> None:
    filled(tmp_path).plugin.on_quit()
    session = Session(tmp_path, learning=False)
    assert session.plugin.trainer is None
    assert "battles.sqlite" in session.traces
    session.battle(1, marked=True)
    session.forget()
    assert "61 battles of yours (122 decisions)" in session.plugin.notice
    check_gone(session)


def test_a_file_that_cannot_be_erased_is_told_and_all_else_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(tmp_path, battles=20)

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self.name == "battles.sqlite":
            raise PermissionError(13, "Permission denied")
        unlink(self, missing_ok)

    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", refused)
    session.forget()
    assert "could not be erased from the disk (Permission denied); try again" in session.plugin.notice
    training = session.plugin.training
    assert training is not None
    assert len(training.rings) == 0
    monkeypatch.undo()
    session.forget()
    assert session.traces == set()
    session.plugin.on_quit()
