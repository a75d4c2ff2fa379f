"""Who fights whom: teams drawn from the roster for a seed and a shape such as "2v2"."""

from __future__ import annotations

from game_adapter.ringside.battle import chance
from game_adapter.ringside.roster import SHAPES, RosterEntry, roster


def draw_teams(seed: int, shape: str) -> tuple[list[RosterEntry], list[RosterEntry]]:
    """Roster entries for seats 0 and 1: the first of a shuffled roster on both sides; the smaller team is stronger.

    ValueError when the shape is none of SHAPES.
    """
    if shape not in SHAPES:
        raise ValueError(f"Ringside has no battles of {shape!r}; it plays {', '.join(SHAPES)}.")
    sizes = int(shape[0]), int(shape[2])
    key = chance(seed, 2)  # a battle's own chances are drawn from (seed, 1)
    entries = list(roster().fighters.values())
    drawn = [entries[i] for i in sorted(range(len(entries)), key=lambda i: chance(key, i))][: max(sizes)]
    small, large = sorted(sizes)
    few = drawn[:small]
    if small < large:
        few = [strengthened(entry, f"{small}v{large}") for entry in few]
    return (few, drawn) if sizes[0] == small else (drawn, few)


def strengthened(entry: RosterEntry, shape: str) -> RosterEntry:
    """A fighter of the smaller team, with its handicap."""
    handicap = roster().handicaps[shape]
    return RosterEntry(
        name=entry.name,
        health=entry.health * handicap.health // 100,
        attack=entry.attack * handicap.attack // 100,
        defense=entry.defense,
        speed=entry.speed,
        colour=entry.colour,
        sprite=entry.sprite,
        line=entry.line,
    )
