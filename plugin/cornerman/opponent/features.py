"""What conditions may read: the features of an observation, and features of whoever it is about.

Where "ally 1 acts", "ally 2 acts", ... are flags of which always one is set, "slot health" of the one that acts is a
feature of its own: the sum of flag times health over equal numbers. A habit of "whoever is hurt guards" needs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats

MAX_DERIVED = 64
OF_ONE = " of the one that "
_NUMBER = re.compile(r"\d+")

Pairs = NDArray[np.int64]
"""Derived features `[D, S, 2]`: each the sum over S of one feature times another one; -1 for none."""


def without_number(name: str) -> str:
    """What names have in common that differ in numbers alone."""
    return " ".join(_NUMBER.sub(" ", name).split())


def kinds_of(feature_names: Sequence[str]) -> dict[str, dict[int, int]]:
    """Features that differ in one number of their names alone: name without it -> number -> feature."""
    kinds: dict[str, dict[int, int]] = {}
    for at, name in enumerate(feature_names):
        if len(numbers := _NUMBER.findall(name)) == 1:
            kinds.setdefault(without_number(name), {})[int(numbers[0])] = at
    return {kind: members for kind, members in kinds.items() if len(members) > 1}


class Features:
    """Derives features; which ones is found in the first decisions in which there are any."""

    def __init__(self, names: Sequence[str] = (), pairs: Pairs | None = None) -> None:
        self.names = tuple(names)
        """Of all features `[F + D]`."""
        self.pairs = np.zeros((0, 0, 2), np.int64) if pairs is None else pairs

    def notice(self, observations: Floats) -> bool:
        """Look for flags of which exactly one is set in each of these observations `[B, F]`; True where there are more
        features now."""
        if len(self.pairs):
            return False
        kinds, found = kinds_of(self.names), dict[str, list[tuple[int, int]]]()
        for flag, flags in kinds.items():
            values = observations[:, list(flags.values())]
            if not (
                np.isin(values, (0.0, 1.0)).all() and (values.sum(1) == 1.0).all() and (values > 0).any(0).sum() > 1
            ):
                continue
            for kind, members in kinds.items():
                pairs = [(flags[number], members[number]) for number in sorted(flags.keys() & members.keys())]
                if kind != flag and len(pairs) > 1:
                    found[f"{kind}{OF_ONE}{flag.split()[-1]}"] = pairs
        kept = dict(list(found.items())[:MAX_DERIVED])
        self.pairs = np.full((len(kept), max(map(len, kept.values()), default=0), 2), -1, np.int64)
        for at, pairs in enumerate(kept.values()):
            self.pairs[at, : len(pairs)] = pairs
        self.names += tuple(kept)
        return bool(kept)

    def of(self, observations: Floats) -> Floats:
        """All features `[B, F + D]` of observations `[B, F]`."""
        if not len(self.pairs):
            return observations
        flags, values = self.pairs[..., 0], self.pairs[..., 1]
        with np.errstate(all="ignore"):
            derived = (observations[:, flags] * observations[:, values] * (flags >= 0)).sum(2, dtype=np.float32)
        return np.concatenate([observations, derived], 1)
