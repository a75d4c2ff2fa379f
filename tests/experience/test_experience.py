"""Experience over sessions: the replay buffers fill again from the store, and what is due is bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cornerman.experience.experience import PLAYER, SELF_PLAY
from tests.support.choosing import Gym
from tests.support.failing_files import failing, failing_record


def test_refill_brings_back_the_same_transitions_and_credits_no_steps(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "held_out_fraction": 0.3,
        "candidate_period": 100_000,
    }  # so no promotion saves what was learned
    before = Gym(tmp_path, **settings)
    before.play(60)
    before.work()
    assert before.learner.steps > 0
    after = Gym(tmp_path, **settings)  # the first one was never closed, as if killed
    mine, back = before.experience.buffers, after.experience.buffers
    assert mine.player.size > 0
    columns = back.player.columns()
    assert all((column == columns[name]).all() for name, column in mine.player.columns().items())
    assert back.selfplay.size == 0, "practice is not stored"
    assert len(after.experience.held_out.battles) == len(before.experience.held_out.battles) > 0
    assert after.metrics.get("fill") == before.metrics.get("fill") == after.experience.buffers.player.size
    assert after.experience.rows[PLAYER] == before.experience.rows[PLAYER]
    assert not after.training.slice()
    assert after.learner.steps == 0


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
