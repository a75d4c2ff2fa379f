"""Battles kept out of learning: which, and what is kept of them."""

from __future__ import annotations

import numpy as np

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.experience import KEPT_BATTLES, HeldOutBattles
from tests.support.sample_states import chain

SEATS = {0: Source.PLAYER, 1: Source.PLUGIN}
WON = {0: 1, 1: -1}


def rows_of(battle_id: int) -> list[Transition]:
    """Both seats' decisions, taking turns."""
    seats = [chain(length, seat, battle_id, seed=battle_id) for seat, length in enumerate((4, 3))]
    return [row for index in range(4) for seat in seats for row in seat[index : index + 1]]


def added(held: HeldOutBattles, battle_id: int, truncated: bool = False) -> bool:
    kept = [held.keeps(row) for row in rows_of(battle_id)]
    assert len(set(kept)) == 1, "a battle is held out whole or not at all"
    held.end(BattleEnd(battle_id, WON, truncated, SEATS))
    return kept[0]


def test_about_the_wanted_share_is_held_out_and_always_the_same_ones() -> None:
    held, again = HeldOutBattles(0.2), HeldOutBattles(0.2)
    chosen = [added(held, battle_id) for battle_id in range(500)]
    assert 70 <= sum(chosen) <= 130  # 100 expected, 9 standard deviation
    assert [added(again, battle_id) for battle_id in reversed(range(500))] == chosen[::-1]
    assert not any(added(HeldOutBattles(0.0), battle_id) for battle_id in range(50))


def test_what_is_kept_of_a_battle() -> None:
    held, rows = HeldOutBattles(1.0), rows_of(5)
    assert added(held, 5)
    [battle] = held.battles
    assert np.array_equal(battle.observation, np.stack([row.observation for row in rows]))
    assert np.array_equal(battle.action_mask, np.stack([row.action_mask for row in rows]))
    assert battle.action.tolist() == [row.action for row in rows]
    assert battle.outcome.tolist() == [WON[row.seat] for row in rows]


def test_battles_that_were_cut_off_or_empty_do_not_count() -> None:
    held = HeldOutBattles(1.0)
    added(held, 1, truncated=True)
    held.end(BattleEnd(2, WON, False, SEATS))
    assert not held.battles


def test_only_the_newest_battles_are_kept_and_clear_drops_them_and_open_ones() -> None:
    held = HeldOutBattles(1.0)
    for battle_id in range(KEPT_BATTLES + 5):
        added(held, battle_id)
    assert len(held.battles) == KEPT_BATTLES
    assert held.keeps(rows_of(1000)[0])
    held.clear()
    held.end(BattleEnd(1000, WON, False, SEATS))
    assert not held.battles
