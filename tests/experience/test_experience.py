"""Experience over sessions: buffers fill again from the store, what is due is bounded, battles are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cornerman.contract import BattleEnd, Transition
from cornerman.experience.experience import KEPT_BATTLES, PLAYER, SELF_PLAY, HeldOutBattles
from tests.support.choosing import Gym
from tests.support.failing_files import failing, failing_record
from tests.support.recordings import SEATS, WON
from tests.support.sample_states import chain


def test_counts_by_source_go_on_over_sessions(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        gym = Gym(tmp_path, held_out_fraction=0.0, practice=2.0)
        gym.play(10)
        gym.work()
        assert gym.experience.rows[PLAYER] == 20 * number
        if number == 1:
            practised = gym.experience.rows[SELF_PLAY]
            gym.training.close()  # and the second is killed
    assert gym.experience.rows[SELF_PLAY] > practised > 0
    ids = gym.experience.buffers.player.columns()["battle_id"]
    assert len(set(ids.tolist())) == 30


def test_a_full_disk_costs_no_learning(tmp_path: Path) -> None:
    with failing_record():
        gym = Gym(tmp_path, practice=1.0)
        gym.play(60)
        with failing(1, lasting=True, files=False):
            gym.work()
    assert gym.learner.steps > 0
    assert gym.metrics.get("kept") == 0
    assert sum("Recorded battles" in event["text"] for event in gym.metrics.events()) == 1


def test_steps_credited_while_nothing_is_learned_are_bounded(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, held_out_fraction=0.0, updates_per_transition=2.0, replay_capacity=100)
    gym.play(200)
    gym.training.keep()
    assert gym.updates.due == 200.0
    assert gym.metrics.get("kept") == 200


# -------------------------------------------------------------------------------------------------- held-out battles


def rows_of(battle_id: int) -> list[Transition]:
    """Both seats' decisions, taking turns."""
    seats = [chain(length, seat, battle_id, seed=battle_id) for seat, length in enumerate((4, 3))]
    return [row for index in range(4) for seat in seats for row in seat[index : index + 1]]


def held_out(fraction: float, *battle_ids: int, truncated: bool = False) -> HeldOutBattles:
    """What is held out of these battles."""
    held = HeldOutBattles(fraction)
    for battle_id in battle_ids:
        held.end(rows_of(battle_id), BattleEnd(battle_id, WON, truncated, SEATS))
    return held


def test_about_the_wanted_share_is_held_out_and_always_the_same_ones() -> None:
    chosen = [HeldOutBattles(0.2).holds(battle_id) for battle_id in range(500)]
    assert 70 <= sum(chosen) <= 130  # 100 expected, 9 standard deviation
    held = held_out(0.2, *range(100))
    assert [held.holds(battle_id) for battle_id in range(500)] == chosen
    assert len(held.battles) == sum(chosen[:100])
    assert not held_out(0.0, *range(50)).battles


def test_what_is_kept_of_a_battle() -> None:
    [battle], rows = held_out(1.0, 5).battles, rows_of(5)
    assert np.array_equal(battle.observation, np.stack([row.observation for row in rows]))
    assert np.array_equal(battle.action_mask, np.stack([row.action_mask for row in rows]))
    assert battle.action.tolist() == [row.action for row in rows]
    assert battle.outcome.tolist() == [WON[row.seat] for row in rows]


def test_battles_that_were_cut_off_or_empty_do_not_count() -> None:
    held = held_out(1.0, 1, truncated=True)
    held.end([], BattleEnd(2, WON, False, SEATS))
    assert not held.battles


def test_only_the_newest_battles_are_kept() -> None:
    held = held_out(1.0, *range(KEPT_BATTLES + 5))
    assert len(held.battles) == KEPT_BATTLES
    assert np.array_equal(held.battles[0].observation, np.stack([row.observation for row in rows_of(5)]))
