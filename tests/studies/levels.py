"""Levels of difficulty: who beats level 1, how even the steps are, how senseless weak levels play, the adaptive one.

What ships is measured: the five levels of Ringside's own model and its ladder, and for the adaptive level the plugin
itself, battle by battle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.evaluation.headless import PolicyBot
from cornerman.evaluation.ratings import Meeting, rate
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import base_model
from cornerman.models.manifest import Identity
from cornerman.policy.difficulty import LEVELS
from cornerman.policy.policy_slot import PolicySlot
from cornerman.training.bulk.pairings import Pairings
from game_adapter.host.match import PLUGIN, SCRIPTED
from game_adapter.ringside.game import RINGSIDE, Ringside
from tests.studies.intervals import Interval, of_mean
from tests.studies.study import Figure, Study, Work, names_of, seeded
from tests.support.table import Table

PLAYERS = ("random", "brawler", "tactician", "planner", "itself")
SCRIPTED_BOTS = ("random", "brawler", "tactician")
REGRET = 0.3
"""An action is senseless where the champion's value of it lies so far below that of its best; returns span 3."""
BATCH, TURNS = 1024, 40
WARM_UP, RESAMPLES = 20, 200


def shipped_levels() -> PolicySlot:
    """A slot in which the shipped model plays, with its ladder."""
    policy, _, ladder = base_model(Identity.of(RINGSIDE, Encoder(RINGSIDE)), RINGSIDE.base_model)
    assert ladder is not None
    return PolicySlot([policy], False, (ladder.rungs, ladder.first, {policy.version: ladder.top.points}))


def players_of(slot: PolicySlot) -> dict[str, Any]:
    """The five levels by number, and the bots that play in batches."""
    levels = {str(number): slot.at_level(number) for number in range(1, len(LEVELS) + 1)}
    return {**levels, **{name: RINGSIDE.bots[name] for name in SCRIPTED_BOTS}}


def battles(work: Work, num_battles: int, seed: int) -> list[list[Any]]:
    """Level against level, and level 1 against the two weakest bots: first, second, the first one's score, battles."""
    del work
    levels = [str(number) for number in range(1, len(LEVELS) + 1)]
    pairs = [*combinations(levels, 2), ("1", "random"), ("1", "brawler")]
    met = Pairings(RINGSIDE, Encoder(RINGSIDE), seed).play(players_of(shipped_levels()), pairs, num_battles, 2)
    return [[each.player, each.opponent, each.score, each.battles] for each in met]


def bot_wins(bot: str, results: Sequence[Any]) -> Interval:
    """Share of its battles that a bot wins against level 1."""
    found = [row for result in results for row in result if row[:2] == ["1", bot]]
    return of_mean([1.0 - score / count for _, _, score, count in found])


def evenness(results: Sequence[Any]) -> Interval:
    """The largest step in rating between two neighbouring levels over the smallest; bootstrap over seeds."""
    random = np.random.default_rng(0)
    drawn = [ratio([results[at] for at in random.integers(len(results), size=len(results))]) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(ratio(results), float(low), float(high))


def ratio(results: Sequence[Any]) -> float:
    steps = np.diff(points(results))
    return float(steps.max() / max(steps.min(), 1e-9))


def points(results: Sequence[Any]) -> list[float]:
    """Ratings of the levels by the battles among them, level 1 at 0 (Bradley-Terry)."""
    met = [Meeting(*row) for result in results for row in result if row[1] not in SCRIPTED_BOTS]
    ratings = rate(met, {"1": 0.0})
    return [ratings[str(number)].points for number in range(1, len(LEVELS) + 1)]


def level_points(number: int, results: Sequence[Any]) -> Interval:
    """How far a level lies above level 1; the spread between seeds."""
    return of_mean([points([result])[number - 1] for result in results])


def senseless(work: Work, seed: int) -> dict[str, float]:
    """Share of the decisions in battles against themselves that are senseless, of each level and each bot."""
    del work
    slot = shipped_levels()
    champion, shares = slot.champion, {}
    for name, player in players_of(slot).items():
        battle, random = RINGSIDE.new_battles(BATCH, seed), np.random.default_rng(seed)
        seen = np.zeros((BATCH, champion.spec.observation_size), np.float32)
        masks, rows = np.zeros((BATCH, champion.spec.num_actions), np.bool_), np.arange(BATCH)
        bad: list[NDArray[np.bool_]] = []
        for _ in range(TURNS):
            battle.observe(seen, masks)
            bot = RINGSIDE.batched_bots.get(name)
            actions = player.act_batch(seen, masks, random) if bot is None else np.asarray(bot(battle, rows, random))
            values = np.where(masks, champion.q_values_batch(seen), -np.inf)
            bad.append(values.max(1) - values[rows, actions] > REGRET)
            battle.step(actions)
        shares[name] = float(np.mean(bad))
    return shares


def more_senseless(results: Sequence[Mapping[str, float]]) -> Interval:
    """By how much the share of the worst level exceeds that of the worst scripted bot."""
    worst = [
        max(share for name, share in result.items() if name.isdigit()) - max(result[name] for name in SCRIPTED_BOTS)
        for result in results
    ]
    return of_mean(worst)


class WithItself(Ringside):
    """With the shipped model as one more bot."""

    @property
    def bots(self) -> Mapping[str, Any]:
        return {**super().bots, "itself": PolicyBot(shipped_levels().champion, Encoder(RINGSIDE))}


def adaptive(work: Work, name: str, num_battles: int, seed: int) -> list[float]:
    """Scores of a player in a row of battles against the plugin at its adaptive level, seats in turn."""
    game, scores = WithItself(), []
    settings: dict[str, Any] = {"learning": False, "recording": False, "difficulty": 6, "seed": seed}
    with Table(game, work.folder / "data", **settings, from_nothing=False) as table:
        table.battles = seed * num_battles
        for number in range(num_battles):
            own = number % 2
            match = table.match({own: PLUGIN, 1 - own: SCRIPTED}, name)
            while not match.over:
                if match.between_rounds:
                    match.start_round()
                match.play(match.decide())
            outcome = match.battle.outcome
            assert outcome is not None
            scores.append((outcome[1 - own] + 1) / 2)
    return scores


def held(results: Sequence[Sequence[float]]) -> Interval:
    """The share that the player wins after the first battles."""
    return of_mean([float(np.mean(scores[WARM_UP:])) for scores in results])


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, num_battles, row = ([0, 1], 64, 24) if quick else (list(range(20)), 1024, 120)
    met = seeded("battles", battles, seeds, num_battles=num_battles)
    played = seeded("senseless", senseless, seeds)
    series = {name: seeded(name, adaptive, seeds, name=name, num_battles=row) for name in PLAYERS}
    of_battles = names_of(met)
    figures = [
        Figure("levels.brawler_wins", of_battles, partial(bot_wins, "brawler"), seeds, "at least 0.60"),
        Figure("levels.random_wins", of_battles, partial(bot_wins, "random"), seeds, "at least 0.35"),
        Figure("levels.evenness", of_battles, evenness, seeds, "at most 1.5"),
        Figure("levels.senseless", names_of(played), more_senseless, seeds, "at most 0"),
    ]
    figures += [Figure(f"levels.points.{n}", of_battles, partial(level_points, n), seeds) for n in range(2, 6)]
    figures += [
        Figure(f"levels.adaptive.{name}", names_of(units), held, seeds, "0.45 to 0.55")
        for name, units in series.items()
    ]
    return Study([*met, *played, *chain(*series.values())], figures)
