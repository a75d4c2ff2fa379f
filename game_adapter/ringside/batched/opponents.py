"""Bots over arrays: those of ringside/opponents.py that play in batches, for bulk self-play.

The random one draws from another generator than its scalar twin; the brawler takes the same blow, except where two
are worth the same within float32's precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from game_adapter.ringside.batched.arrays import BattleArrays
from game_adapter.ringside.batched.encoding import View, cover, within, write_masks
from game_adapter.ringside.battle import GUARD, HEAVY, NUM_ACTIONS

Ints = NDArray[Any]
BatchedBot: TypeAlias = Callable[[BattleArrays, Ints, np.random.Generator], Ints]


def random_fighters(battle: BattleArrays, rows: Ints, random: np.random.Generator) -> Ints:
    """Any legal action."""
    masks = np.zeros((battle.num_battles, NUM_ACTIONS), np.bool_)
    write_masks(View(battle), masks)
    lots = random.random((len(rows), NUM_ACTIONS), np.float32) + np.float32(1e-9)
    return np.asarray((lots * masks[rows]).argmax(1))


def brawlers(battle: BattleArrays, rows: Ints, random: np.random.Generator) -> Ints:
    """The blow that is expected to take the largest share of what its target has left, now."""
    view, lineups = View(battle), battle.lineups
    enemy = view.others
    case = (view.entry * lineups.num_entries + enemy.entry) * 24 + within(view.status, enemy.status, cover(enemy))
    best = np.full(battle.num_battles, GUARD)
    most = np.full(battle.num_battles, -1.0, np.float32)
    for slot in range(view.slots):
        for action, more in ((slot, 0), (HEAVY + slot, 12)):
            blow = case[slot] + more
            share = np.minimum(lineups.damage.take(blow) / np.maximum(enemy.health[slot], np.float32(0.5)), 1.0)
            share *= lineups.chance.take(blow)
            better = enemy.alive[slot] & (share > most)
            np.copyto(best, action, where=better)
            np.copyto(most, share, where=better)
    return best[rows]


BATCHED_BOTS: Mapping[str, BatchedBot] = {"random": random_fighters, "brawler": brawlers}
"""By the names of opponents.BOTS."""
