"""Difficulty: five levels, from the champion's best action down to older versions that draw among good actions.

No level plays a clearly bad action: the softmax runs over the legal actions near the best one (see policy.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """`temperature` of the softmax over Q-values; `versions_back`: how many promotions older the policy is."""

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


def level(number: int) -> Level:
    """Level 1 to 5; ValueError outside."""
    if not 1 <= number <= len(LEVELS):
        raise ValueError(f"difficulty goes from 1 to {len(LEVELS)}, not {number!r}")
    return LEVELS[number - 1]
