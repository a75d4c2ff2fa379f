"""Adaptive difficulty: an estimate of each player's strength, and the rung at which a player wins as often as wanted.

A player's strength is a normal estimate on the scale of the rungs' ratings, updated by every battle (a Kalman filter on
the logistic of Elo's scale). Some of its variance comes back with each battle, so that it follows a player who improves
and corrects ratings that do not fit this player. The game's thread owns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log
from typing import Any

from cornerman.evaluation.ratings import MOST_POINTS, POINTS, win_share
from cornerman.policy.difficulty import LEVELS, Rung
from cornerman.policy.policy import Chance

WIDTH = 300.0
"""Standard deviation of a player's strength before the first battle, in points."""
DRIFT = 12.0
"""The same of what it may change by from one battle to the next."""
BEYOND = 200.0
"""How far beyond the weakest and the strongest rung an estimate may lie, in points."""
EDGE = 40.0
"""Within so many points of the weakest and of the strongest rung that one plays every battle: an estimate that wavers
would else mix in its neighbour half of the time, with nobody beyond the edge to make up for it."""
CORRECTION, PRIOR_BATTLES = 1.0, 20
"""By how much of what the player's recent share misses the target by the next battles aim beyond it; the recent share
is drawn towards the target by so many battles."""
RECENT = 40
MAX_OPEN, MAX_PLAYERS = 64, 1000
SCRIPTED = "scripted"
"""Key of whoever is no player."""


@dataclass(slots=True)
class Estimate:
    """A player's strength in points with its variance, and the player's scores in the last battles, oldest first."""

    points: float
    variance: float = WIDTH**2
    recent: list[float] = field(default_factory=list)

    def count(self, rung_points: float, score: float) -> None:
        """Learn from one battle: the player's score, 1 won, 0 lost."""
        chance = win_share(self.points, rung_points)
        self.variance += DRIFT**2
        self.variance = 1.0 / (1.0 / self.variance + chance * (1.0 - chance) / POINTS**2)
        self.points += self.variance * (score - chance) / POINTS
        self.recent = [*self.recent, score][-RECENT:]

    def aim(self, target: float) -> float:
        """The share to aim at, so that the recent battles come to the target."""
        missed = sum(target - score for score in self.recent) / (len(self.recent) + PRIOR_BATTLES)
        return min(max(target + CORRECTION * missed, 0.05), 0.95)


class Adaptive:
    """Chooses the rung of each battle; one estimate a player."""

    def __init__(self, random: Chance, target: float) -> None:
        """`target`: the share of battles that a player is to win."""
        self.target, self._random = target, random
        self.estimates: dict[str, Estimate] = {}
        self.newest: Rung | None = None
        """Of the battle that began last; None: no battle yet."""
        self._open: dict[int, tuple[str, Rung]] = {}

    def begin(self, battle_id: int, player: str, rungs: Sequence[Rung]) -> None:
        """Choose the rung of a battle by lot between the two neighbours that the target lies between.

        `rungs`: weakest first; none: nothing is chosen.
        """
        if not rungs:
            return
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        estimate = self._estimate(player, rungs)
        lower, upper, share = between(estimate.points, estimate.aim(self.target), rungs)
        self.newest = lower if self._random.random() < share else upper
        self._open[battle_id] = player, self.newest

    def rung_of(self, battle_id: int) -> Rung | None:
        """The rung of a battle under way; None: none was chosen."""
        return self._open.get(battle_id, ("", None))[1]

    def end(self, battle_id: int, score: float | None) -> None:
        """Learn from a battle; `score` is the player's, None where it says nothing."""
        player, rung = self._open.pop(battle_id, ("", None))
        if rung is not None and score is not None:
            self.estimates[player].count(rung.points, score)

    def forget(self, player: str | None = None) -> None:
        """Drop what is known of one player, or of all."""
        if player is not None:
            self._open = {number: open_ for number, open_ in self._open.items() if open_[0] != player}
            self.estimates.pop(player, None)
            return
        self.estimates.clear()
        self._open.clear()
        self.newest = None

    def _estimate(self, player: str, rungs: Sequence[Rung]) -> Estimate:
        """Of that player, within the bounds that these rungs set."""
        low, high = rungs[0].points, rungs[-1].points
        if player not in self.estimates and len(self.estimates) >= MAX_PLAYERS:
            del self.estimates[next(iter(self.estimates))]
        estimate = self.estimates[player] = self.estimates.pop(player, Estimate((low + high) / 2.0))
        estimate.points = min(max(estimate.points, low - BEYOND), high + BEYOND)
        return estimate

    def standing(self, levels: Sequence[Rung | None], rungs: Sequence[Rung]) -> str:
        """Between which of the named levels the last player's battles are played, and how often that player won;
        for a game without players, of the scripted side. Where the weakest or the strongest of `rungs` does not suit
        them, a sentence on that."""
        if not self.estimates or not rungs or None in levels:
            return "no battle yet"
        name, estimate = next(reversed(self.estimates.items()))
        points = [level.points for level in levels if level is not None]
        place = estimate.points - POINTS * log(self.target / (1.0 - self.target))
        who = "the scripted side" if name == SCRIPTED else "you"
        below = [level.name for level, at in zip(LEVELS, points, strict=True) if at <= place]
        above = [level.name for level, at in zip(LEVELS, points, strict=True) if at > place]
        if place < rungs[0].points:
            where = f"the weakest level is still too strong for {who}, and there is none below it"
        elif place > rungs[-1].points:
            where = f"the strongest level is still too weak for {who}, and there is none above it"
        elif below and above:
            where = f"between {below[-1]} and {above[0]}"
        else:
            where = f"below {above[0]}" if above else below[-1]
        if not (num := len(estimate.recent)):
            return where
        wins, battles = "win" if who == "you" else "wins", f"{num} battles" if num > 1 else "battle"
        return f"{where}; {who} {wins} {sum(estimate.recent) / num:.0%} of the last {battles}"

    def state(self) -> dict[str, list[Any]]:
        """Plain data for a file."""
        known = {name: each for name, each in self.estimates.items() if each.recent}
        return {name: [each.points, each.variance, each.recent] for name, each in known.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; what is not as written there is left out."""
        for name, value in list(state.items())[-MAX_PLAYERS:]:
            if not (isinstance(value, list) and len(value) == 3 and isinstance(value[2], list)):
                continue
            points, variance, recent = value[0], value[1], value[2][-RECENT:]
            if not all(type(number) in (int, float) for number in (points, variance, *recent)):
                continue
            if abs(points) <= MOST_POINTS and variance > 0.0 and all(0.0 <= score <= 1.0 for score in recent):
                self.estimates[name] = Estimate(points, min(variance, WIDTH**2), recent)


def between(points: float, target: float, rungs: Sequence[Rung]) -> tuple[Rung, Rung, float]:
    """The weaker and the stronger neighbour between which a player of that strength reaches the target, and the share
    of battles against the weaker one."""
    place = points - POINTS * log(target / (1.0 - target))
    if place <= rungs[0].points + EDGE:
        return rungs[0], rungs[0], 1.0
    if place >= rungs[-1].points - EDGE:
        return rungs[-1], rungs[-1], 1.0
    lower, upper = next(pair for pair in pairwise(rungs) if place < pair[1].points)
    easier, harder = win_share(points, lower.points), win_share(points, upper.points)
    return lower, upper, (target - harder) / (easier - harder)
