"""What was recorded, kept in the journal as it comes: numbered over sessions, with the disk's failures as sentences.

It belongs to the thread that collects: the trainer's, or the game's where there is no trainer. Nothing here raises for
a disk that is full or a file that is damaged; recording and learning go on from memory. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from cornerman.contract import BattleEnd, Transition
from cornerman.experience.journal import PLAYER, SELF_PLAY, Erased, Journal
from cornerman.experience.segment import Header
from cornerman.selfplay.practice import FIRST_ID

FOLDER_NAME = "journal"
MAX_OPEN_BATTLES = 1024

Item: TypeAlias = Transition | BattleEnd


@dataclass(slots=True)
class Safekeeping:
    """The journal of one data folder and the numbers that battles bear in it.

    A game counts its battles anew in every session. Here they are counted on after the last stored one, so that battles
    of two sessions are never taken for one: live battles below `FIRST_ID`, practice from there on.
    """

    folder: Path
    header: Header
    say: Callable[[str], None]  # tells the player a sentence
    kept: int = 0  # live battles that are on the disk since the start of this session
    _journal: Journal | None = None
    _told: int = 0
    _failing: bool = False
    _next: dict[str, int] = field(default_factory=dict)  # number of the next battle, per kind
    _open: dict[tuple[str, int], int] = field(default_factory=dict)  # kind and the game's id -> number

    def open(self) -> None:
        """Open the journal, and finish a forgetting that was cut short."""
        try:
            self._opened()
        except OSError as error:
            self._failed(error)

    def take_live(self, item: Item) -> Item:
        """Keep one item of a battle of the game; returns it under the number that it bears here."""
        return self._take(item, PLAYER)

    def take_practice(self, item: Item) -> Item:
        """Keep one item of a headless battle."""
        return self._take(item, SELF_PLAY)

    def stored(self, kind: str, min_rows: int) -> Iterator[Item]:
        """The newest stored battles of one kind, oldest first: at least `min_rows` rows, where there are so many."""
        try:
            yield from self._opened().rows(kind, min_rows)
        except OSError as error:
            self._failed(error)
        self._tell()

    def forget(self) -> list[Erased]:
        """Erase every stored battle of either kind; OSError where one cannot be erased."""
        journal = self._opened()
        erased = [journal.forget(kind) for kind in (PLAYER, SELF_PLAY)]
        self._next.clear()
        self._open.clear()
        self.kept = 0
        return erased

    def numbers(self) -> dict[str, Any]:
        """How battles are counted, as plain data, and how far the journal has come."""
        return {
            "next": dict(self._next),
            "open": [[kind, battle_id, number] for (kind, battle_id), number in self._open.items()],
            "journal": self._journal_ends(),
        }

    def reached(self) -> dict[str, int]:
        """By kind, the number below which every battle is over; what comes from now on has this one or a larger."""
        reached: dict[str, int] = {}
        for kind in (PLAYER, SELF_PLAY):
            try:
                number = self._next.get(kind) or self._opened().next_battle_id(kind)
            except OSError as error:
                self._failed(error)
                continue
            reached[kind] = min([number, *(own for (whose, _), own in self._open.items() if whose == kind)])
        return reached

    def take_numbers(self, numbers: Mapping[str, Any]) -> bool:
        """Count on as `numbers` described; False, and nothing changed, where the journal has gone on since."""
        try:
            if numbers["journal"] != self._journal_ends():
                return False
            after = {str(kind): int(number) for kind, number in numbers["next"].items()}
            opened = {(str(kind), int(battle_id)): int(number) for kind, battle_id, number in numbers["open"]}
        except (KeyError, TypeError, ValueError, AttributeError):
            return False
        self._next, self._open = after, opened
        return True

    def _journal_ends(self) -> dict[str, int] | None:
        """One more than the last stored number of each kind; None where the journal cannot be read."""
        try:
            journal = self._opened()
            return {kind: journal.next_battle_id(kind) for kind in (PLAYER, SELF_PLAY)}
        except OSError as error:
            self._failed(error)
            return None

    def close(self) -> None:
        """Let go of the files; what comes later opens them again."""
        if self._journal is not None:
            self._journal.close()

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = Journal(self.folder / FOLDER_NAME, self.header)
            self._tell()
        return self._journal

    def _take(self, item: Item, kind: str) -> Item:
        try:
            item = replace(item, battle_id=self._number(item, kind))
            if self._opened().take(item, kind):
                self.kept += kind == PLAYER
                self._failing = False
            self._tell()
        except (OSError, ValueError) as error:
            self._failed(error)
        return item

    def _number(self, item: Item, kind: str) -> int:
        """The battle's number here; given with its first item, and free for another battle after its end."""
        if kind not in self._next:
            own = FIRST_ID if kind == SELF_PLAY else item.battle_id if 0 <= item.battle_id < FIRST_ID else 1
            self._next[kind] = self._opened().next_battle_id(kind) or own
        known = (kind, item.battle_id)
        if known not in self._open:
            if len(self._open) >= MAX_OPEN_BATTLES:  # battles whose end was never told
                del self._open[next(iter(self._open))]
            self._open[known] = self._next[kind]
            self._next[kind] += 1
        return self._open.pop(known) if isinstance(item, BattleEnd) else self._open[known]

    def _failed(self, error: Exception) -> None:
        """One sentence, until it has worked again."""
        if not self._failing:
            what = getattr(error, "strerror", None) or error
            self.say(f"Recorded battles cannot be kept on the disk ({what}). They last until the game ends.")
        self._failing = True

    def _tell(self) -> None:
        if self._journal is not None:
            for sentence in self._journal.messages[self._told :]:
                self.say(sentence)
            self._told = len(self._journal.messages)
