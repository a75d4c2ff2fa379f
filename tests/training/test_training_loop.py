"""The pipeline, a slice at a time: it learns and promotes what is better, and keeps, forgets and resumes as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cornerman.training.training_loop
from cornerman.contract import BattleEnd, ModelError, Source
from cornerman.evaluation.gate import Gate
from cornerman.evaluation.held_out_judge import HeldOutJudge
from cornerman.files.checkpoint_file import FILE_NAME, SPARE_NAME, CheckpointFile
from cornerman.policy.policy import Policy
from cornerman.training.training_loop import COLLECTED_AT_ONCE
from tests.support.choosing import Described, Gym, foresight

FIGURES = ("fill", "steps", "loss", "accuracy", "gate_score")


def ideal(gym: Gym, worst: bool = False) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Parameters that always choose rightly, or always wrongly, made by hand: no learning needed."""
    gym.learner.load(gym.slot.champion.flat)
    flat = gym.learner.snapshot()
    policy = Policy(gym.spec, flat)
    views = policy.to_arrays()
    arrays = {name: np.zeros_like(view) for name, view in views.items()}
    arrays["hidden0.weight"][1, :2] = 1.0, -1.0  # own attack / 100: 0.1 or 0.9
    arrays["hidden0.bias"][:2] = -0.5, 0.5
    arrays["hidden0.gain"][:] = 1.0
    right = -1.0 if worst else 1.0
    arrays["head.weight"][0, 1] = arrays["head.weight"][1, 0] = right
    return np.concatenate([array.ravel() for array in arrays.values()])


# ------------------------------------------------------------------------------------------------------- learning


def test_it_learns_to_win_and_is_promoted_by_the_gate(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    before = foresight(gym.slot.champion, gym.game)
    for first in range(0, 400, 50):
        gym.play(50, first)
        gym.work()
    champion = gym.slot.champion
    assert before < 0.9
    assert foresight(champion, gym.game) == 1.0
    assert champion.version > 0
    assert gym.registry.champion == champion.version
    stored = gym.registry.load(champion.version)
    assert np.array_equal(stored.flat, champion.flat)
    manifest = gym.registry.manifest(champion.version)
    assert manifest.passed_gate
    assert manifest.parent == 0
    assert manifest.from_player
    assert manifest.learning_steps >= gym.settings.candidate_period
    assert any("passed the gate" in event["text"] for event in gym.metrics.events())


def test_a_candidate_that_is_worse_is_not_promoted(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.slot.restart(Policy(gym.spec, ideal(gym), 7))
    assert foresight(gym.slot.champion, gym.game) == 1.0
    gym.learner.load(ideal(gym, worst=True))
    gym.training._begin_judging()
    assert isinstance(gym.training._judge, Gate)
    gym.work()
    assert gym.slot.champion.version == 7
    assert gym.metrics.get("rejected_candidates") == 1
    assert "Kept the champion" in gym.metrics.get("gate_verdict")
    assert gym.metrics.get("gate_score") < 0.3
    assert gym.registry.numbers() == [0]


def test_the_same_judging_promotes_a_candidate_that_is_better(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.slot.restart(Policy(gym.spec, ideal(gym, worst=True), 7))
    gym.learner.load(ideal(gym))
    gym.training._begin_judging()
    gym.work()
    assert (gym.slot.champion.version, gym.slot.swaps) == (1, 2)


def test_what_cannot_be_stored_does_not_play_and_costs_no_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = Gym(tmp_path)

    def full(*_: object, **__: object) -> int:
        raise ModelError("Version 1 could not be saved (no space left on device).")

    gym.slot.restart(Policy(gym.spec, ideal(gym, worst=True), 7))
    gym.learner.load(ideal(gym))
    monkeypatch.setattr(gym.registry, "save", full)
    gym.training._begin_judging()
    gym.work()
    assert gym.slot.champion.version == 7
    assert np.array_equal(gym.learner.averaged(), ideal(gym))
    assert "no space left" in gym.metrics.events()[0]["text"]


def test_without_headless_battles_a_candidate_is_judged_by_recorded_ones(tmp_path: Path) -> None:
    # It judges how well what came of recorded play is foreseen, so the play has to be nearly as good as the best.
    gym = Gym(tmp_path, Described(), held_out_fraction=0.3)
    judges = set()
    for first in range(0, 400, 50):
        gym.play(50, first, skill=(0.95, 0.95))
        while gym.training.slice():
            judges.add(type(gym.training._judge))
    assert judges == {type(None), HeldOutJudge}
    assert len(gym.training.held_out.battles) > 12
    assert gym.training.rings.selfplay.size == 0
    assert gym.slot.champion.version > 0, gym.metrics.get("gate_verdict")
    assert gym.champions.on_probation
    assert foresight(gym.slot.champion, gym.game) == 1.0
    assert 0.0 <= gym.metrics.get("accuracy") <= 1.0


def test_starting_over_begins_with_the_champion(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    gym.play(60)
    gym.work()
    assert not np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)
    gym.training._begin_judging()
    gym.training.start_over()
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)
    assert gym.training._judge is None
    gym.play(60, first=60)
    gym.work()
    assert gym.learner.steps > 0


# -------------------------------------------------------------------------------------------------------- two rings


def test_live_rows_go_to_the_players_ring_and_sparring_to_the_other(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=3.0, held_out_fraction=0.0)
    gym.play(20)
    gym.work()
    player, selfplay = gym.training.rings.player, gym.training.rings.selfplay
    assert (player.size, selfplay.size) == (40, 120)
    ids = player.state()["battle_id"], selfplay.state()["battle_id"]
    assert set(ids[0].tolist()) == set(range(20))
    assert min(ids[1]) >= 1 << 40
    assert Source.PLAYER not in set(selfplay.state()["source"].tolist())
    assert gym.training.recorded == 160
    assert gym.metrics.get("fill") == 40


def test_held_out_battles_are_never_learned_from_and_both_seats_of_one_are_held_out(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, held_out_fraction=0.3)
    gym.play(40)
    gym.work()
    held, stored = len(gym.training.held_out.battles), gym.training.rings.player.size
    assert 0 < held < 40
    assert stored == 2 * (40 - held)
    assert all(len(battle.action) == 2 for battle in gym.training.held_out.battles)


def test_sparring_off_plays_none(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    gym.training.practise(100)
    gym.play(5)
    gym.work()
    assert gym.training.rings.selfplay.size == 0


def test_practice_is_bounded_until_the_next_live_battle(tmp_path: Path) -> None:
    gym = Gym(tmp_path, idle_practice=2)
    assert [gym.training.practise_idle() for _ in range(4)] == [True, True, False, False]
    gym.work()
    assert gym.metrics.get("practised") == 2
    gym.play(1)
    gym.work()
    assert gym.training.practise_idle()
    assert not Gym(tmp_path / "none", idle_practice=2, practice=0.0).training.practise_idle()


def test_nothing_is_learned_before_the_buffer_is_warm(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, held_out_fraction=0.0, warmup_fraction=0.2)
    gym.play(49)
    gym.work()
    assert gym.learner.steps == 0
    gym.play(10, first=49)
    gym.work()
    assert gym.learner.steps > 0


# ----------------------------------------------------------------------------------------- the same, fast or slow


class Turns:
    """A budget of so many turns instead of milliseconds."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


def test_what_waits_is_collected_in_whole_and_the_game_is_let_in_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Turns(0)
    monkeypatch.setattr(cornerman.training.training_loop, "for_a_slice", lambda *_: over)
    gym = Gym(tmp_path, practice=0.0)
    gym.play(200)
    waiting = len(gym.inbox)
    assert waiting > COLLECTED_AT_ONCE
    gym.training._collect()
    assert len(gym.inbox) == waiting - COLLECTED_AT_ONCE, "how much depends on no clock"
    assert over.left == -COLLECTED_AT_ONCE, "asked before each of them"


def test_how_long_a_slice_is_changes_nothing_that_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learned, cut_off = [], list[int]()
    for turns in (1, 7, 10**9):
        made = list[Turns]()
        monkeypatch.setattr(
            cornerman.training.training_loop,
            "for_a_slice",
            lambda *_, made=made, turns=turns: made.append(Turns(turns)) or made[-1],
        )
        gym = Gym(tmp_path / str(turns), practice=5.0)
        for first in range(0, 60, 20):
            gym.play(20, first)
            gym.work()
        learned.append((gym.learner.snapshot(), gym.slot.champion.version, gym.learner.steps))
        cut_off.append(sum(each.left < 0 for each in made))
    assert learned[0][2] > 400
    assert cut_off[0] > cut_off[1] > cut_off[2] == 0, "slices of another length"
    for other in learned[1:]:
        assert np.array_equal(learned[0][0], other[0])
        assert learned[0][1:] == other[1:]


def test_whatever_a_slice_is_at_it_ends_once_it_is_told_to(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    training = gym.training
    gym.play(60)
    training.stop[0] = 1
    for steps in (1, 2, 3):
        assert training.slice(60.0)
        assert gym.learner.steps == steps
    training.start_over()
    training._begin_judging()
    assert training._judge is not None
    for _ in range(3):
        training._advance(training._judge, 60.0)
        assert training._judge.pairs == 0, "a turn at the most"
    practice = Gym(tmp_path / "practice", practice=1.0).training
    practice.practise(50)
    practice.stop[0] = 1
    assert practice.slice(60.0)
    assert practice.memory.rows.total() <= 2, "a turn at the most"


# ------------------------------------------------------------------------------------------------- forget, resume


def test_forget_clears_everything_that_was_recorded_and_learned(tmp_path: Path) -> None:
    gym = Gym(tmp_path, held_out_fraction=0.3)
    gym.play(60)
    gym.work()
    gym.training.practise(50)
    gym.training._begin_judging()
    training = gym.training
    training.forget()
    assert len(training.rings) == len(training.held_out.battles) == training.recorded == 0
    assert not training.slice()
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)
    assert training._newest is gym.slot.champion
    assert [gym.metrics.get(name) for name in FIGURES] == [0, 0, None, None, None]
    assert gym.metrics.get("gate_state") == "idle"


def test_it_goes_on_from_the_saved_learner_bit_for_bit(tmp_path: Path) -> None:
    through, stopped = Gym(tmp_path / "a", practice=0.0), Gym(tmp_path / "b", practice=0.0)
    for gym in (through, stopped):
        gym.play(60)
        gym.work()
    stopped.training.close()
    again = Gym(tmp_path / "b", practice=0.0)
    again.training.resume()
    before, after = through.learner.state(), again.learner.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert again.training.recorded == through.training.recorded
    assert np.array_equal(again.training._newest.flat, through.learner.averaged())
    batch = through.training.rings.player.sample(gym.settings.batch_size)
    assert through.learner.learn_burst(batch) == again.learner.learn_burst(batch)
    assert np.array_equal(through.learner.snapshot(), again.learner.snapshot())


def test_a_damaged_resume_file_starts_from_the_champion_with_a_sentence(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.play(60)
    gym.work()
    gym.training.close()
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    before = Gym(tmp_path)
    before.training.resume()
    assert (
        before.learner.steps == CheckpointFile(tmp_path).load()[0][1]["learned_at_candidate"]
    )  # saved as it was promoted
    assert any("goes on from what was saved before" in event["text"] for event in before.metrics.events())
    (tmp_path / SPARE_NAME).unlink()
    again = Gym(tmp_path)
    again.training.resume()
    assert np.array_equal(again.learner.snapshot(), again.slot.champion.flat)
    assert again.metrics.events()[0]["text"].endswith("Learning goes on from the champion.")


def test_a_learner_of_another_size_starts_from_the_champion_with_a_sentence(tmp_path: Path) -> None:
    Gym(tmp_path, hidden=[8]).training.close()
    gym = Gym(tmp_path / "other")
    (tmp_path / "other" / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes())
    gym.training.resume()
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)
    assert "stored learner's" in gym.metrics.events()[0]["text"]


def test_the_first_start_says_nothing(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.training.resume()
    assert gym.metrics.events() == []


def test_an_end_without_rows_is_no_fault(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.inbox.append(BattleEnd(3, {}, True, {0: Source.PLAYER}))
    gym.work()
    assert gym.training.recorded == gym.training.rings.selfplay.size
