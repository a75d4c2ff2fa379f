"""Whether a version does worse in live battles than its predecessor did: may call for a roll-back, never a promotion.

A player's own few battles prove little, so this only watches for a large drop, and takes its time. Only battles at the
same difficulty may be counted. Plain arithmetic; whoever owns it may call it on any one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

PRIOR_BATTLES = 5.0
PRIOR_VARIANCE = 0.25


@dataclass(frozen=True, slots=True)
class WatchBounds:
    """How large a drop matters, and how often either error may happen."""

    drop: float = 0.20  # of the mean score, a draw counting one half
    alpha: float = 0.02  # how often a version that is no worse may be rolled back
    beta: float = 0.10  # how often a drop may be missed
    min_battles: int = 20  # of this version and of its predecessor
    max_battles: int = 200


class LiveWatch:
    """One version's probation; `worse` is None while it lasts."""

    def __init__(self, predecessor_scores: Sequence[float], bounds: WatchBounds | None = None) -> None:
        """`predecessor_scores`: 1, 1/2 or 0 for each of its live battles; with too few, nothing is decided."""
        self._bounds = bounds or WatchBounds()
        self._before = _Scores()
        for score in predecessor_scores:
            self._before.add(score)
        self._now = _Scores()
        self.worse: bool | None = None

    def add(self, score: float) -> bool | None:
        """Count one live battle; True: it is worse, roll back; False: probation is over; None: watch on."""
        self._now.add(score)
        if self.worse is None:
            self.worse = self._decide()
        return self.worse

    @property
    def llr(self) -> float:
        """The logarithm of the likelihood ratio of a drop against none, from the difference of the two means.

        Sequential test on a two-sample difference d of variance v: ((d - 0)^2 - (d + drop)^2) / 2v. With one sample
        fixed and one growing, d / v has independent increments (Jennison and Turnbull 2000, chapter 11), which is
        what Wald's thresholds need.
        """
        if not self._before.num or not self._now.num:
            return 0.0
        gap, drop = self._now.mean - self._before.mean, self._bounds.drop
        return (gap**2 - (gap + drop) ** 2) / (2.0 * (self._now.variance_of_mean + self._before.variance_of_mean))

    @property
    def sentence(self) -> str:
        """What is known, for the player."""
        figures = (
            f"{self._now.mean:.0%} in {self._now.num} live battles after {self._before.mean:.0%} in {self._before.num}"
        )
        if self.worse is None:
            return f"On probation: {figures}."
        return f"Worse than its predecessor: {figures}." if self.worse else f"No worse than its predecessor: {figures}."

    def _decide(self) -> bool | None:
        bounds = self._bounds
        if min(self._now.num, self._before.num) < bounds.min_battles:
            return None
        if self.llr >= log((1.0 - bounds.beta) / bounds.alpha):
            return True
        if self.llr <= log(bounds.beta / (1.0 - bounds.alpha)) or self._now.num >= bounds.max_battles:
            return False
        return None


class _Scores:
    """Mean of scores and its variance, a little of an even coin's mixed in."""

    def __init__(self) -> None:
        self.num, self._sum, self._sum_of_squares = 0, 0.0, 0.0

    def add(self, score: float) -> None:
        self.num += 1
        self._sum += score
        self._sum_of_squares += score * score

    @property
    def mean(self) -> float:
        return self._sum / self.num if self.num else 0.5

    @property
    def variance_of_mean(self) -> float:
        spread = max(0.0, self._sum_of_squares - self.num * self.mean**2)
        return (spread + PRIOR_BATTLES * PRIOR_VARIANCE) / (self.num + PRIOR_BATTLES) / self.num
