"""Record of the plugin against one player: how its battles ended, and what its values say of the chance to win.

A value is a return: shaping, discounted, and learned against other opponents, so 0.4 may stand for 40 % or for 80 %.
How often battles were won from which values is what turns it into a chance: a logistic regression (Platt 1999) on the
recorded battles, drawn towards `USUAL` while they are few. The trainer's thread owns it.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Chance = tuple[float, float]
"""Of a value v the chance to win is 1 / (1 + exp(-(a + b v))): a and b. A draw is half a win."""
USUAL: Chance = (0.0, 3.0)
"""Before the first battle: shipped and trained models of several games lie about there (docs/measurements.md)."""
_DOUBT = 1.0
"""Standard deviation of both numbers before the first battle."""
BATTLES_A_CHANCE, RESULTS = 200, 2_000
A_BATTLE = 2.0
"""Decisions that a battle of the usual length counts for: they share its outcome, so their number proves little."""


class Record:
    """The last battles."""

    def __init__(self) -> None:
        self.shares: deque[float] = deque(maxlen=RESULTS)
        """How battles against the player ended for the plugin, oldest first: 1 won, 1/2 drawn, 0 lost."""
        self._battles: deque[tuple[NDArray[np.float64], float]] = deque(maxlen=BATTLES_A_CHANCE)
        self._chance = USUAL

    def add(self, values: NDArray[np.floating], share: float) -> None:
        """Add a battle: the values `[N]` of the actions that the plugin took in it, by the policy that decided, and its
        share of the outcome as in `shares`."""
        if len(values):
            self._battles.append((np.clip(values, -10.0, 10.0).astype(np.float64), share))

    def chance(self) -> Chance:
        """What turns values into chances, by Newton's method; some 0.3 ms."""
        if not self._battles:
            return USUAL
        values = np.concatenate([values for values, _ in self._battles])
        counts = [len(values) for values, _ in self._battles]
        share = np.repeat([share for _, share in self._battles], counts)
        weight = A_BATTLE * len(counts) / len(values)
        inputs, usual, now = np.stack([np.ones_like(values), values]), np.array(USUAL), np.array(self._chance)
        for _ in range(20):
            won = win_chances(values, (now[0], now[1]))
            slope = (inputs * (weight * (share - won))).sum(1) - (now - usual) / _DOUBT**2
            curvature = (inputs * (weight * won * (1.0 - won))) @ inputs.T + np.eye(2) / _DOUBT**2
            step = np.linalg.solve(curvature, slope)
            now = now + step * min(1.0, 1.0 / float(np.abs(step).max() or 1.0))
            if np.abs(step).max() < 1e-6:
                break
        self._chance = float(now[0]), max(float(now[1]), 0.0)  # a higher value is never a lower chance
        return self._chance


def win_chances(values: NDArray[np.floating], chance: Chance) -> NDArray[np.float64]:
    """The chances to win that values `[N]` stand for."""
    return 1.0 / (1.0 + np.exp(-np.clip(chance[0] + chance[1] * np.asarray(values, np.float64), -30.0, 30.0)))
