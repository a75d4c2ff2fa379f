"""Many battles of Ringside between two players at once, in pairs with the sides swapped and the same chances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import drawn_lineups
from tests.studies.adapters.opening import encoder

Player = Callable[[Floats, Bools, np.random.Generator], NDArray[np.int64]]
"""What `act_batch` of a policy or of a habit player is."""


def duel(first: Player, second: Player, num_pairs: int, seed: int) -> NDArray[np.float64]:
    """Scores of `first` by pair `[P, 2]`: won 1, drawn 1/2; in seat 0 and in seat 1 of the same battle.

    The same seed gives the same teams and chances, whoever plays.
    """
    random, count = np.random.default_rng([seed, num_pairs]), 2 * num_pairs
    seeds = 2 * random.integers(1 << 48, size=num_pairs).tolist()
    battles = VectorBattle(count, seed, drawn_lineups("2v2"), seeds)
    own = np.repeat([0, 1], num_pairs)
    observations, masks = np.zeros((count, encoder().observation_size), np.float32), np.zeros((count, 11), np.bool_)
    scores, actions = np.full(count, np.nan), np.zeros(count, np.int64)
    while (open_rows := np.isnan(scores)).any():
        battles.observe(observations, masks)
        mine = battles.seat == own
        actions[:] = masks.argmax(1)
        for player, whose in ((first, mine), (second, ~mine)):
            rows = (whose & open_rows).nonzero()[0]
            if len(rows):
                actions[rows] = player(observations[rows], masks[rows], random)
        ended: Any = battles.step(actions)
        fresh = open_rows[ended.rows]
        rows = ended.rows[fresh]
        scores[rows] = (1.0 + ended.outcome[fresh] * (1 - 2 * own[rows])) / 2.0
    return scores.reshape(2, num_pairs).T
