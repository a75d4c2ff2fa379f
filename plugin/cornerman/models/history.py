"""History of a data folder in SQLite: versions, verdicts of the gate, and every battle that was counted.

It is a record, not a part of what plays: where it is damaged it is set aside with a sentence and a new one is begun,
and nothing else is affected. One owner at a time: the game's thread while loading, then the trainer's. Every method
raises ModelError with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cornerman.evaluation.live.results import Scored, player_called
from cornerman.evaluation.ratings import Meeting
from cornerman.evaluation.verdict import SEVERAL, GateBattle, Verdict
from cornerman.files.atomic import disk_errors, unlink
from cornerman.files.database import Database, Schema, set_aside_files
from cornerman.models.manifest import Manifest

FILE_NAME = "history.sqlite"
MAX_BATTLES = 200_000
"""Battles kept; the oldest go first. About 20 MB."""

SCHEMA = Schema(
    1,
    """
create table versions(version integer primary key, parent integer, created text not null,
    learning_steps integer not null, origin text not null, from_player integer not null, reason text not null);
create table gates(id integer primary key, time real not null, champion integer not null, candidate integer,
    promote integer not null, reason text not null, pairs integer not null, score real not null, llr real not null,
    seed integer not null);
create table battles(id integer primary key, time real not null, kind text not null, player text not null,
    opponent text not null, seed integer, seat integer not null, score real not null, rounds integer not null);
create index battles_by_player on battles(player, opponent);
""",
)
_VERSION = ("version", "parent", "created", "learning_steps", "origin", "from_player")
_GATE = ("time", "champion", "candidate", "promote", "reason", "pairs", "score", "llr", "seed")
_BATTLE = ("time", "kind", "player", "opponent", "seed", "seat", "score", "rounds")
_REJECTED = "rejected"
_NAMED = "(kind like 'live%' and opponent like 'player %')"
"""Battles against a player with a name."""


class History:
    """The record in one data directory."""

    def __init__(self, data_dir: Path, now: Callable[[], float], read_only: bool = False) -> None:
        """Open or begin the record. `now` gives seconds since 1970, UTC; `read_only` as in `Database`."""
        self._now = now
        self.database = Database(data_dir / FILE_NAME, "The history", SCHEMA, now, read_only)
        self.sentences = self.database.messages

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self.database.close()

    def add_version(self, manifest: Manifest) -> None:
        """Note a saved version; noting it again changes nothing."""
        reason = str((manifest.gate or {}).get("reason", ""))
        row = [getattr(manifest, name) for name in _VERSION]
        with self.database.writing() as connection:
            connection.execute("insert or ignore into versions values (?, ?, ?, ?, ?, ?, ?)", [*row, reason])

    def add_gate(
        self, verdict: Verdict, champion: int, candidate: int | None = None, oldest: int | None = None
    ) -> None:
        """Note a verdict and its battles in one transaction; `candidate` is None where it was never saved.

        Battles of a rejected candidate are kept without a name of their own, and count for no rating.
        """
        names = {"champion": str(champion), "candidate": str(candidate)}
        if candidate is None:
            names["candidate"] = f"{_REJECTED} by {champion}"
        if oldest is not None:
            names["oldest"] = str(oldest)
        now = self._now()
        gate = [now, champion, candidate, *(getattr(verdict, name) for name in _GATE[3:])]
        rows = [_row(now, battle, names) for battle in verdict.battles]
        with self.database.writing() as connection:
            connection.execute(f"insert into gates({', '.join(_GATE)}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", gate)
            _insert(connection, rows)

    def add_battle(
        self, kind: str, player: str, opponent: str, score: float, rounds: int, seat: int = 0, seed: int | None = None
    ) -> None:
        """Note one battle, e.g. of kind "live" by version "7" against "player"."""
        with self.database.writing() as connection:
            _insert(connection, [(self._now(), kind, player, opponent, seed, seat, score, rounds)])

    def forget_all_players(self) -> None:
        """Erase every battle against a player, every version that learned from them, and every verdict on a candidate
        that was turned down, since it may have learned from them too; the freed pages as well."""
        with self.database.writing() as connection:
            connection.execute(f"delete from battles where {_NAMED} or opponent = 'player' or player = 'player'")
            tainted = "select cast(version as text) from versions where from_player"
            connection.execute(f"delete from battles where player in ({tainted}) or opponent in ({tainted})")
            learned = "select version from versions where from_player"
            connection.execute(f"delete from gates where not promote or candidate in ({learned})")
            connection.execute("delete from versions where from_player")
        self._wipe()

    def forget_player(self, name: str) -> None:
        """Erase every battle against one player, and the freed pages; "": one without a name."""
        with self.database.writing() as connection:
            connection.execute("delete from battles where opponent = ? and kind like 'live%'", (player_called(name),))
        self._wipe()

    def _wipe(self) -> None:
        """Leave nothing on the disk of what was erased, nor what was set aside, which nobody can read."""
        self.database.shrink()
        with disk_errors("An old history could not be erased"):
            for aside in set_aside_files(self.database.path):
                unlink(aside)

    def meetings(self) -> list[Meeting]:
        """Who met whom in headless battles and how it ended, for `ratings.rate`; rejected candidates left out."""
        query = (
            "select player, opponent, sum(score), count(*) from battles"
            f" where kind in ('gate', 'evaluation') and player not like '{_REJECTED} %' and opponent != '{SEVERAL}'"
            " group by player, opponent order by player, opponent"
        )
        return [Meeting(*row) for row in self.database.rows(query)]

    def gates(self, newest: int = 50) -> list[Mapping[str, Any]]:
        rows = self.database.rows(f"select {', '.join(_GATE)} from gates order by id desc limit ?", [newest])
        return [dict(zip(_GATE, row, strict=True)) for row in rows]

    def turned_down(self) -> dict[int, int]:
        """How many candidates each champion has turned down."""
        query = "select champion, count(*) from gates where not promote group by champion"
        return {int(champion): int(count) for champion, count in self.database.rows(query)}

    def seeds_since(self, moment: float) -> set[int]:
        """Seeds of the verdicts noted after `moment`."""
        return {int(seed) for (seed,) in self.database.rows("select seed from gates where time > ?", [moment])}

    def live_scores(self, version: int, kind: str = "live") -> list[Scored]:
        """How `version` fared in battles of one kind, oldest first."""
        query = "select opponent, cast(score as real) from battles where kind = ? and player = ? order by id"
        return [(str(opponent), score) for opponent, score in self.database.rows(query, [kind, str(version)])]

    def live_battles(self) -> list[tuple[float, str, str, float]]:
        """Every battle in the game that gave a result, oldest first: when, the version, "player" or "scripted", and the
        version's score."""
        opponent = f"case when {_NAMED} then 'player' else opponent end"
        columns = f"cast(time as real), player, {opponent}, cast(score as real)"
        query = f"select {columns} from battles where kind like 'live%' order by id"
        return [(time, player, opponent, score) for time, player, opponent, score in self.database.rows(query)]

    def num_battles(self) -> int:
        return int(self.database.rows("select count(*) from battles", [])[0][0])


def _row(now: float, battle: GateBattle, names: Mapping[str, str]) -> tuple[Any, ...]:
    record = battle.record
    player, opponent = (names.get(name, name) for name in (battle.player, battle.opponent))
    return now, "gate", player, opponent, record.seed, record.seat, record.score, record.rounds


def _insert(connection: Any, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(f"insert into battles({', '.join(_BATTLE)}) values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("delete from battles where id <= (select max(id) from battles) - ?", (MAX_BATTLES,))
