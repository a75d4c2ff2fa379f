"""A tactics game: twenty units a side on a board of 11 by 11, each of which moves and then acts once a turn.

A turn is many commands: choose a unit, move it, let it act; then the next unit, or end the turn. The side with units
left wins; after fifteen rounds, the one with more health left.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

SIZE = 11
UNITS = 20
ROUNDS = 15


class Kind(NamedTuple):
    name: str
    health: int
    steps: int
    reach: int
    damage: int


SPEARMAN = Kind("spearman", 10, 3, 1, 4)
ARCHER = Kind("archer", 6, 3, 3, 3)
RIDER = Kind("rider", 8, 5, 1, 4)
HEALER = Kind("healer", 6, 3, 1, 1)
ARMY = (SPEARMAN,) * 8 + (ARCHER,) * 6 + (RIDER,) * 4 + (HEALER,) * 2

Command = tuple[str, int]
"""("choose", unit), ("move", cell), ("attack", enemy's unit), and with a 0: "hold", "brace", "mend", "end"."""


@dataclass
class Unit:
    side: int
    kind: Kind
    cell: int  # SIZE * row + column
    health: int
    acted: bool = False
    braced: bool = False


def distance(a: int, b: int) -> int:
    return abs(a // SIZE - b // SIZE) + abs(a % SIZE - b % SIZE)


NEIGHBOURS = [[other for other in range(SIZE * SIZE) if distance(cell, other) == 1] for cell in range(SIZE * SIZE)]


class Tactics:
    """`armies[side]` keeps its order; a fallen unit stays in it with health 0."""

    def __init__(self, random: Random) -> None:
        self.random = random
        places = random.sample(range(3 * SIZE), UNITS)
        mirrored = [SIZE * SIZE - 1 - place for place in places]
        self.armies = [
            [Unit(side, kind, cell, kind.health) for kind, cell in zip(ARMY, cells, strict=True)]
            for side, cells in enumerate((places, mirrored))
        ]
        self.side = self.first = random.randrange(2)
        self.round = 1
        self.chosen: Unit | None = None
        self.moved = False

    @property
    def over(self) -> bool:
        return self.round > ROUNDS or not all(any(unit.health for unit in army) for army in self.armies)

    def health(self, side: int) -> int:
        """What a side has left, of 160."""
        return sum(unit.health for unit in self.armies[side])

    @property
    def winner(self) -> int | None:
        """The side with more health once the game is over; None for a draw."""
        mine, theirs = self.health(0), self.health(1)
        return None if not self.over or mine == theirs else int(theirs > mine)

    def commands(self) -> list[Command]:
        """Everything that may be done now."""
        if self.over:
            return []
        if self.chosen is None:
            waiting = [at for at, unit in enumerate(self.armies[self.side]) if unit.health and not unit.acted]
            return [("choose", at) for at in waiting] + [("end", 0)]
        if not self.moved:
            return [("move", cell) for cell in self.reachable(self.chosen)]
        targets = [
            ("attack", at)
            for at, enemy in enumerate(self.armies[1 - self.side])
            if enemy.health and distance(enemy.cell, self.chosen.cell) <= self.chosen.kind.reach
        ]
        return [*targets, ("hold", 0), ("brace", 0)] + [("mend", 0)] * bool(self.patients(self.chosen))

    def do(self, command: Command) -> None:
        if command not in self.commands():
            raise ValueError(f"{command} cannot be done now.")
        name, at = command
        if name == "choose":
            self.chosen, self.moved = self.armies[self.side][at], False
        elif name == "end":
            self._end_turn()
        elif name == "move":
            assert self.chosen is not None
            self.chosen.cell, self.moved = at, True
        else:
            self._act(name, at)

    def _act(self, name: str, at: int) -> None:
        unit = self.chosen
        assert unit is not None
        unit.acted, unit.braced, self.chosen = True, name == "brace", None
        if name == "attack":
            enemy = self.armies[1 - self.side][at]
            damage = unit.kind.damage + self.random.choice((-1, 0, 0, 1))
            enemy.health = max(0, enemy.health - ((damage + 1) // 2 if enemy.braced else damage))
        elif name == "mend":
            patient = min(self.patients(unit), key=lambda other: other.health)
            patient.health = min(patient.kind.health, patient.health + 4)
        if all(other.acted or not other.health for other in self.armies[self.side]):
            self._end_turn()

    def _end_turn(self) -> None:
        self.side = 1 - self.side
        for unit in self.armies[self.side]:
            unit.acted = unit.braced = False
        self.round += self.side == self.first

    def patients(self, unit: Unit) -> list[Unit]:
        """Hurt allies beside a healer."""
        return [
            other
            for other in self.armies[unit.side]
            if unit.kind is HEALER and 0 < other.health < other.kind.health and distance(other.cell, unit.cell) == 1
        ]

    def reachable(self, unit: Unit) -> list[int]:
        """Where a unit can go: past its own side, not past the enemy, and not onto anybody."""
        taken = {other.cell for other in self.armies[unit.side] if other.health}
        blocked = {other.cell for other in self.armies[1 - unit.side] if other.health}
        seen = edge = {unit.cell}
        for _ in range(unit.kind.steps):
            edge = {cell for at in edge for cell in NEIGHBOURS[at]} - seen - blocked
            seen = seen | edge
        return sorted(seen - taken | {unit.cell})


def random_command(game: Tactics, random: Random) -> Command:
    return random.choice(game.commands())


def simple_command(game: Tactics, random: Random) -> Command:
    """Every unit goes for the nearest enemy, keeps its distance if it can, and hits the weakest in reach."""
    commands, enemies = game.commands(), [enemy for enemy in game.armies[1 - game.side] if enemy.health]
    unit = game.chosen
    if unit is None:
        waiting = [at for name, at in commands if name == "choose"]
        army = game.armies[game.side]
        return ("choose", min(waiting, key=lambda at: min(distance(army[at].cell, enemy.cell) for enemy in enemies)))
    if not game.moved:
        reach = unit.kind.reach
        gaps = {cell: min(distance(cell, enemy.cell) for enemy in enemies) for _, cell in commands}
        return ("move", min(gaps, key=lambda cell: (max(0, gaps[cell] - reach), -gaps[cell])))
    attacks = [command for command in commands if command[0] == "attack"]
    if ("mend", 0) in commands:
        return ("mend", 0)
    return min(attacks, key=lambda attack: game.armies[1 - game.side][attack[1]].health, default=("hold", 0))
