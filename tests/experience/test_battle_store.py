"""Finished battles on the disk: they come back, the newest stay, damage and a full disk cost a sentence."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.contract import ModelError, Source, Transition
from cornerman.experience.battle_store import FILE_NAME, OLD_FOLDER, BattleStore, Counts
from cornerman.experience.transitions import DataFormat
from cornerman.files.database import Database
from tests.support.failing_files import failing, failing_record
from tests.support.paths import ROOT
from tests.support.sample_states import same
from tests.support.stored_battles import FORMAT, battle

Open = Callable[..., BattleStore]


def play(store: BattleStore, number: int) -> int:
    """One battle as the recorder hands it over; returns the number that it bears in the store."""
    end, transitions = battle(number, 2)
    for transition in transitions:
        store.take(transition)
    return store.take(end).battle_id


def numbers(store: BattleStore, min_transitions: int | None = None) -> list[int]:
    return [stored.end.battle_id for stored in store.battles(min_transitions)]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    """Opens a store in the test's folder, as another session would; all are closed at the end."""
    stores: list[BattleStore] = []

    def opened(data_format: DataFormat = FORMAT, **more: Any) -> BattleStore:
        stores.append(BattleStore(tmp_path, data_format, **more))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Open) -> BattleStore:
    return open_store()


def test_battles_come_back_in_the_next_session(store: BattleStore, open_store: Open) -> None:
    store.append(map(battle, range(3)))
    store.close()
    again = open_store()
    items = list(again.stored(100))
    assert [type(item).__name__ for item in items] == (["Transition"] * 5 + ["BattleEnd"]) * 3
    expected = [item for number in range(3) for end, rows in [battle(number)] for item in (*rows, end)]
    for item, wanted in zip(items, expected, strict=True):
        if isinstance(item, Transition) and isinstance(wanted, Transition):
            assert same(item, wanted)
        else:
            assert item == wanted
    assert again.messages == []


def test_take_stores_battles_that_interleave_when_each_ends(store: BattleStore) -> None:
    (one, one_rows), (two, two_rows) = battle(1), battle(2)
    for pair in zip(one_rows, two_rows, strict=True):
        for item in pair:
            store.take(item)
    assert numbers(store) == []
    store.take(two)
    store.take(one)
    assert numbers(store) == [2, 1]
    store.take(battle(3)[0])  # nothing was recorded of it
    assert store.kept == 2


def test_battles_taken_together_are_stored_in_one_transaction(
    store: BattleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[Database] = []

    def counted(database: Database, wait: bool, writing: Any = Database.writing) -> Any:
        transactions.append(database)
        return writing(database, wait)

    monkeypatch.setattr(Database, "writing", counted)
    with store.together():
        for number in range(1, 6):
            play(store, number)
        assert (store.kept, numbers(store), transactions) == (0, [], [])
    assert (store.kept, store.first, numbers(store)) == (5, 1, [1, 2, 3, 4, 5])
    assert len(transactions) == 1
    play(store, 6)
    assert store.kept == 6, "by itself again"


def test_too_large_a_battle_costs_no_other_that_is_taken_with_it(open_store: Open) -> None:
    said: list[str] = []
    store = open_store(max_bytes=500, say=said.append)
    end, transitions = battle(2, 50)
    with store.together():
        play(store, 1)
        for transition in transitions:
            store.take(transition)
        store.take(end)
        play(store, 3)
    assert "bytes of 500" in said[0]
    assert (store.kept, numbers(store)[-1]) == (2, 3)


def test_only_as_many_battles_are_read_as_hold_the_transitions_asked_for(store: BattleStore) -> None:
    store.append(map(battle, range(10)))
    assert numbers(store, 11) == [7, 8, 9]
    assert numbers(store, 0) == []


# ----------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 2, 3], [1, 2], [1, 2, 3, 4, 5]), ([2**63 - 1, -5], [0, 2**50], [1, 2, 3, 4]), ([0], [0], [0, 1])],
)
def test_numbers_begin_as_the_games_and_go_on_over_sessions(
    open_store: Open, first: list[int], second: list[int], expected: list[int]
) -> None:
    for ids in (first, second):
        store = open_store()
        for number in ids:
            play(store, number)
        store.close()
    assert numbers(store) == expected


# ------------------------------------------------------------------------------------------------------------- damage


def test_a_damaged_battle_is_left_out_and_the_others_stay(store: BattleStore, tmp_path: Path) -> None:
    store.append(map(battle, range(3)))
    store.close()
    data = bytearray((tmp_path / FILE_NAME).read_bytes())
    data[data.index(b'"battle_id": 1,') + 200] ^= 0x10
    (tmp_path / FILE_NAME).write_bytes(bytes(data))
    assert numbers(store) == [0, 2]
    assert store.messages == ["Left out of the stored battles: damaged battles: 1."]


@pytest.mark.parametrize("data", [b"", b"rubbish", "text", 7])
def test_whatever_stands_in_a_battles_place_is_left_out(store: BattleStore, tmp_path: Path, data: object) -> None:
    store.append([battle(0), battle(1)])
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("update battles set data = ?, checksum = checksum + 1 where number = 0", (data,))
    assert numbers(store) == [1]


def test_a_file_that_is_no_database_is_set_aside_with_a_sentence(store: BattleStore, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    store.append([battle(1)])
    assert numbers(store) == [1]
    (aside,) = tmp_path.glob("battles.set-aside-*.sqlite")
    assert aside.read_bytes() == b"no database" * 1000
    (sentence,) = store.messages
    assert aside.name in sentence


def test_transitions_that_fail_the_checks_are_left_out_and_counted(store: BattleStore) -> None:
    end, rows = battle(1)
    rows[1] = replace(rows[1], observation=np.array([np.nan, 0], np.float32))
    rows[3] = replace(rows[3], reward=float("inf"), source=Source.UNKNOWN)
    store.append([(end, rows)])
    (stored,) = store.battles()
    assert stored.columns["index"].tolist() == [0, 2, 4]
    wanted = "transitions with a wrong observation: 1, transitions with a wrong reward: 1"
    assert store.messages == [f"Left out of the stored battles: {wanted}."]


@pytest.mark.parametrize(
    ("data_format", "words"),
    [
        (replace(FORMAT, game_version="2"), "game_version 1 instead of 2"),
        (replace(FORMAT, encoder_version="xyz"), "encoder_version abc instead of xyz"),
        (replace(FORMAT, game="chess"), "game duel instead of chess"),
        (replace(FORMAT, schema=9), "schema 2 instead of 9"),
    ],
)
def test_battles_of_another_format_are_left_alone(
    store: BattleStore, open_store: Open, data_format: DataFormat, words: str
) -> None:
    store.append([battle(0), battle(1)])
    store.close()
    other = open_store(data_format)
    assert numbers(other) == []
    (sentence,) = other.messages
    assert words in sentence
    assert "not read: 2 with " in sentence
    assert play(other, 0) == 2
    other.close()
    assert numbers(open_store()) == [0, 1]


def test_an_old_journal_is_mentioned_once(tmp_path: Path, open_store: Open) -> None:
    (tmp_path / OLD_FOLDER).mkdir()
    for mentioned in (True, False):
        store = open_store()
        store.open()
        assert bool(store.messages) is mentioned
        store.close()


# ------------------------------------------------------------------------------------------------------------- bounds


def test_the_newest_battles_stay_up_to_the_bound(open_store: Open, tmp_path: Path) -> None:
    store = open_store(max_bytes=20_000)
    for number in range(200):
        store.append([battle(number)])
        assert store.counts().num_bytes <= 20_000
    kept = numbers(store)
    assert kept == list(range(200 - len(kept), 200))
    assert len(kept) > 20
    store.close()
    assert (tmp_path / FILE_NAME).stat().st_size < 60_000
    again = open_store(max_bytes=20_000)
    again.append([battle(200)])
    assert again.counts().battles == len(kept)
    with pytest.raises(ModelError, match="bytes of 20,000"):
        again.append([battle(201, transitions=500)])
    assert again.counts().battles == len(kept)


def test_read_only_creates_nothing_and_writes_nothing(tmp_path: Path) -> None:
    look = BattleStore(tmp_path, FORMAT, read_only=True)
    assert (numbers(look), look.counts()) == ([], Counts())
    with pytest.raises(ModelError, match="could not be written"):
        look.append([battle(1)])
    look.close()
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------- forgetting


def test_forget_erases_every_file_and_says_what(store: BattleStore, tmp_path: Path) -> None:
    store.append(map(battle, range(4)))
    store.take(battle(5)[1][0])
    (tmp_path / "battles.set-aside-1.sqlite").write_bytes(b"ruined")
    (tmp_path / OLD_FOLDER).mkdir()
    for name in ("player-000001.journal", "forgetting-player"):
        (tmp_path / OLD_FOLDER / name).write_bytes(b"old")
    erased = store.forget()
    assert (erased.battles, erased.transitions) == (4, 20)
    assert list(tmp_path.iterdir()) == []
    store.take(battle(5)[0])  # its first half is forgotten as well
    assert (store.kept, numbers(store)) == (0, [])
    store.append([battle(6)])
    assert numbers(store) == [6]


@pytest.mark.parametrize("data", [b"no database" * 1000, None])
def test_forget_erases_a_file_that_cannot_be_read_and_leaves_others_alone(
    store: BattleStore, tmp_path: Path, data: bytes | None
) -> None:
    (tmp_path / OLD_FOLDER).mkdir()
    (tmp_path / OLD_FOLDER / "notes.txt").write_text("mine")
    if data is not None:
        (tmp_path / FILE_NAME).write_bytes(data)
    assert store.forget().battles == 0
    assert [path.name for path in tmp_path.rglob("*.*")] == ["notes.txt"]


# ------------------------------------------------------------------------------------------------------------- faults


def test_a_disk_that_fails_loses_one_battle_and_is_said_until_it_works(open_store: Open) -> None:
    said: list[str] = []
    with failing_record():
        store = open_store(say=said.append)
        assert play(store, 1) == 1
        with failing(1, lasting=True):
            play(store, 2)
            play(store, 3)
        (sentence,) = said
        assert "disk is full" in sentence
        play(store, 4)
        assert numbers(store) == [1, 4]
        with failing(1, lasting=True):
            play(store, 5)
        assert len(said) == 2
    store.close()


def test_numbers_given_while_the_file_was_out_of_reach_go_on_after_the_stored_ones(
    store: BattleStore, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        play(store, number)
    store.close()
    again = open_store()
    with monkeypatch.context() as out_of_reach:
        out_of_reach.setattr(sqlite3, "connect", _unreachable)
        play(again, 1)
    assert play(again, 2) == 6


def _unreachable(*_: object, **__: object) -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")


WRITER = """
import sys
from pathlib import Path
from typing import Any
from cornerman.experience.battle_store import BattleStore
from tests.support.stored_battles import FORMAT, battle

store = BattleStore(Path(sys.argv[1]), FORMAT, max_bytes=20_000)
for number in range(int(sys.argv[2]), 10**9):
    store.append([battle(number)])
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_every_acknowledged_battle_survives_a_kill(tmp_path: Path) -> None:
    first = 0
    for attempt in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(first)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + 0.037 * attempt)  # somewhere in the middle of a transaction, a sync or a checkpoint
            process.kill()
            acknowledged = [first, *map(int, process.stdout.read().split())]
        store = BattleStore(tmp_path, FORMAT)
        stored = numbers(store)
        store.close()
        assert store.messages == []
        assert stored[-1] - acknowledged[-1] in (0, 1)  # at most the one whose acknowledgement was not read
        assert stored == list(range(stored[0], stored[-1] + 1))
        first = stored[-1] + 1
    assert first > 20
