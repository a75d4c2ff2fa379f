"""What happened, kept in SQLite: versions, gates, and every battle that was counted.

It is a record, not a part of what plays: when it is damaged it is set aside with a sentence and a new one is begun, and
nothing else is affected. One owner at a time: the game's thread while loading, then the trainer's. Writing and reading
raise ModelError with a sentence.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.evaluation.ratings import Meeting
from cornerman.evaluation.verdict import GateBattle, Verdict
from cornerman.models.manifest import Manifest

FILE_NAME = "history.sqlite"
SCHEMA = 1
MAX_BATTLES = 200_000
"""Battles kept; the oldest go first. About 20 MB."""

_TABLES = """
create table versions(version integer primary key, parent integer, created text not null,
    learning_steps integer not null, origin text not null, from_player integer not null, reason text not null);
create table gates(id integer primary key, time real not null, champion integer not null, candidate integer,
    promote integer not null, reason text not null, pairs integer not null, score real not null, llr real not null,
    seed integer not null);
create table battles(id integer primary key, time real not null, kind text not null, player text not null,
    opponent text not null, seed integer, seat integer not null, score real not null, rounds integer not null);
create index battles_by_player on battles(player, opponent);
"""

_COLUMNS = {
    "versions": "version, parent, created, learning_steps, origin, from_player, reason",
    "gates": "id, time, champion, candidate, promote, reason, pairs, score, llr, seed",
    "battles": "id, time, kind, player, opponent, seed, seat, score, rounds",
}
_ASIDE = "history.set-aside-"
_REJECTED = "rejected"
_NOT_THE_FILES_FAULT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,  # a disk that takes no more, for one
}
_THE_FILES_FAULT = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}


class _UnusableError(Exception):
    """A record that can be opened but not used."""


class History:
    """The record in one data directory."""

    def __init__(self, data_dir: Path, now: Callable[[], float]) -> None:
        """Open or begin the record; ModelError when that cannot be done. `now` gives seconds since 1970, UTC."""
        self._path, self._now = data_dir / FILE_NAME, now
        self.sentences: list[str] = []
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _opened(self._path)
            except (
                sqlite3.Error,
                _UnusableError,
                UnicodeDecodeError,
            ) as error:  # a damaged name in SQLite's own message
                if isinstance(error, sqlite3.Error) and not _faults_the_file(error):
                    raise
                self._set_aside(str(error))
                self._connection = _opened(self._path)
        except (OSError, sqlite3.Error) as error:
            raise ModelError(f"The history of versions and battles cannot be kept ({error}).") from error

    def _set_aside(self, why: str) -> None:
        """Keep a record that cannot be used under another name, where a person may still look at it."""
        aside = self._path.with_name(f"{_ASIDE}{int(self._now())}.sqlite")
        os.replace(self._path, aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(FILE_NAME + suffix).unlink(missing_ok=True)
        self.sentences.append(
            f"The history could not be read ({why}); it is kept as {aside.name} and a new one begins."
        )

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    # --------------------------------------------------------------------------------------------------------- adding

    def add_version(self, manifest: Manifest) -> None:
        """Note a saved version; noting it again changes nothing."""
        reason = str((manifest.gate or {}).get("reason", ""))
        row = (
            manifest.version,
            manifest.parent,
            manifest.created,
            manifest.learning_steps,
            manifest.origin,
            manifest.from_player,
            reason,
        )
        with self._writing() as connection:
            connection.execute("insert or ignore into versions values (?, ?, ?, ?, ?, ?, ?)", row)

    def add_gate(
        self, verdict: Verdict, champion: int, candidate: int | None = None, oldest: int | None = None
    ) -> None:
        """Note a verdict and its battles in one transaction; `candidate` is None where it was never saved.

        Battles of a rejected candidate are kept without a name of their own, and count for no rating.
        """
        names = {
            "candidate": str(candidate) if candidate is not None else f"{_REJECTED} by {champion}",
            "champion": str(champion),
        }
        if oldest is not None:
            names["oldest"] = str(oldest)
        now = self._now()
        gate = (
            now,
            champion,
            candidate,
            verdict.promote,
            verdict.reason,
            verdict.pairs,
            verdict.score,
            verdict.llr,
            verdict.seed,
        )
        rows = [_row(now, battle, names) for battle in verdict.battles]
        with self._writing() as connection:
            connection.execute(
                "insert into gates(time, champion, candidate, promote, reason, pairs, score, llr, seed)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                gate,
            )
            _insert(connection, rows)

    def add_battle(
        self, kind: str, player: str, opponent: str, score: float, rounds: int, seat: int = 0, seed: int | None = None
    ) -> None:
        """Note one battle, e.g. of kind "live" by version "7" against "player"."""
        with self._writing() as connection:
            _insert(connection, [(self._now(), kind, player, opponent, seed, seat, score, rounds)])

    def forget_player(self) -> None:
        """Erase every battle against the player and every version that learned from them; the freed pages too."""
        with self._writing() as connection:
            connection.execute("delete from battles where opponent = 'player' or player = 'player'")
            tainted = "select cast(version as text) from versions where from_player"
            connection.execute(f"delete from battles where player in ({tainted}) or opponent in ({tainted})")
            connection.execute("delete from gates where candidate in (select version from versions where from_player)")
            connection.execute("delete from versions where from_player")
        with self._errors("cleaned"):
            self._connection.execute("vacuum")
            self._connection.execute("pragma wal_checkpoint(truncate)")
        try:
            for aside in self._path.parent.glob(f"{_ASIDE}*.sqlite"):
                aside.unlink()
        except OSError as error:
            raise ModelError(f"An old history could not be erased ({error.strerror or error}).") from error

    # -------------------------------------------------------------------------------------------------------- reading

    def meetings(self, kinds: Iterable[str] = ("gate", "evaluation")) -> list[Meeting]:
        """Who met whom in battles of these kinds and how it ended, for `ratings.rate`; rejected candidates left out."""
        wanted = list(kinds)
        query = (
            "select player, opponent, sum(score), count(*) from battles"
            f" where kind in ({', '.join('?' * len(wanted))}) and player not like '{_REJECTED} %'"
            " group by player, opponent order by player, opponent"
        )
        return [Meeting(*row) for row in self._rows(query, wanted)]

    def gates(self, newest: int = 50) -> list[Mapping[str, Any]]:
        """The newest verdicts, newest first."""
        names = ("time", "champion", "candidate", "promote", "reason", "pairs", "score", "llr", "seed")
        rows = self._rows(f"select {', '.join(names)} from gates order by id desc limit ?", [newest])
        return [dict(zip(names, row, strict=True)) for row in rows]

    def live_scores(self, version: int, kind: str = "live", opponent: str = "player") -> list[float]:
        """How `version` fared in battles of one kind against one opponent, oldest first."""
        query = "select score from battles where kind = ? and player = ? and opponent = ? order by id"
        return [score for (score,) in self._rows(query, [kind, str(version), opponent])]

    def num_live(self, version: int) -> int:
        """How many live battles `version` has fought, of any kind and against anybody."""
        query = "select count(*) from battles where player = ? and kind glob 'live*'"
        return int(self._rows(query, [str(version)])[0][0])

    def num_battles(self) -> int:
        return int(self._rows("select count(*) from battles", [])[0][0])

    def _rows(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with self._errors("read"):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on the disk afterwards, or none."""
        with self._errors("written"), self._connection:
            yield self._connection

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise ModelError(f"The history could not be {done} ({error}); playing and learning go on.") from error


def _row(now: float, battle: GateBattle, names: Mapping[str, str]) -> tuple[Any, ...]:
    record = battle.record
    player, opponent = names[battle.player], names.get(battle.opponent, battle.opponent)
    return now, "gate", player, opponent, record.seed, record.seat, record.score, record.rounds


def _insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(
        "insert into battles(time, kind, player, opponent, seed, seat, score, rounds) values (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.execute("delete from battles where id <= (select max(id) from battles) - ?", (MAX_BATTLES,))


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a checked record; sqlite3.Error or _UnusableError where it is damaged or of another schema."""
    connection = sqlite3.connect(path, timeout=2.0, check_same_thread=False)  # one owner at a time, not one thread
    try:
        connection.execute("pragma trusted_schema = off")
        connection.execute("pragma secure_delete = on")  # what the player erases is overwritten, not only unlinked
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma cache_size = -256")  # KiB; adding needs few pages, and it would keep 2 MB
        connection.execute("pragma synchronous = full")  # what was acknowledged survives a power cut
        with closing(connection.execute("pragma integrity_check(1)")) as answer:
            (problem,) = answer.fetchone()
        if problem != "ok":
            raise _UnusableError(f"it is damaged: {str(problem)[:80]}")
        schema = connection.execute("pragma user_version").fetchone()[0]
        if schema == 0:
            connection.executescript(f"begin; {_TABLES} pragma user_version = {SCHEMA}; commit;")
        elif schema != SCHEMA:
            raise _UnusableError(f"it is of schema {schema}, this Cornerman reads {SCHEMA}")
        for table, columns in _COLUMNS.items():
            connection.execute(f"select {columns} from {table} limit 0")
    except BaseException:  # whatever it was: an open file could not be set aside on Windows
        connection.close()
        raise
    return connection


def _faults_the_file(error: sqlite3.Error) -> bool:
    """Whether a record that gave this error is damaged, and not only out of reach now, as on a full disk."""
    code = int(getattr(error, "sqlite_errorcode", 0))  # 0: the error came from Python's side
    return code in _THE_FILES_FAULT or code & 0xFF not in _NOT_THE_FILES_FAULT
