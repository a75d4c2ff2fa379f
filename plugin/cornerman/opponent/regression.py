"""Leanings: a masked multinomial regression on features and the champion's Q-values, for who plays quite unlike it.

logits = s Q + M T f, with the Q-values Q less the best one, s learned, features f with a 1 in front, and M saying which
words are in an action's name ("heavy", "enemy", "2"), so that what is learned of a word helps all actions that have it.
Fitted by L-BFGS (Nocedal 1980) with an L2 penalty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.conditions import words_of
from cornerman.opponent.predictor import Doubles, log_softmax, with_noise
from cornerman.opponent.rules import Decisions
from cornerman.policy.products import matmul

SHARPNESS = 8.0
"""Of the champion, before anything is learned."""
PENALTY = 1.0
MAX_ACTIONS, MAX_PARAMETERS = 512, 100_000
"""Games with more are left to the rules."""
LARGEST = 1e9
"""Of any number that is read."""
_STEPS, _AT_ONCE, _PAIRS = 30, 3, 8


class Leanings:
    """The regression; without parameters it foresees the champion at one temperature."""

    def __init__(
        self,
        scale: Doubles | None = None,
        words: Doubles | None = None,
        weights: Doubles | None = None,
        sharpness: float = SHARPNESS,
    ) -> None:
        self._scale = np.zeros(0) if scale is None else scale  # [F]: features are divided by it
        self._words = np.zeros((0, 0)) if words is None else words  # [A, W]
        self._weights = np.zeros((0, 0)) if weights is None else weights  # [W, 1 + F]
        self.sharpness = sharpness

    def probabilities(self, values: NDArray[np.floating], features: Floats, action_masks: Bools) -> Doubles:
        """Chances `[B, A]` given the champion's Q-values `[B, A]`."""
        logits = values.astype(np.float64) * self.sharpness
        if self._weights.size:
            logits += matmul(matmul(_inputs(features, self._scale), self._weights.T), self._words.T)
        return with_noise(log_softmax(logits, action_masks, 1.0), action_masks)

    def fit(
        self,
        values: NDArray[np.floating],
        decisions: Decisions,
        feature_names: Sequence[str],
        action_names: Sequence[str],
    ) -> Iterator[None]:
        """Go on from the last parameters, which hold until the last piece, a piece of some milliseconds at a time;
        nothing where there are too many."""
        count = len(action_names)
        if count > MAX_ACTIONS or count * (1 + decisions.observations.shape[1]) > MAX_PARAMETERS:
            return
        words = words_of(action_names)
        shape = words.shape[1], 1 + decisions.observations.shape[1]
        largest = np.abs(decisions.observations).max(0).astype(np.float64)
        start = np.zeros(shape) if self._weights.shape != shape else self._weights
        scale = np.maximum(largest, 1.0)
        loss = Loss(values, decisions, _inputs(decisions.observations, scale), words)
        search = _Lbfgs(loss, np.append(start.ravel(), np.log(self.sharpness)))
        for step in range(_STEPS):
            if not search.step():
                break
            if step % _AT_ONCE == 0:
                yield
        self._scale, self._words = scale, words
        self._weights, self.sharpness = search.at[:-1].reshape(shape), float(np.exp(search.at[-1]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for `from_arrays`."""
        found = {"scale": self._scale, "words": self._words, "leanings": self._weights}
        return {**found, "sharpness": np.array(self.sharpness)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], num_features: int, num_actions: int) -> Leanings:
        """ValueError or KeyError where they do not fit."""
        scale, words, weights = (np.asarray(arrays[name], np.float64) for name in ("scale", "words", "leanings"))
        sharpness = float(arrays["sharpness"])
        if not 0.0 < sharpness <= 1e4:
            raise ValueError("a sharpness is not above 0")
        if weights.size:
            sizes = (num_features,), (num_actions, words.shape[-1]), (words.shape[-1], 1 + num_features)
            if (scale.shape, words.shape, weights.shape) != sizes or not (scale >= 1.0).all():
                raise ValueError("leanings do not fit the champion")
            if not all((np.abs(array) <= LARGEST).all() for array in (scale, words, weights)):
                raise ValueError("leanings are too large")
        return cls(scale, words, weights, sharpness)


def _inputs(features: Floats, scale: Doubles) -> Doubles:
    """`[B, 1 + F]`: a 1, and the features divided by `scale`."""
    return np.concatenate([np.ones((len(features), 1)), features / scale], 1)


class Loss:
    """Negative log-likelihood and its gradient, with the penalty."""

    def __init__(self, values: NDArray[np.floating], decisions: Decisions, inputs: Doubles, words: Doubles) -> None:
        legal = np.where(decisions.action_masks, values, -np.inf).astype(np.float64)
        self._gaps = np.where(decisions.action_masks, legal - legal.max(1, keepdims=True), 0.0)
        self._masks, self._taken = decisions.action_masks, (np.arange(decisions.num), decisions.actions)
        self._inputs, self._words = inputs, words

    def __call__(self, at: Doubles) -> tuple[float, Doubles]:
        weights, sharpness = at[:-1].reshape(self._words.shape[1], -1), np.exp(min(at[-1], 8.0))
        logits = sharpness * self._gaps + matmul(matmul(self._inputs, weights.T), self._words.T)
        logarithms = log_softmax(logits, self._masks, 1.0)
        with np.errstate(under="ignore"):
            off = np.exp(logarithms)
        off[self._taken] -= 1.0
        far = at[-1] - np.log(SHARPNESS)
        loss = -logarithms[self._taken].sum() + 0.5 * PENALTY * ((weights**2).sum() + far**2)
        slope = matmul(matmul(off, self._words).T, self._inputs) + PENALTY * weights
        return float(loss), np.append(slope.ravel(), sharpness * (off * self._gaps).sum() + PENALTY * far)


class _Lbfgs:
    """Minimises a smooth function, one step at a time."""

    def __init__(self, function: Loss, at: Doubles) -> None:
        self._function, self.at = function, at
        self._loss, self._slope = function(at)
        self._moves: list[tuple[Doubles, Doubles]] = []  # the last changes of place and of slope

    def step(self) -> bool:
        """Go one step; False at the end."""
        way = -self._direction()
        steepness, length = float(self._slope @ way), 1.0
        for _ in range(20):
            loss, slope = self._function(self.at + length * way)
            if loss <= self._loss + 1e-4 * length * steepness:
                break
            length *= 0.4
        else:
            return False
        move = length * way, slope - self._slope
        if move[0] @ move[1] > 1e-12:
            self._moves = [*self._moves, move][-_PAIRS:]
        gained = self._loss - loss
        self.at, self._loss, self._slope = self.at + move[0], loss, slope
        return gained > 1e-5 * max(1.0, abs(loss))

    def _direction(self) -> Doubles:
        """The slope, divided by what the last moves say of the curvature (the two-loop recursion)."""
        slope, shares = self._slope.copy(), []
        for move, change in reversed(self._moves):
            shares.append((move @ slope) / (move @ change))
            slope -= shares[-1] * change
        if self._moves:
            move, change = self._moves[-1]
            slope *= (move @ change) / (change @ change)
        else:
            slope /= max(1.0, float(np.abs(slope).sum()))
        for (move, change), share in zip(self._moves, reversed(shares), strict=True):
            slope += (share - (change @ slope) / (move @ change)) * move
        return slope
