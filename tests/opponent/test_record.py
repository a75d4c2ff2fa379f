"""Record: values become chances as battles showed them, and by the usual ones while there are few."""

from __future__ import annotations

import numpy as np
import pytest

from cornerman.opponent.record import USUAL, Record, win_chances


def battles(record: Record, count: int, truth: tuple[float, float], seed: int = 1) -> None:
    """Battles of ten decisions whose values come ever nearer to the outcome."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        end = random.normal(0.0, 0.6)
        won = float(random.random() < win_chances(np.array([end]), truth)[0])
        record.add(np.full(10, end), won)


def test_chance_is_the_usual_one_before_the_first_battle_and_moves_little_with_it() -> None:
    record = Record()
    assert record.chance() == USUAL
    record.add(np.array([0.5, 0.7]), 0.0)
    shift, slope = record.chance()
    assert -1.5 < shift < 0.0
    assert 1.5 < slope < USUAL[1]


@pytest.mark.parametrize("truth", [(0.0, 3.0), (-1.0, 2.0), (1.0, 4.5)])
def test_chance_is_found_again_within_a_few_points(truth: tuple[float, float]) -> None:
    record = Record()
    battles(record, 200, truth)
    values = np.linspace(-1.0, 1.0, 9)
    assert np.abs(win_chances(values, record.chance()) - win_chances(values, truth)).mean() < 0.05


def test_battle_counts_as_much_however_many_decisions_it_has() -> None:
    long, short = Record(), Record()
    long.add(np.full(1_000, 0.5), 0.0)
    short.add(np.full(2, 0.5), 0.0)
    assert long.chance() == pytest.approx(short.chance())


def test_higher_value_is_never_a_lower_chance_and_huge_ones_are_numbers() -> None:
    record = Record()
    for value in (-1.0, 1.0) * 200:
        record.add(np.array([value, 1e30 * value]), float(value < 0.0))
    chances = win_chances(np.array([-1e30, -1.0, 1.0, 1e30]), record.chance())
    assert (np.diff(chances) >= 0.0).all()
    assert np.isfinite(chances).all()
