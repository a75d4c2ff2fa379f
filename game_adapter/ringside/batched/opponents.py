"""Bots over arrays: those of ringside/opponents.py that play in batches, for bulk self-play.

The random one draws from another generator than its scalar twin; the others take the same action, except where two
are worth the same within float32's precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from game_adapter.ringside.batched.arrays import CHARGED, ONE_MEND, BattleArrays
from game_adapter.ringside.batched.encoding import View, cover, within, write_masks
from game_adapter.ringside.batched.lineups import Ints
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS
from game_adapter.ringside.opponents import BREAK, FELL, FOCUS, PATIENCE, SAFE, UNBROKEN

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


def tacticians(battle: BattleArrays, rows: Ints, random: np.random.Generator) -> Ints:
    """Rules of thumb in points of health, as `opponents.tactician`."""
    view, numbers = View(battle), battle.rules
    turns, damage, charged_damage = _coming(view)
    best = np.full(battle.num_battles, GUARD)
    most = PATIENCE * charged_damage * (100 - numbers.guard_taken) / 100.0
    best_blow = np.zeros(battle.num_battles)

    def prefer(action: int, worth: Ints, legal: Ints) -> None:
        better = legal & (worth > most)
        np.copyto(best, action, where=better)
        np.copyto(most, worth, where=better)

    for slot in range(view.slots):
        for action, opening in ((slot, 0.0), (HEAVY + slot, (numbers.heavy_exposed - 100) / 100.0)):
            worth = _worth_of_blow(view, slot, action >= HEAVY)
            alive = view.others.alive[slot]
            np.maximum(best_blow, worth, out=best_blow, where=alive)
            prefer(action, worth - opening * damage, alive)
    for slot in range(view.slots):
        missing = view.own.max_health[slot] - view.own.health[slot]
        healed = np.ceil(missing * np.float64(numbers.mend_missing) / 100.0)
        prefer(MEND + slot, healed, view.own.alive[slot] & (missing > 0) & (view.status >= ONE_MEND))
    health = battle.health[battle.acting, battle.columns]
    more = best_blow * (numbers.charge_power - 100) / 100.0
    prefer(CHARGE, PATIENCE * UNBROKEN**turns * more, ((view.status & CHARGED) == 0) & (damage < SAFE * health))
    return best[rows]


def _coming(view: View) -> tuple[Ints, Ints, Ints]:
    """What enemies may do to the acting fighter before its next turn, if their heaviest blows are spread over its team:
    turns, damage, and the part of it from charged enemies, `[N]` each."""
    battle, foes = view.battle, view.others
    own_next = battle.next_code[battle.acting, battle.columns]
    times = ((foes.code > battle.now).view(np.int8) + (foes.next_code < own_next).view(np.int8)) * foes.alive
    case = (foes.entry * battle.lineups.num_entries + view.entry) * 24 + 12
    case += within(foes.status, view.status, np.zeros_like(view.status))  # nobody steps in front of the others
    expected = battle.lineups.threat.take(case) * times / view.own.alive.sum(0)
    return times.sum(0), expected.sum(0), (expected * ((foes.status & CHARGED) > 0)).sum(0)


def _worth_of_blow(view: View, slot: int, heavy: bool) -> Ints:
    """Of a blow at the enemy in that slot, in points of health, `[N]`."""
    lineups, foes = view.battle.lineups, view.others
    health, status = foes.health[slot], foes.status[slot]
    case = (view.entry * lineups.num_entries + foes.entry[slot]) * 24 + 12 * heavy
    case += within(view.status, status, cover(foes))
    worth = np.minimum(lineups.damage.take(case), health).astype(np.float64)
    worth += FELL * (health <= lineups.fells.take(case))
    if heavy:
        worth += BREAK * ((status & CHARGED) > 0)
    return np.asarray(lineups.chance.take(case) * worth * (1.0 + FOCUS * (1.0 - health / foes.max_health[slot])))


BATCHED_BOTS: Mapping[str, BatchedBot] = {"random": random_fighters, "brawler": brawlers, "tactician": tacticians}
"""By the names of opponents.BOTS."""
