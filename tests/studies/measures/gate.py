"""Do no harm: how often equal candidates replace their champion, and whether what is kept drifts away from the bots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import sqrt
from typing import Any

import numpy as np

from cornerman.cli.commands.stored import stored_policy
from cornerman.evaluation.checks import Checks, Opponent
from cornerman.evaluation.faults import BattleFaults
from cornerman.evaluation.significance import Bounds, Sample, SequentialTest
from cornerman.policy.policy import Policy
from tests.studies.adapters.opening import GAME, encoder, opener, shipped
from tests.studies.intervals import Interval, exact, of_mean, wilson
from tests.studies.measures.cycles import RULES, beaten_by
from tests.studies.measures.training import prepare, train
from tests.studies.study import Figure, Study, Unit, Work, names_of, seeded

CORRELATION, DRAWS = -0.3, 0.1
"""Of simulated pairs: with chance 0.3 the seed favours a side, so that the second battle mirrors the first."""
SCORES, PLACES = (0.55, 0.60, 0.65), (1, 5, 20)
PLANES = (1, 3)
"""Of the styles in games with cycles."""


def pair_scores(score: float, random: np.random.Generator) -> Iterator[float]:
    """Scores of side-swapped pairs of a candidate whose true score that is, for ever."""
    won = score - DRAWS / 2
    while True:
        first, second = random.random(256), random.random(256)
        second = np.where(random.random(256) < -CORRELATION, 1.0 - first, second)
        battles = [np.where(luck < won, 1.0, np.where(luck < won + DRAWS, 0.5, 0.0)) for luck in (first, second)]
        yield from ((battles[0] + battles[1]) / 2).tolist()


def judged(score: float, turned_down: int, random: np.random.Generator) -> tuple[bool, int]:
    """Whether the sequential test accepts such a candidate after so many were turned down, and its pairs."""
    test = SequentialTest(Bounds.after(turned_down))
    for pair_score in pair_scores(score, random):
        test.add(pair_score)
        if test.accepted is not None:
            break
    return bool(test.accepted), test.num_pairs


def replaced(work: Work, candidates: int, seed: int) -> int:
    """How often a champion is replaced by equal candidates, one after the other; the count begins anew each time."""
    del work
    random, turned_down, promoted = np.random.default_rng(seed), 0, 0
    for _ in range(candidates):
        accepted, _ = judged(0.5, turned_down, random)
        turned_down = 0 if accepted else turned_down + 1
        promoted += accepted
    return promoted


def power(work: Work, candidates: int) -> dict[str, list[float]]:
    """Of better candidates, by true score and place among the candidates of one champion: how many pass, pairs."""
    del work
    random, found = np.random.default_rng(0), {}
    for score in SCORES:
        for place in PLACES:
            results = [judged(score, place - 1, random) for _ in range(candidates)]
            pairs = float(np.mean([pairs for _, pairs in results]))
            found[f"{round(100 * score)}.{place}"] = [sum(accepted for accepted, _ in results), candidates, pairs]
    return found


def drift(work: Work, minutes: float, battles: int, seed: int) -> dict[str, Any]:
    """Win rates against the strong bot before and after bulk training from the shipped model, and the promotions."""
    prepare(work.folder / "data", seed, GAME)
    train(work, "adapters.opening", minutes, seed)
    after = stored_policy(GAME, work.folder / "data", None)
    return {
        "before": against_opener(shipped(), battles),
        "after": against_opener(after, battles),
        "version": after.version,
        "battles": battles,
    }


def against_opener(policy: Policy, battles: int) -> float:
    """Score of a policy against the strong bot, on the same battles for everybody."""
    checks = Checks(GAME, encoder(), 77, BattleFaults())
    return float(sample_of(checks, policy, Opponent("opener", opener), battles).score)


def sample_of(checks: Checks, policy: Policy, opponent: Opponent, most: int) -> Sample:
    """A policy's results against one opponent."""
    turns = checks.play(policy, opponent, most, lambda sample: False)
    while True:
        try:
            next(turns)
        except StopIteration as end:
            sample: Sample = end.value.sample
            return sample


def difference(results: Sequence[dict[str, Any]]) -> Interval:
    """After minus before: over several runs the spread between them, of one run that of its battles."""
    gaps = [result["after"] - result["before"] for result in results]
    if len(gaps) > 1:
        return of_mean(gaps)
    variance = sum(results[0][when] * (1 - results[0][when]) for when in ("before", "after"))
    half = 1.96 * sqrt(variance / results[0]["battles"])
    return Interval(gaps[0], gaps[0] - half, gaps[0] + half)


def passed(name: str, results: Sequence[dict[str, list[float]]]) -> Interval:
    return wilson(results[0][name][0], int(results[0][name][1]))


def mean_pairs(name: str, results: Sequence[dict[str, list[float]]]) -> Interval:
    return exact(results[0][name][2])


def gate(quick: bool) -> Study:
    """Figures of the gate, a part of tests/studies/harm.py."""
    seeds, candidates, steps, runs = ([0, 1], 20, 20, [0]) if quick else (list(range(20)), 1000, 200, [0])
    equal = seeded("equal", replaced, seeds, candidates=candidates)
    length, battles = (0.05, 1024) if quick else (4.0, 16_384)
    trained = seeded("drift", drift, runs, minutes=length, battles=battles)
    figures = [
        Figure("harm.gate.replaced", names_of(equal), of_mean, seeds, "at most 10"),
        Figure("harm.drift", names_of(trained), difference, runs, "at least -0.02"),
    ]
    for score in SCORES:
        for place in PLACES:
            name = f"{round(100 * score)}.{place}"
            figures.append(Figure(f"harm.gate.passed.{name}", ("power",), partial(passed, name), [0]))
            figures.append(Figure(f"harm.gate.pairs.{name}", ("power",), partial(mean_pairs, name), [0]))
    made = {"candidates": steps, "seeds": seeds}
    cycles = [
        Unit(f"cycles {rule} {planes}", beaten_by, {"rule": rule, "planes": planes, **made})
        for rule in RULES
        for planes in PLANES
    ]
    figures += [
        Figure(f"harm.gate.{unit.name.replace(' ', '.')}", (unit.name,), lambda results: of_mean(results[0]), seeds)
        for unit in cycles
    ]
    return Study([*equal, Unit("power", power, {"candidates": candidates}), *trained, *cycles], figures)
