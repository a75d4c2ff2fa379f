"""It learns about you: how well a player is foreseen, what look-ahead makes of it, and what that costs elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from random import Random
from typing import Any

import numpy as np

from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, of_mean
from tests.studies.measures.adapting import Foreseen, look_ahead, looking_ahead, mean_gain, new_model, scores
from tests.studies.measures.duel import playing
from tests.studies.measures.habits import HABITS, NO_HABIT, OTHERS
from tests.studies.measures.hooks_only import Opened, play
from tests.studies.study import Figure, Study, Unit, Work, names_of, seeded

PLAYERS = {player.name: player for player in (*HABITS, *OTHERS, NO_HABIT)}
SEEN_AFTER = (5, 10, 30)
BOUNDS = {
    5: ("at least 0.08", "at most 0.75"),
    10: ("at least 0.12", "at most 0.65"),
    30: ("at least 0.15", "at most 0.55"),
}
STRETCHES = {30: (10, "at least 0.50"), 60: (30, "at least 0.75")}
"""Battles up to which, from which on a share of the gain is there, and how much of it must be."""
BOTS = ("brawler", "tactician")


def seeds_of(player: str, battles: int, seed: int) -> list[int]:
    """Of the battles of one player's series."""
    random = Random(f"{player} {seed}")
    return [random.getrandbits(48) for _ in range(battles)]


def foreseen(work: Work, player: str, battles: int, seed: int) -> dict[str, Any]:
    """How well a player is foreseen after so many battles against the shipped model alone."""
    del work
    model, found = new_model(), {}
    for number, _ in enumerate(scores(PLAYERS[player].bot, seeds_of(player, battles, seed), model), 1):
        if number in SEEN_AFTER:
            found[str(number)] = list(Foreseen.by(model, PLAYERS[player], seed=99))
    return found


def possible(work: Work, player: str, pairs: int) -> list[float]:
    """By pair of battles, what look-ahead with the true player as its model gains over the champion alone."""
    del work
    of = PLAYERS[player]
    return [float(gain) for gain in mean_gain(looking_ahead(of), playing(shipped()), playing(of), pairs, seed=5)]


def adapted(work: Work, player: str, battles: int, seed: int) -> list[float]:
    """By battle, what look-ahead with a model that learns each battle gains over the champion alone in the same one."""
    del work
    model, seeds, of = new_model(), seeds_of(player, battles, seed), PLAYERS[player].bot
    gains = np.array(list(scores(of, seeds, model, look_ahead(model)))) - list(scores(of, seeds))
    return [float(gain) for gain in gains]


def through_plugin(work: Work, player: str, battles: int, seed: int) -> list[float]:
    """As `adapted`, by the plugin itself with host and worker; practice is off, so that no other version comes up."""
    of, seeds, gains = PLAYERS[player].bot, seeds_of(player, battles, seed), []
    own = RINGSIDE.bots[RINGSIDE.own_fighter]
    with Opened(RINGSIDE, seed, work.folder / "data", practice=0.0, idle_practice=0, thinking_ms=60_000.0) as host:
        for number, (battle_seed, alone) in enumerate(zip(seeds, scores(of, seeds), strict=True), 1):
            seat, battle = (number - 1) % 2, RINGSIDE.new_battle(battle_seed)
            won = play(host, battle, number, seat, own, of, Random(battle_seed))
            gains.append((1.0 + won) / 2.0 - alone)
    return gains


def elsewhere(work: Work, player: str, battles: int, then: int, seed: int) -> dict[str, list[float]]:
    """By battle, what look-ahead gains over the champion alone where a bot, or the shipped model, which is the oldest
    champion that there is, takes the place of a player whose battles were learned from. The model learns on, as in a
    game that names no players; a bot of a game is not even looked ahead against."""
    del work
    found, others = {}, {name: RINGSIDE.bots[name] for name in BOTS} | {"shipped": NO_HABIT.bot}
    learned = new_model()
    deque(scores(PLAYERS[player].bot, seeds_of(player, battles, seed), learned), maxlen=0)
    for name, other in others.items():
        model, seeds = deepcopy(learned, {id(shipped()): shipped()}), seeds_of(f"{player} and {name}", then, seed)
        ahead = look_ahead(model)
        gains = np.array(list(scores(other, seeds, model, ahead))) - list(scores(other, seeds))
        found[name] = [float(gain) for gain in gains]
    return found


def by_seed(results: Sequence[Any], value: Callable[[Any], float]) -> Interval:
    """Of the mean over habits of one seed; results come seed by seed."""
    values = np.array([value(result) for result in results]).reshape(-1, len(HABITS))
    return of_mean(values.mean(1).tolist())


def of_foreseen(battles: int, at: int, results: Sequence[dict[str, list[float]]]) -> Interval:
    return by_seed(results, lambda result: result[str(battles)][at])


def mean_possible(results: Sequence[list[float]]) -> Interval:
    """The mean over habits, by pair."""
    return of_mean(np.mean(results, 0).tolist())


def share(first: int, last: int, results: Sequence[list[float]]) -> Interval:
    """Of the gain that is there to have, in battles after `first` up to `last`; the interval is over series."""
    whole = float(np.mean(results[: len(HABITS)]))
    return by_seed(results[len(HABITS) :], lambda gains: float(np.mean(gains[first:last])) / whole)


def through(results: Sequence[list[float]]) -> Interval:
    """Gained by the plugin itself after its first ten battles, or after all of a shorter series; by habit."""
    return of_mean([float(np.mean(gains[10:] or gains)) for gains in results])


def forgotten(results: Sequence[dict[str, list[float]]]) -> Interval:
    """Lost against those against whom most is lost."""
    lost = {name: by_seed(results, lambda result, of=name: -float(np.mean(result[of]))) for name in results[0]}  # type: ignore[misc]
    return max(lost.values())


def wasted(results: Sequence[list[float]]) -> Interval:
    """Lost to a player without habits, over all battles."""
    return of_mean([-float(np.mean(gains)) for gains in results])


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, battles, pairs, few = ([0, 1], 3, 2, 1) if quick else (list(range(20)), 60, 250, 20)
    habits, others = ([player.name for player in players] for players in (HABITS, OTHERS))
    units = [Unit(f"possible {name}", possible, {"player": name, "pairs": pairs}) for name in habits]
    for seed in seeds:
        for name in (*habits, *others):
            units += seeded(f"foreseen {name}", foreseen, [seed], player=name, battles=max(SEEN_AFTER))
    for seed in seeds:
        for name in (*habits, NO_HABIT.name):
            units += seeded(f"adapted {name}", adapted, [seed], player=name, battles=battles)
        for name in habits:
            units += seeded(f"elsewhere {name}", elsewhere, [seed], player=name, battles=battles // 2, then=few)
    given = {"battles": battles // 2, "seed": 0}
    chain = [Unit(f"plugin {name}", through_plugin, {"player": name, **given}) for name in habits]
    units += chain

    def each(what: str, names: Sequence[str] = habits) -> tuple[str, ...]:
        return tuple(f"{what} {name} {seed}" for seed in seeds for name in names)

    there = tuple(f"possible {name}" for name in habits)
    figures = [Figure("adapt.possible", there, mean_possible, [5])]
    for after, (least, most) in BOUNDS.items():
        figures.append(
            Figure(f"adapt.accuracy_{after}", each("foreseen"), partial(of_foreseen, after, 0), seeds, least)
        )
        figures.append(Figure(f"adapt.loss_{after}", each("foreseen"), partial(of_foreseen, after, 1), seeds, most))
        for what, at in (("accuracy", 0), ("loss", 1)):
            of = partial(of_foreseen, after, at)
            figures.append(Figure(f"adapt.others.{what}_{after}", each("foreseen", others), of, seeds))
    for last, (first, least) in STRETCHES.items():
        gained = partial(share, 0 if quick else first, last)
        figures.append(Figure(f"adapt.share_{last}", (*there, *each("adapted")), gained, seeds, least))
    figures.append(Figure("adapt.plugin", names_of(chain), through, [0]))
    figures.append(Figure("adapt.forgotten", each("elsewhere"), forgotten, seeds, "at most 0.02"))
    figures.append(Figure("adapt.wasted", each("adapted", [NO_HABIT.name]), wasted, seeds, "at most 0.01"))
    return Study(units, figures)
