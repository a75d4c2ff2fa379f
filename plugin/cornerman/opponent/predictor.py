"""Predictors: chances of a seat's next action, from what that seat sees. numpy alone, any thread."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.policy.policy import Policy

Doubles = NDArray[np.float64]

NEVER = -1e9
"""Logarithm of the chance of an illegal action."""
STRANGER_TEMPERATURE = 0.1
"""Of the champion as the model of a player of whom nothing is known yet (docs/measurements.md)."""
NOISE = 0.02
"""Share of decisions that are foreseen as drawn from all legal actions alike: nobody keeps to a habit always."""


class Predictor(Protocol):
    """Foresees the decisions of one seat."""

    def probabilities(self, observations: Floats, action_masks: Bools) -> Doubles:
        """Chances `[B, A]` of the actions, for observations `[B, F]` of the seat that decides and its masks `[B, A]`.

        Every row sums to 1 over its legal actions; at least one of each row must be legal.
        """


class ChampionPredictor:
    """Foresees a player who plays as a policy does, by a softmax with a temperature, and now and then at random."""

    def __init__(self, policy: Policy, temperature: float = 0.005) -> None:
        self.policy, self.temperature = policy, temperature

    def probabilities(self, observations: Floats, action_masks: Bools) -> Doubles:
        """As `Predictor.probabilities`."""
        values = self.policy.q_values_batch(observations)
        return with_noise(log_softmax(values, action_masks, 1.0 / self.temperature), action_masks)


def log_softmax(values: NDArray[np.floating], action_masks: Bools, sharpness: float) -> Doubles:
    """Logarithms `[B, A]` of a softmax over `sharpness` times the values `[B, A]` of legal actions; else `NEVER`."""
    with np.errstate(all="ignore"):
        logits = np.where(action_masks, values.astype(np.float64) * sharpness, NEVER)
        logits -= logits.max(1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(1, keepdims=True))
    return np.where(action_masks, logits, NEVER)


def with_noise(logarithms: Doubles, action_masks: Bools) -> Doubles:
    """Chances `[B, A]` of logarithms, `NOISE` of them spread evenly over the legal actions."""
    even = action_masks / np.maximum(action_masks.sum(1, keepdims=True), 1)
    with np.errstate(under="ignore"):
        mixed: Doubles = (1.0 - NOISE) * np.exp(logarithms) + NOISE * even
    return mixed
