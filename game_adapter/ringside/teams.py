"""Who fights whom: teams drawn from the roster for a seed and a shape such as "2v2"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from game_adapter.ringside.battle import chance
from game_adapter.ringside.roster import SHAPES, RosterEntry, roster


def draw_teams(seed: int, shape: str) -> tuple[list[RosterEntry], list[RosterEntry]]:
    """Roster entries for seats 0 and 1: the first of a shuffled roster on both sides; the smaller team is stronger.

    ValueError when the shape is none of SHAPES.
    """
    sizes = sizes_of(shape)
    key = chance(seed, 2)  # a battle's own chances are drawn from (seed, 1)
    entries = list(roster().fighters.values())
    return seated([entries[i] for i in sorted(range(len(entries)), key=lambda i: chance(key, i))], sizes)


def sizes_of(shape: str) -> tuple[int, int]:
    """How many fighters seats 0 and 1 have; ValueError when the shape is none of SHAPES."""
    if shape not in SHAPES:
        raise ValueError(f"Ringside has no battles of {shape!r}; it plays {', '.join(SHAPES)}.")
    return int(shape[0]), int(shape[2])


def seated(shuffled: Sequence[RosterEntry], sizes: tuple[int, int]) -> tuple[list[RosterEntry], list[RosterEntry]]:
    """The first of a shuffled roster for seats 0 and 1; those of the smaller team have their handicap."""
    small, large = sorted(sizes)
    few, many = list(shuffled[:small]), list(shuffled[:large])
    if small < large:
        few = [strengthened(entry, f"{small}v{large}") for entry in few]
    return (few, many) if sizes[0] == small else (many, few)


def strengthened(entry: RosterEntry, shape: str) -> RosterEntry:
    """A fighter of the smaller team, with its handicap."""
    handicap = roster().handicaps[shape]
    return replace(entry, health=entry.health * handicap.health // 100, attack=entry.attack * handicap.attack // 100)
