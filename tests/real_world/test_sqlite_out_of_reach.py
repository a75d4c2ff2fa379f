"""Kind 14: an SQLite file is set aside only when it is shown to be damaged, and goes on after a passing fault."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import ModelError
from cornerman.experience.battle_store import BattleStore
from cornerman.files.database import set_aside_files
from cornerman.models.history import History
from tests.support.sample_states import chain
from tests.support.stored_battles import FORMAT, store_battles

CONNECT = sqlite3.connect
PASSING = [
    ("locking protocol", "SQLITE_PROTOCOL"),
    ("locking protocol", None),
    ("database is locked", "SQLITE_BUSY"),
    ("database table is locked", "SQLITE_LOCKED"),
    ("unable to open database file", "SQLITE_CANTOPEN"),
    ("disk I/O error", "SQLITE_IOERR"),
    ("disk I/O error", "SQLITE_IOERR_READ"),
    ("database or disk is full", "SQLITE_FULL"),
    ("out of memory", "SQLITE_NOMEM"),
    ("interrupted", "SQLITE_INTERRUPT"),
    ("access permission denied", "SQLITE_PERM"),
]


def refusing(times: int, words: str, code: str | None, statement: str) -> Callable[..., Any]:
    """Stands in for `sqlite3.connect`: so many times the statement (or connecting itself) is answered like this."""
    left = [times]

    def refuse() -> None:
        left[0] -= 1
        if left[0] >= 0:
            error = sqlite3.OperationalError(words)
            if code is not None:
                error.sqlite_errorcode = getattr(sqlite3, code)
            raise error

    class Refusing(sqlite3.Connection):
        def execute(self, query: str, *values: Any) -> sqlite3.Cursor:
            if query.startswith(statement):
                refuse()
            return super().execute(query, *values)

    def connect(*arguments: Any, **more: Any) -> sqlite3.Connection:
        if statement == "connect":
            refuse()
        return CONNECT(*arguments, **more, factory=Refusing)

    return connect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(History(tmp_path, lambda: 0.0)) as history:
        history.add_battle("live", "1", "player", 1.0, 3)
    store_battles(tmp_path, 1)
    return tmp_path


def sound(folder: Path) -> bool:
    with closing(History(folder, lambda: 0.0)) as history, closing(BattleStore(folder, FORMAT)) as store:
        files = [path for name in ("history.sqlite", "battles.sqlite") for path in set_aside_files(folder / name)]
        return history.live_scores(1) == [("player", 1.0)] and store.counts().battles == 1 and not files


@pytest.mark.parametrize(("words", "code"), PASSING)
@pytest.mark.parametrize("statement", ["connect", "pragma journal_mode", "pragma quick_check", "begin"])
def test_a_fault_that_comes_once_is_not_even_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: str | None, statement: str
) -> None:
    monkeypatch.setattr(sqlite3, "connect", refusing(1, words, code, statement))
    with closing(History(folder, lambda: 0.0)) as history:
        assert history.live_scores(1) == [("player", 1.0)]
        assert history.sentences == []
    monkeypatch.setattr(sqlite3, "connect", refusing(1, words, code, statement))
    with closing(BattleStore(folder, FORMAT)) as store:
        assert store.counts().battles == 1
        assert store.messages == []
    monkeypatch.undo()
    assert sound(folder)


@pytest.mark.parametrize(("words", "code"), PASSING)
def test_a_fault_that_stays_is_a_sentence_and_the_files_stay_where_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: str | None
) -> None:
    monkeypatch.setattr(sqlite3, "connect", refusing(10**6, words, code, "pragma quick_check"))
    with pytest.raises(ModelError, match=words):
        History(folder, lambda: 0.0)
    said: list[str] = []
    with closing(BattleStore(folder, FORMAT, said.append)) as store:
        for row in chain(2, battle_id=7):
            store.take(row)
        assert len(said) == 1
    monkeypatch.undo()
    assert sound(folder)


def test_a_folder_without_write_permission_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    refuse = refusing(10**6, "attempt to write a readonly database", "SQLITE_READONLY", "begin")
    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(ModelError, match="readonly"):
        History(folder, lambda: 0.0)
    monkeypatch.undo()
    assert sound(folder)
