"""Small games and states for the tests of recording: plain dicts, no rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from cornerman.contract import Source, Transition

ACTIONS = ("strike", "heavy", "guard")
EVERY = (True, True, True)


class Duel:
    """A game that offers nothing of its own."""

    name = "duel"
    version = "1"
    action_names: Sequence[str] = ACTIONS


class TallDuel(Duel):
    """A game with one feature of its own, read from a nested value of the state."""

    feature_names: Sequence[str] = ("tall",)

    def encode(self, state: Mapping[str, Any], seat: int) -> Sequence[float]:
        return [state["field"]["heights"][seat]]


def character(seat: int, health: Any = 50, **changes: Any) -> dict[str, Any]:
    return {"seat": seat, "health": health, "maxHealth": 100, "attack": 40, "defense": 20, "speed": 35, **changes}


def duel_state(round_: Any = 1, *healths: Any) -> dict[str, Any]:
    """One character a seat, with these healths."""
    return {"round": round_, "characters": [character(seat, health) for seat, health in enumerate(healths or (50, 50))]}


def chain(count: int, seat: int = 0, battle_id: int = 7, seed: int = 0, ends: bool = True) -> list[Transition]:
    """A seat's transitions of one battle, two features and three actions, with random rewards."""
    random = Random(seed)
    rows = []
    for index in range(count):
        last = ends and index == count - 1
        rows.append(
            Transition(
                observation=np.array([index / 100, seat], np.float32),
                action_mask=np.array([True, True, index % 2 == 0]),
                action=random.randrange(2),
                reward=random.uniform(-1, 1),
                next_observation=np.zeros(2, np.float32) if last else np.array([(index + 1) / 100, seat], np.float32),
                next_action_mask=np.zeros(3, bool) if last else np.array([True, True, index % 2 == 1]),
                discount=0.0 if last else 1.0,
                battle_id=battle_id,
                seat=seat,
                index=index,
                source=Source.PLUGIN,
                opponent=Source.SCRIPTED,
                version=3,
            )
        )
    return rows


def same(one: Transition, other: Transition) -> bool:
    """Whether two rows are equal in every field, rewards to float32."""
    return all(
        np.array_equal(np.asarray(getattr(one, name), kind), np.asarray(getattr(other, name), kind))
        for name in Transition.__slots__
        for kind in [np.float32 if name in ("reward", "discount") else None]
    )
