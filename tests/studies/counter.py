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
from tests.studies.measures.practice import Fighter, gains, losses, practise
from tests.studies.study import Figure, Study, Unit, Work

PLAYERS = (*HABITS, *OTHERS)
WEIGHTS = "branch.npy"
ALONE_PAIRS = 1000


def learned(seed: int, battles: int) -> PlayerModel:
    """The model of the seed's player after so many battles against the champion alone."""
    model, of = new_model(), PLAYERS[seed]
    deque(scores(of.bot, seeds_of(of.name, battles, seed), model), maxlen=0)
    return model


def practised(work: Work, battles: int, steps: int, seed: int) -> None:
    """A branch for the seed's player, stored in this unit's folder."""
    branch = practise(Fighter(learned(seed, battles)), steps, seed)
    np.save(work.folder / WEIGHTS, branch.flat)


def branch_of(work: Work, seed: int) -> Policy:
    return Policy(shipped().spec, np.load(work.folder_of(f"branch {seed}") / WEIGHTS), 1)


def judged(work: Work, battles: int, seed: int) -> dict[str, Any]:
    """Whether the branch may play: it is better against the model of the player, and loses to nobody else."""
    branch = branch_of(work, seed)
    better = of_mean(gains(Fighter(learned(seed, battles)), branch, ALONE_PAIRS, seed))
    elsewhere = losses(branch, seed)
    promoted = better.low > 0.0 and not any(worse for _, worse in elsewhere.values())
    return {"better": better, "lost": elsewhere, "promoted": promoted}


def fought(work: Work, battles: int, pairs: int, seed: int) -> dict[str, float]:
    """Mean scores against the player itself, each in the same battles."""
    branch, model, player = branch_of(work, seed), learned(seed, battles), playing(PLAYERS[seed])
    each = {
        "champion in these": playing(shipped()),
        "champion searching": looking_ahead(model),
        "branch searching": looking_ahead(model, branch),
        "stranger searching": looking_ahead(stranger()),
    }
    found = {name: float(duel(by, player, pairs, seed).mean()) for name, by in each.items()}
    for name, policy in (("champion", shipped()), ("branch", branch)):
        found[name] = float(duel(playing(policy), player, ALONE_PAIRS, seed).mean())
    return found


def gain(first: str, second: str, results: Sequence[dict[str, float]]) -> Interval:
    """Of one over the other; the interval is over seeds."""
    return of_mean([result[first] - result[second] for result in results])


def by_rule(results: Sequence[dict[str, Any]]) -> Interval:
    """Of the branch beside look-ahead where it is promoted; where it is not, the champion goes on."""
    half = len(results) // 2
    pairs = zip(results[:half], results[half:], strict=True)
    return of_mean(
        [rule["promoted"] * (found["branch searching"] - found["champion searching"]) for rule, found in pairs]
    )


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
        units.append(Unit(f"judged {seed}", judged, given, (f"branch {seed}",)))
        units.append(Unit(f"fought {seed}", fought, {**given, "pairs": pairs}, (f"branch {seed}",)))
    rules, fights = (tuple(f"{what} {seed}" for seed in seeds) for what in ("judged", "fought"))
    figures = [
        Figure("counter.promoted", rules, promoted, seeds),
        Figure("counter.lost", rules, lost, seeds),
        Figure("counter.gain_ghost", rules, lambda found: of_mean([one["better"][0] for one in found]), seeds),
        Figure("counter.gain_by_rule", (*rules, *fights), by_rule, seeds, "above 0"),
    ]
    for key, first, second in (
        ("gain_alone", "branch", "champion"),
        ("gain_with_search", "branch searching", "champion searching"),
        ("search_gain", "champion searching", "champion in these"),
        ("model_gain", "champion searching", "stranger searching"),
    ):
        figures.append(Figure(f"counter.{key}", fights, partial(gain, first, second), seeds))
    return Study(units, figures)
