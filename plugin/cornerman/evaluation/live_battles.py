"""The battles under way: who sits where, who decided in them, and how they ended. The game's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import index as as_index

from cornerman.contract import SEAT_KINDS, Source

MAX_OPEN = 64


@dataclass(frozen=True, slots=True)
class LiveResult:
    """How one version fared in one whole battle, at one difficulty."""

    version: int
    level: int
    opponent: str  # "player" or "scripted"
    score: float  # 1, 1/2 or 0
    rounds: int
    seat: int

    @property
    def kind(self) -> str:
        """Its kind in the history: only results of the same kind and opponent may be compared."""
        return f"live {self.level}"


@dataclass(slots=True)
class _Open:
    rounds: int = 1
    spoiled: bool = False
    decided: set[tuple[int, int]] = field(default_factory=set)  # version and difficulty


class LiveBattles:
    """Finds out which battles tell something about a version: those that one version fought from end to end."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}

    def start(self, battle_id: int) -> None:
        """A battle begins; one that a game never ends makes room for newer ones."""
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._open[battle_id] = _Open()

    def decided(self, battle_id: int, version: int, level: int) -> None:
        """A version chose an action at a difficulty."""
        battle = self._open.get(battle_id)
        if battle is not None:
            battle.decided.add((version, level))

    def spoil(self, battle_id: int | None = None) -> None:
        """Somebody else moved for the version, or nobody knows: the battle tells nothing; None: all that are open."""
        for each in list(self._open) if battle_id is None else [battle_id]:
            if each in self._open:
                self._open[each].spoiled = True

    def reached(self, battle_id: int, number: object) -> None:
        """A battle has reached a round, whatever the game may call it."""
        battle = self._open.get(battle_id)
        if battle is not None and type(number) is int:
            battle.rounds = max(battle.rounds, number)

    def end(
        self, battle_id: int, seats: Mapping[int, Source], outcome: Mapping[int, int], truncated: bool
    ) -> LiveResult | None:
        """What the battle tells; None where it was cut off, or more than one version or difficulty was at work."""
        battle = self._open.pop(battle_id, None)
        mine = [seat for seat, source in seats.items() if source is Source.PLUGIN]
        others = {source for source in seats.values() if source is not Source.PLUGIN}
        if battle is None or battle.spoiled or truncated or len(mine) != 1 or len(battle.decided) != 1:
            return None
        if others not in ({Source.PLAYER}, {Source.SCRIPTED}):
            return None
        ((version, level),) = battle.decided
        result = fared(outcome, mine[0])
        if result is None:
            return None
        return LiveResult(version, level, others.pop().name.lower(), (result + 1) / 2, battle.rounds, mine[0])


def seated(seats: Mapping[int, str]) -> dict[int, Source]:
    """Who sits where, as a game told it; nobody where it told something else, of which the recorder says what."""
    try:
        return {seat: SEAT_KINDS.get(kind, Source.UNKNOWN) for seat, kind in seats.items()}
    except (AttributeError, TypeError):
        return {}


def fared(outcome: Mapping[int, int], seat: int) -> int | None:
    """How a seat fared, 1, 0 or -1; None where the game's outcome does not say so, which the recorder counts."""
    try:
        result = as_index(outcome.get(seat))  # type: ignore[arg-type]  # None is no index either
    except (AttributeError, TypeError):
        return None
    return result if result in {-1, 0, 1} else None
