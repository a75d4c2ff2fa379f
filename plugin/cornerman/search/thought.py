"""What is sent to a thinker and back: what it has to know, a decision that comes up, and the best action so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats, State
from cornerman.policy.policy import Policy

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Knowledge: TypeAlias = tuple[Arrays, Mapping[str, Any]]
"""What a thinker has to know (`knowledge`)."""
PLAYER = "player."


@dataclass(frozen=True, slots=True)
class Due:
    """A decision that comes up; `number` counts them, `seed` decides the chances of the search."""

    number: int
    seat: int
    state: State
    action_mask: list[bool]
    seed: int


@dataclass(frozen=True, slots=True)
class Thought:
    """The best action so far for decision `number` of whoever saw `seen`, -1: none yet; `ended`: nothing better will
    come; `problem`: why nothing can be found; `slow`: why it takes long.

    For the panel: `gains`, action and how much better it is than the champion's own choice, of each that was tried;
    `samples`: playouts; `expects`: action and chance of what the opponent does next, likeliest first, some of them."""

    number: int
    seen: int
    action: int
    ended: bool
    problem: str = ""
    slow: str = ""
    gains: Sequence[tuple[int, float]] = ()
    samples: int = 0
    expects: Sequence[tuple[int, float]] = ()

    def fits(self, number: int, observation: Floats, action_mask: Bools) -> bool:
        """Whether this is about that decision: the same number, the same features and the same legal actions."""
        return self.action >= 0 and self.number == number and self.seen == seen_as(observation, action_mask)


def seen_as(observation: Floats, action_mask: Bools) -> int:
    """A number for what a seat sees and may do."""
    return crc32(np.asarray(action_mask, np.bool_).tobytes(), crc32(np.asarray(observation, np.float32).tobytes()))


def knowledge(champion: Policy, player: Arrays, standing_weight: float, outcome_weight: float) -> Knowledge:
    """The champion and the `arrays` of the player's model, and the weights of the rewards that the champion learned
    from, as arrays and plain data."""
    arrays = {"champion": champion.flat, **{f"{PLAYER}{name}": array for name, array in player.items()}}
    return arrays, {"hidden": list(champion.spec.hidden), "weights": [standing_weight, outcome_weight]}
