"""Ringside as a game that Cornerman knows: its name, actions, features, scripted fighters and headless battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from game_adapter.ringside.battle import Battle, chance
from game_adapter.ringside.encoding import ACTION_NAMES, FEATURE_NAMES, encode
from game_adapter.ringside.opponents import BOTS, Bot
from game_adapter.ringside.roster import SHAPES, RosterEntry, roster

if TYPE_CHECKING:
    from game_adapter.ringside.vector_battle import VectorBattle
    from game_adapter.ringside.vector_opponents import BatchedRival


class Ringside:
    """The game's own side of `contract.HeadlessGame`; it holds no state."""

    name = "ringside"
    version = "1"

    @property
    def action_names(self) -> Sequence[str]:
        return ACTION_NAMES

    @property
    def feature_names(self) -> Sequence[str]:
        return FEATURE_NAMES

    @property
    def bots(self) -> Mapping[str, Bot]:
        return BOTS

    @property
    def batched_bots(self) -> Mapping[str, BatchedRival]:
        """The scripted fighters that play in batches; needs numpy."""
        from game_adapter.ringside.vector_opponents import BATCHED_BOTS

        return BATCHED_BOTS

    def encode(self, state: Mapping[str, Any], seat: int) -> list[float]:
        """The game's own features of a state, from a seat's view."""
        return encode(state, seat)

    def new_battle(self, seed: int, shape: str = "2v2") -> Battle:
        """A battle that the seed decides entirely; equal teams are mirrored, so both seats have the same chances."""
        return Battle(draw_teams(seed, shape), seed)

    def new_battles(self, num_battles: int, seed: int, shape: str = "2v2") -> VectorBattle:
        """So many battles at once (`contract.BatchedGame`), each like `new_battle` of its own seed; needs numpy."""
        from game_adapter.ringside.lineups import drawn_lineups
        from game_adapter.ringside.vector_battle import VectorBattle

        return VectorBattle(num_battles, seed, drawn_lineups(shape))


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


RINGSIDE = Ringside()
