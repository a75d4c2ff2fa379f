"""Store of finished battles in SQLite: what was recorded outlives the game, a crash and a power cut.

Owned by the thread that collects: the trainer's, or the game's where there is no trainer. A battle is on the disk once
`append` or `take_live` has returned; a battle of self-play may be lost to a power cut. The newest battles of each kind
are kept up to a bound. Battles of another game, game version or encoder are left alone and not read. A disk that fails
becomes a sentence, and learning goes on from memory.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.transitions import (
    DataFormat,
    StoredBattle,
    battle_from_bytes,
    battle_to_bytes,
    faults,
    format_from_dict,
    take,
    unpack,
)
from cornerman.files.atomic import parse_json, sync_folder, unlink
from cornerman.files.database import Database, Schema, erase

log = logging.getLogger("cornerman")

PLAYER: Final = "player"
SELF_PLAY: Final = "self-play"
KINDS = (PLAYER, SELF_PLAY)
FIRST_SELF_PLAY_ID = 1 << 40
"""Numbers of headless battles begin here; those of the game's battles stay below."""
FILE_NAME = "battles.sqlite"
OLD_FOLDER = "journal"
"""Where earlier versions kept battles, in files that this one does not read."""
MAX_BYTES = 64 * 2**20
_WHAT = "Recorded battles"

SCHEMA = Schema(
    1,
    """
create table formats(id integer primary key, format text not null unique);
create table battles(id integer primary key, kind text not null, format integer not null, number integer not null,
    transitions integer not null, checksum integer not null, data blob not null);
create index battles_by_kind on battles(kind, id, format, transitions, number);
""",
)

Item: TypeAlias = Transition | BattleEnd


@dataclass(frozen=True, slots=True)
class Counts:
    """What is stored of one kind, or what was erased of it."""

    kind: str
    battles: int = 0
    transitions: int = 0
    num_bytes: int = 0


class BattleStore:
    """Stores, reads back, bounds and erases the finished battles of one game in one data folder.

    A game counts its battles anew in every session. Here they are counted on after the last stored one, so that battles
    of two sessions are never taken for one: live battles below `FIRST_SELF_PLAY_ID`, practice from there on.
    """

    def __init__(
        self,
        folder: Path,
        data_format: DataFormat,
        say: Callable[[str], object] = log.warning,
        max_bytes: int = MAX_BYTES,
        read_only: bool = False,
    ) -> None:
        """`say` is given each sentence for the player once. `max_bytes` bounds the battles of each kind.

        `read_only`: for a look into a folder that a running game may own; nothing is created, repaired or written.
        """
        self.path, self.data_format = folder / FILE_NAME, data_format
        self.messages: list[str] = []
        self.kept = 0
        """Live battles stored since this session began."""
        self._say, self._max_bytes, self._read_only = say, max_bytes, read_only
        self._format = json.dumps(asdict(data_format))
        self._database: Database | None = None
        self._failing = False
        self._num_bytes: dict[str, int] = {}
        self._next: dict[str, int] = {}  # number of the next battle by kind; 0: as the game counts
        self._open: dict[tuple[str, int], int] = {}  # kind and the game's id -> number
        self._pending: dict[int, list[Transition]] = {}  # by number

    # ------------------------------------------------------------------------------------- what the pipeline hands over

    def open(self) -> None:
        """Open the file now rather than with the first battle; a failure becomes a message."""
        try:
            self._opened()
        except ModelError as error:
            self._failed(error)

    def take_live(self, item: Item) -> Item:
        """Add one item of a battle of the game; returns it under the battle's number here. Never raises for a disk."""
        return self._take(item, PLAYER)

    def take_practice(self, item: Item) -> Item:
        """Add one item of a headless battle, as `take_live`."""
        return self._take(item, SELF_PLAY)

    def stored(self, kind: str, min_transitions: int) -> Iterator[Item]:
        """The newest battles of one kind as a recorder hands them over, oldest first; a failure becomes a message.

        Only as many as hold `min_transitions`.
        """
        try:
            for battle in self.battles(kind, min_transitions):
                yield from unpack(battle.columns)
                yield battle.end
        except ModelError as error:
            self._failed(error)

    # ---------------------------------------------------------------------------------------------- storing and reading

    def append(self, end: BattleEnd, transitions: Sequence[Transition], kind: str | None = None) -> None:
        """Store one finished battle, by default of the kind that `kind_of` says; the oldest of its kind make room.

        ModelError where the disk does not take it, and then nothing has changed.
        """
        kind = kind or kind_of(end, transitions)
        data = battle_to_bytes(end, transitions, self.data_format)
        if len(data) > self._max_bytes:
            raise ModelError(f"{_WHAT} could not be written: one has {len(data):,} bytes of {self._max_bytes:,}.")
        database = self._opened()
        with database.writing(durable=kind == PLAYER) as connection:
            freed = self._make_room(connection, kind, len(data))
            connection.execute("insert or ignore into formats(format) values (?)", (self._format,))
            connection.execute(
                "insert into battles(kind, format, number, transitions, checksum, data)"
                " select ?, id, ?, ?, ?, ? from formats where format = ?",
                (kind, end.battle_id, len(transitions), zlib.crc32(data), data, self._format),
            )
        self._num_bytes[kind] += len(data) - freed

    def battles(self, kind: str, min_transitions: int | None = None) -> Iterator[StoredBattle]:
        """Stored battles, oldest first, or only as many of the newest as hold `min_transitions`; ModelError.

        A damaged battle, and transitions that fail the checks of new ones, are left out and counted in a message.
        """
        database, left_out = self._opened(), Counter[str]()
        query = (
            "select battles.id, transitions from battles join formats on formats.id = battles.format"
            " where kind = ? and formats.format = ? order by battles.id desc"
        )
        ids: list[int] = []
        wanted = min_transitions
        for battle_id, transitions in database.rows(query, (kind, self._format)):
            if wanted is not None and wanted <= 0:
                break
            ids.append(battle_id)
            wanted = None if wanted is None else wanted - transitions
        for battle_id in reversed(ids):
            battle = self._read(database, battle_id, left_out)
            if battle is not None:
                yield battle
        if left_out:
            counted = ", ".join(f"{reason}: {count}" for reason, count in sorted(left_out.items()))
            self._say_once(f"Left out of the stored battles ({kind}): {counted}.")

    def counts(self, kind: str) -> Counts:
        """What is stored of one kind, battles of other formats included; ModelError."""
        return _counts(self._opened(), kind)

    def next_number(self, kind: str) -> int:
        """One more than the largest number of a stored battle of the kind; 0 where none is stored. ModelError."""
        return _next_number(self._opened(), kind)

    def forget(self) -> list[Counts]:
        """Delete every battle from memory and disk, with files of earlier versions; ModelError where one stays.

        Returns what was erased, by kind, as far as the file could still be read.
        """
        try:
            erased = [self.counts(kind) for kind in KINDS]
        except ModelError:  # damaged or out of reach: it is erased all the same
            erased = [Counts(kind) for kind in KINDS]
        self.close()
        self._next.clear()
        self._open.clear()
        self._pending.clear()
        self.kept = 0
        try:
            _erase_old(self.path.with_name(OLD_FOLDER))
            erase(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            why = error.strerror or error
            raise ModelError(f"{_WHAT} could not be erased from the disk ({why}); try again.") from error
        return erased

    def close(self) -> None:
        """Close the file; what comes later opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    # ---------------------------------------------------------------------------------------------------------- numbers

    def reached(self) -> dict[str, int]:
        """By kind, the number below which every battle is over; what comes from now on has this one or a larger."""
        reached: dict[str, int] = {}
        for kind in KINDS:
            try:
                number = max(self._next.get(kind, 0), self.next_number(kind))
            except ModelError as error:
                self._failed(error)
                continue
            reached[kind] = min([number, *(own for (whose, _), own in self._open.items() if whose == kind)])
        return reached

    def _number(self, item: Item, kind: str) -> int:
        """The battle's number here; given with its first item, and free for another battle after its end."""
        known = (kind, item.battle_id)
        if known not in self._open:
            self.open()  # numbers go on after the stored ones
            own = item.battle_id if 0 <= item.battle_id < FIRST_SELF_PLAY_ID else 1
            first = FIRST_SELF_PLAY_ID if kind == SELF_PLAY else own
            self._open[known] = number = self._next.get(kind) or first
            self._next[kind] = number + 1
        return self._open.pop(known) if isinstance(item, BattleEnd) else self._open[known]

    # --------------------------------------------------------------------------------------------------------- internal

    def _take(self, item: Item, kind: str) -> Item:
        item = replace(item, battle_id=self._number(item, kind))
        if isinstance(item, Transition):
            self._pending.setdefault(item.battle_id, []).append(item)
            return item
        transitions = self._pending.pop(item.battle_id, [])
        if transitions:
            try:
                self.append(item, transitions, kind)
                self.kept += kind == PLAYER
                self._failing = False
            except ModelError as error:
                self._failed(error)
        return item

    def _opened(self) -> Database:
        if self._database is None:
            new = not self.path.exists()
            database = Database(self.path, _WHAT, SCHEMA, read_only=self._read_only)
            try:
                self._take_stock(database, new)
            except ModelError:
                database.close()
                raise
            self._database = database
        return self._database

    def _take_stock(self, database: Database, new: bool) -> None:
        """Count what is stored, and say what was found; `new`: the file did not exist."""
        for sentence in database.messages:
            self._say_once(sentence)
        if new and self.path.with_name(OLD_FOLDER).exists():
            self._say_once(f"Battles of an earlier version in {OLD_FOLDER}/ are not read; Forget erases them.")
        for kind in KINDS:
            self._num_bytes[kind] = _counts(database, kind).num_bytes
            self._next[kind] = max(self._next.get(kind, 0), _next_number(database, kind))
        self._mention_others(database)

    def _mention_others(self, database: Database) -> None:
        query = "select formats.format, count(*) from battles join formats on formats.id = battles.format group by 1"
        for text, count in database.rows(query):
            try:
                differences = self.data_format.differences(format_from_dict(parse_json(str(text).encode(), "A format")))
            except ModelError as error:
                differences = str(error)
            if differences:
                self._say_once(f"Stored battles of another game or version are not read: {count} with {differences}.")

    def _make_room(self, connection: Any, kind: str, num_bytes: int) -> int:
        """Delete the oldest battles of the kind until `num_bytes` more fit; returns the bytes freed."""
        excess, freed, last = self._num_bytes[kind] + num_bytes - self._max_bytes, 0, None
        if excess <= 0:
            return 0
        query = "select id, length(data) from battles where kind = ? order by id"
        with closing(connection.execute(query, (kind,))) as oldest:
            while freed < excess and (row := oldest.fetchone()) is not None:
                last, freed = row[0], freed + row[1]
        connection.execute("delete from battles where kind = ? and id <= ?", (kind, last))
        return freed

    def _read(self, database: Database, battle_id: int, left_out: Counter[str]) -> StoredBattle | None:
        try:
            ((data, checksum),) = database.rows("select data, checksum from battles where id = ?", (battle_id,))
            if not isinstance(data, bytes) or zlib.crc32(data) != checksum:
                raise ModelError("its checksum is wrong")
            battle = battle_from_bytes(data, self.data_format)
        except (ModelError, ValueError):  # ValueError: the row is gone, as its page is damaged
            left_out["damaged battles"] += 1
            return None
        wrong = faults(battle.columns)
        bad = np.logical_or.reduce(list(wrong.values()))
        if not bad.any():
            return battle
        left_out += Counter({f"transitions with a wrong {name}": int(rows.sum()) for name, rows in wrong.items()})
        return StoredBattle(battle.end, take(battle.columns, ~bad))

    def _failed(self, error: ModelError) -> None:
        """One sentence, until it has worked again."""
        if not self._failing:
            self._failing = True
            self._say(f"{error} New ones last until the game ends.")

    def _say_once(self, sentence: str) -> None:
        if sentence not in self.messages:
            self.messages.append(sentence)
            self._say(sentence)


def kind_of(end: BattleEnd, transitions: Sequence[Transition]) -> str:
    """Whose battle it is: the player's as soon as a player sat in it."""
    sources = {*end.seats.values(), *(row.source for row in transitions), *(row.opponent for row in transitions)}
    return PLAYER if Source.PLAYER in sources else SELF_PLAY


def _counts(database: Database, kind: str) -> Counts:
    query = "select count(*), total(transitions), total(length(data)) from battles where kind = ?"
    return Counts(kind, *(int(number) for number in database.rows(query, (kind,))[0]))


def _next_number(database: Database, kind: str) -> int:
    ((largest,),) = database.rows("select max(number) from battles where kind = ?", (kind,))
    return 0 if largest is None else int(largest) + 1


def _erase_old(folder: Path) -> None:
    """Delete an earlier version's files; others in the folder stay."""
    for path in [*folder.glob("*.journal"), *folder.glob("forgetting-*")]:
        unlink(path)
    with suppress(OSError):  # absent, or something else lies in it
        folder.rmdir()
