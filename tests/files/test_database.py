"""SQLite files: set aside only where they are shown to be damaged, and usable again after any damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.files.database import Database, Schema, erase, set_aside_files

NOW = 1_700_000_000.0
SCHEMA = Schema(
    1,
    """
create table notes(id integer primary key, text text not null unique);
create index notes_by_text on notes(text, id);
""",
)
Open = Callable[..., Database]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.sqlite"


@pytest.fixture
def open_database(path: Path) -> Iterator[Open]:
    """Opens the test's file, as another session would; all are closed at the end."""
    databases: list[Database] = []

    def opened(schema: Schema = SCHEMA, read_only: bool = False) -> Database:
        databases.append(Database(path, "The notes", schema, lambda: NOW, read_only))
        return databases[-1]

    yield opened
    for database in databases:
        database.close()


def add(database: Database, *texts: object) -> None:
    with database.writing() as connection:
        for text in texts:
            connection.execute("insert into notes(text) values (?)", (text,))


def texts(database: Database) -> list[str]:
    return [text for (text,) in database.rows("select text from notes order by id")]


def test_a_transaction_is_kept_whole_or_not_at_all(open_database: Open) -> None:
    database = open_database()
    add(database, "kept")
    with pytest.raises(ModelError, match="The notes could not be written"):
        add(database, "dropped", "kept")
    with pytest.raises(ModelError, match="The notes could not be written"):
        add(database, "dropped", 2**63)  # Python refuses that, not SQLite
    assert texts(database) == ["kept"]
    database.close()
    assert texts(open_database()) == ["kept"]


def test_what_is_committed_is_synced_and_what_is_deleted_overwritten(
    open_database: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def built_otherwise(*values: Any, **named: Any) -> sqlite3.Connection:
        """SQLite with other defaults: it may be built with these on, which would hide that nobody switches them on."""
        connection: sqlite3.Connection = connect(*values, **named)
        connection.executescript("pragma secure_delete = off; pragma synchronous = off")
        return connection

    monkeypatch.setattr(sqlite3, "connect", built_otherwise)
    database = open_database()
    for setting, value in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
        assert database.rows(f"pragma {setting}") == [(value,)]
    add(database, "a secret of the player")
    for wait, level in ((False, 1), (True, 2)):
        with database.writing(wait) as connection:
            connection.execute("delete from notes")
            assert database.rows("pragma synchronous") == [(level,)]
    database.shrink()
    assert not any(b"secret" in file.read_bytes() for file in path.parent.iterdir())


def test_erase_deletes_the_file_its_log_and_what_was_set_aside(open_database: Open, path: Path) -> None:
    path.write_bytes(b"ruined")
    add(open_database(), "text")
    assert len(set_aside_files(path)) == 1
    (path.parent / "notes.txt").write_text("another's")
    erase(path)
    assert [left.name for left in path.parent.iterdir()] == ["notes.txt"]
    add(open_database(), "text")
    path.unlink()
    assert texts(open_database()) == [], "the log of a file that is gone is not taken for a new one's"


@pytest.mark.parametrize("data", [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 10])
def test_a_file_that_is_no_database_is_set_aside_with_a_sentence(open_database: Open, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    database = open_database()
    (sentence,) = database.messages
    assert "set-aside-1700000000" in sentence
    assert [aside.read_bytes() for aside in set_aside_files(path)] == [data]
    add(database, "text")
    assert texts(database) == ["text"]


@pytest.mark.parametrize(
    "statement",
    [
        "pragma user_version = 9",
        "drop table notes",
        "drop index notes_by_text",
        "alter table notes add column more integer",
        "create table more(id integer)",
    ],
)
def test_other_tables_are_set_aside(open_database: Open, path: Path, statement: str) -> None:
    open_database().close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    assert len(open_database().messages) == 1
    assert open_database().messages == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_ends_in_a_usable_database(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "notes.sqlite"
    erase(path)
    with closing(Database(path, "The notes", SCHEMA)) as database:
        for at in range(3):
            add(database, str(at))
    whole = bytearray(path.read_bytes())
    at = data.draw(st.one_of(st.integers(0, 99), st.integers(0, len(whole) - 1)))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at : at + 16] = data.draw(st.binary(min_size=16, max_size=16))
    path.write_bytes(whole)
    with closing(Database(path, "The notes", SCHEMA)) as database:
        texts(database)
        add(database, "another")
        assert texts(database)[-1] == "another"


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="The notes cannot be kept"):
        Database(tmp_path / "file" / "notes.sqlite", "The notes", SCHEMA)


def test_a_busy_file_is_not_set_aside(open_database: Open, path: Path) -> None:
    database = open_database()
    database.rows("pragma busy_timeout = 10")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(ModelError, match="could not be written"):
            add(database, "text")
        other.execute("rollback")
    add(database, "text")
    assert set_aside_files(path) == []


@pytest.mark.parametrize("journal", ["none", "empty", "full"])
def test_file_in_a_folder_that_cannot_be_written_is_read_without_a_log(
    open_database: Open, path: Path, monkeypatch: pytest.MonkeyPatch, journal: str
) -> None:
    database = open_database()
    with database.writing() as connection:
        connection.execute("insert into notes(text) values ('first')")
    if journal != "full":
        database.close()
    if journal == "empty":
        path.with_name(path.name + "-wal").touch()
    before = sorted(path.parent.iterdir())
    monkeypatch.setattr("cornerman.files.database.os.access", lambda *_: False)
    assert texts(open_database(read_only=True)) == ["first"]
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("begun", [False, True])
def test_read_only_makes_no_tables_in_an_empty_file(open_database: Open, path: Path, begun: bool) -> None:
    path.touch()
    if begun:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("pragma journal_mode = wal")
    data = path.read_bytes()
    assert bool(data) == begun
    look = open_database(read_only=True)
    assert texts(look) == []
    look.close()
    assert path.read_bytes() == data


def test_read_only_changes_nothing(open_database: Open, path: Path) -> None:
    assert texts(open_database(read_only=True)) == []
    assert not path.exists()
    add(open_database(), "text")
    look = open_database(read_only=True)
    assert texts(look) == ["text"]
    with pytest.raises(ModelError, match="could not be written"):
        add(look, "more")
    erase(path)
    path.write_bytes(b"ruined")
    with pytest.raises(ModelError, match="cannot be kept or read"):
        open_database(read_only=True)
    assert path.read_bytes() == b"ruined"
