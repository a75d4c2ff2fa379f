"""Do no harm: the plugin in a game that offers hooks alone, the live test by simulation, and the gate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.evaluation.live.trials import LiveTest
from tests.studies.intervals import Interval, of_mean, wilson
from tests.studies.measures.gate import gate
from tests.studies.measures.hooks_only import barebones_series, series
from tests.studies.study import Figure, Study, Unit, Work, names_of, seeded

MATCHES = {
    "brawler": ("brawler", "tactician"),
    "planner": ("tactician", "planner"),
    "stronger": ("tactician", "brawler"),
}
"""The game's own fighter, and who plays the player."""
BATTLES, WINDOW, FIRST = 300, 50, 200
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
LESS = 0.2
RESAMPLES = 2000


def hooks_only(work: Work, own: str, player: str, battles: int, seed: int) -> dict[str, Any]:
    """Outcomes of the plugin's seat, and of the own fighter's alone in the same battles."""
    alone = series(own, player, battles, seed, None)
    return {"alone": alone["won"], **series(own, player, battles, seed, work.folder / "data")}


def barebones(work: Work, battles: int, seed: int) -> dict[str, Any]:
    """The same in barebones-rpg, over the framework's own enemies."""
    alone = barebones_series(battles, seed, None)
    return {"alone": alone["won"], **barebones_series(battles, seed, work.folder / "data")}


def gains(results: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """By how much more often each battle was won than by the own fighter alone, `[seeds, battles]`."""
    with_plugin, alone = (np.array([result[name] for result in results]) > 0 for name in ("won", "alone"))
    return with_plugin.astype(np.float64) - alone


def gain(first: int, last: int, results: Sequence[dict[str, Any]]) -> Interval:
    """In battles `first` to `last`, counted from 1."""
    return of_mean(gains(results)[:, first - 1 : last].mean(1).tolist())


def worst(results: Sequence[dict[str, Any]]) -> Interval:
    """The lowest mean over seeds of `WINDOW` battles in a row of the first `FIRST`, in whichever match; bootstrap over
    seeds (Efron 1979)."""
    each = np.split(gains(results), len(MATCHES))
    kernel = np.ones(WINDOW) / WINDOW
    windows = [np.array([np.convolve(row[:FIRST], kernel, "valid") for row in match]) for match in each]
    random = np.random.default_rng(0)
    drawn = [random.integers(len(each[0]), size=len(each[0])) for _ in range(RESAMPLES)]
    lowest = [min(match[rows].mean(0).min() for match in windows) for rows in drawn]
    low, high = np.percentile(lowest, (2.5, 97.5))
    return Interval(float(min(match.mean(0).min() for match in windows)), float(low), float(high))


def trials(work: Work, less: float, count: int, seed: int) -> dict[str, list[int]]:
    """Of candidates that win so much less often than the champion, by its win rate: whether each was promoted, and how
    many battles each played."""
    del work
    random, found = np.random.default_rng(seed), dict[str, list[int]]()
    for strength in STRENGTHS:
        if strength < less:
            continue
        promoted, played = list[int](), list[int]()
        for _ in range(count):
            test = LiveTest()
            while test.better is None:
                tried = bool(random.random() < test.share)
                test.add(tried, float(random.random() < strength - less * tried))
            promoted.append(int(test.better))
            played.append(test.num_battles)
        found |= {f"promoted {strength}": promoted, f"played {strength}": played}
    return found


def largest(name: str, results: Sequence[dict[str, list[int]]]) -> Interval:
    """At the strength of the champion at which it is largest."""
    each = [values for key, values in results[0].items() if key.startswith(name)]
    whole = max(each, key=lambda values: sum(values) / len(values))
    return wilson(sum(whole), len(whole)) if name == "promoted" else of_mean(whole)


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, battles, count = ([0, 1], 220, 20) if quick else (list(range(20)), BATTLES, 1000)
    played = {
        name: seeded(name, hooks_only, seeds, own=own, player=player, battles=battles)
        for name, (own, player) in MATCHES.items()
    }
    of = {name: names_of(units) for name, units in played.items()}
    simulated = [
        Unit("trials equal", trials, {"less": 0.0, "count": count, "seed": 0}),
        Unit("trials worse", trials, {"less": LESS, "count": count, "seed": 0}),
    ]
    early, late = partial(gain, 31, 100), partial(gain, 201, 300)
    figures = [
        Figure("harm.live.false", ("trials equal",), partial(largest, "promoted"), [0], "at most 0.05"),
        Figure("harm.live.exposure", ("trials worse",), partial(largest, "played"), [0], "at most 15"),
        Figure("harm.brawler.early", of["brawler"], early, seeds, "at least 0.15"),
        Figure("harm.brawler.gain", of["brawler"], late, seeds, "at least 0.30"),
        Figure("harm.planner.early", of["planner"], early, seeds, "at least 0.08"),
        Figure("harm.planner.gain", of["planner"], late, seeds, "at least 0.25"),
        Figure("harm.stronger.gain", of["stronger"], late, seeds, "at least -0.01"),
        Figure("harm.worst", sum(of.values(), ()), worst, seeds, "at least -0.03"),
    ]
    framework = seeded("barebones", barebones, seeds, battles=battles)
    over_framework = partial(gain, 1, battles)
    figures.append(Figure("harm.barebones.gain", names_of(framework), over_framework, seeds, "at least 0.05"))
    judged = gate(quick)
    return Study([*simulated, *chain(*played.values()), *framework, *judged.units], [*figures, *judged.figures])
