"""Look-ahead: a better action than the champion's, found by playing on from the present state.

An anytime search by sequential halving (Karnin, Koren, Somekh 2013): the champion's best actions are tried on the same
chances, against a model of the player, and the better half of them again with more. An action goes before the
champion's own only as far as the playouts are evidence: the champion's values are the prior they are weighed against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedRestorableGame, Bools, State
from cornerman.search.playouts import Playouts

Ints = NDArray[Any]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: `samples` of every action that is left, round after round, each `own_decisions` deep.

    `doubt`: by how much the champion's values may be wrong about the difference of two actions (standard deviation);
    the smaller, the more playouts it takes to overrule them.
    """

    candidates: int = 6
    samples: tuple[int, ...] = (12, 24, 48)
    own_decisions: int = 4
    doubt: float = 0.2


BATCHED = Effort()
ONE_BY_ONE = Effort(candidates=4, samples=(4, 6, 8), own_decisions=2)
"""For games that restore one battle at a time, a hundred times slower."""
_SPREAD = 0.05
"""Of a playout's value, added to what is seen of it: a few that happen to be equal prove nothing."""


class LookAhead:
    """Improves decisions. One thread at a time; the same seed gives the same actions."""

    def __init__(self, playouts: Playouts, effort: Effort) -> None:
        self._playouts, self._effort = playouts, effort

    def improve(self, states: Sequence[State], seats: Sequence[int], masks: Bools, seed: int) -> Iterator[Search]:
        """The search for decisions that are due after each round of tries, `masks` `[D, A]`; the same object each time.

        FaultyBattleError where the game's code raises.
        """
        search = Search(self._playouts, self._effort, states, seats, masks, seed)
        for number in range(len(self._effort.samples)):
            if not search.open:
                break
            search.try_all(number)
            yield search


def effort_for(game: object) -> Effort:
    """The effort that a game's engine allows within a few frames."""
    return BATCHED if isinstance(game, BatchedRestorableGame) else ONE_BY_ONE


class Search:
    """D decisions with up to K candidates each; candidate 0 is the champion's own choice."""

    def __init__(
        self,
        playouts: Playouts,
        effort: Effort,
        states: Sequence[State],
        seats: Sequence[int],
        masks: Bools,
        seed: int,
    ) -> None:
        self._playouts, self._effort, self._states, self._seats = playouts, effort, states, seats
        encode = playouts.encoder.encode
        observations = np.stack([encode(state, seat) for state, seat in zip(states, seats, strict=True)])
        q = np.where(masks, playouts.champion.q_values_batch(observations).astype(np.float64), -np.inf)
        self._actions = np.argsort(-q, 1, kind="stable")[:, : effort.candidates]
        best = np.take_along_axis(q, self._actions, 1)
        self._left = np.isfinite(best) & (masks.sum(1) > 1)[:, None]
        self._prior = np.where(self._left, best - best[:, :1], 0.0)
        self._worth = np.where(self._left, self._prior, -np.inf)
        shape = len(states), sum(effort.samples)
        self._seeds = np.random.default_rng(seed).integers(2**48, size=shape).astype(np.uint64)
        self._values = np.full((*self._actions.shape, shape[1]), np.nan)
        self._gains = self._prior
        self._replies = np.zeros((*self._actions.shape, q.shape[1]), np.float32)  # sums of their chances

    @property
    def open(self) -> bool:
        """Whether any decision has two candidates left."""
        return bool((self._left.sum(1) > 1).any())

    @property
    def best(self) -> Ints:
        """The best candidate of every decision so far `[D]`."""
        return np.asarray(self._actions[np.arange(len(self._actions)), self._worth.argmax(1)])

    def gains(self, decision: int) -> list[tuple[int, float]]:
        """Each action that was tried for a decision, and how much better it is than the champion's own choice."""
        tried = np.isfinite(self._values[decision]).any(1)
        return list(zip(self._actions[decision, tried].tolist(), self._gains[decision, tried].tolist(), strict=True))

    def samples(self, decision: int) -> int:
        """Playouts for a decision that reached an end or a value."""
        return int(np.isfinite(self._values[decision]).sum())

    def expects(self, decision: int, most: int) -> list[tuple[int, float]]:
        """What the other side does next after the best action, likeliest first: actions and their chances."""
        replies = self._replies[decision, self._worth[decision].argmax()]
        likeliest = np.argsort(-replies, kind="stable")[:most]
        total = float(replies.sum()) or 1.0
        return [(at, share / total) for at in likeliest.tolist() if (share := float(replies[at])) > 0.0]

    def try_all(self, number: int) -> None:
        """Round `number`: sample every candidate that is left, and keep the better half."""
        samples, before = self._effort.samples[number], sum(self._effort.samples[:number])
        which, candidate = (self._left & (self._left.sum(1) > 1)[:, None]).nonzero()
        rows, sample = np.repeat(which, samples), np.tile(np.arange(before, before + samples), len(which))
        actions = np.repeat(self._actions[which, candidate], samples)
        seeds, depth = self._seeds[rows, sample], self._effort.own_decisions

        def replied(playouts: Ints, chances: Doubles) -> None:
            np.add.at(self._replies, (rows[playouts], np.repeat(candidate, samples)[playouts]), chances)

        values = self._playouts.values(self._states, self._seats, rows, actions, seeds, depth, replied)
        self._values[rows, np.repeat(candidate, samples), sample] = values
        self._weigh(before + samples)
        kept = max(2, -(-self._actions.shape[1] // 2 ** (number + 1)))
        ranks = (-self._worth).argsort(1, kind="stable").argsort(1, kind="stable")
        self._left &= ranks < kept
        self._left[:, 0] = True  # what the others are compared with

    def _weigh(self, tried: int) -> None:
        """How much better each candidate left is than the champion's choice: its prior, and what playouts say."""
        gained = self._values[:, :, :tried] - self._values[:, :1, :tried]
        known = np.isfinite(gained)
        count = np.maximum(known.sum(2), 1)
        gained = np.where(known, gained, 0.0)
        mean = gained.sum(2) / count
        spread = (gained**2).sum(2) / count - mean**2 + _SPREAD**2
        trust = self._effort.doubt**2 / (self._effort.doubt**2 + spread / count)
        trust = np.where(known.any(2), trust, 0.0)
        worth = trust * mean + (1.0 - trust) * self._prior
        worth[:, 0] = 0.0
        self._gains = worth
        self._worth = np.where(self._left, worth, -np.inf)
        self._worth[:, 0] = 0.0
