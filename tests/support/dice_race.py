"""A race of two who throw dice, and battles of it that go on from a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from cornerman.contract import State


class Race:
    """A battle of two characters who throw dice: whoever has thrown 10 in all has won; action 1 needs 3 already."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.thrown = [0, 0]
        self.seat: int | None = 0
        self.round = 1
        self.handed_out: list[Any] = []

    @property
    def outcome(self) -> Mapping[int, int] | None:
        won = [seat for seat in (0, 1) if self.thrown[seat] >= 10]
        return {won[0]: 1, 1 - won[0]: -1} if won else None

    def state(self) -> State:
        characters = [
            {"name": name, "seat": seat, "health": 10 - min(10, self.thrown[1 - seat]), "maxHealth": 10}
            | {"attack": 10, "defense": 10, "speed": 10}
            for seat, name in enumerate(("Ada", "Bo"))
        ]
        self.handed_out.append(characters)
        return {"round": self.round, "characters": characters}

    def action_mask(self) -> Sequence[bool]:
        assert self.seat is not None
        return [True, self.thrown[self.seat] >= 3]

    def apply(self, action: int) -> None:
        assert self.seat is not None
        if not 0 <= action < 2 or not self.action_mask()[action]:
            raise ValueError(f"{action} is not legal")
        self.thrown[self.seat] += self.random.randint(1, 3)
        self.round += self.seat
        self.seat = 1 - self.seat


def as_restored(battle: Any, state: State, seat: int, random: Random) -> Any:
    """`battle` in the moment of a state, with chances to come from `random`."""
    battle.thrown = [10 - state["characters"][1 - seat]["health"] for seat in (0, 1)]
    battle.round, battle.seat, battle.random = state["round"], seat, random
    return battle


class Races:
    """The game around it."""

    name, version, action_names = "races", "1", ("throw", "throw far")

    def __init__(self, battle: type[Race] = Race) -> None:
        self.battle = battle
        self.bots: dict[str, Any] = {"first": lambda battle, random: 0}

    def new_battle(self, seed: int) -> Race:
        return self.battle(seed)
