"""Candidates on trial in live battles, in a training loop: tried, counted, promoted, and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.contract import CANDIDATE
from cornerman.evaluation.live.offline_check import OfflineCheck
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.live.trials import FIRST_WAIT
from tests.support.choosing import Described, Gym, right_choices


def test_without_headless_battles_whoever_wins_is_imitated_and_a_candidate_goes_on_trial(tmp_path: Path) -> None:
    assert Gym(tmp_path / "new", Described()).slot.trial is None
    gym = on_trial(tmp_path)
    assert gym.updates.imitating
    assert gym.experience.buffers.selfplay.size == 0
    assert gym.slot.trial is not None, gym.metrics.get("gate_waits")
    trial = gym.slot.trial
    assert (trial.candidate.version, trial.share, trial.number) == (CANDIDATE, 0.5, 1)
    assert right_choices(trial.candidate, gym.game) > 0.9
    assert gym.slot.champion.version == 0, "no live battle has shown that it is better"


def on_trial(folder: Path) -> Gym:
    """A candidate is on trial in live battles."""
    gym = Gym(folder, Described())
    gym.learn(60, skill=(0.95, 0.95), at_once=10)
    assert gym.slot.trial is not None
    return gym


def tried(gym: Gym, battles: int, first: int = 1000, champion: int = 0, trial: int = 1) -> None:
    """So many live battles each that the candidate wins and the champion loses."""
    for number in range(first, first + battles):
        gym.training.live(LiveResult(CANDIDATE, 5, "player", 1.0, 1, 1, 2 * number, trial))
        gym.training.live(LiveResult(champion, 5, "player", 0.0, 1, 1, 2 * number + 1, trial))


def test_trial_is_shown_and_counts_no_pairs_of_the_gate(tmp_path: Path) -> None:
    gym = on_trial(tmp_path)
    tried(gym, 2)
    assert [gym.metrics.get(name) for name in ("gate_state", "gate_pairs")] == ["on trial", 2]
    tried(gym, 8, 2000)
    assert gym.slot.champion.version == 1
    assert gym.metrics.get("gate_state") == "idle"
    assert not gym.metrics.get("judged_pairs")


def test_trial_goes_on_from_a_checkpoint_and_is_decided_in_its_first_battles(tmp_path: Path) -> None:
    gym = on_trial(tmp_path)
    tried(gym, 4)
    gym.training.close()
    again = Gym(tmp_path, Described())
    assert again.candidates.trials.pairs == 4
    tried(again, 3, 2000)
    assert again.slot.champion.version == 1, again.metrics.get("gate_verdict")


def test_kill_after_a_promotion_leaves_no_trial_with_scores_against_another_champion(tmp_path: Path) -> None:
    gym = on_trial(tmp_path)
    tried(gym, 4)
    gym.training.close()  # saves
    tried(gym, 3, 2000)
    assert gym.slot.champion.version == 1
    again = Gym(tmp_path, Described())
    assert again.slot.champion.version == 1
    assert not again.candidates.trials.running
    assert again.slot.trial is None


def test_battle_that_the_champion_before_began_does_not_count_in_a_trial(tmp_path: Path) -> None:
    gym = on_trial(tmp_path)
    tried(gym, 4, champion=7)
    assert gym.candidates.trials.state()["scores"] == {"live 5 player": ([1.0] * 4, [])}


def test_battle_that_began_in_an_earlier_trial_counts_for_neither(tmp_path: Path) -> None:
    gym = on_trial(tmp_path)
    gym.training.drop_candidate()
    assert (gym.slot.trial, gym.candidates.trials.running) == (None, False)
    gym.training.begin_candidate()
    tried(gym, 4, trial=1)
    assert gym.candidates.trials.state()["scores"] == {}
    tried(gym, 4, trial=2)
    assert gym.candidates.trials.pairs == 4


@pytest.mark.parametrize("error", [FloatingPointError("nothing finite"), OSError("the disk")])
def test_trial_that_a_failed_slice_ends_counts_as_turned_down_over_a_restart(tmp_path: Path, error: Exception) -> None:
    gym = on_trial(tmp_path)
    gym.training.recover(error)
    assert gym.champions.bar().turned_down == 0, "no battle of its was looked at"
    gym.training.begin_candidate()
    tried(gym, 4, trial=2)
    gym.training.recover(error)
    assert gym.champions.bar().turned_down == 1
    assert gym.slot.trial is None
    assert gym.candidates.trials.waits_for().startswith(f"{FIRST_WAIT} more battles")
    gym.training.close()
    again = Gym(tmp_path, Described())
    assert again.candidates.trials.waits_for().startswith(f"{FIRST_WAIT} more battles")


def test_judgement_and_trial_share_one_count_of_candidates_turned_down(tmp_path: Path) -> None:
    gym = Gym(tmp_path, candidate_period=20, gate_min_pairs=2, gate_max_pairs=2)
    gym.play(20)
    gym.training.begin_candidate()
    while gym.candidates.judging:
        gym.training.slice()
    assert gym.champions.bar().turned_down == 1
    assert gym.candidates.trials.waits_for().startswith(f"{FIRST_WAIT} more battles")


def test_where_decisions_are_taken_by_lot_a_candidate_learns_the_better_ones(tmp_path: Path) -> None:
    gym = Gym(tmp_path, Described())
    gym.learn(60, at_once=10)
    assert gym.candidates.trials.check.by_lot
    assert right_choices(gym.updates.newest, gym.game) > 0.95


def test_learning_starts_over_once_however_often_who_is_imitated_seems_to_decide_by_lot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_lot = False
    monkeypatch.setattr(OfflineCheck, "by_lot", property(lambda check: by_lot))
    gym = Gym(tmp_path, Described())
    steps = list[int]()
    for at in range(6):
        by_lot = bool(at % 2)
        gym.play(10, 10 * at, skill=(0.95, 0.95))
        gym.training.keep()
        steps.append(gym.updates.steps)
        gym.work()
    assert steps[0] == steps[1] == 0, "what was imitated until then was luck"
    assert steps[2] < steps[3] < steps[4] < steps[5], "never again"
    gym.training.forget()
    gym.work()
    assert gym.updates.steps == 0
