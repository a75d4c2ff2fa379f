"""The statistics of paired battles, as plain arithmetic: a sequential test, and intervals.

No battles, no files, no random numbers. A pair is two battles with the same seed and the sides swapped; its score is
0, 1/4, 1/2, 3/4 or 1, so that what the two battles share (the teams, the luck of the seed) is in the pair's variance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt
from typing import NamedTuple

DECIDED = 0.25
"""Mean square of a battle's distance from a draw where every battle is won or lost."""
SMALLEST_SCALE = 0.02
PRIOR_PAIRS = 5.0
PRIOR_VARIANCE = 0.125
"""Five pairs' worth of the variance of two independent even battles is mixed into every estimate: twenty pairs that
happened to come out alike must not look like certainty."""

PRIOR_BATTLES, PRIOR_BATTLE_VARIANCE = 5.0, 0.25
"""The same for battles that are no pairs: so many of an even coin."""

Z_95 = 1.959963984540054
ALPHA, BETA = 0.05, 0.05


def wilson_interval(score: float, num: int) -> tuple[float, float]:
    """The 95 % interval of a share `score` seen in `num` trials (Wilson 1927, score interval); (0, 1) for none."""
    if num <= 0:
        return 0.0, 1.0
    z = Z_95
    spread = 1.0 + z * z / num
    middle = (score + z * z / (2 * num)) / spread
    half = z / spread * sqrt(max(0.0, score * (1.0 - score)) / num + z * z / (4.0 * num * num))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two hypotheses, and how often either error may happen."""

    lower: float = 0.50  # the score of an equal candidate
    upper: float = 0.60  # the score of one worth promoting, where battles are won or lost
    alpha: float = ALPHA  # how often an equal one may be promoted
    beta: float = BETA  # how often one worth promoting may be refused
    min_pairs: int = 20
    max_pairs: int = 200

    @classmethod
    def after(cls, turned_down: int, min_pairs: int = 20, max_pairs: int = 200) -> Bounds:
        """Those for the next candidate of a champion that has turned down so many.

        The k-th candidate gets 1/k of the error rate, so that a thousand equal ones replace one champion 0.37 times and
        not 50 times; as its bar is higher, it may take more pairs, by the ratio of the two bars.
        """
        alpha = ALPHA / (turned_down + 1)
        longer = log((1.0 - BETA) / alpha) / log((1.0 - BETA) / ALPHA)
        return cls(alpha=alpha, min_pairs=min_pairs, max_pairs=int(max_pairs * longer))


class SequentialTest:
    """Generalised sequential probability ratio test on pair scores, as used for testing chess engines.

    Van den Bergh, "A practical introduction to the GSPRT": with the variance unknown, the likelihood ratio is taken at
    its maximum under either hypothesis, which for the normal approximation is

        LLR = n/2 * log(v(lower) / v(upper)),   v(s) = variance + (mean - s)^2.

    This is the small-sample form; the usual n (s1 - s0) (2 mean - s0 - s1) / (2 variance), its first order, promoted
    equal candidates in 5 to 6 % of simulations. Wald's thresholds: log((1 - beta)/alpha), log(beta/(1 - alpha)).

    Where battles end in draws or in points (chips, rounds won), 60 % is out of anybody's reach: there `upper` comes
    nearer to `lower`, by how far battles are from a draw over what won and lost ones are ("normalized Elo", the same).
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._upper = log((1.0 - bounds.beta) / bounds.alpha)
        self._lower = log(bounds.beta / (1.0 - bounds.alpha))
        self.num_pairs, self._sum, self._sum_of_squares, self._decided = 0, 0.0, 0.0, 0.0

    def add(self, pair_score: float, decided: float = DECIDED) -> None:
        """Count one pair; with two seats that are alike and no scores between: 0, 1/4, 1/2, 3/4 or 1.

        `decided`: mean square of its battles' distance from 1/2.
        """
        self.num_pairs += 1
        self._sum += pair_score
        self._sum_of_squares += pair_score * pair_score
        self._decided += decided

    @property
    def scale(self) -> float:
        """How far battles are from a draw, root mean square, over what they are where each is won or lost."""
        return max(SMALLEST_SCALE, sqrt(self._decided / (DECIDED * self.num_pairs))) if self.num_pairs else 1.0

    @property
    def upper(self) -> float:
        """The score of one worth promoting, on the scale of these battles."""
        return self.bounds.lower + self.scale * (self.bounds.upper - self.bounds.lower)

    @property
    def no_worse(self) -> bool:
        """Whether the score is nearer to an equal one's than to that of one as much worse as `upper` is better."""
        return self.score > self.bounds.lower - (self.upper - self.bounds.lower) / 2

    @property
    def score(self) -> float:
        """The mean pair score; 1/2 before the first pair."""
        return self._sum / self.num_pairs if self.num_pairs else 0.5

    @property
    def variance(self) -> float:
        """Of one pair's score, the prior mixed in."""
        spread = max(0.0, self._sum_of_squares - self.num_pairs * self.score**2)
        return (spread + PRIOR_PAIRS * PRIOR_VARIANCE * self.scale**2) / (self.num_pairs + PRIOR_PAIRS)

    @property
    def interval(self) -> tuple[float, float]:
        """The score's 95 % interval (normal). It ignores that the test chose when to stop: a guide, not the verdict."""
        half = Z_95 * sqrt(self.variance / max(1, self.num_pairs))
        return max(0.0, self.score - half), min(1.0, self.score + half)

    @property
    def llr(self) -> float:
        """The logarithm of the likelihood ratio, positive where `upper` fits better."""
        variance, score = self.variance, self.score
        far = variance + (score - self.bounds.lower) ** 2
        return 0.5 * self.num_pairs * log(far / (variance + (score - self.upper) ** 2))

    @property
    def accepted(self) -> bool | None:
        """True: `upper` is proved; False: `lower` is, or the pairs are used up undecided; None: play on."""
        if self.num_pairs < self.bounds.min_pairs:
            return None
        llr = self.llr
        if llr >= self._upper:
            return True
        if llr <= self._lower or self.num_pairs >= self.bounds.max_pairs:
            return False
        return None

    @property
    def undecided(self) -> bool:
        """Whether the pairs were used up before either was proved."""
        return self.accepted is False and self.llr > self._lower


# ---------------------------------------------------------------------------------------------- two growing samples


class Mean(NamedTuple):
    """Of scores, 0 to 1, with its variance, `PRIOR_BATTLES` mixed in; 1/2 and infinite where there are none."""

    num: int
    score: float
    variance: float

    @classmethod
    def of(cls, scores: Sequence[float]) -> Mean:
        num = len(scores)
        if not num:
            return cls(0, 0.5, inf)
        mean = sum(scores) / num
        spread = sum((score - mean) ** 2 for score in scores) + PRIOR_BATTLES * PRIOR_BATTLE_VARIANCE
        return cls(num, mean, spread / (num + PRIOR_BATTLES) / num)


def pooled(groups: Iterable[tuple[Mean, Mean]]) -> tuple[Mean, Mean]:
    """The means of two samples over the groups, such as a player's battles each, in which both have scores.

    A group has the same weight in both (Mantel and Haenszel 1959), so it decides nothing whom either met more often.
    """
    both = [(new, old) for new, old in groups if new.num and old.num]
    if not both:
        return Mean.of(()), Mean.of(())
    weights = [new.num * old.num / (new.num + old.num) for new, old in both]
    new, old = (_weighted([pair[at] for pair in both], weights) for at in (0, 1))
    return new, old


def _weighted(means: Sequence[Mean], weights: Sequence[float]) -> Mean:
    shares = [weight / sum(weights) for weight in weights]
    score = sum(share * mean.score for share, mean in zip(shares, means, strict=True))
    variance = sum(share**2 * mean.variance for share, mean in zip(shares, means, strict=True))
    return Mean(sum(mean.num for mean in means), score, variance)


def gain_llr(new: Mean, old: Mean, gain: float) -> float:
    """The logarithm of the likelihood ratio of a gain (a loss below 0) of `new` over `old` against none.

    With d the difference of the two means and v its variance it is (d^2 - (d - gain)^2) / 2v; d / v has independent
    increments (Jennison and Turnbull 2000, chapter 11), also where one of the samples is fixed, which is what Wald's
    thresholds need.
    """
    difference = new.score - old.score
    return (difference**2 - (difference - gain) ** 2) / (2.0 * (new.variance + old.variance))


# ------------------------------------------------------------------------------------------------- losses elsewhere

MARGIN = 0.015
"""How far below the best result a candidate may be, where enough battles show it: 3 points are seen surely."""
CAUTION = 1.5
"""Standard errors by which a result must stand out to be the best: the highest of many is so by luck."""
LOST, FINE = 2.5, 1.0
"""Standard errors below and above the margin with which a check ends before all its battles are played: above sooner,
since at the end the same candidate would pass with less."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Mean score over battles that differ."""

    battles: int
    score: float
    decided: float = DECIDED  # mean square of a battle's distance from a draw

    @property
    def scale(self) -> float:
        """How far battles are from a draw, root mean square, over what they are where each is won or lost."""
        return max(SMALLEST_SCALE, sqrt(self.decided / DECIDED))

    @property
    def error(self) -> float:
        """The standard error of the mean, `PRIOR_PAIRS` even battles mixed in, on a scale with as many decided ones: a
        few draws do not show that nobody ever loses."""
        prior = PRIOR_PAIRS * DECIDED
        scaled = PRIOR_PAIRS * (self.battles * self.decided + prior) / (self.battles + PRIOR_PAIRS)
        spread = self.battles * max(0.0, self.decided - (self.score - 0.5) ** 2) + scaled
        return sqrt(spread / (self.battles + PRIOR_PAIRS) / max(1, self.battles))

    @property
    def low(self) -> float:
        """The score less `CAUTION` standard errors."""
        return self.score - CAUTION * self.error

    def __add__(self, other: Sample) -> Sample:
        """Both together."""
        battles = self.battles + other.battles
        share = other.battles / max(1, battles)
        score = self.score + share * (other.score - self.score)
        return Sample(battles, score, self.decided + share * (other.decided - self.decided))


def best_of(results: Sequence[Sample]) -> Sample:
    """The best that champions reached, given their results in order: of the run of champions in a row whose results
    together are the highest, `low`.

    The highest of many single results is high by luck ("the winner's curse"): equal ones would lose against it.
    Together, results that are alike have a small error, and one that stands out has its own.
    """
    best = Sample(0, 0.0)
    for first in range(len(results)):
        run = Sample(0, 0.0)
        for result in results[first:]:
            run = run + result
            best = max(best, run, key=lambda sample: sample.low)
    return best


def lost(candidate: Sample, best: Sample, most: int) -> bool | None:
    """Whether a candidate is worse than the best result by more than `MARGIN`, where battles are won or lost, and by
    more than one standard error; None: play on, as long as fewer than `most` battles are played."""
    margin, error = MARGIN * candidate.scale, candidate.error
    gap = candidate.score - best.low
    if gap + margin < -LOST * error:
        return True
    if gap + margin > FINE * error:
        return False
    return None if candidate.battles < most else gap < -max(margin, error)
