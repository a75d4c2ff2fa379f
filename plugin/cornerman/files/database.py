"""SQLite files: opened with one set of pragmas, checked, and set aside where they are shown to be damaged.

The only place that imports sqlite3, which some builds of Python lack. Every failure is a ModelError with a sentence. A
database has one owner at a time, not one thread. Requires the folder lock where another process may write.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import disk_errors, rename, unlink

try:
    import sqlite3
except ImportError:  # a Python built without it still plays and learns
    sqlite3 = None  # type: ignore[assignment]

log = logging.getLogger("cornerman")

BUSY_TIMEOUT_S = 2.0
ATTEMPTS, RETRY_S = 3, 0.02
_ASIDE = "set-aside-"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database, and their version."""

    version: int
    tables: str  # "create" statements, compared with those that made the file


class _DamagedError(Exception):
    """The file can be opened, but its content cannot be used."""


class Database:
    """One open SQLite file: WAL, synchronous=FULL, secure_delete. What is committed survives a power cut."""

    def __init__(
        self, path: Path, what: str, schema: Schema, now: Callable[[], float] = time.time, read_only: bool = False
    ) -> None:
        """Open or create `path`; `what` names its content in sentences, such as "The history".

        A damaged file, or one with other tables, is renamed, and `messages` says so; a `read_only` one is refused. One
        of no bytes, which a kill leaves where a file is being made, is used; `read_only`, what is not there is empty.
        """
        self.path, self._what, self._schema, self._now = path, what, schema, now
        self._read_only = read_only
        self.messages: list[str] = []
        if sqlite3 is None:
            raise ModelError(f"{what} cannot be kept or read: this Python has no sqlite3 module.")
        with disk_errors(f"{what} cannot be kept or read"):
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._discard_orphans()
            self._connection = self._opened()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._errors("read"):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self, wait: bool = True) -> Iterator[Any]:
        """One transaction on the connection: all of it is kept, or none. Without `wait` for the disk a power cut may
        take it back, with others like it, until the next one that waits; what ends the process does not."""
        with self._errors("written"):
            self._connection.execute(f"pragma synchronous = {'full' if wait else 'normal'}")
            with self._connection:
                yield self._connection

    def shrink(self) -> None:
        """Give freed pages back to the disk, and empty the write-ahead log, so that nothing deleted stays in it."""
        with self._errors("cleaned"):
            self._connection.execute("vacuum")
            self._connection.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._checked()
            except (sqlite3.Error, _DamagedError, UnicodeDecodeError) as error:  # the last: a damaged name in a message
                damaged = _shows_damage(error, self.path)
                if attempt == ATTEMPTS or (damaged and self._read_only):
                    raise ModelError(f"{self._what} cannot be kept or read ({_plain(error)}).") from error
                log.info("%s: %s", self.path, error)
                if damaged:
                    self._move_aside(_plain(error))
                else:
                    time.sleep(RETRY_S)
        raise AssertionError("not reached")

    def _checked(self) -> sqlite3.Connection:
        """A connection to a sound file with the schema's tables; sqlite3.Error or _DamagedError where it is not."""
        empty = self._read_only and not self.path.exists()
        place = ":memory:" if empty else f"{self.path.absolute().as_uri()}?mode={self._mode()}"
        connection = sqlite3.connect(place, timeout=BUSY_TIMEOUT_S, check_same_thread=False, uri=True)
        try:
            connection.execute("pragma trusted_schema = off")
            connection.execute("pragma cache_size = -256")  # KiB: adding needs few pages, and the default is 2 MB
            if not self._read_only:
                connection.execute("pragma secure_delete = on")  # what is deleted is overwritten
                connection.execute("pragma fullfsync = on")  # macOS: fsync alone stops at the drive's cache
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = full")
            with closing(connection.execute("pragma quick_check(1)")) as answer:
                (problem,) = answer.fetchone()
            if problem != "ok":
                log.warning("%s: %s", self.path, problem)
                raise _DamagedError("the file is damaged")
            if self._read_only and _has_nothing(connection):
                connection.close()
                connection = sqlite3.connect(":memory:", check_same_thread=False)
            self._check_schema(connection)
            if self._read_only:
                connection.execute("pragma query_only = on")
            else:
                connection.execute("begin immediate")  # a file that cannot be written is known now
                connection.rollback()
        except BaseException:  # whatever it was: Windows cannot rename a file that is open
            connection.close()
            raise
        return connection

    def _mode(self) -> str:
        if not self._read_only:
            return "rwc"
        log = _companions(self.path)[0]
        newest = not log.exists() or not log.stat().st_size  # nothing that only the log holds
        # To read by way of the log SQLite makes a file beside it, which a read-only disk refuses.
        return "ro&immutable=1" if newest and not os.access(self.path.parent, os.W_OK) else "rw"

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        """Create the tables in an empty file; _DamagedError where a file has others."""
        wanted = self._schema
        if _has_nothing(connection):
            connection.executescript(f"begin; {wanted.tables} pragma user_version = {wanted.version}; commit;")
            return
        version = connection.execute("pragma user_version").fetchone()[0]
        tables = {
            _definition(str(sql)) for (sql,) in connection.execute("select sql from sqlite_master where sql not null")
        }
        if version != wanted.version:
            raise _DamagedError(f"its schema is {version}, this Cornerman reads {wanted.version}")
        if tables != {_definition(statement) for statement in wanted.tables.split(";") if statement.strip()}:
            raise _DamagedError("it has other tables than this Cornerman writes")

    def _move_aside(self, why: str) -> None:
        """Keep a file that cannot be used under another name, where a person may still look at it."""
        aside = self.path.with_name(f"{self.path.stem}.{_ASIDE}{int(self._now())}{self.path.suffix}")
        rename(self.path, aside)
        self._discard_orphans()
        self.messages.append(
            f"{self._what} could not be read ({why}); the file is kept as {aside.name} and a new one begins."
        )

    def _discard_orphans(self) -> None:
        """Delete the log of a file that is gone: SQLite must not take it for that of a new one."""
        if not self.path.exists():
            for path in _companions(self.path):
                unlink(path)

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            raise ModelError(
                f"{self._what} could not be {done} ({_plain(error)}); playing and learning go on."
            ) from error


def erase(path: Path) -> None:
    """Delete a closed database with its log and what was set aside of it; OSError where one cannot be deleted.

    The file itself goes before its log: whoever is killed in between leaves a log that the next opening deletes.
    """
    for each in [*set_aside_files(path), path, *_companions(path)]:
        unlink(each)


def set_aside_files(path: Path) -> list[Path]:
    """Files that were set aside of the database at `path`."""
    return sorted(path.parent.glob(f"{path.stem}.{_ASIDE}*{path.suffix}"))


def _companions(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]


def _has_nothing(connection: sqlite3.Connection) -> bool:
    """Whether the file is new: whoever began it was ended before it had tables."""
    (count,) = connection.execute("select count(*) from sqlite_master where sql not null").fetchone()
    return not count and connection.execute("pragma user_version").fetchone() == (0,)


def _definition(statement: str) -> str:
    """A "create" statement without its first two words, which SQLite writes in its own way, and without line ends."""
    return " ".join(statement.split()[2:])


def _plain(error: Exception) -> str:
    """Why a file cannot be used, without SQLite's words for damage."""
    spoilt = type(error) is sqlite3.DatabaseError or isinstance(error, UnicodeDecodeError)
    return "the file is damaged" if spoilt else str(error)


def _shows_damage(error: Exception, path: Path) -> bool:
    """Whether the error proves a damaged file, and not only one that is out of reach now, as on a full disk."""
    if not isinstance(error, sqlite3.Error):
        return True
    damage = {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # our statements are right, so the tables are not: "unsupported file format"
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
    }
    code = int(getattr(error, "sqlite_errorcode", 0))  # 0: raised by Python, which saw no file
    if code == sqlite3.SQLITE_READONLY:  # its own header forbids writing
        return os.access(path, os.W_OK)
    return code in damage or (code & 0xFF) == sqlite3.SQLITE_CORRUPT
