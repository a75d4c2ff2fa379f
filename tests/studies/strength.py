"""Strength: against perfect play in a small Ringside, against a best response in the full one, against the planner."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from random import Random
from typing import Any

import numpy as np

from cornerman.cli.commands.stored import stored_policy
from cornerman.experience.encoder import Encoder
from cornerman.opponent.player_model import PlayerModel
from cornerman.search.look_ahead import LookAhead, effort_for
from cornerman.search.playouts import Playouts
from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapt import seeds_of
from tests.studies.adapters import small_ringside
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, of_mean
from tests.studies.measures import best_response
from tests.studies.measures.adapting import Noted, look_ahead, looking_ahead, new_model, scores, stranger
from tests.studies.measures.duel import duel, playing
from tests.studies.measures.exact_ringside import ACTIONS, Duel
from tests.studies.measures.habits import NO_HABIT
from tests.studies.measures.training import prepare, train
from tests.studies.study import Figure, Study, Unit, Work

SHIPPED_MINUTES = 14.0
"""What training the shipped model takes on two free cores; a best response gets ten times that."""


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


def optimal_searched(work: Work, trained: str, battles: int, seed: int) -> float:
    """Share of the optimal value that this champion keeps against perfect play with look-ahead, as the plugin plays: of
    the player nothing is known at first, and a model of it learns every battle of the series."""
    game, encoder = small_ringside.GAME, Encoder(small_ringside.GAME)
    policy = stored_policy(game, work.folder_of(trained) / "data", None)
    model = PlayerModel(policy, encoder.feature_names, game.action_names)
    ahead = LookAhead(Playouts(game, encoder, policy, model), effort_for(game))
    solved = [Duel(fighter) for fighter in small_ringside.FIGHTERS]
    regret = 0.0
    for number, start in enumerate(seeds_of("perfect", battles, seed)):
        battle, lots, noted = game.new_battle(start), Random(start), Noted()
        while (seat := battle.seat) is not None:
            state, mask = battle.state(), np.array(battle.action_mask())
            regrets = solved[start % len(solved)].regrets_in(state, seat)
            action = ACTIONS[int(regrets.argmin())]
            if seat == number % 2:
                *_, found = ahead.improve([state], [seat], mask[None], lots.getrandbits(48))
                action = int(found.best[0])
                regret += float(regrets[ACTIONS.index(action)])
            else:
                noted.add(encoder.encode(state, seat), mask, action)
            battle.apply(action)
        for _ in model.learn(noted.decisions):
            pass
    return 1.0 - regret / battles


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


def over_planner(work: Work, battles: int, seed: int) -> float:
    """The shipped model's score against the planner, in either seat in turn, without look-ahead."""
    del work
    return float(np.mean(list(scores(RINGSIDE.bots["planner"], seeds_of("planner", battles, seed)))))


def searched(work: Work, player: str, battles: int, seed: int) -> float:
    """The shipped model's score with look-ahead against the planner or the shipped model itself, as the plugin plays:
    of the player nothing is known at first, and a model of it learns every battle of the series."""
    del work
    model, bot = new_model(), NO_HABIT.bot if player == "shipped" else RINGSIDE.bots[player]
    return float(np.mean(list(scores(bot, seeds_of(player, battles, seed), model, look_ahead(model)))))


def over_alone(work: Work, pairs: int, seed: int) -> float:
    """The same over the shipped model where nothing is learned of it, in side-swapped battles."""
    del work
    return float(duel(looking_ahead(stranger()), playing(shipped()), pairs, seed).mean())


def study(quick: bool) -> Study:
    """`quick` says only whether all of it runs."""
    seeds, minutes, battles = ([0, 1], 0.1, 4) if quick else (list(range(3)), 10.0, 200)
    small_series = 2 if quick else 120
    units: list[Unit] = []
    for seed in seeds:
        given: dict[str, Any] = {"game": "adapters.small_ringside", "minutes": minutes, "seed": seed}
        units.append(Unit(f"small {seed}", train, given))
        units.append(Unit(f"optimal {seed}", optimal, {"trained": f"small {seed}"}, (f"small {seed}",)))
        given = {"trained": f"small {seed}", "battles": small_series, "seed": seed}
        units.append(Unit(f"optimal searched {seed}", optimal_searched, given, (f"small {seed}",)))
    length, pairs = (0.1, 50) if quick else (10 * SHIPPED_MINUTES, 8000)
    units.append(Unit("response", respond, {"minutes": length, "seed": 0}))
    units.append(Unit("response played", response_scores, {"trained": "response", "pairs": pairs}, ("response",)))
    several, series = ([0, 1], 2) if quick else (list(range(20)), 60)
    for seed in several:
        units.append(Unit(f"planner {seed}", over_planner, {"battles": battles, "seed": seed}))
        for player in ("planner", "shipped"):
            given = {"player": player, "battles": series, "seed": seed}
            units.append(Unit(f"{player} searched {seed}", searched, given))
        units.append(Unit(f"stranger searched {seed}", over_alone, {"pairs": series // 2, "seed": seed}))
    solved = tuple(f"optimal {seed}" for seed in seeds)
    searched_small = tuple(f"optimal searched {seed}" for seed in seeds)
    figures = [
        Figure("strength.optimal", solved, lambda found: share_kept("perfect", found), seeds, "at least 0.98"),
        Figure("strength.optimal_search", searched_small, of_mean, seeds, "at least 0.98"),
        Figure("strength.optimal_worst", solved, lambda found: share_kept("best response", found), seeds),
        Figure("strength.exploitability", ("response played",), lost_to_response, [0]),
    ]
    for key, unit, least in (
        ("planner", "planner", 0.75),
        ("planner_search", "planner searched", 0.8),
        ("search", "shipped searched", 0.7),
        ("search_stranger", "stranger searched", None),
    ):
        found = tuple(f"{unit} {seed}" for seed in several)
        must = "" if least is None else f"at least {least}"
        figures.append(Figure(f"strength.{key}", found, of_mean, several, must))
    return Study(units, figures)


def lost_to_response(results: Sequence[list[float]]) -> Interval:
    """By how much more than half of the score the response wins."""
    value, low, high = of_mean(results[0])
    return Interval(value - 0.5, low - 0.5, high - 0.5)
