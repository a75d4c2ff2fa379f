"""Do no harm: whether a gate that checks the oldest champion kept lets promotions go round in circles.

A made-up game: who wins depends on strength and, as in rock, paper, scissors, on style. A style is an angle in each of
some planes; a quarter turn ahead of another one beats it. Candidates differ from their champion by a random step.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from cornerman.evaluation.significance import Bounds, Sample, SequentialTest, best_of, lost
from tests.studies.study import Work

KEPT, BATTLES = 8, 2048
"""Champions kept, and battles of a check."""
STRENGTH_STEP, STYLE_STEP, CYCLIC = 0.25, 0.7, 2.0
"""Standard deviations of a candidate's step in strength (log odds) and style (radians); log odds of a quarter turn."""
LOSES = 0.45
RULES = ("none", "oldest", "all")
"""Which past champions a candidate is checked against."""

Fighter = tuple[float, NDArray[np.float64]]
"""Strength, and an angle in each plane."""


def chance(one: Fighter, other: Fighter) -> float:
    """How likely `one` beats `other`."""
    return 1.0 / (1.0 + exp(other[0] - one[0] - CYCLIC * float(np.sin(one[1] - other[1]).mean())))


def passes(score: float, turned_down: int, random: np.random.Generator) -> bool:
    """Whether the sequential test accepts a candidate of that true score."""
    test = SequentialTest(Bounds.after(turned_down))
    while test.accepted is None:
        test.add(float((random.random(2) < score).mean()))
    return test.accepted


def line(rule: str, candidates: int, planes: int, seed: int) -> list[Fighter]:
    """The champions in a row after so many candidates."""
    random = np.random.default_rng(seed)
    champions: list[Fighter] = [(0.0, np.zeros(planes))]
    measured: dict[int, list[tuple[int, Sample]]] = {}  # by opponent: champion and its result
    turned_down = 0

    def result(player: Fighter, opponent: Fighter) -> Sample:
        return Sample(BATTLES, random.binomial(BATTLES, chance(player, opponent)) / BATTLES)

    def worse(candidate: Fighter, opponent: int) -> bool:
        known, newest = measured.setdefault(opponent, []), len(champions) - 1
        if newest not in [number for number, _ in known]:
            known.append((newest, result(champions[-1], champions[opponent])))
        best = best_of([sample for number, sample in known if number > newest - KEPT])
        return bool(lost(result(candidate, champions[opponent]), best, BATTLES))

    for _ in range(candidates):
        strength, style = champions[-1]
        candidate = strength + random.normal(0, STRENGTH_STEP), style + random.normal(0, STYLE_STEP, planes)
        past = list(range(max(0, len(champions) - KEPT), len(champions) - 1))
        others = {"none": past[:0], "oldest": past[:1], "all": past}[rule]
        if passes(chance(candidate, champions[-1]), turned_down, random) and not any(
            worse(candidate, opponent) for opponent in others
        ):
            champions.append(candidate)
            turned_down = 0
        else:
            turned_down += 1
    return champions


def beaten_by(work: Work, rule: str, candidates: int, planes: int, seeds: list[int]) -> list[float]:
    """By seed the share of all champions before the last one that it loses to."""
    del work
    shares = []
    for seed in seeds:
        *past, last = line(rule, candidates, planes, seed)
        shares.append(float(np.mean([chance(last, each) < LOSES for each in past])) if past else 0.0)
    return shares
