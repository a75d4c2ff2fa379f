"""training_loop.py, a slice at a time: it learns, promotes what is better, undoes what fails, and forgets."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cornerman.training.training_loop
from cornerman.contract import BattleEnd, Floats, ModelError, Source, Transition
from cornerman.evaluation.verdict import Verdict
from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.learning import sliced_burst
from cornerman.learning.learner import Learned
from cornerman.models.manifest import Provenance
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.training.training_loop import COLLECTED_AT_ONCE
from tests.support.choosing import Choosing, Described, Gym, right_choices

FIGURES = ("fill", "steps", "loss", "accuracy", "gate_score")
LOST = "The cuda device failed, so learning goes on on the CPU: lost"


def ideal(gym: Gym, worst: bool = False) -> Floats:
    """Parameters that always choose rightly, or always wrongly, made by hand: no learning needed."""
    policy = Policy(gym.spec, np.zeros(gym.spec.num_parameters, np.float32))
    arrays = {name: np.zeros_like(view) for name, view in policy.to_arrays().items()}
    arrays["hidden0.weight"][1, :2] = 1.0, -1.0  # own attack / 100: 0.1 or 0.9
    arrays["hidden0.bias"][:2] = -0.5, 0.5
    arrays["hidden0.gain"][:] = 1.0
    arrays["head.weight"][0, 1] = arrays["head.weight"][1, 0] = -1.0 if worst else 1.0
    return np.concatenate([array.ravel() for array in arrays.values()])


def taught(folder: Path, battles: int = 60) -> Gym:
    """Learned from some live battles alone."""
    gym = Gym(folder, practice=0.0)
    gym.learn(battles)
    assert gym.learner.steps > 0
    return gym


def test_loop_learns_to_win_and_the_gate_promotes(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    before = right_choices(gym.slot.champion, gym.game)
    gym.learn(400, at_once=50)
    champion = gym.slot.champion
    assert before < 0.9
    assert right_choices(champion, gym.game) == 1.0
    assert champion.version > 0
    assert gym.registry.champion == champion.version
    assert np.array_equal(gym.registry.load(champion.version).flat, champion.flat)
    manifest = gym.registry.manifest(champion.version)
    assert manifest.passed_gate
    assert (manifest.parent, manifest.from_player) == (0, True)
    assert manifest.learning_steps >= gym.settings.candidate_period
    assert any("passed the gate" in sentence for sentence in gym.messages)
    assert gym.store.checkpoint.load()[0] is not None, "a promotion is followed by a checkpoint"


@pytest.mark.parametrize("game", [Described(), Choosing()], ids=["live trials", "headless battles"])
def test_slice_length_changes_nothing_that_is_learned(tmp_path: Path, game: Described) -> None:
    learned, slices = [], list[int]()
    for budget_s in (1e-7, 0.0005, 60.0):
        gym = Gym(tmp_path / str(budget_s), game, candidate_period=50)
        taken = 0
        for first in range(0, 60, 20):
            gym.play(20, first)
            while gym.training.slice(budget_s):
                taken += 1
        learned.append((gym.learner.snapshot(), gym.slot.champion.version, gym.learner.steps))
        slices.append(taken)
    assert learned[0][2] > 60
    assert slices[0] > slices[1] > slices[2], "slices of another length"
    for other in learned[1:]:
        assert np.array_equal(learned[0][0], other[0])
        assert learned[0][1:] == other[1:]


def test_device_that_was_left_for_the_cpu_and_dropped_steps_are_told_once(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    learn = gym.learner.learn_rows

    def lose_the_device(*arguments: Any) -> Learned:
        gym.learner.fault, gym.learner.dropped = LOST, 3
        return learn(*arguments)

    gym.learner.learn_rows = lose_the_device  # type: ignore[method-assign, assignment]
    gym.learn(60)
    assert gym.messages.count(LOST) == 1
    assert (gym.metrics.get("dropped"), gym.metrics.get("device")) == (3, "cpu")


def test_rewards_that_are_not_finite_never_reach_the_weights_and_end_in_an_error(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    before, steps = gym.learner.snapshot(), gym.learner.steps
    columns = {name: column.copy() for name, column in gym.experience.buffers.player.columns().items()}
    columns["reward"][:] = np.nan
    gym.experience.buffers.player.clear()
    gym.experience.buffers.player.append_many(columns)
    gym.updates.due = 1000.0
    with pytest.raises(FloatingPointError, match="was finite"):
        gym.work()
    assert np.array_equal(gym.learner.snapshot(), before)
    assert gym.learner.steps == steps
    gym.training.recover(FloatingPointError("nothing finite"))
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)


def test_diverged_learning_that_could_not_be_undone_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = taught(tmp_path)
    gym.training.close()
    saved = gym.learner.state()
    gym.learner.restore({**saved, "online": saved["online"] * np.float32(1e6)})

    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(gym.learner, "load", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        gym.training.recover(FloatingPointError("the loss went up"))
    gym.training.close()
    assert np.array_equal(Gym(tmp_path, practice=0.0).learner.snapshot(), saved["online"])


def test_forget_clears_everything_that_was_recorded_and_learned(tmp_path: Path) -> None:
    gym = Gym(tmp_path, held_out_fraction=0.3)
    gym.learn(60)
    gym.play(50, 60)
    gym.training.keep()  # practice is due
    gym.training.begin_candidate()
    gym.training.forget()
    experience = gym.experience
    assert len(experience.buffers) == len(experience.held_out.battles) == experience.rows.total() == 0
    assert not gym.training.slice()
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)
    assert gym.updates.newest is gym.slot.champion
    assert [gym.metrics.get(name) for name in FIGURES] == [0, 0, None, None, None]
    assert gym.metrics.get("gate_state") == "idle"


def test_forget_keeps_no_decision_and_no_policy_that_learned_from_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = taught(tmp_path)
    gym.training.forget()
    assert not gym.experience.ended
    looked = list[Policy]()
    monkeypatch.setattr(gym.candidates.trials, "watch", lambda policy, *rest: looked.append(policy))
    gym.play(1, 60)
    gym.training.keep()
    assert looked == [gym.slot.champion]


class PlaysOn:
    """The inbox of a game that is faster than the trainer: whenever it is empty, another battle ends."""

    def __init__(self, gym: Gym) -> None:
        self.gym, self.battles = gym, 0

    def popleft(self) -> Transition | BattleEnd:
        if not self.gym.inbox:
            assert self.battles < 9, "it never ends"
            self.battles += 1
            self.gym.play(1, self.battles)
            raise IndexError
        return self.gym.inbox.popleft()


def test_keep_stores_what_is_there_and_ends_although_the_game_goes_on(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.play(200, 100)  # more than is collected at once
    gym.experience.inbox = PlaysOn(gym)
    gym.training.keep()
    assert gym.metrics.get("kept", 0) == 200


@pytest.mark.parametrize("frames", [True, False])
def test_keep_gives_the_interpreter_up_in_between_only_where_frames_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: bool
) -> None:
    yields: list[float] = []
    monkeypatch.setattr(sliced_burst, "YIELD_PERIOD_S", 0.0)
    monkeypatch.setattr(sliced_burst, "time", SimpleNamespace(perf_counter=time.perf_counter, sleep=yields.append))
    gym = Gym(tmp_path)
    gym.play(20)
    gym.training.keep(frames)
    assert gym.metrics.get("kept", 0) == 20
    assert bool(yields) == frames


@pytest.mark.parametrize("outcome", ["promoted", "rejected", "not stored"])
def test_candidate_is_promoted_where_it_is_better_and_can_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    gym, better = Gym(tmp_path), outcome != "rejected"

    def full(*_: object, **__: object) -> int:
        raise ModelError("Version 1 could not be saved (no space left on device).")

    if outcome == "not stored":
        monkeypatch.setattr(gym.registry, "save", full)
    gym.slot.restart(Policy(gym.spec, ideal(gym, worst=better), 7))
    assert right_choices(gym.slot.champion, gym.game) == float(not better)
    gym.learner.load(ideal(gym, worst=not better))
    gym.training.begin_candidate()
    assert gym.candidates.judging
    gym.work()
    assert gym.slot.champion.version == (1 if outcome == "promoted" else 7)
    assert gym.metrics.get("rejected_candidates", 0) == (not better)
    assert (gym.metrics.get("gate_score") > 0.5) is better
    assert gym.registry.numbers() == ([0, 1] if outcome == "promoted" else [0])
    assert ("no space left" in "".join(gym.messages)) == (outcome == "not stored")
    assert np.array_equal(gym.learner.averaged(), ideal(gym, worst=not better)), "learning goes on from there"


def test_held_out_battles_live_transitions_and_those_of_practice_are_kept_apart(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=3.0, held_out_fraction=0.3)
    gym.play(40)
    gym.inbox.append(BattleEnd(99, {}, True, {0: Source.PLAYER}))  # without transitions: no fault
    gym.work()
    held, player, selfplay = gym.experience.held_out.battles, *buffers_of(gym)
    assert 0 < len(held) < 40
    assert player.size == 2 * (40 - len(held))
    assert all(len(battle.action) == 2 for battle in held), "both seats of one"
    assert set(player.columns()["battle_id"].tolist()) < set(range(40))
    assert gym.metrics.get("practised") >= 120, "three battles of practice for each live one"
    assert 2 * gym.metrics.get("practised") <= selfplay.size <= gym.metrics.get("practice_decisions")
    assert Source.PLAYER not in set(selfplay.columns()["source"].tolist())
    assert gym.experience.rows.total() == player.size + selfplay.size
    assert gym.metrics.get("fill") == player.size
    without = Gym(tmp_path / "off", practice=0.0, idle_practice=2, held_out_fraction=0.0, warmup_fraction=0.2)
    without.play(49)
    without.work(idle=True)
    assert (buffers_of(without)[1].size, without.metrics.get("practised", 0)) == (0, 0)
    assert without.learner.steps == 0, "the buffer is not warm yet"
    without.learn(10, first=49)
    assert without.learner.steps > 0


def buffers_of(gym: Gym) -> tuple[ReplayBuffer, ReplayBuffer]:
    return gym.experience.buffers.player, gym.experience.buffers.selfplay


def test_idle_practice_is_bounded_until_the_next_live_battle_and_goes_on_while_a_candidate_is_judged(
    tmp_path: Path,
) -> None:
    gym = Gym(tmp_path, idle_practice=20, candidate_period=1_000_000)
    gym.work(idle=True)
    practised = gym.metrics.get("practised")
    assert 20 <= practised < 40
    gym.play(1)
    gym.work(idle=True)
    assert practised + 20 <= gym.metrics.get("practised") < practised + 80
    judging = Gym(tmp_path / "judging", gate_min_pairs=200, gate_max_pairs=2000, idle_practice=1_000_000)
    judging.training.begin_candidate()
    for _ in range(60):
        judging.training.slice(idle=True)
    assert judging.candidates.judging
    assert judging.metrics.get("practised") > 0
    assert judging.metrics.get("judged_pairs") > 0


def test_collect_takes_everything_waiting_and_releases_the_interpreter_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[bool]()
    monkeypatch.setattr(cornerman.training.training_loop, "for_a_slice", lambda *_: lambda: asked.append(False))
    gym = Gym(tmp_path, practice=0.0, warmup_fraction=1.0)
    gym.play(200)
    waiting = len(gym.inbox)
    assert waiting > COLLECTED_AT_ONCE
    gym.training.slice()
    assert len(gym.inbox) == waiting - COLLECTED_AT_ONCE, "how much depends on no clock"
    assert len(asked) == COLLECTED_AT_ONCE, "asked before each of them"


def test_slice_ends_after_the_step_in_which_stop_is_set_and_counts_no_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym, taken, worked, now = Gym(tmp_path, practice=0.0), list[int](), [0.0], [0.0]
    learn = gym.learner.learn_rows

    def steps_of_3_ms_after_a_long_wait(rows: Any, start: int, most: int, stop: Any) -> Learned:
        learned = learn(rows, start, most, stop)
        worked[0] += 0.003 * learned.steps
        now[0] += 1.0
        taken.append(most)
        return learned

    gym.learner.learn_rows = steps_of_3_ms_after_a_long_wait  # type: ignore[method-assign, assignment]
    monkeypatch.setattr(time, "thread_time", lambda: worked[0])
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    gym.play(60)
    gym.training.keep()
    while gym.training.players.advance():
        pass
    for _ in range(3):
        assert gym.training.slice(0.02)
    assert taken == [1, 6, 6]
    gym.stop[0] = 1
    for steps in range(gym.learner.steps + 1, gym.learner.steps + 4):
        assert gym.training.slice(60.0)
        assert gym.learner.steps == steps


def test_learning_goes_on_while_much_is_to_be_learned_about_players(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = Gym(tmp_path, practice=0.0)
    gym.play(60)
    monkeypatch.setattr(gym.training.players, "advance", lambda: True)
    for _ in range(500):
        assert gym.training.slice()
    assert gym.learner.steps > 0


def test_diverged_learning_returns_to_the_last_candidate_and_then_to_a_champion_that_fits(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    gym.training.begin_candidate()
    sound = gym.learner.state()
    gym.play(60, first=60)
    assert gym.training.slice(0.0)
    gym.training.recover(OSError("the disk"))
    assert not gym.candidates.judging
    assert not gym.updates.pending
    gym.work()
    assert gym.learner.steps > sound["steps"], "another error keeps what was learned"
    gym.training.recover(FloatingPointError("the loss went up"))
    for name, array in gym.learner.state().items():
        assert np.array_equal(array, sound[name]), name
    wide = NetworkSpec(gym.spec.observation_size, gym.spec.num_actions, (24,))
    gym.champions.promote(Policy(wide, draw(wide, np.random.default_rng(0))), Provenance())
    gym.training.recover(FloatingPointError("and again"))
    assert gym.learner.steps == 0
    assert np.array_equal(gym.learner.snapshot(), gym.registry.load(0).flat)
    assert np.array_equal(gym.updates.newest.flat, gym.registry.load(0).flat)


def test_exploding_loss_is_undone_and_never_resumed_from(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    gym.updates.sound = None
    blown = gym.learner.state()
    blown["online"] = blown["online"] * np.float32(1e6)
    for _ in range(3):
        gym.learner.restore(blown)
        gym.updates.due = 1000.0
        with pytest.raises(FloatingPointError, match="the loss went up to") as raised:
            gym.work()
        gym.training.recover(raised.value)
        assert np.abs(gym.learner.snapshot()).max() < 100
    gym.work()
    gym.training.close()
    assert np.abs(Gym(tmp_path, practice=0.0).learner.snapshot()).max() < 100


def test_verdict_on_a_dropped_candidate_says_nothing_about_the_next_one(tmp_path: Path) -> None:
    gym = Gym(tmp_path, candidate_period=20, gate_min_pairs=2, gate_max_pairs=2)
    gym.play(20)
    orders = []
    for _ in range(2):
        gym.training.drop_candidate()
        gym.training.begin_candidate()
        orders.append(gym.candidates.order())
    first, second = (order[1]["seed"] for order in orders if order is not None)
    verdict = Verdict(True, "better", 20, 1.0, (0.9, 1.0), 5.0, (), (), 0, {}).as_dict()
    gym.candidates.take({"verdict": verdict, "pairs": 20, "judged": first})
    assert gym.candidates.order() is not None, "the second one is not judged yet"
    gym.candidates.take({"verdict": verdict, "pairs": 20, "judged": second})
    assert gym.candidates.order() is None
