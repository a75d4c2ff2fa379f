"""The journal: finished battles on disk, so that what was recorded outlives the game, a crash and a power cut.

It belongs to the trainer's thread. A battle is stored once `append` has returned. Battles in which the player took part
lie in files of their own, so that they can be erased, and each kind is bounded: its oldest file goes first. Files of
another game, game version or encoder are left alone and not loaded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.append_file import AppendFile
from cornerman.experience.segment import (
    Header,
    StoredBattle,
    read_battle,
    read_header,
    scan,
    write_battle,
    write_header,
)
from cornerman.experience.transitions import faults, take, unpack
from cornerman.files.atomic import discard, read_file, sync_folder

log = logging.getLogger("cornerman")

PLAYER: Final = "player"
SELF_PLAY: Final = "self-play"
KINDS = (PLAYER, SELF_PLAY)
MAX_BYTES = 64 * 2**20
SEGMENT_BYTES = 4 * 2**20
MAX_SEGMENTS = 512
MAX_PENDING_BATTLES = 1024
_LARGEST_FILE = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Erased:
    """What `forget` erased."""

    kind: str
    battles: int
    rows: int
    files: int
    num_bytes: int

    def text(self) -> str:
        """One sentence for the player."""
        if not self.files:
            return f"Nothing was stored of the kind '{self.kind}'."
        size = f"{self.num_bytes / 1000:,.0f} kB in {self.files} files"
        return f"Erased {self.battles} battles of the kind '{self.kind}' with {self.rows} decisions ({size})."


class Journal:
    """Appends, reads back, bounds and forgets the battles of one game in one folder."""

    def __init__(
        self, folder: Path, header: Header, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        """`max_bytes` bounds each kind. Finishes a `forget` that was cut short. OSError where it cannot be written."""
        self.folder = folder
        self.header = header
        self.messages: list[str] = []
        self._max_bytes = max_bytes
        self._segment_bytes = min(segment_bytes, max(1, max_bytes // 4))
        self._writers: dict[str, AppendFile] = {}
        self._pending: dict[int, list[Transition]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            if self._marker(kind).exists():
                self._say(f"Forgetting was cut short and has been finished. {self.forget(kind).text()}")

    def take(self, item: Transition | BattleEnd, kind: str | None = None) -> bool:
        """Keep what the recorder hands over, one item at a time; True once an end has stored a battle.

        `kind` and errors as in `append`.
        """
        if isinstance(item, Transition):
            if item.battle_id not in self._pending and len(self._pending) >= MAX_PENDING_BATTLES:
                del self._pending[next(iter(self._pending))]
            self._pending.setdefault(item.battle_id, []).append(item)
            return False
        rows = self._pending.pop(item.battle_id, [])
        if rows:
            self.append(item, rows, kind)
        return bool(rows)

    def append(self, end: BattleEnd, rows: list[Transition], kind: str | None = None) -> None:
        """Store one finished battle; without a `kind` it is what `kind_of` says.

        When this returns the battle survives a kill of the process; the player's are on the disk and survive a power
        cut, too. OSError where the disk does not take it (nothing of it stays), ValueError where rows do not fit.
        """
        data = write_battle(end, rows, self.header)
        kind = kind or kind_of(end, rows)
        writer = self._writers.get(kind) or self._reopen(kind)
        if writer is None or writer.size + len(data) > self._segment_bytes > 0:
            writer = self._rotate(kind)
        try:
            writer.write(data, sync=kind == PLAYER)
        except OSError:
            self._close(kind)
            raise

    def battles(self, kind: str, min_rows: int | None = None) -> Iterator[StoredBattle]:
        """Stored battles, oldest first; with `min_rows` only as many of the newest files as hold that many rows.

        Rows that fail the same checks as new ones are left out and counted in a message.
        """
        newest_first: list[list[StoredBattle]] = []
        found = 0
        for path in reversed(self._paths(kind)):
            if min_rows is not None and found >= min_rows:
                break
            battles = self._read(path)
            found += sum(len(battle.columns["action"]) for battle in battles)
            newest_first.append(battles)
        for battles in reversed(newest_first):
            yield from battles

    def rows(self, kind: str, min_rows: int | None = None) -> Iterator[Transition | BattleEnd]:
        """The same as a recorder would hand them over: a battle's transitions, then its end."""
        for battle in self.battles(kind, min_rows):
            yield from unpack(battle.columns)
            yield battle.end

    def next_battle_id(self, kind: str) -> int:
        """One more than the largest id in the newest file of the kind that holds a battle; 0 where none does."""
        return max((battle.end.battle_id for battle in self.battles(kind, min_rows=1)), default=-1) + 1

    def num_bytes(self, kind: str) -> int:
        """Bytes on disk of one kind."""
        return sum(path.stat().st_size for path in self._paths(kind))

    def forget(self, kind: str = PLAYER) -> Erased:
        """Erase every file of one kind, also those of other game versions; says what it erased.

        Killed half-way it is finished by the next start. OSError where a file cannot be removed.
        """
        self._close(kind)
        paths = self._paths(kind)
        if kind == PLAYER:
            self._pending.clear()
        battles = [battle for path in paths for battle in self._read(path)]
        rows = sum(len(battle.columns["action"]) for battle in battles)
        erased = Erased(kind, len(battles), rows, len(paths), self.num_bytes(kind))
        marker = self._marker(kind)
        marker.touch()
        sync_folder(self.folder)
        for path in paths:
            path.unlink(missing_ok=True)
        sync_folder(self.folder)
        discard(marker)
        log.info("%s", erased.text())
        return erased

    def close(self) -> None:
        """Let go of the files; a later `append` opens them again."""
        for kind in KINDS:
            self._close(kind)

    def _close(self, kind: str) -> None:
        writer = self._writers.pop(kind, None)
        if writer is not None:
            writer.close()

    def _marker(self, kind: str) -> Path:
        return self.folder / f"forgetting-{kind}"

    def _paths(self, kind: str) -> list[Path]:
        """The kind's files, oldest first."""
        pattern = re.compile(rf"{re.escape(kind)}-(\d{{6,12}})\.journal")
        named = ((pattern.fullmatch(path.name), path) for path in self.folder.iterdir())
        return [path for _, path in sorted((int(match[1]), path) for match, path in named if match)]

    def _reopen(self, kind: str) -> AppendFile | None:
        """The newest file to go on with, cut back to its last whole battle; None where a new one is needed."""
        paths = self._paths(kind)
        if not paths:
            return None
        writer = AppendFile.reopen(paths[-1])
        if writer is None:
            return None
        found = scan(self._bytes(paths[-1]))
        if not found.payloads or self._misfit(found.payloads[0]):
            writer.close()
            return None
        torn = paths[-1].stat().st_size - found.good_end
        if torn:
            self._say(f"{paths[-1].name} ended in {torn} bytes of a half-written battle, which were dropped.")
        writer.cut(found.good_end)
        self._writers[kind] = writer
        return writer

    def _rotate(self, kind: str) -> AppendFile:
        """A new file for the kind, after the oldest ones have made room."""
        self._close(kind)
        paths = self._paths(kind)
        number = int(paths[-1].stem.removeprefix(f"{kind}-")) + 1 if paths else 1
        sizes = {path: path.stat().st_size for path in paths}
        while paths and (
            sum(sizes[path] for path in paths) + self._segment_bytes > self._max_bytes or len(paths) >= MAX_SEGMENTS
        ):
            oldest = paths.pop(0)
            oldest.unlink(missing_ok=True)
            log.info("%s was removed: the journal keeps at most %d bytes of its kind", oldest.name, self._max_bytes)
        writer = AppendFile.create(self.folder / f"{kind}-{number:06}.journal")
        self._writers[kind] = writer
        writer.write(write_header(self.header))
        sync_folder(self.folder)
        return writer

    def _read(self, path: Path) -> list[StoredBattle]:
        found = scan(self._bytes(path))
        if not found.payloads:
            self._say(f"{path.name} holds nothing that can be read and was left out.")
            return []
        misfit = self._misfit(found.payloads[0])
        if misfit:
            self._say(f"{path.name} was set aside: {misfit}.")
            return []
        torn = path.stat().st_size - found.good_end
        if torn > 0:
            self._say(f"{path.name} ends in {torn} bytes of a half-written battle, which were left out.")
        if found.lost_bytes:
            self._say(f"{path.name} is damaged: {found.lost_bytes} bytes in its middle were left out.")
        battles = (self._battle(path, payload) for payload in found.payloads[1:])
        return [battle for battle in battles if battle is not None]

    def _battle(self, path: Path, payload: bytes) -> StoredBattle | None:
        try:
            battle = read_battle(payload, self.header)
        except ModelError as error:
            self._say(f"{path.name}: {error} It was left out.")
            return None
        wrong = faults(battle.columns)
        if not any(rows.any() for rows in wrong.values()):
            return battle
        reasons = ", ".join(reason for reason, rows in wrong.items() if rows.any())
        bad = np.logical_or.reduce(list(wrong.values()))
        self._say(f"{path.name}: {int(bad.sum())} rows of battle {battle.end.battle_id} were left out ({reasons}).")
        return StoredBattle(battle.end, take(battle.columns, ~bad))

    def _misfit(self, payload: bytes) -> str:
        try:
            return self.header.differences(read_header(payload))
        except ModelError as error:
            return str(error)

    def _bytes(self, path: Path) -> bytes:
        try:
            return read_file(path, _LARGEST_FILE, "A journal")
        except ModelError as error:
            self._say(f"{error} It was left out.")
            return b""

    def _say(self, sentence: str) -> None:
        """Log a sentence and keep it for the menu, once."""
        if sentence not in self.messages:
            log.warning("%s", sentence)
            self.messages.append(sentence)


def kind_of(end: BattleEnd, rows: list[Transition]) -> str:
    """Whose battle it is: the player's as soon as a player sat in it."""
    sources = {*end.seats.values(), *(row.source for row in rows), *(row.opponent for row in rows)}
    return PLAYER if Source.PLAYER in sources else SELF_PLAY
