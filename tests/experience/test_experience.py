"""Experience over sessions: the replay buffers fill again from the store, and what is due is bounded."""

from __future__ import annotations

from pathlib import Path

from cornerman.experience.experience import PLAYER, SELF_PLAY
from tests.support.choosing import Gym
from tests.support.failing_files import failing, failing_record


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
