"""A trainer that fails, hangs or dies: the game goes on, the player reads why, and it is tried again, not for ever."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cornerman.models.manifest import Provenance
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import FAILURES_ALLOWED, RESTS_S, STARTING_S, TrainingThread
from cornerman.training.training_windows import TrainingWindows
from tests.support.choosing import Gym

PATIENCE_S = 10.0


class Work:
    """Slices that do what `next` says."""

    def __init__(self, following: Callable[[], bool] = lambda: False) -> None:
        self.following, self.recovered, self.closed = following, list[float](), 0

    def slice(self, budget_s: float) -> bool:
        return self.following()

    def practise_idle(self) -> bool:
        return False

    def recover(self, error: BaseException) -> None:
        self.recovered.append(time.monotonic())

    def close(self) -> None:
        self.closed += 1


def started(work: Work, clock: Callable[[], float] = time.monotonic) -> TrainingThread:
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always"), clock)
    assert trainer.start(PATIENCE_S)
    return trainer


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.002)


def test_it_waits_longer_before_it_tries_again_a_second_time_and_then_gives_up() -> None:
    def fail() -> bool:
        raise RuntimeError("always")

    work = Work(fail)
    trainer = started(work)
    until(lambda: bool(trainer.dead_because))
    died = time.monotonic()
    first, second, _ = work.recovered
    assert second - first >= RESTS_S[0]
    assert died - second >= RESTS_S[1]
    assert trainer.trouble == f"Learning is off, it failed {FAILURES_ALLOWED} times: always"
    assert trainer.stop()


@pytest.mark.parametrize(
    "raised", [SystemExit(2), KeyboardInterrupt(), MemoryError("no memory"), FloatingPointError("the loss went up")]
)
def test_whatever_a_step_raises_is_undone(raised: BaseException) -> None:
    left = [raised]

    def once() -> bool:
        if left:
            raise left.pop()
        return False

    work = Work(once)
    trainer = started(work)
    until(lambda: bool(work.recovered))
    assert trainer.settle(PATIENCE_S)
    assert trainer.trouble == ""
    assert trainer.stop()
    assert work.closed == 1


def test_a_thread_that_is_killed_from_outside_comes_back_to_its_work() -> None:
    done: list[int] = []
    work = Work(lambda: done.append(1) or time.sleep(0.001) or True)
    trainer = started(work)
    ident = ctypes.c_ulong(trainer._thread.ident or 0)
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(SystemExit)) == 1
    until(lambda: bool(work.recovered))
    before = len(done)
    until(lambda: len(done) > before)
    assert trainer.alive
    assert trainer.stop()


def test_a_thread_that_ends_is_named() -> None:
    def prepare() -> Work:
        raise KeyboardInterrupt

    trainer = TrainingThread(prepare, Metrics(), TrainingWindows("always"))
    trainer.start(PATIENCE_S)
    until(lambda: not trainer._thread.is_alive())
    assert "Learning is off, its thread ended: KeyboardInterrupt" in trainer.trouble
    assert not trainer.alive
    assert not trainer.settle(PATIENCE_S)
    assert trainer.stop()


def test_work_that_does_not_come_back_is_named_counted_once_and_the_frames_go_on() -> None:
    now, go, inside = [100.0], threading.Event(), threading.Event()
    metrics, work = Metrics(), Work(lambda: inside.set() or not go.wait(PATIENCE_S))
    trainer = TrainingThread(lambda: work, metrics, TrainingWindows("always"), lambda: now[0])
    assert trainer.start(PATIENCE_S)
    assert inside.wait(PATIENCE_S)
    assert trainer.trouble == ""
    trainer.windows.starvation.sentence = "the game is to blame"
    now[0] += 12.0
    assert trainer.stuck_because.startswith("Learning is stuck: a step has not come back for 12 s.")
    for _ in range(3):
        trainer.frame(16.7, 8.0)
    assert trainer.trouble == trainer.stuck_because
    assert trainer.windows.why == "always", "nobody else is blamed"
    assert metrics.get("failures") == 1
    assert [event["text"] for event in metrics.events()] == [trainer.stuck_because]
    go.set()
    until(lambda: trainer.trouble == "")
    now[0] += 100.0
    assert trainer.stuck_because == "", "nothing is due"
    assert trainer.stop(PATIENCE_S)


@pytest.mark.parametrize("what", ["command", "practice", "recovery", "end"])
def test_whatever_hangs_is_named(what: str) -> None:
    now, go, inside = [100.0], threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        inside.set()
        assert go.wait(PATIENCE_S)

    def fail() -> bool:
        raise RuntimeError("so that it is undone")

    work = Work()
    trainer = TrainingThread(lambda: work, Metrics(), TrainingWindows("always"), lambda: now[0])
    if what == "practice":
        work.practise_idle = lambda: hang() is not None  # type: ignore[method-assign]
    elif what == "recovery":
        work.recover, work.following = hang, fail  # type: ignore[method-assign]
    elif what == "end":
        work.close = hang  # type: ignore[method-assign]
    assert trainer.start(PATIENCE_S)
    trainer.frame(16.7, 8.0)
    ending = threading.Thread(target=trainer.stop)
    if what == "command":
        trainer.post(hang)
    elif what == "end":
        ending.start()
    assert inside.wait(PATIENCE_S)
    now[0] += 11.0
    assert "Learning is stuck" in trainer.trouble
    go.set()
    if what == "end":
        ending.join()
    assert trainer.stop(PATIENCE_S)


def test_a_start_that_does_not_come_back_is_named() -> None:
    now, go = [100.0], threading.Event()

    def prepare() -> Work:
        assert go.wait(PATIENCE_S)
        return Work()

    trainer = TrainingThread(prepare, Metrics(), TrainingWindows("always"), lambda: now[0])
    trainer.start(0.0)
    until(lambda: trainer._doing is not None)
    now[0] += STARTING_S - 1
    assert trainer.trouble == "", "compiling may take long"
    now[0] += 2.0
    assert trainer.trouble == "Learning is stuck: it has not started for 201 s. Start the game anew to learn again."
    go.set()
    assert trainer.stop(PATIENCE_S)


def test_an_end_that_raises_anything_is_still_an_end() -> None:
    def leave() -> None:
        raise SystemExit(4)

    work = Work()
    work.close = leave  # type: ignore[method-assign]
    trainer = started(work)
    assert trainer.post(leave)
    assert trainer.stop(PATIENCE_S)
    assert not trainer.post(leave)


def test_commands_given_after_its_end_are_for_somebody_else() -> None:
    ran: list[str] = []
    trainer = started(Work())
    assert trainer.post(lambda: ran.append(threading.current_thread().name))
    assert trainer.stop(PATIENCE_S)
    assert not trainer.post(lambda: ran.append("too late"))
    assert ran == ["cornerman-trainer"]
    assert not TrainingThread(Work, Metrics()).post(lambda: None), "it never began"


# ------------------------------------------------------------------------------------------ the pipeline's own faults


def taught(folder: Path) -> Gym:
    gym = Gym(folder, practice=0.0)
    gym.play(60)
    gym.work()
    assert gym.learner.steps > 0
    return gym


def test_rewards_that_are_not_finite_never_reach_the_weights_and_end_in_an_error(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    before, steps = gym.learner.snapshot(), gym.learner.steps
    gym.training._owed = 200.0
    gym.training.rings.player._columns["reward"][:] = np.nan
    with pytest.raises(FloatingPointError, match="nothing finite"):
        gym.work()
    assert np.array_equal(gym.learner.snapshot(), before)
    assert gym.learner.steps == steps
    gym.training.recover(FloatingPointError("nothing finite"))
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)


def test_an_error_beside_learning_costs_nothing_that_was_learned(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    before = gym.learner.state()
    gym.play(60, first=60)
    assert gym.training.slice(0.0)
    gym.training._begin_judging()
    gym.training.recover(OSError("the disk"))
    assert gym.training._judge is None
    assert not gym.training._burst.pending
    assert before["steps"] > 0
    assert gym.learner.steps >= before["steps"]
    gym.work()
    assert gym.learner.steps > before["steps"]


def test_learning_that_comes_apart_goes_back_to_the_last_candidate_and_then_to_the_champion(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    gym.training._begin_judging()
    sound = gym.learner.state()
    gym.training.drop_candidate()
    gym.play(60, first=60)
    gym.work()
    assert gym.learner.steps > sound["steps"]
    gym.training.recover(FloatingPointError("the loss went up"))
    for name, array in gym.learner.state().items():
        assert np.array_equal(array, sound[name]), name
    gym.training.recover(FloatingPointError("and again"))
    assert gym.learner.steps == 0
    assert np.array_equal(gym.learner.snapshot(), gym.slot.champion.flat)


def test_learning_that_comes_apart_under_a_champion_of_other_hidden_layers_starts_over(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    wide = NetworkSpec(gym.spec.observation_size, gym.spec.num_actions, (24,))
    gym.champions.promote(Policy(wide, draw(wide, np.random.default_rng(0))), Provenance())
    for _ in range(2):
        gym.training.recover(FloatingPointError("the loss went up"))
    assert np.array_equal(gym.learner.snapshot(), gym.registry.load(0).flat)


def test_what_came_apart_is_not_what_the_next_session_goes_on_from(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    blown = gym.learner.state()
    blown["online"] = blown["online"] * np.float32(1e6)
    learned = gym.training._go_on_learning

    def explode(budget_s: float) -> None:
        gym.learner.restore(blown)
        learned(budget_s)

    gym.training._go_on_learning = explode  # type: ignore[method-assign]
    gym.training._owed = 1e6
    trainer = TrainingThread(lambda: gym.training, gym.metrics, TrainingWindows("always"))
    assert trainer.start(PATIENCE_S)
    until(lambda: bool(trainer.dead_because))
    assert trainer.stop(PATIENCE_S)
    assert "it failed 3 times" in trainer.dead_because
    again = Gym(tmp_path, practice=0.0)
    again.training.resume()
    assert np.abs(again.learner.snapshot()).max() < 100


def test_what_came_apart_and_could_not_be_undone_is_not_saved(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    gym.training._save()
    saved = gym.learner.state()
    blown = dict(saved)
    blown["online"] = blown["online"] * np.float32(1e6)
    gym.learner.restore(blown)

    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    gym.learner.load = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no memory"):
        gym.training.recover(FloatingPointError("the loss went up"))
    gym.training.close()
    again = Gym(tmp_path, practice=0.0)
    again.training.resume()
    assert np.array_equal(again.learner.snapshot(), saved["online"])


def test_a_loss_that_explodes_goes_back_to_the_champion_and_learning_goes_on(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    gym.training._sound = None
    arrays = gym.learner.state()
    arrays["online"] = arrays["online"] * np.float32(1e6)
    gym.learner.restore(arrays)
    gym.training._owed = 200.0
    trainer = TrainingThread(lambda: gym.training, gym.metrics, TrainingWindows("always"))
    assert trainer.start(PATIENCE_S)
    assert trainer.settle(PATIENCE_S)
    assert trainer.stop(PATIENCE_S)
    assert gym.metrics.get("failures") >= 1
    assert any("the loss went up to" in event["text"] for event in gym.metrics.events())
    assert trainer.dead_because == ""
    assert np.abs(gym.learner.snapshot()).max() < 100
