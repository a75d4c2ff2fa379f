"""Chances to win: how far what the panel shows beside a decision lies from how often such battles are won.

Ringside's shipped model against one opponent after the other, at its best and at a weaker level. Before every battle
the chances are those of the battles before it, as in a game. The figure is the expected calibration error: decisions in
ten bins of chance, in each the distance between the mean chance and the share won, weighted by decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random

import numpy as np
from numpy.typing import NDArray

from cornerman.evaluation.headless import as_bot
from cornerman.experience.encoder import Encoder
from cornerman.opponent.record import Record, win_chances
from game_adapter.ringside.game import RINGSIDE
from tests.studies.intervals import Interval
from tests.studies.levels import shipped_levels
from tests.studies.study import Figure, Study, Work, names_of, seeded

OPPONENTS = ("brawler", "tactician", "planner", "itself")
LEVELS = (2, 5)
BINS, RESAMPLES = 10, 500

Shown = list[list[float]]
"""Chance that was shown and share of the battle that was won, a decision each."""


def battles(work: Work, name: str, level: int, num_battles: int, seed: int) -> list[Shown]:
    """What was shown in each battle."""
    del work
    encoder, slot, record, found = Encoder(RINGSIDE), shipped_levels(), Record(), list[Shown]()
    rung, draws = slot.at_level(level), np.random.default_rng(seed)
    assert rung is not None
    opponent = as_bot(slot.champion, encoder) if name == "itself" else RINGSIDE.bots[name]
    for number in range(num_battles):
        battle, own, values, shown = RINGSIDE.new_battle(seed * num_battles + number), number % 2, [], []
        random, chance = Random(number), record.chance()
        while battle.seat is not None:
            if battle.seat == own:
                seen, mask = encoder.encode(battle.state(), own), encoder.mask(battle.action_mask())
                action = rung.act(seen, mask, draws)
                values.append(rung.policy.q_values(seen)[action])
                shown.append(win_chances(np.array(values[-1:]), chance).item())
            else:
                action = int(opponent(battle, random) or 0)
            battle.apply(action)
        assert battle.outcome is not None
        share = (battle.outcome[own] + 1.0) / 2.0
        record.add(np.array(values), share)
        found.append([[win, share] for win in shown])
    return found


def error(known: int, results: Sequence[Sequence[Shown]]) -> Interval:
    """The calibration error of battles after the first `known`; bootstrap over battles."""
    groups = [np.array(shown) for result in results for shown in result[known:]]
    random = np.random.default_rng(0)
    drawn = [_error([groups[at] for at in random.integers(len(groups), size=len(groups))]) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(_error(groups), float(low), float(high))


def _error(groups: Sequence[NDArray[np.float64]]) -> float:
    wins, shares = np.concatenate(groups).T
    bins = np.minimum((wins * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, wins - shares, BINS)
    return float(np.abs(gaps).sum() / len(wins))


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, num_battles, known = ([0, 1], 6, 3) if quick else (list(range(20)), 100, 20)
    units = {
        (name, level): seeded(f"{name} {level}", battles, seeds, name=name, level=level, num_battles=num_battles)
        for name in OPPONENTS
        for level in LEVELS
    }
    figures = [
        Figure(f"chances.{name}.level_{level}", names_of(of), partial(error, known), seeds, "at most 0.05")
        for (name, level), of in units.items()
    ]
    return Study([unit for of in units.values() for unit in of], figures)
