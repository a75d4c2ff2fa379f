"""Store of finished battles in SQLite: what was recorded outlives the game, a crash and a power cut.

Owned by the thread that collects: the trainer's, or the game's where there is no trainer. A battle is on the disk once
`append` or `take` has returned, or the block of `together` that a `take` stands in; without waiting for the disk it
outlives no power cut. The newest battles are kept up to a bound. Battles of another game, game version or encoder are
left alone and not read. A disk that fails becomes a sentence, and learning goes on from memory.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.transitions import (
    DataFormat,
    StoredBattle,
    battle_from_bytes,
    battle_to_bytes,
    end_of,
    faults,
    format_from_dict,
    take,
    unpack,
)
from cornerman.files.atomic import disk_errors, parse_json, sync_folder, unlink
from cornerman.files.database import Database, Schema, erase

log = logging.getLogger("cornerman")

FILE_NAME = "battles.sqlite"
OLD_FOLDER = "journal"
"""Where earlier versions kept battles, in files that this one does not read."""
MAX_BYTES = 64 * 2**20
_WHAT = "Recorded battles"

_LARGEST_NUMBER = 2**62
_HEAD_BYTES = 2**16
"""More than what comes before a battle's transitions."""
SCHEMA = Schema(
    2,
    """
create table formats(id integer primary key, format text not null unique);
create table battles(id integer primary key, format integer not null, number integer not null,
    transitions integer not null, checksum integer not null, data blob not null);
create index battles_by_format on battles(format, id, transitions, number);
""",
)

Item: TypeAlias = Transition | BattleEnd
_Row: TypeAlias = tuple[int, int, bytes]
"""Number, transitions and data of a battle."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is stored, or what was erased."""

    battles: int = 0
    transitions: int = 0
    num_bytes: int = 0


class BattleStore:
    """Stores, reads back, bounds and erases the finished battles of one game in one data folder.

    A game counts its battles anew in every session. Here they are counted on after the last stored one, so that battles
    of two sessions are never taken for one.
    """

    def __init__(
        self,
        folder: Path,
        data_format: DataFormat,
        say: Callable[[str], object] = log.warning,
        max_bytes: int = MAX_BYTES,
        read_only: bool = False,
    ) -> None:
        """`say` is given each sentence for the player once. `max_bytes` bounds the battles.

        `read_only`: for a look into a folder that a running game may own; nothing is created, repaired or written.
        """
        self.path, self.data_format = folder / FILE_NAME, data_format
        self.messages: list[str] = []
        self.kept = 0
        """Battles stored since this session began."""
        self.first: int | None = None
        """The smallest number of those; None: there are none."""
        self._say, self._max_bytes, self._read_only = say, max_bytes, read_only
        self._format = json.dumps(asdict(data_format))
        self._database: Database | None = None
        self._failing = False
        self._num_bytes = self._next = 0  # of all battles; the next one's number, 0: as the game counts
        self._open: dict[int, int] = {}  # the game's id -> number
        self._pending: dict[int, list[Transition]] = {}  # by number
        self._finished: list[_Row] = []  # to be stored
        self._gathers = False  # whether `together` stores them

    # ------------------------------------------------------------------------------------- what the pipeline hands over

    def open(self) -> None:
        """Open the file now rather than with the first battle; a failure becomes a message."""
        try:
            self._opened()
        except ModelError as error:
            self._failed(error)

    def take(self, item: Item) -> Item:
        """Add one item of a battle of the game; returns it under the battle's number here. Never raises for a disk."""
        item = replace(item, battle_id=self._number(item))
        if isinstance(item, Transition):
            self._pending.setdefault(item.battle_id, []).append(item)
            return item
        try:
            if transitions := self._pending.pop(item.battle_id, []):
                self._finished.append(self._row(item, transitions))
        except ModelError as error:
            self._failed(error)
        if not self._gathers:
            self._store_finished()
        return item

    @contextmanager
    def together(self, wait: bool = True) -> Iterator[None]:
        """Store what `take` gets in this block at its end, in one transaction, as each waits for the disk once; without
        `wait` it does not, since a frame may be due."""
        self._gathers = True
        try:
            yield
        finally:
            self._gathers = False
            self._store_finished(wait)

    def _store_finished(self, wait: bool = True) -> None:
        finished, self._finished = self._finished, []
        if not finished:
            return
        try:
            self._insert(finished, wait)
        except ModelError as error:
            self._failed(error)
            return
        self.kept += len(finished)
        earliest = min(number for number, _, _ in finished)
        self.first = earliest if self.first is None else min(self.first, earliest)
        self._failing = False

    def stored(self, min_transitions: int) -> Iterator[Item]:
        """The newest battles, as many as hold `min_transitions`, oldest first and as a recorder hands them over.

        A failure becomes a message.
        """
        try:
            for battle in self.battles(min_transitions):
                yield from unpack(battle.columns)
                yield battle.end
        except ModelError as error:
            self._failed(error)

    # ---------------------------------------------------------------------------------------------- storing and reading

    def append(self, battles: Iterable[tuple[BattleEnd, Sequence[Transition]]]) -> None:
        """Store finished battles, all or none, and the oldest make room; ModelError where that fails."""
        self._insert(self._row(*battle) for battle in battles)

    def _row(self, end: BattleEnd, transitions: Sequence[Transition]) -> _Row:
        data = battle_to_bytes(end, transitions, self.data_format)
        if len(data) > self._max_bytes:
            raise ModelError(f"{_WHAT} could not be written: one has {len(data):,} bytes of {self._max_bytes:,}.")
        return end.battle_id, len(transitions), data

    def _insert(self, rows: Iterable[_Row], wait: bool = True) -> None:
        """As `append`."""
        database, num_bytes = self._opened(), self._num_bytes
        with database.writing(wait) as connection:
            connection.execute("insert or ignore into formats(format) values (?)", (self._format,))
            for number, transitions, data in rows:
                num_bytes += len(data) - self._make_room(connection, num_bytes + len(data) - self._max_bytes)
                connection.execute(
                    "insert into battles(format, number, transitions, checksum, data)"
                    " select id, ?, ?, ?, ? from formats where format = ?",
                    (number, transitions, zlib.crc32(data), data, self._format),
                )
        self._num_bytes = num_bytes

    def battles(self, min_transitions: int | None = None) -> Iterator[StoredBattle]:
        """Stored battles, oldest first, or only as many of the newest as hold `min_transitions`; ModelError.

        A damaged battle, and transitions that fail the checks of new ones, are left out and counted in a message.
        """
        database, left_out = self._opened(), Counter[str]()
        query = (
            "select battles.id, transitions from battles join formats on formats.id = battles.format"
            " where formats.format = ? order by battles.id desc"
        )
        ids: list[int] = []
        wanted = min_transitions
        for battle_id, transitions in database.rows(query, (self._format,)):
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
            self._say_once(f"Left out of the stored battles: {counted}.")

    def counts(self) -> Counts:
        """What is stored, battles of other formats included; ModelError."""
        query = "select count(*), total(transitions), total(length(data)) from battles"
        return Counts(*(int(number) for number in self._opened().rows(query)[0]))

    def next_number(self) -> int:
        """One more than the largest number of a stored battle; 0 where none is stored. ModelError."""
        ((largest,),) = self._opened().rows("select max(number) from battles")
        return 0 if largest is None else int(largest) + 1

    def forget(self) -> Counts:
        """Delete every battle from memory and disk, with files of earlier versions; ModelError where one stays.

        Returns what was erased, as far as the file could still be read.
        """
        try:
            erased = self.counts()
        except ModelError:  # damaged or out of reach: it is erased all the same
            erased = Counts()
        self.close()
        self._open.clear()
        self._pending.clear()
        self._next, self.kept, self.first = 0, 0, None
        old = self.path.with_name(OLD_FOLDER)
        with disk_errors(f"{_WHAT} could not be erased from the disk", "; try again"):
            for path in [*old.glob("*.journal"), *old.glob("forgetting-*")]:
                unlink(path)
            with suppress(OSError):  # absent, or something else lies in it
                old.rmdir()
            erase(self.path)
            sync_folder(self.path.parent)
        return erased

    def forget_player(self, player: str) -> Counts:
        """Delete the battles of one player, of any game and version, and damaged ones, whose player is unknown.

        Returns what was erased; ModelError where that fails.
        """
        database, before, ids = self._opened(), self.counts(), self._ids_of(player)
        with database.writing() as connection:
            connection.executemany("delete from battles where id = ?", ids)
        database.shrink()
        after = self.counts()
        self._num_bytes = after.num_bytes
        return Counts(*(old - new for old, new in zip(astuple(before), astuple(after), strict=True)))

    def count_of(self, player: str) -> int:
        """How many battles `forget_player` would delete; ModelError."""
        return len(self._ids_of(player))

    def _ids_of(self, player: str) -> list[tuple[int]]:
        return [row for row in self._opened().rows("select id from battles") if self._is_of(row[0], player)]

    def _is_of(self, battle_id: int, player: str) -> bool:
        query = "select substr(data, 1, ?) from battles where id = ?"
        ((head,),) = self._opened().rows(query, (_HEAD_BYTES, battle_id))
        try:
            end = end_of(head)
        except (ModelError, TypeError):  # TypeError: it is no bytes
            return True
        return end.player == player and Source.PLAYER in end.seats.values()

    def close(self) -> None:
        """Close the file; what comes later opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    # ---------------------------------------------------------------------------------------------------------- numbers

    def reached(self) -> int | None:
        """The number below which every battle is over; later ones have this one or a larger. None: unknown."""
        try:
            return min([max(self._next, self.next_number()), *self._open.values()])
        except ModelError as error:
            self._failed(error)
            return None

    def _number(self, item: Item) -> int:
        """The battle's number here; given with its first item, and free for another battle after its end."""
        if item.battle_id not in self._open:
            self.open()  # numbers go on after the stored ones
            own = item.battle_id if 0 <= item.battle_id < _LARGEST_NUMBER else 1
            self._open[item.battle_id] = number = self._next or own
            self._next = number + 1
        return self._open.pop(item.battle_id) if isinstance(item, BattleEnd) else self._open[item.battle_id]

    # --------------------------------------------------------------------------------------------------------- internal

    def _opened(self) -> Database:
        if self._database is None:
            new = not os.path.exists(self.path)
            self._database = Database(self.path, _WHAT, SCHEMA, read_only=self._read_only)
            try:
                self._take_stock(self._database, new)
            except ModelError:
                self.close()
                raise
        return self._database

    def _take_stock(self, database: Database, new: bool) -> None:
        """Count what is stored, and say what was found; `new`: the file did not exist."""
        for sentence in database.messages:
            self._say_once(sentence)
        if new and os.path.exists(self.path.with_name(OLD_FOLDER)):
            self._say_once(f"Battles of an earlier version in {OLD_FOLDER}/ are not read; Forget erases them.")
        self._num_bytes = self.counts().num_bytes
        self._next = max(self._next, self.next_number())
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

    def _make_room(self, connection: Any, excess: int) -> int:
        """Delete the oldest battles, at least `excess` bytes of them; returns the bytes freed."""
        freed, last = 0, None
        if excess <= 0:
            return 0
        with closing(connection.execute("select id, length(data) from battles order by id")) as oldest:
            while freed < excess and (row := oldest.fetchone()) is not None:
                last, freed = row[0], freed + row[1]
        connection.execute("delete from battles where id <= ?", (last,))
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
