"""Average of the weights over the newest part of a run: stronger than the newest ones, so the gate judges it.

Polyak and Juditsky 1992; the window grows with the run. Owned by the process that learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats

WINDOW = 0.1
"""Share of the run so far that the average reaches back, about."""


class RunningAverage:
    """Mean of weights `[P]`, in which older ones count ever less."""

    def __init__(self) -> None:
        self._count = 0
        self._mean: NDArray[np.float64] = np.zeros(0)

    def add(self, flat: Floats) -> None:
        self._count += 1
        newest = flat.astype(np.float64)
        self._mean = newest if self._count == 1 else self._mean + (newest - self._mean) / (1.0 + WINDOW * self._count)

    def weights(self, newest: Floats) -> Floats:
        """The mean `[P]`; before there is one, `newest`."""
        return self._mean.astype(np.float32) if self._count else newest

    def state(self) -> dict[str, NDArray[Any]]:
        """Named arrays for a checkpoint."""
        return {"mean": self._mean, "count": np.array(self._count, np.int64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._mean, self._count = arrays["mean"], int(arrays["count"])
