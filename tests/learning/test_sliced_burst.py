"""A burst in parts: the same weights for any parts, the budget kept, and learning that comes apart is noticed."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.contract import Source, Transition
from cornerman.experience.replay_buffer import ReplayBuffer, ReplayBuffers, batch_for
from cornerman.learning.learner import Learned, Learner
from cornerman.learning.sliced_burst import MOST_DROPPED, MOST_LOSS, NO_FRAMES_S, SlicedBurst, for_a_slice
from cornerman.policy.q_network import NetworkSpec
from tests.support.learning import same_state

SPEC = NetworkSpec(5, 4, (8,))
BATCH, STEPS = 4, 16


class Pretend(Learner):
    """A learner whose steps take as long as it is told, on a clock of its own."""

    def __init__(self, step_s: float = 0.001, loss: float = 0.5) -> None:
        super().__init__(SPEC, batch_size=BATCH)
        self.now, self.step_s, self.loss, self.parts, self.applied = 0.0, step_s, loss, list[int](), True
        self.stops_after: int | None = None

    def clock(self) -> float:
        return self.now

    def prepare(self, batch: Any) -> Any:
        return batch

    def learn_rows(self, rows: Any, start: int = 0, most: int | None = None, stop: Any = None) -> Learned:
        assert most is not None
        assert start + most <= len(rows.action) // BATCH
        steps = most if self.stops_after is None else min(most, self.stops_after)
        self.parts.append(steps)
        self.now += steps * self.step_s
        return (
            Learned(steps, 0, self.loss, 0.0, 0.0) if self.applied else Learned(0, steps, math.nan, math.nan, math.nan)
        )


def uncounted(steps: int, seconds: float) -> None:
    """Nobody counts the steps."""


def buffers() -> ReplayBuffers:
    random = np.random.default_rng(3)
    made = ReplayBuffers(ReplayBuffer(100, 5, 4, random), ReplayBuffer(100, 5, 4, random))
    for ring, count in ((made.player, 30), (made.selfplay, 60)):
        for index in range(count):
            seen = random.random((2, 5), np.float32)
            mask = np.ones(4, np.bool_)
            row = (seen[0], mask, index % 4, float(random.normal()), seen[1], mask, 0.97, 1, 0, index)
            ring.append(Transition(*row, Source.PLUGIN, Source.PLAYER, 1))
    return made


def whole(burst: SlicedBurst, budgets: list[float]) -> float:
    for number in range(1000):
        loss = burst.advance(budgets[number % len(budgets)])
        if loss is not None:
            assert not burst.pending
            return loss
        assert burst.pending
    raise AssertionError("it never ended")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0007, 0.002, 0.01, 1.0]), min_size=1, max_size=5))
def test_any_parts_and_bursts_at_once_give_the_same_weights_and_loss(budgets: list[float]) -> None:
    def learned(budgets: list[float], at_once: int = 1) -> tuple[Learner, list[float]]:
        learner, drawn = Learner(SPEC, batch_size=BATCH, seed=1), buffers()
        burst, losses = SlicedBurst(learner, BATCH, uncounted), []
        for _ in range(8 // at_once):  # past a clearing of tiny moments
            burst.begin(drawn, STEPS, at_once)
            losses.append(whole(burst, budgets))
        return learner, losses

    (whole_ones, expected), (parts, found), (together, _) = learned([1e9]), learned(budgets), learned([1e9], 4)
    assert parts.steps == together.steps == whole_ones.steps == 8 * STEPS
    same_state(parts, whole_ones)
    same_state(together, whole_ones)
    assert found == pytest.approx(expected)


def test_advance_learns_as_many_steps_as_fit_and_at_least_one_and_counts_them() -> None:
    counted, pretend = list[tuple[int, float]](), Pretend(step_s=0.001)
    burst, drawn = SlicedBurst(pretend, BATCH, lambda *part: counted.append(part), clock=pretend.clock), buffers()
    burst.begin(drawn, STEPS)
    whole(burst, [0.0045])
    assert pretend.parts == [1, 4, 4, 4, 3], "the first tells how long a step takes"
    assert [steps for steps, _ in counted] == pretend.parts
    assert [seconds for _, seconds in counted] == pytest.approx([steps / 1000 for steps in pretend.parts])
    pretend.parts.clear()
    pretend.step_s = 0.01
    burst.begin(drawn, STEPS)
    whole(burst, [0.0045])
    assert pretend.parts[-6:] == [1] * 6, "slower than the budget: step by step"
    assert sum(pretend.parts) == STEPS


def test_advance_continues_where_a_part_was_stopped() -> None:
    pretend = Pretend(step_s=0.001)
    burst, drawn = SlicedBurst(pretend, BATCH, uncounted, clock=pretend.clock), buffers()
    pretend.stops_after = 3
    burst.begin(drawn, STEPS, at_once=2)
    whole(burst, [1.0])
    assert pretend.parts == [1, *[3] * 10, 1]
    burst.begin(drawn, STEPS)
    assert burst.advance(0.0) is None
    burst.drop()
    assert not burst.pending


def test_bursts_take_turns_in_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def noted(*sizes: Any) -> Any:
        taken.append(sizes[1])
        return batch_for(*sizes)

    monkeypatch.setattr("cornerman.learning.sliced_burst.batch_for", noted)
    burst, drawn = SlicedBurst(Pretend(), BATCH, uncounted), buffers()
    for at_once in (2, 1, 2, 3, 1):
        burst.begin(drawn, STEPS, at_once)
        whole(burst, [1e9])
    assert taken == [2 * STEPS * BATCH, 3 * STEPS * BATCH]


@pytest.mark.parametrize(("loss", "apart"), [(MOST_LOSS - 1, False), (MOST_LOSS + 1, True), (1e30, True)])
def test_a_loss_that_explodes_is_an_error(loss: float, apart: bool) -> None:
    pretend = Pretend(loss=loss)
    burst = SlicedBurst(pretend, BATCH, uncounted, clock=pretend.clock)
    burst.begin(buffers(), STEPS)
    if apart:
        with pytest.raises(FloatingPointError, match="the loss went up to"):
            whole(burst, [1.0])
        assert not burst.pending
    else:
        assert whole(burst, [1.0]) == pytest.approx(loss)


def test_third_burst_in_a_row_without_a_finite_step_is_an_error() -> None:
    pretend = Pretend()
    burst, drawn = SlicedBurst(pretend, BATCH, uncounted, clock=pretend.clock), buffers()
    for applied in (False, False, True, False, False):
        pretend.applied = applied
        burst.begin(drawn, STEPS)
        assert math.isnan(whole(burst, [1.0])) is not applied
    burst.begin(drawn, STEPS)
    with pytest.raises(FloatingPointError, match=f"{MOST_DROPPED} bursts in a row"):
        whole(burst, [1.0])


@pytest.mark.parametrize("budget_s", [0.003, NO_FRAMES_S])
def test_slice_ends_in_time_and_yields_only_where_there_are_frames(
    budget_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, slept = [5.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(now[0])
        now[0] += 0.0001

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    go_on, turns = for_a_slice(budget_s, np.zeros(1, np.uint8)), 0
    while go_on():
        now[0] += 0.0001  # a turn
        turns += 1
    assert now[0] - 5.0 == pytest.approx(budget_s, abs=0.0002)
    assert turns > 0
    assert len(slept) == (0 if budget_s == NO_FRAMES_S else pytest.approx(budget_s / 0.0007, abs=2))

    stop = np.ones(1, np.uint8)
    assert not for_a_slice(budget_s, stop)(), "stopped by the flag"
