"""history.py: what is noted stays, a damaged record is set aside, the player's part can be erased."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.ratings import rate
from cornerman.experience.encoder import Encoder
from cornerman.models import history as history_module
from cornerman.models.history import FILE_NAME, History
from tests.models.test_manifest import GOOD
from tests.support.duel import Duel, at_level

NOW = 1_700_000_000.0


def opened(folder) -> History:
    return History(folder, lambda: NOW)


def verdict():
    settings_ = GateSettings(bot_pairs=10)
    gate = Gate(at_level(8), at_level(3), Duel(mirrored=False), Encoder(Duel()), 1, settings_, oldest=at_level(1))
    judged = gate.advance(100_000)
    assert judged is not None
    assert judged.promote
    return judged


@pytest.fixture
def history(tmp_path):
    history = opened(tmp_path)
    yield history
    history.close()


def test_a_gate_is_noted_with_every_battle_and_gives_ratings(history):
    judged = verdict()
    history.add_version(GOOD)
    history.add_version(GOOD)
    history.add_gate(judged, champion=3, candidate=4, oldest=0)
    assert history.num_battles() == len(judged.battles)
    gate = history.gates()[0]
    assert (gate["champion"], gate["candidate"], gate["promote"], gate["reason"]) == (3, 4, 1, judged.reason)
    meetings = history.meetings()
    assert {(m.player, m.opponent) for m in meetings} == {
        ("4", "3"),
        ("4", "0"),
        ("4", "low"),
        ("3", "low"),
        ("4", "high"),
        ("3", "high"),
    }
    ratings = rate(meetings, {"low": 0.0})
    assert ratings["4"].points > ratings["3"].points


def test_a_rejected_candidate_counts_for_no_rating(history):
    history.add_gate(replace(verdict(), promote=False), champion=3)
    assert history.gates()[0]["candidate"] is None
    assert {meeting.player for meeting in history.meetings()} == {"3"}


def test_it_survives_a_restart(tmp_path):
    history = opened(tmp_path)
    for at in range(5):
        history.add_battle("live", "4", "player", at % 2, 9)
    history.close()
    history.close()
    again = opened(tmp_path)
    assert again.live_scores(4) == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert again.sentences == []
    assert again.meetings() == []  # live battles are not for ratings
    again.close()


def test_forgetting_erases_the_players_battles_and_what_came_of_them_from_the_file(tmp_path):
    history = opened(tmp_path)
    history.add_version(replace(GOOD, from_player=True, version=7))
    history.add_version(replace(GOOD, rows={"plugin": 9}, version=8))
    history.add_battle("live", "8", "player", 1.0, 3, seed=424242424242)
    history.add_battle("evaluation", "7", "low", 1.0, 3, seed=434343434343)
    history.add_battle("evaluation", "8", "low", 1.0, 3)
    (tmp_path / "history.set-aside-1.sqlite").write_bytes(b"old")
    history.forget_player()
    assert history.num_battles() == 1
    assert [(m.player, m.opponent) for m in history.meetings()] == [("8", "low")]
    history.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    whole = (tmp_path / FILE_NAME).read_bytes()
    for seed in (424242424242, 434343434343):
        assert seed.to_bytes(6, "big") not in whole


def test_it_does_not_grow_without_bound(history, monkeypatch):
    monkeypatch.setattr(history_module, "MAX_BATTLES", 10)
    for at in range(25):
        history.add_battle("live", str(at), "player", 1.0, 3)
    assert history.num_battles() == 10
    assert history.live_scores(24) == [1.0]
    assert history.live_scores(14) == []


# ------------------------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("data", [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 10])
def test_what_is_no_record_is_set_aside_with_a_sentence(tmp_path, data):
    (tmp_path / FILE_NAME).write_bytes(data)
    history = opened(tmp_path)
    assert "set-aside-1700000000" in history.sentences[0]
    assert (tmp_path / "history.set-aside-1700000000.sqlite").read_bytes() == data
    history.add_battle("live", "1", "player", 1.0, 3)
    assert history.num_battles() == 1
    history.close()


@pytest.mark.parametrize(
    "statement", ["pragma user_version = 9", "drop table gates", "alter table battles drop column seat"]
)
def test_another_schema_is_set_aside(tmp_path, statement):
    opened(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(statement)
    connection.commit()
    connection.close()
    history = opened(tmp_path)
    assert len(history.sentences) == 1
    history.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_ends_in_a_usable_record(tmp_path, data):
    for path in tmp_path.iterdir():
        path.unlink()
    history = opened(tmp_path)
    for at in range(3):
        history.add_battle("evaluation", str(at), "low", 1.0, 3)
    history.close()
    path = tmp_path / FILE_NAME
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at : at + 16] = data.draw(st.binary(min_size=16, max_size=16))
    path.write_bytes(whole)
    history = opened(tmp_path)
    try:
        history.meetings()
        history.add_battle("live", "1", "player", 1.0, 3)
        assert history.live_scores(1)[-1] == 1.0
    finally:
        history.close()


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="cannot be kept"):
        opened(tmp_path / "file")


def test_a_record_that_is_busy_is_not_set_aside(tmp_path):
    history = opened(tmp_path)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("begin immediate")
    history._connection.execute("pragma busy_timeout = 10")
    with pytest.raises(ModelError, match="could not be written"):
        history.add_battle("live", "1", "player", 1.0, 3)
    other.execute("rollback")
    other.close()
    history.add_battle("live", "1", "player", 1.0, 3)
    history.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


KILLED = """
import sys
from pathlib import Path
from cornerman.models.history import History
history = History(Path(sys.argv[1]), lambda: 0.0)
for at in range(100_000):
    history.add_battle("live", "1", "player", 1.0, 3)
    print(history.num_battles(), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_killed_at_any_moment_no_acknowledged_battle_is_lost(tmp_path):
    random = np.random.default_rng(0)
    for _ in range(4):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(float(random.uniform(0.0, 0.05)))
        process.send_signal(signal.SIGKILL)
        acknowledged = max(int(line) for line in ["0", *process.stdout.read().split("\n")[:-1]])
        process.stdout.close()
        process.wait()
        history = opened(tmp_path)
        assert history.sentences == []
        assert history.num_battles() >= acknowledged
        history.close()
