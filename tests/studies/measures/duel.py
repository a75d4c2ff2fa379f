"""Many battles of Ringside between two players at once, in pairs with the sides swapped and the same chances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedBot, Bools, Floats
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import drawn_lineups
from game_adapter.ringside.battle import NUM_ACTIONS
from tests.studies.adapters.opening import encoder

Ints = NDArray[Any]


class Due(NamedTuple):
    """Decisions of one player, R of them."""

    battles: VectorBattle
    rows: Ints  # [R]
    observations: Floats  # [R, F]
    masks: Bools  # [R, A]
    random: np.random.Generator


Player = Callable[[Due], Ints]
"""An action for each decision."""


class ActsInBatches(Protocol):
    """A policy, or a habit player."""

    def act_batch(self, observations: Floats, action_masks: Bools, random: np.random.Generator) -> Ints: ...


def playing(policy: ActsInBatches) -> Player:
    """What decides from what it sees alone."""
    return lambda due: policy.act_batch(due.observations, due.masks, due.random)


def bot(batched: BatchedBot) -> Player:
    """One of the game's bots for batches."""
    return lambda due: batched(due.battles, due.rows, due.random)


def duel(first: Player, second: Player, num_pairs: int, seed: int) -> NDArray[np.float64]:
    """Scores of `first` by pair `[P, 2]`: won 1, drawn 1/2; in seat 0 and in seat 1 of the same battle.

    The same seed gives the same teams and chances, whoever plays.
    """
    random, count = np.random.default_rng([seed, num_pairs]), 2 * num_pairs
    seeds = 2 * random.integers(1 << 48, size=num_pairs).tolist()
    battles = VectorBattle(count, seed, drawn_lineups("2v2"), seeds)
    own = np.repeat([0, 1], num_pairs)
    observations = np.zeros((count, encoder().observation_size), np.float32)
    masks = np.zeros((count, NUM_ACTIONS), np.bool_)
    scores, actions = np.full(count, np.nan), np.zeros(count, np.int64)
    while (playing_on := np.isnan(scores)).any():
        battles.observe(observations, masks)
        mine = battles.seat == own
        actions[:] = masks.argmax(1)
        for player, whose in ((first, mine), (second, ~mine)):
            rows = (whose & playing_on).nonzero()[0]
            if len(rows):
                actions[rows] = player(Due(battles, rows, observations[rows], masks[rows], random))
        ended = battles.step(actions)
        fresh = playing_on[ended.rows]
        rows = ended.rows[fresh]
        scores[rows] = (1.0 + ended.outcome[fresh] * (1 - 2 * own[rows])) / 2.0
    return scores.reshape(2, num_pairs).T
