"""The study of adapting to a player: its series of battles, and how its figures are made."""

from __future__ import annotations

import pytest

from cornerman.search.look_ahead import Effort
from tests.studies.adapt import forgotten, mean_possible, share
from tests.studies.measures.adapting import Foreseen, look_ahead, new_model, scores
from tests.studies.measures.habits import HABITS


def test_series_repeats_under_its_seeds_and_the_model_learns_each_battle() -> None:
    found = []
    for _ in range(2):
        model = new_model()
        little = look_ahead(model, Effort(candidates=2, samples=(2,), own_decisions=1))
        found.append((list(scores(HABITS[0].bot, [1, 2], model, little)), model.score))
    assert found[0] == found[1]
    assert found[0][1].decisions > 10


def test_player_that_is_known_is_foreseen_better_than_by_the_champion() -> None:
    known = Foreseen.by(HABITS[2], HABITS[2], seed=1)
    assert known.gain > 0.03
    assert known.loss < Foreseen.by(new_model(), HABITS[2], seed=1).loss


def test_figures_are_means_over_habits_with_an_interval_over_seeds() -> None:
    there = [[0.2, 0.2]] * len(HABITS)
    first, second = ([[0.0, gain, gain]] * len(HABITS) for gain in (0.1, 0.2))
    assert mean_possible(there).value == pytest.approx(0.2)
    assert share(1, 3, [*there, *first, *second]).value == pytest.approx(0.75)
    assert share(0, 1, [*there, *first, *second]).value == 0.0
    lost = [{"one": [0.1], "other": [-0.1, -0.3]}] * len(HABITS)
    assert forgotten([*lost, *lost]).value == pytest.approx(0.2)
