"""resume.py: learning goes on from the last checkpoint; a kill costs what came after, and its battles are due again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.files.checkpoint_file import FILE_NAME, SPARE_NAME, CheckpointFile
from cornerman.training import resume
from cornerman.training.resume import MOST_SHARE, PERIOD_S, Checkpoints, Progress
from tests.support.choosing import Choosing, Described, Gym
from tests.support.failing_files import failing

SLOW_TO_PROMOTE: dict[str, Any] = {"candidate_period": 100_000, "practice": 0.0, "held_out_fraction": 0.0}


def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint as soon as anything was learned."""
    monkeypatch.setattr(resume, "PERIOD_S", 0.0)
    monkeypatch.setattr(resume, "MOST_SHARE", 1e9)


def learned(folder: Path, battles: int = 40) -> Gym:
    gym = Gym(folder, **SLOW_TO_PROMOTE)
    gym.learn(battles)
    assert gym.learner.steps > 0
    return gym


def test_next_session_resumes_from_checkpoint_and_stored_battles(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, held_out_fraction=0.3)
    gym.learn(60)
    gym.training.close()
    again = Gym(tmp_path, practice=0.0, held_out_fraction=0.3)
    before, after = gym.learner.state(), again.learner.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert np.array_equal(again.updates.newest.flat, gym.learner.averaged())
    assert again.experience.rows == gym.experience.rows
    for buffers in ("player", "selfplay"):
        kept, refilled = getattr(gym.experience.buffers, buffers), getattr(again.experience.buffers, buffers)
        assert np.array_equal(kept.columns()["observation"], refilled.columns()["observation"])
    assert len(again.experience.held_out.battles) == len(gym.experience.held_out.battles) > 0
    assert again.updates.due == gym.updates.due < gym.settings.burst_steps, "nothing is learned from twice"
    again.learn(20, first=60)
    assert again.learner.steps > gym.learner.steps
    again.experience.rows.clear()
    assert again.training.provenance().from_player, "it goes back to the player's battles"


class Renamed(Choosing):
    name = "renamed"


class Reordered(Choosing):
    action_names = Choosing.action_names[::-1]


@pytest.mark.parametrize("game", [Renamed, Reordered])
def test_learning_does_not_go_on_from_another_game_of_the_same_sizes(tmp_path: Path, game: type[Choosing]) -> None:
    gym = learned(tmp_path)
    gym.training.close()
    other = Gym(tmp_path, game())
    assert other.learner.steps == 0
    assert any("another game" in message and "from the champion" in message for message in other.messages)


def test_candidate_before_the_judge_at_the_end_is_made_again(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, candidate_period=50)
    gym.play(60)
    while not gym.candidates.judging:
        assert gym.training.slice(2e-5)
    gym.training.close()
    again = Gym(tmp_path, practice=0.0, candidate_period=50)
    assert again.candidates.due(again.learner.steps)
    assert again.candidates.number == gym.candidates.number


def test_after_a_kill_the_battles_since_the_last_checkpoint_are_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        always(patch)
        killed = learned(tmp_path)
        killed.play(1, 40)  # a checkpoint follows the last step
        killed.work()
    saved, _ = CheckpointFile(tmp_path).load()
    assert saved is not None
    assert "rings.player.next" not in saved[0], "it holds no transitions"
    killed.play(20, 41)
    killed.training.keep()
    again = Gym(tmp_path, **SLOW_TO_PROMOTE)
    assert np.array_equal(again.learner.state()["online"], saved[0]["online"])
    assert again.updates.due >= saved[1]["steps_due"] + 40, "two decisions a battle"
    assert again.experience.rows.total() == killed.experience.rows.total() == 122
    killed.work()
    again.work()
    assert abs(again.learner.steps - killed.learner.steps) <= killed.settings.burst_steps


def test_saving_in_between_changes_nothing_that_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for name in ("never", "always"):
        if name == "always":
            always(monkeypatch)
        gym = Gym(tmp_path / name, candidate_period=40, practice=3.0)
        gym.learn(40)
        states.append((gym.learner.snapshot().tobytes(), gym.slot.champion.version, dict(gym.experience.rows)))
        assert (tmp_path / name / FILE_NAME).exists() or name == "never"
    assert states[0] == states[1]


def test_checkpoints_are_rarer_where_saving_takes_long_and_a_full_disk_is_reported_once(tmp_path: Path) -> None:
    now, told, takes_s = [0.0], list[str](), [0.1]

    class SlowFile(CheckpointFile):
        def save(self, *arguments: Any) -> int:
            now[0] += takes_s[0]
            return super().save(*arguments)

    checkpoints = Checkpoints(SlowFile(tmp_path), told.append, lambda: now[0])

    def save(steps: int) -> None:
        checkpoints.save(steps, {"x": np.zeros(3)}, Progress())

    assert not checkpoints.due(1)
    now[0] = PERIOD_S
    assert checkpoints.due(1)
    assert not checkpoints.due(0), "nothing was learned"
    save(1)
    now[0] += PERIOD_S
    assert checkpoints.due(2)
    assert not checkpoints.due(1), "nothing was learned since"
    takes_s[0] = 10.0
    save(2)
    now[0] += 9.0 / MOST_SHARE
    assert not checkpoints.due(3)
    now[0] += 2.0 / MOST_SHARE
    assert checkpoints.due(3)
    with failing(1, lasting=True):
        save(3)
        save(4)
    assert len(told) == 1
    assert "could not be saved" in told[0]
    checkpoints.hurry()
    assert checkpoints.due(5)


def test_sessions_practise_other_battles_and_smaller_buffers_hold_the_newest(tmp_path: Path) -> None:
    first = Gym(tmp_path, held_out_fraction=0.0)
    first.learn(80)
    first.training.close()
    second = Gym(tmp_path, held_out_fraction=0.0, replay_capacity=100)
    ids = second.experience.buffers.player.columns()["battle_id"]
    assert sorted(set(ids.tolist())) == list(range(30, 80))
    second.learn(20, first=80)
    met, practised = (gym.experience.buffers.selfplay.columns()["observation"][:20] for gym in (first, second))
    assert not np.array_equal(met, practised)


@pytest.mark.parametrize("wrong", ["the last is damaged", "both are damaged", "another size", "no figures"])
def test_checkpoint_that_cannot_be_used_goes_back_to_the_one_before_or_to_the_champion_with_a_sentence(
    tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch)
    gym = learned(tmp_path, 60)
    gym.training.close()
    if wrong == "another size":
        Gym(tmp_path / "other", hidden=[8]).training.close()
        (tmp_path / FILE_NAME).write_bytes((tmp_path / "other" / FILE_NAME).read_bytes())
    elif wrong == "no figures":
        CheckpointFile(tmp_path).save(dict(gym.learner.state()), {"steps_due": 3})
    for name in (FILE_NAME, SPARE_NAME)[: {"the last is damaged": 1, "both are damaged": 2}.get(wrong, 0)]:
        data = bytearray((tmp_path / name).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / name).write_bytes(data)
    again = Gym(tmp_path, **SLOW_TO_PROMOTE)
    start = "the checkpoint before it" if wrong == "the last is damaged" else "the champion"
    assert (0 < again.learner.steps <= gym.learner.steps) is (wrong == "the last is damaged")
    assert again.messages[0].endswith(f"Learning goes on from {start}.")
    assert again.experience.buffers.player.size == 120, "the battles are there in any case"


def test_full_buffers_hold_up_no_exit(tmp_path: Path) -> None:
    gym = Gym(tmp_path, replay_capacity=10_000)
    gym.play(100)
    gym.training.keep()
    columns = gym.experience.buffers.player.columns()
    for ring in (gym.experience.buffers.player, gym.experience.buffers.selfplay):
        while ring.size < ring.capacity:
            ring.append_many(columns)
    start = time.thread_time()
    gym.training.close()
    assert time.thread_time() - start < 1.0


def test_unusable_trials_of_a_checkpoint_begin_anew_and_what_was_learned_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = Gym(tmp_path, Described(), **SLOW_TO_PROMOTE)
    gym.learn(40)
    monkeypatch.setattr(gym.candidates, "trials_so_far", lambda: {"since": "many"})
    gym.training.close()
    gym.play(5, 40)
    gym.training.keep()
    again = Gym(tmp_path, Described(), **SLOW_TO_PROMOTE)
    assert np.array_equal(again.learner.snapshot(), gym.learner.snapshot())
    assert again.updates.due > gym.settings.updates_per_watched, "battles since then are due"
    assert again.messages[0].endswith("Candidates are tried anew.")
    assert not again.candidates.trials.running


def test_restart_keeps_what_was_learned_from_who_decides_by_lot(tmp_path: Path) -> None:
    gym = Gym(tmp_path, Described())
    gym.learn(80, at_once=10)
    assert gym.candidates.trials.check.by_lot
    learned = gym.updates.steps
    assert learned > 0
    gym.training.close()
    again = Gym(tmp_path, Described())
    assert (again.experience.buffers.player.weight > 0).any(), "better actions are imitated from the start"
    again.learn(1, 1000)
    assert again.updates.steps >= learned
