"""A trainer that fails, hangs or dies: the game goes on, the player reads why, and it is tried again, not for ever."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cornerman.trainer
from cornerman.governor import Governor
from cornerman.metrics import Metrics
from cornerman.trainer import FAILURES_ALLOWED, RESTS_S, Trainer
from tests.choosing import Gym

PATIENCE_S = 10.0


class Work:
    """Slices that do what `next` says."""

    def __init__(self, following: Callable[[], bool] = lambda: False) -> None:
        self.following, self.recovered, self.closed = following, list[float](), 0

    def slice(self, budget_s: float) -> bool:
        return self.following()

    def practise(self) -> bool:
        return False

    def recover(self) -> None:
        self.recovered.append(time.monotonic())

    def close(self) -> None:
        self.closed += 1


def started(work: Work, clock: Callable[[], float] = time.monotonic) -> Trainer:
    trainer = Trainer(lambda: work, Metrics(), Governor("always"), clock)
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
    first, second = work.recovered
    assert second - first >= RESTS_S[0]
    assert died - second >= RESTS_S[1]
    assert trainer.trouble == f"Learning is off, it failed {FAILURES_ALLOWED} times: always"
    assert trainer.stop()


@pytest.mark.parametrize("raised", [SystemExit(2), MemoryError("no memory"), FloatingPointError("the loss went up")])
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
    def end() -> bool:
        raise KeyboardInterrupt

    trainer = started(Work(end))
    until(lambda: not trainer._thread.is_alive())
    assert "Learning is off, its thread ended: KeyboardInterrupt" in trainer.trouble
    assert not trainer.alive
    assert not trainer.settle(PATIENCE_S)
    assert trainer.stop()


def test_a_slice_that_does_not_come_back_is_named_and_the_frames_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen_off: list[threading.Thread] = []
    monkeypatch.setattr(cornerman.trainer, "see_off", seen_off.append)
    now, go, inside = [100.0], threading.Event(), threading.Event()
    trainer = started(Work(lambda: inside.set() or not go.wait(PATIENCE_S)), lambda: now[0])
    assert inside.wait(PATIENCE_S)
    assert trainer.trouble == ""
    now[0] += 12.0
    assert trainer.trouble.startswith("Learning is stuck: a step has not come back for 12 s.")
    for _ in range(3):
        trainer.frame(16.7, 8.0)
    assert seen_off == [trainer._thread], "the process will end with the game"
    go.set()
    until(lambda: trainer.trouble == "")
    assert trainer.stop(PATIENCE_S)


# ------------------------------------------------------------------------------------------ the pipeline's own faults


def taught(folder: Path) -> Gym:
    gym = Gym(folder, sparring=0.0)
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
    gym.training.recover()
    assert np.array_equal(gym.learner.snapshot(), gym.lineage.champion.flat)


def test_a_loss_that_explodes_goes_back_to_the_champion_and_learning_goes_on(tmp_path: Path) -> None:
    gym = taught(tmp_path)
    arrays = gym.learner.state()
    arrays["online"] = arrays["online"] * np.float32(1e6)
    gym.learner.restore(arrays)
    gym.training._owed = 200.0
    trainer = Trainer(lambda: gym.training, gym.metrics, Governor("always"))
    assert trainer.start(PATIENCE_S)
    assert trainer.settle(PATIENCE_S)
    assert trainer.stop(PATIENCE_S)
    assert gym.metrics.get("failures") >= 1
    assert any("the loss went up to" in event["text"] for event in gym.metrics.events())
    assert trainer.dead_because == ""
    assert np.abs(gym.learner.snapshot()).max() < 100
