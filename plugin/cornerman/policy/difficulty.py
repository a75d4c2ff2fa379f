"""Difficulty: five named levels, from a beginner to the champion, and a sixth that adapts to the player.

A level is a rung of a ladder of earlier selves (models/weights.py) where there is one; else an older champion with a
temperature. No level plays what it takes for a clearly bad action (see policy.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.policy.policy import Chance, Policy


@dataclass(frozen=True, slots=True)
class Level:
    """Where no ladder is known: `temperature` of the softmax over Q-values, and how many promotions older the policy
    is (`versions_back`)."""

    name: str
    temperature: float
    versions_back: int


LEVELS: tuple[Level, ...] = (
    Level("gentle", 0.30, 3),
    Level("easy", 0.20, 2),
    Level("even", 0.12, 1),
    Level("hard", 0.05, 0),
    Level("its best", 0.0, 0),
)
ADAPTIVE = len(LEVELS) + 1
"""The position of the dial at which every battle is played at the strength that suits the player."""
LEVEL_NAMES = (*(level.name for level in LEVELS), "adaptive")
ASSUMED_STEP = 100.0
"""Points between two levels where no battles could measure them."""


RUNG = -10
"""The version number of a ladder's weakest rung, the next one's is one less: none of them is a stored version."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A policy at a temperature, and its rating where 400 points are odds of ten to one."""

    policy: Policy
    temperature: float = 0.0
    points: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: Chance,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int:
        """As `Policy.act`, at this temperature at least."""
        return self.policy.act(observation, action_mask, random, max(temperature, self.temperature), epsilon)

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]:
        """As `Policy.act_batch`, at this temperature."""
        return self.policy.act_batch(observations, action_masks, random, epsilon, self.temperature)
