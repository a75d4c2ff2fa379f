"""Advantages of actions that were drawn by lot: how much better each is than the others, by linear least squares.

Who decides by lot gives nothing to imitate, and has tried everything: what a network does not learn from hundreds of
such battles, a linear fit finds in tens (docs/measurements.md). The trainer's thread owns it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats, Transition

TRACE = 0.8
"""Lambda of the returns: how much of what came after the next decision counts beside what is expected there."""
FIRM, WARY = 10.0, 100.0
"""Ridge penalties, as so many decisions in which nothing was seen: of what an action is worth everywhere, and of how
that changes with one standard deviation of a feature."""
MOST_ROUNDS = 30
"""Of conjugate gradients."""
MOST_DECISIONS = 3000
"""The newest that are kept."""
NEWS = 0.1
"""Share of new decisions from which on the fit is made again."""
FAR = 3.0
"""Standard deviations at which a feature is cut off: one rare state must not decide."""

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Episode:
    """The decisions of one seat in one battle, in order, and its outcome, -1 to 1."""

    rows: Sequence[Transition]
    outcome: float


@dataclass(frozen=True, slots=True)
class Advantages:
    """Linear in what is observed; made by `fit`."""

    mean: Doubles  # [F]
    scale: Doubles  # [F]; infinite for a feature that never changed
    weight: Doubles  # [1 + F, A]

    def best(self, observations: Floats, action_masks: Bools) -> Ints:
        """The legal action of the largest advantage in each row; `[N, F]` and `[N, A]` to `[N]`."""
        values = _basis(observations, self.mean, self.scale) @ self.weight
        best: Ints = np.where(action_masks, values, -np.inf).argmax(1)
        return best


class Lots:
    """The newest battles of one who may decide by lot, and the advantages that they show."""

    def __init__(self) -> None:
        self._episodes: deque[Episode] = deque()
        self._held = self._new = 0  # decisions, and those since the last fit
        self._advantages: Advantages | None = None

    def add(self, episode: Episode) -> None:
        self._episodes.append(episode)
        self._held += len(episode.rows)
        self._new += len(episode.rows)
        while self._held > MOST_DECISIONS and len(self._episodes) > 1:
            self._held -= len(self._episodes.popleft().rows)

    def advantages(self) -> Advantages:
        """Fitted anew where enough was added."""
        if self._advantages is None or self._new > NEWS * self._held:
            self._advantages, self._new = fit(self._episodes), 0
        return self._advantages


def fit(episodes: Sequence[Episode]) -> Advantages:
    """Fit what battles say of at least one decision; the policy that drew must have been the same in all of them.

    First the value of a state, by ridge regression of the outcomes; then what each action adds to it, by ridge
    regression of the lambda-returns (Sutton and Barto 2018, section 12.1, without discount) less that value. Each
    row's actions are counted from the mean of its legal ones, so a poor value says nothing for any of them.
    """
    rows = [row for each in episodes for row in each.rows]
    observations, masks = (
        np.array([row.observation for row in rows], np.float64),
        np.array([r.action_mask for r in rows]),
    )
    outcomes = np.repeat([each.outcome for each in episodes], [len(each.rows) for each in episodes])
    mean, scale = observations.mean(0), observations.std(0)
    scale[scale < 1e-6] = np.inf
    basis = _basis(observations, mean, scale)
    penalty = np.full((basis.shape[1], 1), FIRM)
    values = np.clip(basis @ _ridge(basis, np.ones((len(rows), 1)), outcomes, penalty)[:, 0], -1.0, 1.0)
    taken = np.eye(masks.shape[1])[[row.action for row in rows]] - masks / masks.sum(1, keepdims=True)
    penalty[1:] = WARY
    return Advantages(mean, scale, _ridge(basis, taken, _returns(episodes, values) - values, penalty))


def _returns(episodes: Sequence[Episode], values: Doubles) -> Doubles:
    returns, end = np.empty_like(values), 0
    for episode in episodes:
        start, end = end, end + len(episode.rows)
        returns[end - 1] = ahead = episode.outcome
        for at in range(end - 2, start - 1, -1):
            returns[at] = ahead = (1.0 - TRACE) * values[at + 1] + TRACE * ahead
    return returns


def _basis(observations: Floats | Doubles, mean: Doubles, scale: Doubles) -> Doubles:
    features = np.clip((observations - mean) / scale, -FAR, FAR)
    return np.hstack([np.ones((len(features), 1)), features])


def _ridge(basis: Doubles, share: Doubles, wanted: Doubles, penalty: Doubles) -> Doubles:
    """Weights `[D, A]` with the sum over a of `share[:, a] * (basis @ weights[:, a])` nearest to `wanted` `[N]`.

    Conjugate gradients, scaled by the diagonal (Golub and Van Loan 2013, section 11.5.2): no matrix of D A by D A.
    """

    def applied(weights: Doubles) -> Doubles:
        moved: Doubles = basis.T @ (share * ((basis @ weights) * share).sum(1, keepdims=True)) + penalty * weights
        return moved

    scaling = 1.0 / ((basis**2).T @ share**2 + penalty)
    rest = basis.T @ (share * wanted[:, None])
    weights, step = np.zeros_like(rest), scaling * rest
    left = float((rest * step).sum())
    for _ in range(MOST_ROUNDS):
        if left < 1e-12 * len(wanted):
            break
        moved = applied(step)
        by = left / float((step * moved).sum())
        weights += by * step
        rest -= by * moved
        before, scaled = left, scaling * rest
        left = float((rest * scaled).sum())
        step = scaled + left / before * step
    return weights
