"""A counter in the weights, beside look-ahead: a branch that practises against the model of one player."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from cornerman.opponent.player_model import PlayerModel
from cornerman.policy.policy import Policy
from tests.studies.adapt import seeds_of
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, of_mean, wilson
from tests.studies.measures.adapting import looking_ahead, new_model, scores, stranger
from tests.studies.measures.duel import duel, playing
from tests.studies.measures.habits import HABITS, OTHERS
from tests.studies.measures.practice import Fighter, better_against, losses, practise
from tests.studies.study import Figure, Study, Unit, Work

PLAYERS = (*HABITS, *OTHERS)
WEIGHTS = "branch.npy"
GATE_PAIRS = 1000
ALONE_PAIRS = 1000


def learned(seed: int, battles: int) -> PlayerModel:
    """The model of the seed's player after so many battles against the champion alone."""
    model, of = new_model(), PLAYERS[seed]
    deque(scores(of.bot, seeds_of(of.name, battles, seed), model), maxlen=0)
    return model


def practised(work: Work, battles: int, steps: int, seed: int) -> dict[str, Any]:
    """A branch for the seed's player, stored in this unit's folder, and whether the rule of promotion lets it play."""
    player = Fighter(learned(seed, battles))
    branch = practise(player, steps, seed)
    np.save(work.folder / WEIGHTS, branch.flat)
    lost = losses(branch, seed)
    better = better_against(player, branch, GATE_PAIRS, seed)
    return {"better": better, "lost": lost, "promoted": better and not any(worse for _, worse in lost.values())}


def fought(work: Work, battles: int, pairs: int, seed: int) -> dict[str, Any]:
    """Mean scores against the player itself, each in the same battles, and what the rule of promotion said."""
    rule = work.result(f"branch {seed}")
    branch = Policy(shipped().spec, np.load(work.folder_of(f"branch {seed}") / WEIGHTS), 1)
    model, player = learned(seed, battles), playing(PLAYERS[seed])
    each = {
        "champion in these": playing(shipped()),
        "champion searching": looking_ahead(model),
        "branch searching": looking_ahead(model, branch),
        "stranger searching": looking_ahead(stranger()),
    }
    found = {name: float(duel(by, player, pairs, seed).mean()) for name, by in each.items()}
    for name, policy in (("champion", shipped()), ("branch", branch)):
        found[name] = float(duel(playing(policy), player, ALONE_PAIRS, seed).mean())
    return {**found, "promoted": rule["promoted"]}


def gain(first: str, second: str, results: Sequence[dict[str, Any]]) -> Interval:
    """Of one over the other; the interval is over seeds."""
    return of_mean([result[first] - result[second] for result in results])


def by_rule(results: Sequence[dict[str, Any]]) -> Interval:
    """Of the branch beside look-ahead where it is promoted; where it is not, the champion goes on."""
    return of_mean([r["promoted"] * (r["branch searching"] - r["champion searching"]) for r in results])


def promoted(results: Sequence[dict[str, Any]]) -> Interval:
    return wilson(sum(result["promoted"] for result in results), len(results))


def lost(results: Sequence[dict[str, Any]]) -> Interval:
    """To the opponent, a bot or the champion, to whom most is lost."""
    return max(of_mean([result["lost"][name][0] for result in results]) for name in results[0]["lost"])


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, battles, steps, pairs = ([0, 1], 2, 16, 2) if quick else (list(range(10)), 20, 8_000, 30)
    units = list[Unit]()
    for seed in seeds:
        given = {"battles": battles, "seed": seed}
        units.append(Unit(f"branch {seed}", practised, {**given, "steps": steps}))
        units.append(Unit(f"fought {seed}", fought, {**given, "pairs": pairs}, (f"branch {seed}",)))
    branches, fights = (tuple(f"{what} {seed}" for seed in seeds) for what in ("branch", "fought"))
    figures = [
        Figure("counter.promoted", branches, promoted, seeds),
        Figure("counter.lost", branches, lost, seeds),
        Figure("counter.gain_by_rule", fights, by_rule, seeds, "above 0"),
    ]
    for key, first, second in (
        ("gain_alone", "branch", "champion"),
        ("gain_with_search", "branch searching", "champion searching"),
        ("search_gain", "champion searching", "champion in these"),
        ("model_gain", "champion searching", "stranger searching"),
    ):
        figures.append(Figure(f"counter.{key}", fights, partial(gain, first, second), seeds))
    return Study(units, figures)
