"""Ringside's chances over arrays of unsigned 64-bit integers, and the seeds of the battles of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GOLDEN, _MIX_1, _MIX_2, _ROW = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD1342543DE82EF95)
)
_MASK64 = (1 << 64) - 1


def chances(key: NDArray[np.uint64], counter: NDArray[np.uint64] | int) -> NDArray[np.uint64]:
    """`battle.chance` of every key, with one counter each or one for all."""
    z = key + np.asarray(counter, np.uint64) * _GOLDEN
    z ^= z >> np.uint64(30)
    z *= _MIX_1
    z ^= z >> np.uint64(27)
    z *= _MIX_2
    z ^= z >> np.uint64(31)
    return z


def battle_seeds(seed: int, rows: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.uint64]:
    """The seed of the battle with that number in that row of a batch: below 2^48, as `new_battle` is given them."""
    key = chances(np.full(len(rows), seed & _MASK64, np.uint64), 4)
    mixed = chances(key + rows.astype(np.uint64) * _ROW, numbers.astype(np.uint64))
    return np.asarray(mixed >> np.uint64(16))
