"""Intervals of 95 % for what studies measure: rates, means of repeated runs, and any statistic of many battles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054

T_95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""The 97.5 % quantile of Student's t with 1 to 30 degrees of freedom."""

RESAMPLES = 10_000


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def exact(value: float) -> Interval:
    """What was counted or computed, not estimated: the interval is the value."""
    return Interval(value, value, value)


def wilson(successes: float, trials: int) -> Interval:
    """A rate and Wilson's score interval (Wilson 1927); half a success is allowed. ValueError without a trial."""
    if trials < 1:
        raise ValueError("A rate needs at least one trial.")
    rate, z2 = successes / trials, Z_95**2
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 * sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return Interval(rate, max(0.0, middle - half), min(1.0, middle + half))


def of_mean(values: Sequence[float]) -> Interval:
    """The mean of independent values, one a seed or one a pair of battles, with Student's t. ValueError below two."""
    if len(values) < 2:
        raise ValueError("The interval of a mean needs at least two values.")
    numbers = np.asarray(values, np.float64)
    freedom = len(numbers) - 1
    t = T_95[freedom - 1] if freedom <= len(T_95) else large_t(freedom)
    mean, half = float(numbers.mean()), float(t * numbers.std(ddof=1) / sqrt(len(numbers)))
    return Interval(mean, mean - half, mean + half)


def large_t(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with more than 30 degrees of freedom, by Fisher's expansion (1926)."""
    z = Z_95
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def bootstrap(
    values: Sequence[float] | NDArray[Any], statistic: Callable[[NDArray[Any]], NDArray[Any]], seed: int
) -> Interval:
    """Percentile bootstrap (Efron 1979) of any statistic of independent values.

    `statistic` takes rows of values `[R, n]` and gives one number a row `[R]`.
    """
    numbers = np.asarray(values, np.float64)
    if len(numbers) < 2:
        raise ValueError("A bootstrap needs at least two values.")
    random = np.random.default_rng(seed)
    drawn = numbers[random.integers(len(numbers), size=(RESAMPLES, len(numbers)))]
    low, high = np.percentile(statistic(drawn), (2.5, 97.5))
    return Interval(float(statistic(numbers[None])[0]), float(low), float(high))
