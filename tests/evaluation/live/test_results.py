"""Live watch: rolls back rarely without cause, mostly with a large one, and never on little evidence."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.evaluation.live.results import LiveWatch, WatchBounds

SERIES = 600


def rolled_back(random: np.random.Generator, before: float, num_before: int, now: float) -> float:
    """The share of series in which a version of strength `now` is called worse than one of strength `before`."""
    count = 0
    for _ in range(SERIES):
        watch = LiveWatch((random.random(num_before) < before).tolist())
        for won in random.random(200) < now:
            if watch.add(float(won)) is not None:
                break
        assert watch.worse is not None
        count += watch.worse
    return count / SERIES


@pytest.mark.parametrize("num_before", [20, 40, 100])
@pytest.mark.parametrize("strength", [0.4, 0.6, 0.8])
def test_equal_version_is_rolled_back_in_at_most_2_of_100_runs(strength: float, num_before: int) -> None:
    share = rolled_back(np.random.default_rng(1), strength, num_before, strength)
    assert share <= 0.02 + 3 * sqrt(0.02 * 0.98 / SERIES)


def test_large_drop_is_found_with_enough_battles_of_the_predecessor() -> None:
    random = np.random.default_rng(2)
    assert rolled_back(random, 0.6, 100, 0.3) >= 0.95
    assert rolled_back(random, 0.6, 40, 0.3) >= 0.75


def test_better_version_is_never_rolled_back() -> None:
    assert rolled_back(np.random.default_rng(3), 0.5, 40, 0.7) == 0.0


def test_too_few_battles_of_the_predecessor_decide_nothing() -> None:
    watch = LiveWatch([1.0] * 19)
    assert [watch.add(0.0) for _ in range(300)] == [None] * 300
    assert watch.sentence.startswith("Undecided: 0% in 300 live battles after 100% in 19")
    assert LiveWatch([]).llr == 0.0


def test_bad_start_is_no_decision() -> None:
    watch = LiveWatch([1.0, 0.0] * 20)
    assert [watch.add(0.0) for _ in range(19)] == [None] * 19
    assert watch.add(0.0) is True
    assert watch.sentence.startswith("Worse than its predecessor: 0% in 20")


def test_probation_without_a_decision_keeps_the_version() -> None:
    watch = LiveWatch([1.0, 0.0] * 20, WatchBounds(max_battles=20))
    answers = [watch.add(float(at % 3 != 0)) for at in range(20)]
    assert answers[-1] is False
    assert watch.sentence.startswith("No worse")


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60), st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60))
def test_decision_stays_and_figures_stay_finite(before: list[float], now: list[float]) -> None:
    watch, decided = LiveWatch(before), None
    for score in now:
        answer = watch.add(score)
        assert np.isfinite(watch.llr)
        assert decided is None or answer == decided
        decided = answer
