"""Opponent sampling for self-play, and the rating of the present policy on the scale of the bots.

The present policy meets itself, past champions by how often they still win, and bots. Plain arithmetic; owned by the
process that learns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import sqrt
from typing import Any

from cornerman.contract import BatchedGame, Floats, HeadlessGame
from cornerman.evaluation.ratings import Meeting, Rating, rate
from cornerman.policy.policy import Policy
from cornerman.selfplay.orders import ITSELF, PRESENT, Order, collecting
from cornerman.settings import Settings

FORGETTING = 0.9
"""Share of older results that is kept each time new ones come: opponents are weighted by their recent results."""
LEAST_WEIGHT = 0.05
"""So that an opponent that never wins any more is still met now and then."""
SMALLEST_SPREAD = 0.02
PRIOR_BATTLES = 10.0
WEAKEST_POINTS = 0.0
"""Rating of the weakest bot, by definition."""


@dataclass(slots=True)
class Results:
    """How the present policy fared against one opponent, recently and in all."""

    score: float = 0.0  # recent, its own
    battles: float = 0.0  # recent
    wins: int = 0
    draws: int = 0
    losses: int = 0
    squares: float = 0.0  # recent, of the outcomes
    decided: float = 0.0  # recent battles that were not drawn

    @property
    def recent_score(self) -> float:
        """The present policy's mean score, drawn towards one half while there are few battles."""
        return (self.score + 0.5 * PRIOR_BATTLES) / (self.battles + PRIOR_BATTLES)


class League:
    """Opponents with the results against them, by name."""

    def __init__(self, bots: Sequence[str]) -> None:
        """`bots`: names of the game's, weakest first."""
        self.bots = tuple(bots)
        self.champions: tuple[str, ...] = ()
        self.results: dict[str, Results] = {name: Results() for name in bots}
        self.bot_points: dict[str, float] = {}
        """Ratings of the bots, once they have been measured against one another."""

    def enter(self, champions: Sequence[str]) -> None:
        """The champions that may be met from now on; those of old are forgotten."""
        self.champions = tuple(champions)
        self.results = {name: self.results.get(name, Results()) for name in (*self.bots, *self.champions)}

    def fade(self) -> None:
        """Let earlier results count less; call it once a round of results."""
        for results in self.results.values():
            results.score *= FORGETTING
            results.battles *= FORGETTING
            results.squares *= FORGETTING
            results.decided *= FORGETTING

    def count(
        self,
        opponent: str,
        wins: int,
        draws: int,
        losses: int,
        outcome: float | None = None,
        squares: float | None = None,
    ) -> None:
        """Battles of the present policy against an opponent; those against itself say nothing.

        `outcome`, `squares`: sums of its outcomes and of their squares, where a battle is more or less won.
        """
        results = self.results.get(opponent)
        if results is not None:
            results.score += (wins + draws + losses + (wins - losses if outcome is None else outcome)) / 2
            results.battles += wins + draws + losses
            results.decided += wins + losses
            results.squares += wins + losses if squares is None else squares
            results.wins, results.draws = results.wins + wins, results.draws + draws
            results.losses += losses

    def shares(self, names: Sequence[str]) -> dict[str, float]:
        """How often each of `names` is met among them: by the square of how often it still wins; they sum to 1.

        Prioritised fictitious self-play (Vinyals et al. 2019, methods, "hard" weighting with p = 2). Where a battle is
        more or less won, by chips or by rounds, scores count on the scale of how far battles are from a draw.
        """
        decided = sum(results.decided for results in self.results.values())
        squares = sum(results.squares for results in self.results.values())
        spread = max(SMALLEST_SPREAD, sqrt(squares / decided)) if decided else 1.0
        wins = {name: min(1.0, max(0.0, 0.5 + (self.results[name].recent_score - 0.5) / spread)) for name in names}
        weights = {name: (1.0 - wins[name]) ** 2 + LEAST_WEIGHT for name in names}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}

    def mix(self, bots: Sequence[str]) -> dict[str, float]:
        """Share of battles by opponent: a third itself, a third champions, a third those `bots`; they sum to 1.

        A third without opponents goes to itself.
        """
        mix = {ITSELF: 1.0 / 3.0}
        for names in (self.champions, tuple(bots)):
            if not names:
                mix[ITSELF] += 1.0 / 3.0
            for name, share in self.shares(names).items() if names else ():
                mix[name] = share / 3.0
        return mix

    def take_measured(self, met: Iterable[Sequence[Any]]) -> None:
        """Rate the bots by battles between them: rows of first, second, score of the first, battles."""
        meetings = [Meeting(first, second, float(score), int(battles)) for first, second, score, battles in met]
        ratings = rate(meetings, {self.bots[0]: WEAKEST_POINTS})
        self.bot_points = {name: rating.points for name, rating in ratings.items()}

    def rating(self) -> Rating | None:
        """Rating of the present policy by its recent results against the bots; None before there are any."""
        met = [(name, self.results[name]) for name in self.bots if name in self.bot_points]
        meetings = [
            Meeting("the present policy", name, results.score, round(results.battles))
            for name, results in met
            if results.battles >= 1.0
        ]
        return rate(meetings, self.bot_points).get("the present policy") if meetings else None

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {
            "results": {name: astuple(results) for name, results in self.results.items()},
            "bot_points": self.bot_points,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `state` described; the champions are those that `enter` names."""
        self.results = {name: Results(*values) for name, values in data["results"].items()}
        self.bot_points = dict(data["bot_points"])


class Opponents:
    """Whom the present policy meets in self-play: makes the orders to collect, and counts their results."""

    def __init__(self, game: HeadlessGame) -> None:
        self.league = League(list(game.bots))
        batched = game.batched_bots if isinstance(game, BatchedGame) else game.bots
        self._bots = [name for name in game.bots if name in batched]
        self._bots_beside = [name for name in game.bots if name not in batched]

    def order(self, present: Floats, steps: int, champions: Sequence[Policy], settings: Settings) -> Order:
        """The order to collect with the weights `present` after so many learning steps; `champions` are met too."""
        names = {f"version {policy.version}": policy for policy in champions}
        self.league.enter(list(names))
        arrays = {PRESENT: present, **{name: policy.flat for name, policy in names.items()}}
        versions = {PRESENT: steps, **{name: policy.version for name, policy in names.items()}}
        mix, beside = self.league.mix(self._bots), self.league.mix(self._bots_beside)
        return arrays, collecting(settings, versions, mix, beside)

    def count(self, notes: Mapping[str, Any]) -> None:
        """Count the battles of an answer that were played against opponents."""
        self.league.fade()
        for first, second, wins, draws, losses, outcome, squares in notes["tallies"]:
            if first == PRESENT:
                self.league.count(second, wins, draws, losses, outcome, squares)
            elif second == PRESENT:
                self.league.count(first, losses, draws, wins, -outcome, squares)
