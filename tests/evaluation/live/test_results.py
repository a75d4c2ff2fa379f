"""Live watch: rolls back rarely without cause, mostly with a large one, and never on little evidence."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.evaluation.live.results import LiveWatch, Scored, WatchBounds

SERIES = 600


def rolled_back(random: np.random.Generator, before: float, num_before: int, now: float) -> float:
    """The share of series in which a version of strength `now` is called worse than one of strength `before`."""
    count = 0
    for _ in range(SERIES):
        watch = LiveWatch(("player", float(won)) for won in random.random(num_before) < before)
        for won in random.random(200) < now:
            if watch.add("player", float(won)) is not None:
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
    watch = LiveWatch([("player", 1.0)] * 19)
    assert [watch.add("player", 0.0) for _ in range(300)] == [None] * 300
    assert watch.sentence.startswith("Undecided: 0% in 300 live battles after 100% in 19")
    assert LiveWatch([]).llr == 0.0


def test_bad_start_is_no_decision() -> None:
    watch = LiveWatch([("player", 1.0), ("player", 0.0)] * 20)
    assert [watch.add("player", 0.0) for _ in range(19)] == [None] * 19
    assert watch.add("player", 0.0) is True
    assert watch.sentence.startswith("Worse than its predecessor: 0% in 20")


def test_probation_without_a_decision_keeps_the_version() -> None:
    watch = LiveWatch([("player", 1.0), ("player", 0.0)] * 20, WatchBounds(max_battles=20))
    answers = [watch.add("player", float(at % 3 != 0)) for at in range(20)]
    assert answers[-1] is False
    assert watch.sentence.startswith("No worse")


CHANCES = {"player ann": 0.65, "player bob": 0.2}
"""How often an equal version wins against two players."""


@pytest.mark.parametrize("met", [["player ann"], ["player bob"], ["player bob"] * 9 + ["player ann"]])
def test_only_results_against_the_same_player_are_compared(met: list[str]) -> None:
    random = np.random.default_rng(4)

    def battle(opponent: str, worse_by: float = 0.0) -> tuple[str, float]:
        return opponent, float(random.random() < CHANCES[opponent] - worse_by)

    def rolled_back(worse_by: float, series: int) -> float:
        count = 0
        for _ in range(series):
            watch = LiveWatch(battle(opponent) for opponent in [*CHANCES] * 60)
            while watch.worse is None:
                watch.add(*battle(str(random.choice(met)), worse_by))
            count += watch.worse
        return count / series

    assert rolled_back(0.0, 200) <= 0.02 + 3 * sqrt(0.02 * 0.98 / 200)
    assert rolled_back(0.3, 50) >= 0.8


SCORED = st.lists(st.tuples(st.sampled_from(["player", "player ann"]), st.sampled_from([0.0, 0.5, 1.0])), max_size=60)


@given(SCORED, SCORED)
def test_decision_stays_and_figures_stay_finite(before: list[Scored], now: list[Scored]) -> None:
    watch, decided = LiveWatch(before), None
    for scored in now:
        answer = watch.add(*scored)
        assert np.isfinite(watch.llr)
        assert decided is None or answer == decided
        decided = answer
