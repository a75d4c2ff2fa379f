"""The state of N battles of one shape as arrays: what the rules change and the encoding reads.

Arrays are `[fighters + 1, N]`; the last row is nobody, who is never alive, and takes what is aimed at no one.
"""

from __future__ import annotations

import numpy as np

from game_adapter.ringside.batched.lineups import Ints, Lineups

EXPOSED, CHARGED, ON_GUARD, ONE_MEND = 1, 2, 4, 8
"""Bits of a fighter's status; above them the mends left."""


class BattleArrays:
    """Plain arrays, allocated once; `batched.battle.VectorBattle` owns and changes them."""

    def __init__(self, num_battles: int, lineups: Lineups) -> None:
        self.lineups, self.rules, self.sizes = lineups, lineups.rules, lineups.sizes
        self.num_battles = num_battles
        fighters, shape = sum(self.sizes), (sum(self.sizes) + 1, num_battles)
        self.num_fighters = fighters
        self.health = np.zeros(shape, np.float32)  # whole numbers
        self.max_health = np.ones(shape, np.float32)
        self.status = np.zeros(shape, np.int16)
        self.entry = np.zeros(shape, np.int32)  # of the line-ups' fighters
        self.lineup = np.zeros(num_battles, np.int64)
        # Who acts when: 8 times the place in the order plus the fighter, for this round and for the next.
        self.code = np.full(shape, -1, np.int8)
        self.next_code = np.full(shape, -1, np.int8)
        self.now = np.zeros(num_battles, np.int8)  # the code of whoever acts
        self.at_one = np.zeros(num_battles, np.bool_)  # whether that is seat 1
        self.round = np.ones(num_battles, np.int16)
        self.turns = np.zeros(num_battles, np.uint64)
        self.seeds = np.zeros(num_battles, np.uint64)
        self.numbers = np.full(num_battles, -1, np.int64)
        self.columns = np.arange(num_battles)

    @property
    def acting(self) -> Ints:
        """Which fighter acts, `[N]`."""
        return self.now & 7
