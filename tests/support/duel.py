"""A tiny game whose strengths are known exactly, for tests of judging: levels meet, the higher one wins more often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

import numpy as np

from cornerman.contract import Bot, Floats
from cornerman.policy.q_network import NetworkSpec

NUM_LEVELS = 11
OBSERVATION_SIZE = 18


Wins: TypeAlias = Callable[[int, int, int], bool]
"""Whether seat 0 wins a battle: of its seed, the level of seat 0 and that of seat 1."""


def by_level(mirrored: bool) -> Wins:
    """Seat 0 wins with chance 1/2 + (its level - the other's) / 20.

    With `mirrored` luck a seed decides one number for all battles, so a side-swapped pair shares it; without, each
    pairing of levels draws its own.
    """

    def wins(seed: int, first: int, second: int) -> bool:
        return Random(seed if mirrored else f"{seed} {first}").random() < 0.5 + (first - second) / 20

    return wins


class DuelBattle:
    """Each seat names a level, seat 0 first; by default the higher one wins more often."""

    def __init__(self, seed: int, wins: Wins | None = None, endless: bool = False) -> None:
        self._seed, self._wins, self._endless = seed, wins or by_level(mirrored=True), endless
        self.levels: list[int] = []
        self.outcome: Mapping[int, int] | None = None

    @property
    def seat(self) -> int | None:
        return None if self.outcome is not None else len(self.levels) % 2

    @property
    def round(self) -> int:
        return len(self.levels) // 2 + 1

    def state(self) -> dict[str, Any]:
        fighters = [
            {"name": f"D{i}", "seat": i, "health": 50, "maxHealth": 100, "attack": 1, "defense": 1, "speed": 1}
            for i in (0, 1)
        ]
        return {"round": min(20, self.round), "characters": fighters}

    def action_mask(self) -> Sequence[bool]:
        return [True] * NUM_LEVELS

    def apply(self, action: int) -> None:
        if not 0 <= action < NUM_LEVELS:
            raise ValueError(f"there is no level {action}, only 0 to {NUM_LEVELS - 1}")
        self.levels.append(action)
        if len(self.levels) == 2 and not self._endless:
            self.outcome = {0: 1, 1: -1} if self._wins(self._seed, *self.levels) else {0: -1, 1: 1}


class Duel:
    """The game of `DuelBattle`; its bots always name one level."""

    name, version = "duel", "1"
    action_names = tuple(f"level {i}" for i in range(NUM_LEVELS))

    def __init__(
        self,
        mirrored: bool = True,
        endless: bool = False,
        bots: Mapping[str, Bot] | None = None,
        max_decisions: int = 400,
        wins: Wins | None = None,
    ) -> None:
        """`wins`: in place of the chance by level, with luck that is `mirrored` or not."""
        self._wins, self._endless, self.max_decisions = wins or by_level(mirrored), endless, max_decisions
        self.bots: Mapping[str, Bot] = {"low": at_level(0), "high": at_level(10)} if bots is None else bots

    def new_battle(self, seed: int) -> DuelBattle:
        return DuelBattle(seed, self._wins, self._endless)


def at_level(level: int) -> Bot:
    """A bot that always names `level`."""
    return lambda battle, random: level


def preferring(action: int, spec: NetworkSpec) -> Floats:
    """Parameters `[P]` of a network that always gives `action` the largest Q-value."""
    flat = np.zeros(spec.num_parameters, np.float32)
    flat[spec.num_parameters - spec.num_actions + action] = 1.0
    return flat


GAME = Duel()
