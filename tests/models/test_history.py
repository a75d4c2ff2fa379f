"""The history: what is noted stays, and the player's part can be erased. Damage: tests/files/test_database.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.ratings import rate
from cornerman.evaluation.verdict import SEVERAL, GateBattle, Verdict
from cornerman.experience.encoder import Encoder
from cornerman.models import history as history_module
from cornerman.models.history import FILE_NAME, History
from cornerman.models.manifest import Manifest
from tests.support.duel import Duel, at_level
from tests.support.stored_versions import filled

NOW = 1_700_000_000.0


@pytest.fixture
def good(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest of a version that learned from nobody."""
    return filled(tmp_path_factory.mktemp("home"), 1).manifest(0)


def opened(folder: Path) -> History:
    return History(folder, lambda: NOW)


def verdict() -> Verdict:
    settings_ = GateSettings(check_battles=20)
    gate = Gate(at_level(8), at_level(3), Duel(mirrored=False), Encoder(Duel()), 1, settings_, oldest=at_level(1))
    judged = gate.advance(100_000)
    assert judged is not None
    assert judged.promote
    return judged


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = opened(tmp_path)
    yield history
    history.close()


def test_add_gate_notes_every_battle_and_gives_ratings(history: History, good: Manifest) -> None:
    judged = verdict()
    history.add_version(good)
    history.add_version(good)
    history.add_gate(judged, champion=3, candidate=4, oldest=0)
    assert history.num_battles() == len(judged.battles)
    gate = history.gates()[0]
    assert (gate["champion"], gate["candidate"], gate["promote"], gate["reason"]) == (3, 4, 1, judged.reason)
    meetings = history.meetings()
    bots = {(version, bot) for version in "34" for bot in ("low", "high")}
    assert {(m.player, m.opponent) for m in meetings} == {("4", "3"), ("4", "0"), ("3", "0"), *bots}
    ratings = rate(meetings, {"low": 0.0})
    assert ratings["4"].points > ratings["3"].points
    history.add_gate(replace(judged, promote=False), champion=5)
    assert history.turned_down() == {5: 1}
    assert history.gates()[0]["candidate"] is None
    stood_in = [GateBattle("planner", SEVERAL, each.record) for each in judged.battles]
    stood_in += [GateBattle("candidate", "planner", each.record) for each in judged.battles]
    history.add_gate(replace(judged, battles=tuple(stood_in)), champion=6, candidate=7)
    assert {m.opponent for m in history.meetings() if m.player in ("7", "planner")} == {"planner"}
    assert "None" not in {meeting.player for meeting in history.meetings()}, "a rejected candidate has no rating"


def test_forget_player_erases_battles_and_versions_from_the_file(tmp_path: Path, good: Manifest) -> None:
    history = opened(tmp_path)
    history.add_version(replace(good, from_player=True, version=7))
    history.add_version(replace(good, rows={"plugin": 9}, version=8))
    history.add_battle("live", "8", "player", 1.0, 3, seed=424242424242)
    history.add_battle("evaluation", "7", "low", 1.0, 3, seed=434343434343)
    history.add_battle("evaluation", "8", "low", 1.0, 3)
    for name in ("ann", "bob"):
        history.add_battle("live 5", "8", f"player {name}", 1.0, 3)
    aside = tmp_path / "history.set-aside-1.sqlite"
    aside.write_bytes(b"old")
    history.forget_player("ann")
    assert not aside.exists()
    assert history.live_battles() == [(NOW, "8", "player", 1.0)] * 2, "a report shows no names"
    assert history.live_scores(8, "live 5") == [("player bob", 1.0)]
    assert [name in (tmp_path / FILE_NAME).read_bytes() for name in (b"ann", b"bob")] == [False, True]
    aside.write_bytes(b"old")
    history.forget_all_players()
    assert history.num_battles() == 1
    assert [(m.player, m.opponent) for m in history.meetings()] == [("8", "low")]
    history.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    whole = (tmp_path / FILE_NAME).read_bytes()
    assert b"bob" not in whole
    for seed in (424242424242, 434343434343):
        assert seed.to_bytes(6, "big") not in whole


def test_only_the_newest_battles_are_kept(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_BATTLES", 10)
    for at in range(25):
        history.add_battle("live", str(at // 2), "player", float(at % 2), 3)
    assert history.num_battles() == 10
    scores = [[score for _, score in history.live_scores(version)] for version in (6, 11, 12)]
    assert scores == [[], [0.0, 1.0], [0.0]]
    assert history.meetings() == []  # live battles are not for ratings
