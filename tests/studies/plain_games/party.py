"""A party RPG: six heroes against six, with skills, a bag of potions, and the possibility to run.

In every round each one who stands acts once, the fastest first. A side that runs ends the battle without a winner.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

PARTY = 6
POTIONS = 3
MAX_ROUNDS = 30


class Job(NamedTuple):
    name: str
    health: int
    mana: int
    attack: int
    defense: int
    speed: int
    skill: str | None


JOBS = (
    Job("knight", 90, 0, 24, 14, 8, None),
    Job("monk", 70, 0, 28, 8, 14, None),
    Job("thief", 55, 0, 20, 6, 20, None),
    Job("ranger", 60, 0, 24, 6, 16, None),
    Job("wizard", 45, 24, 8, 4, 12, "fire"),
    Job("priest", 50, 24, 8, 6, 10, "heal"),
)
PRICES = {"fire": 4, "quake": 8, "heal": 4}

Command = tuple[str, int]
"""What to do and to whom, counted from 0 to 5: ("attack", 2), ("fire", 2), ("heal", 0), ("potion", 0); "quake", "guard"
and "run" need nobody and have a 0."""


@dataclass
class Hero:
    side: int
    job: Job
    health: int
    mana: int
    guarding: bool = False


class Party:
    """`heroes[side]` keeps its order; who has fallen stays in it with health 0."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.heroes = [[Hero(side, job, job.health, job.mana) for job in JOBS] for side in (0, 1)]
        self.potions = [POTIONS, POTIONS]
        self.fled: int | None = None
        self.round = 0
        self.queue: list[Hero] = []
        self._next()

    @property
    def over(self) -> bool:
        return self.fled is not None or self.round > MAX_ROUNDS or not all(map(self.standing, (0, 1)))

    @property
    def winner(self) -> int | None:
        """The side that stands alone; None where both do, or while the battle goes on."""
        left = [side for side in (0, 1) if self.standing(side)]
        return left[0] if len(left) == 1 else None

    @property
    def hero(self) -> Hero:
        """Who acts now."""
        return self.queue[0]

    def standing(self, side: int) -> list[int]:
        """The numbers of those who have not fallen."""
        return [at for at, hero in enumerate(self.heroes[side]) if hero.health]

    def commands(self) -> list[Command]:
        """Everything that the hero whose turn it is can do."""
        if self.over:
            return []
        hero, allies, enemies = self.hero, self.standing(self.hero.side), self.standing(1 - self.hero.side)
        found = [("attack", at) for at in enemies] + [("guard", 0), ("run", 0)]
        if hero.job.skill == "fire" and hero.mana >= PRICES["fire"]:
            found += [("fire", at) for at in enemies] + [("quake", 0)] * (hero.mana >= PRICES["quake"])
        if hero.job.skill == "heal" and hero.mana >= PRICES["heal"]:
            found += [("heal", at) for at in allies]
        return found + [("potion", at) for at in allies if self.potions[hero.side]]

    def do(self, command: Command) -> None:
        if command not in self.commands():
            raise ValueError(f"{self.hero.job.name} cannot {command[0]} {command[1]} now.")
        (name, at), hero = command, self.hero
        allies, enemies = self.heroes[hero.side], self.heroes[1 - hero.side]
        hero.mana -= PRICES.get(name, 0)
        if name == "attack":
            self._hurt(enemies[at], hero.job.attack - enemies[at].job.defense // 2)
        elif name == "fire":
            self._hurt(enemies[at], 30)
        elif name == "quake":
            for each in enemies:
                self._hurt(each, 14)
        elif name in ("heal", "potion"):
            self.potions[hero.side] -= name == "potion"
            allies[at].health = min(allies[at].job.health, allies[at].health + 35)
        elif name == "run":
            self.fled = hero.side if self.random.random() < 0.25 else None
        hero.guarding = name == "guard"
        self.queue.pop(0)
        self._next()

    def _hurt(self, hero: Hero, damage: int) -> None:
        damage = self.random.randint(damage * 3 // 4, damage * 5 // 4)
        hero.health = max(0, hero.health - (damage // 2 if hero.guarding else damage))

    def _next(self) -> None:
        """Whoever has fallen acts no more; a new round where nobody is left to act."""
        self.queue = [hero for hero in self.queue if hero.health]
        if not self.queue and not self.over:
            self.round += 1
            everybody = [hero for side in self.heroes for hero in side if hero.health]
            self.queue = sorted(everybody, key=lambda hero: -hero.job.speed - self.random.randrange(6))


def random_command(game: Party, random: Random) -> Command:
    return random.choice(game.commands())


def brave_command(game: Party, random: Random) -> Command:
    """Heals who is nearly down, burns and strikes the weakest, never runs."""
    commands, side = game.commands(), game.hero.side
    for name in ("heal", "potion"):
        hurt = [at for cure, at in commands if cure == name and game.heroes[side][at].health < 20]
        if hurt:
            return (name, hurt[0])
    weakest = min(game.standing(1 - side), key=lambda at: game.heroes[1 - side][at].health)
    return ("fire", weakest) if ("fire", weakest) in commands else ("attack", weakest)
