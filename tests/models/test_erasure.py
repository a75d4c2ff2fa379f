"""Forgetting: nothing of the player's is left on the disk or in memory, whatever runs meanwhile, and play goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import numpy as np
import pytest

from cornerman.models.exchange import export_version
from cornerman.models.manifest import Provenance
from cornerman.panel.status import NOBODY
from cornerman.training import build
from cornerman.training.training_loop import TrainingLoop
from game_adapter.host import Host, Match
from game_adapter.ringside.game import RINGSIDE
from tests.support.marked_game import MARKS, TRACE, WORD, Marked, Session
from tests.support.paths import PLUGINS
from tests.support.table import NO_GATE, SMALL, Table, on_owner
from tests.support.waiting import wait_for


def versions_from_the_player(session: Session) -> list[int]:
    return [manifest.version for manifest in session.plugin.store.registry.manifests() if manifest.rows]


def live_battles(session: Session) -> int:
    """Battles against the player in the history, its log included."""
    with closing(sqlite3.connect(session.folder / "history.sqlite")) as history:
        return int(history.execute("select count(*) from battles where opponent like 'player%'").fetchone()[0])


def all_observations(loop: TrainingLoop) -> np.ndarray:
    """What is learned from and what is held out."""
    experience = loop.experience
    held_out = [battle.observation for battle in experience.held_out.battles]
    return np.concatenate([experience.buffers.player.columns()["observation"], *held_out])


def filled(folder: Path, battles: int = 60, **settings: Any) -> Session:
    """A session with marked battles, kept on the disk; its trainer has caught up."""
    session = Session(folder, **settings)
    for number in range(1, battles + 1):
        session.battle(number, marked=True)
        session.plugin.settle(30.0)
    assert session.plugin.report()["player"]["name"] == WORD
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
    assert report["player"] == {
        **NOBODY,
        "name": plugin.recording.player,
        "learns": report["plugin"]["learning"],
        "looked_ahead": 0,
    }
    assert report["recorder"]["examples"] == report["recorder"]["rejected"] == {}
    assert report["plugin"]["notice"].startswith("Forgotten: ")
    for number in range(101, 104):
        session.battle(number, marked=False)
    plugin.on_quit()
    assert session.traces == set()
    again = Session(folder)
    observations = on_owner(again.plugin, all_observations)
    assert not (observations == MARKS[0]).any()
    assert len(observations) == pytest.approx(6, abs=1)  # of the three battles since; the open one's first half is gone
    assert again.plugin.choose_action(1, 0, again.game.new_battle(1).state(), [True, True, False]) in (0, 1)
    again.battle(1, marked=False)
    again.plugin.on_quit()
    assert again.traces == set()


def test_forget_while_learning_erases_everything(tmp_path: Path) -> None:
    session = filled(tmp_path, candidate_period=1_000_000)
    registry, slot = session.plugin.store.registry, session.plugin.slot
    version = registry.save(slot.champion.flat, Provenance(parent=0, rows={"player": 3}))
    registry.promote(version)
    assert session.traces >= {"battles.sqlite", "quality.json"}
    session.forget()
    notice = session.plugin.metrics.notice
    assert notice.startswith("Forgotten: 60 recorded battles (120 decisions), ")
    assert "1 version that learned from you" in notice
    assert registry.champion == slot.champion.version == 0
    check_gone(session)


@pytest.mark.parametrize("paused", [True, False])
def test_forget_while_paused_or_in_mid_battle_erases_everything(tmp_path: Path, paused: bool) -> None:
    session = filled(tmp_path, training_window="between_rounds" if paused else "always")
    session.plugin.set_learning(not paused)
    session.battle(80, marked=True, in_the_middle=None if paused else session.forget)
    if paused:
        session.forget()
        assert "61 recorded battles (122 decisions)" in session.plugin.metrics.notice
    check_gone(session)


def test_forget_drops_half_a_battle_from_the_trainers_memory(tmp_path: Path) -> None:
    session = Session(tmp_path, held_out_fraction=0.0)
    plugin = session.plugin
    state = {**session.game.new_battle(1).state(), "marks": MARKS}
    plugin.on_battle_start(battle_id=1, seats={0: "player", 1: "plugin"})
    for _ in range(4):
        plugin.on_turn(1, 0, state, [True, True, False], 0, state)
    on_owner(plugin, lambda loop: loop.keep())
    assert on_owner(plugin, lambda loop: len(loop.experience.buffers)) == 1, "of three-step returns one is complete"
    session.forget()
    plugin.on_battle_end(battle_id=1, outcome={0: 1, 1: -1})
    on_owner(plugin, lambda loop: loop.keep())
    assert on_owner(plugin, lambda loop: len(loop.experience.buffers.player)) == 0
    plugin.on_quit()
    assert session.traces == set()


def test_forget_keeps_an_imported_champion_of_other_hidden_layers(tmp_path: Path) -> None:
    with Table(Marked(), tmp_path / "other", learning=False, hidden=[24]) as other:
        file = tmp_path / "mine" / "imports" / "friend.zip"
        file.parent.mkdir(parents=True)
        export_version(other.plugin.store.registry, 0, file)
    session = filled(tmp_path / "mine")
    session.plugin.controls.import_model()
    session.forget()
    assert "60 recorded battles (120 decisions)" in session.plugin.metrics.notice
    assert session.plugin.slot.champion.spec.hidden == (24,), "it never saw the player, so it stays"
    check_gone(session)


def test_forget_without_a_trainer_erases_everything(tmp_path: Path) -> None:
    filled(tmp_path).plugin.on_quit()
    session = Session(tmp_path, learning=False)
    assert not session.plugin.training.running
    assert "battles.sqlite" in session.traces
    session.battle(1, marked=True)
    session.forget()
    assert "61 recorded battles (122 decisions)" in session.plugin.metrics.notice
    check_gone(session)


@pytest.mark.parametrize("name", ["battles.sqlite", "ann.ghost"])
def test_forget_names_a_file_that_cannot_be_erased_and_erases_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    session = filled(tmp_path, battles=20)
    (tmp_path / "ghosts").mkdir()
    (tmp_path / "ghosts" / "ann.ghost").write_bytes(TRACE)

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self.name == name:
            raise PermissionError(13, "Permission denied")
        unlink(self, missing_ok)

    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", refused)
    session.forget()
    assert "could not be erased from the disk (Permission denied); try again" in session.plugin.metrics.notice
    assert on_owner(session.plugin, lambda loop: len(loop.experience.buffers)) == 0
    assert session.traces == {name}
    monkeypatch.undo()
    session.forget()
    assert session.traces == set()
    session.plugin.on_quit()


@pytest.mark.parametrize("trainer", ["learns", "loads", "none"])
def test_game_says_who_plays_and_has_one_player_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer: str
) -> None:
    loaded, prepare = Event(), build.prepare_means

    def prepare_later(*how: Any) -> Any:
        assert loaded.wait(30.0)
        return prepare(*how)

    monkeypatch.setattr(build, "prepare_means", prepare_later)
    if trainer == "learns":
        loaded.set()
    host = Host(PLUGINS, tmp_path, RINGSIDE, {**SMALL, **NO_GATE, "learning": trainer != "none"})
    host.player = "bob"
    host.load(lambda line: trainer == "learns")
    assert report_of(host)["player"]["name"] == "bob", "also where it was said before loading"
    for number, player in enumerate(("ann", "bob", "ann"), 1):
        host.set_player(player)
        rules = RINGSIDE.new_battle(number)
        match = Match(host, rules, number, {0: "player", 1: "plugin"}, RINGSIDE.bots["brawler"], Random(number))
        while not match.over:
            match.start_round()
            own = match.seat_to_play == 0
            match.play(RINGSIDE.bots["brawler"](rules, Random(number)) if own else match.decide())
    host.set_player("cat")
    assert (report_of(host)["player"]["name"], report_of(host)["player"]["battles"]) == ("cat", 0)
    no_name: Any = None
    assert "None is none: nothing was forgotten" in host.forget_player(no_name)
    assert host.forget_player("ann") == "Forgetting what was recorded of ann."
    host.forget_player("dee")
    loaded.set()

    def said() -> str:
        host.settle(0.1)
        return " ".join(host.messages)

    wait_for(lambda: "No recorded battle of dee was found" in said())
    assert "Forgotten: 2 recorded battles of ann (" in said()
    (plugin,) = host.loaded
    host.quit()
    assert plugin.name == "cornerman"
    with Table(RINGSIDE, tmp_path / "cornerman", learning=False) as table:
        assert [each.end.player for each in table.plugin.store.battles.battles()] == ["bob"]
    history = tmp_path / "cornerman" / "history.sqlite"
    results = history.read_bytes() if history.exists() else b""
    assert (b"player ann" in results, b"player bob" in results) == (False, trainer != "none")


def report_of(host: Host) -> Any:
    return host.report("cornerman")
