"""Strength: against perfect play in a small Ringside, against a best response in the full one, against the planner."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from cornerman.cli.commands.stored import stored_policy
from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters import small_ringside
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, of_mean
from tests.studies.measures import best_response
from tests.studies.measures.adapting import look_ahead, looking_ahead, scores, stranger
from tests.studies.measures.duel import duel, playing
from tests.studies.measures.exact_ringside import Duel
from tests.studies.measures.gate import prepare
from tests.studies.study import Figure, Study, Unit, Work

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_MINUTES = 6.0
"""What training the shipped model takes on two free cores; a best response gets ten times that."""


def train(work: Work, game: str, minutes: float, seed: int) -> None:
    """`cornerman train` in this unit's folder."""
    command = [sys.executable, "-m", "cornerman", "train", "--game", f"tests.studies.{game}:GAME"]
    command += ["--data", str(work.folder / "data"), "--minutes", str(minutes), "--seed", str(seed)]
    command += ["--ladder-battles", "0"]
    subprocess.run(command, check=True, cwd=ROOT)


def optimal(work: Work, trained: str) -> dict[str, list[float]]:
    """By fighter, mean scores (won 1, drawn 1/2) of the champion trained in small Ringside: against perfect play, and
    against whoever plays best against this very champion. Exact; perfect play against itself scores 1/2."""
    policy = stored_policy(small_ringside.GAME, work.folder_of(trained) / "data", None)
    found: dict[str, list[float]] = {"perfect": [], "best response": []}
    for fighter in small_ringside.FIGHTERS:
        solved = Duel(fighter)
        play = cache(solved.of_policy(partial(policy.act_batch, random=np.random.default_rng(0))))
        for name, other in (("perfect", solved.perfect), ("best response", None)):
            found[name].append((1.0 + solved.outcomes(play, other)) / 2.0)
    return found


def share_kept(against: str, results: Sequence[dict[str, list[float]]]) -> Interval:
    """Of the score of perfect play against itself, over fighters; the interval is over champions."""
    return of_mean([float(np.mean(result[against])) / 0.5 for result in results])


def respond(work: Work, minutes: float, seed: int) -> None:
    """A best response to the shipped model, trained from it: `cornerman train` with the model as the only opponent."""
    prepare(work.folder / "data", seed, best_response.GAME)
    train(work, "measures.best_response", minutes, seed)


def response_scores(work: Work, trained: str, pairs: int) -> list[float]:
    """Scores of the trained response against the shipped model, by pair with the sides swapped."""
    response = stored_policy(best_response.GAME, work.folder_of(trained) / "data", None)
    scores: list[float] = duel(playing(response), playing(shipped()), pairs, 11).mean(1).tolist()
    return scores


def over_planner(work: Work, battles: int, seed: int, search: bool) -> float:
    """The shipped model's score against the planner, in either seat in turn, alone or with look-ahead."""
    del work
    random, ahead = Random(f"planner {seed}"), look_ahead(stranger()) if search else None
    seeds = [random.getrandbits(48) for _ in range(battles)]
    return float(np.mean(list(scores(RINGSIDE.bots["planner"], seeds, ahead=ahead))))


def over_alone(work: Work, pairs: int, seed: int) -> float:
    """The shipped model's score with look-ahead against it alone, in side-swapped battles."""
    del work
    return float(duel(looking_ahead(stranger()), playing(shipped()), pairs, seed).mean())


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, minutes, battles = ([0, 1], 0.1, 4) if quick else (list(range(3)), 10.0, 400)
    units: list[Unit] = []
    for seed in seeds:
        given: dict[str, Any] = {"game": "adapters.small_ringside", "minutes": minutes, "seed": seed}
        units.append(Unit(f"small {seed}", train, given))
        units.append(Unit(f"optimal {seed}", optimal, {"trained": f"small {seed}"}, (f"small {seed}",)))
    length, pairs = (0.1, 50) if quick else (10 * SHIPPED_MINUTES, 8000)
    units.append(Unit("response", respond, {"minutes": length, "seed": 0}))
    units.append(Unit("response played", response_scores, {"trained": "response", "pairs": pairs}, ("response",)))
    several = [0, 1] if quick else list(range(10))
    for seed in several:
        given = {"battles": battles, "seed": seed}
        units.append(Unit(f"planner {seed}", over_planner, {**given, "search": False}))
        units.append(Unit(f"planner searched {seed}", over_planner, {**given, "search": True}))
        units.append(Unit(f"searched {seed}", over_alone, {"pairs": battles // 2, "seed": seed}))
    solved = tuple(f"optimal {seed}" for seed in seeds)
    figures = [
        Figure("strength.optimal", solved, lambda found: share_kept("perfect", found), seeds, "at least 0.98"),
        Figure("strength.optimal_worst", solved, lambda found: share_kept("best response", found), seeds),
        Figure("strength.exploitability", ("response played",), lost_to_response, [0]),
    ]
    for key, unit, least in (
        ("planner", "planner", 0.75),
        ("planner_search", "planner searched", 0.8),
        ("search", "searched", 0.7),
    ):
        found = tuple(f"{unit} {seed}" for seed in several)
        figures.append(Figure(f"strength.{key}", found, of_mean, several, f"at least {least}"))
    return Study(units, figures)


def lost_to_response(results: Sequence[list[float]]) -> Interval:
    """By how much more than half of the score the response wins."""
    value, low, high = of_mean(results[0])
    return Interval(value - 0.5, low - 0.5, high - 0.5)
