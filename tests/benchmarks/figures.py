"""One measured figure, and timing that is fair to everyone who is compared: interleaved repeats, medians.

A subject file defines `run(repeats: int) -> list[Figure]`. What cannot be measured here is a figure without a value
whose note says why.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Any, Literal

import numpy as np

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `value` is None where it could not be measured."""

    key: str
    value: float | None
    unit: str
    better: Better
    repeats: int
    peer: str = ""  # what it is compared with, name and version
    note: str = ""
    wanted: float | None = None  # at most where lower is better, at least where higher is
    interval: tuple[float, float] | None = None  # where the median lies with 95 %

    def as_dict(self) -> dict[str, object]:
        """What `bench.json` holds under the key."""
        return {
            "value": None if self.value is None else rounded(self.value),
            "unit": self.unit,
            "better": self.better,
            "wanted": self.wanted,
            "interval": self.interval and [rounded(end) for end in self.interval],
            "repeats": self.repeats,
            "peer": self.peer,
        }


def rounded(value: float) -> float:
    """To four digits."""
    return float(f"{value:.4g}")


def median_figure(key: str, values: Sequence[float], unit: str, better: Better, **more: Any) -> Figure:
    """The median of repeats, with its interval; `more` is the rest of `Figure`."""
    return Figure(key, median(values), unit, better, len(values), interval=interval_of_median(values), **more)


def not_measured(key: str, unit: str, better: Better, why: str, peer: str = "") -> Figure:
    """A figure that says why it is missing."""
    return Figure(key, None, unit, better, 0, peer, why)


def seconds_a_call(call: Callable[[], object], seconds: float = 0.05) -> Callable[[], float]:
    """A measurement of `call`: the mean seconds of one, over a block long enough for the clock."""
    started, calls = time.perf_counter(), 0
    while time.perf_counter() - started < seconds / 5:
        call()
        calls += 1
    block = max(1, round(calls * 5))

    def measure() -> float:
        begun = time.perf_counter()
        for _ in range(block):
            call()
        return (time.perf_counter() - begun) / block

    return measure


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Between which two of the values the true median lies with at least 95 %, whatever their distribution.

    From order statistics: as many of n values lie below it as heads fall in n throws. Of fewer than six values it is
    the whole range, which is less sure.
    """
    ordered, left_out, chance = sorted(values), 0, 0.0
    for rank in range(len(ordered) // 2):
        chance += comb(len(ordered), rank) / 2 ** len(ordered)
        if chance > 0.025:
            break
        left_out = rank
    return ordered[left_out], ordered[-1 - left_out]


def interleaved(measurements: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median of each measurement over `repeats` rounds in which every one takes its turn.

    So a machine that slows down meanwhile slows all of them down. The collector is off while they run.
    """
    found: dict[str, list[float]] = {name: [] for name in measurements}
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, measure in measurements.items():
                found[name].append(measure())
    finally:
        gc.enable()
    return {name: median(values) for name, values in found.items()}


def percentiles(seconds: list[float], *shares: float) -> list[float]:
    """Percentiles of durations, in microseconds."""
    return [float(value) for value in np.percentile(np.array(seconds) * 1e6, shares)]
