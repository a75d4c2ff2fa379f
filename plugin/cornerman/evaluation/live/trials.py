"""Live test: whether a candidate fares better than the champion in the game's own battles, in turn with it.

Plain arithmetic on scores; the trainer's thread owns a test. For games without headless battles: there is nothing else
to judge by, and every battle that a bad candidate plays is one that a person plays against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf, inf, log, sqrt
from typing import Any, TypeAlias

from cornerman.contract import CANDIDATE, BattleEnd, ModelError, Transition
from cornerman.evaluation.live.offline_check import OfflineCheck
from cornerman.evaluation.live.results import MAX_OPEN, LiveResult
from cornerman.evaluation.significance import Z_95, Mean, gain_llr, pooled
from cornerman.evaluation.verdict import Verdict
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import counted

Scores: TypeAlias = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""The candidate's and the champion's, by level and opponent."""
EXPECTED = 0.2
"""Standard deviation of the difference between a candidate and its champion, before anything is known."""


@dataclass(frozen=True, slots=True)
class LiveBounds:
    """What is tested, how strictly, and for how long."""

    gain: float = 0.15  # of the mean score that is worth promoting
    alpha: float = 0.04  # how often an equal candidate may be promoted
    beta: float = 0.10
    withdraw: float = 1.0  # likelihood ratio (its logarithm) for no gain at which a candidate is withdrawn
    min_battles: int = 5  # of either
    max_battles: int = 150  # of the candidate
    shares: tuple[float, float] = (0.25, 0.75)  # of the battles that the candidate plays, at the least and at the most


class LiveTest:
    """Sequential test (`gain_llr`) of two growing samples of scores, 0 to 1.

    The threshold for no gain is far nearer than Wald's: withdrawing a good candidate costs a while until the next one,
    keeping a bad one costs a person's battles.
    """

    def __init__(self, bounds: LiveBounds | None = None, scores: Scores | None = None) -> None:
        """`scores`: `state()` of an earlier test that goes on; ModelError where it is none."""
        self.bounds = bounds or LiveBounds()
        self._scores: dict[str, tuple[list[float], list[float]]] = {}
        try:
            for against, (candidate, champion) in (scores or {}).items():
                self._scores[against] = [*map(float, candidate)], [*map(float, champion)]
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The scores of a live test are unusable ({error}).") from error

    def add(self, candidate: bool, score: float, against: str = "") -> None:
        """Count a battle; only those `against` the same are compared."""
        self._scores.setdefault(against, ([], []))[not candidate].append(score)

    def state(self) -> Scores:
        """Plain data without names of players, which a checkpoint would keep after Forget: who is named is another one
        after a restart."""
        pairs = enumerate(self._scores.items())
        return {f"earlier {at}" if "player " in who else who: (list(new), list(old)) for at, (who, (new, old)) in pairs}

    @property
    def num_battles(self) -> int:
        """Battles of the candidate."""
        return sum(len(candidate) for candidate, _ in self._scores.values())

    @property
    def difference(self) -> tuple[float, float]:
        """The candidate's mean score less the champion's, and its variance, infinite before both have played."""
        ours, theirs = self._means
        return ours.score - theirs.score if ours.num and theirs.num else 0.0, ours.variance + theirs.variance

    @property
    def llr(self) -> float:
        return gain_llr(*self._means, self.bounds.gain)

    @property
    def _means(self) -> tuple[Mean, Mean]:
        """Of the candidate and of the champion, against the same."""
        return pooled((Mean.of(candidate), Mean.of(champion)) for candidate, champion in self._scores.values())

    @property
    def share(self) -> float:
        """The share of the next battles that the candidate plays: the chance that it is better, within bounds.

        Thompson 1933, from the posterior of the difference under a normal prior of deviation `EXPECTED`.
        """
        difference, variance = self.difference
        if variance == inf:
            return 0.5
        deviations = difference * EXPECTED / sqrt(variance * (EXPECTED**2 + variance))
        low, high = self.bounds.shares
        return min(high, max(low, 0.5 * (1.0 + erf(deviations / sqrt(2.0)))))

    @property
    def better(self) -> bool | None:
        """True: promote; False: withdraw; None: play on."""
        bounds, (ours, theirs) = self.bounds, self._means
        llr = gain_llr(ours, theirs, bounds.gain) if min(ours.num, theirs.num) >= bounds.min_battles else 0.0
        if llr >= log((1.0 - bounds.beta) / bounds.alpha):
            return True
        return False if llr <= -bounds.withdraw or self.num_battles >= bounds.max_battles else None

    @property
    def score(self) -> tuple[float, tuple[float, float]]:
        """The candidate's mean score with a normal 95 % interval; for people: the test goes by `llr`."""
        _, mean, variance = self._means[0]
        half = Z_95 * sqrt(variance)
        return mean, (max(0.0, mean - half), min(1.0, mean + half))

    @property
    def sentence(self) -> str:
        """The result so far, for a person."""
        (mine, ours, _), (its, theirs, _) = self._means
        return f"a score of {ours:.0%} in {mine} live battles where the champion has {theirs:.0%} in {its}"


FIRST_WAIT = 20
"""Battles between a candidate that was turned down and the next; twice as many after each further one."""
MOST_WAIT = 640
MOST_CUT_OFF = 20
"""Battles of a candidate in a row that were cut off, after which it is withdrawn: no result would ever do that."""


class LiveTrials:
    """Candidates that play live, one after the other, each judged by a `LiveTest`; `training.candidates.Judge`.

    A candidate is what is being learned, not one moment of it: its newest weights play every battle of its trial, and
    those are promoted, since while a person plays there is no time to try every moment by itself.
    """

    def __init__(self, turned_down: Callable[[], int]) -> None:
        """`turned_down`: candidates that the present champion has turned down; the k-th has alpha / k of the chance of
        an error, and waits longer."""
        self.check, self._turned_down = OfflineCheck(), turned_down
        self._since = 0  # battles since the last trial ended
        self._test: LiveTest | None = None
        self._cut_off = 0  # battles of the candidate in a row that were cut off
        self._standing: dict[int, Mapping[int, float]] = {}

    @property
    def running(self) -> bool:
        return self._test is not None

    @property
    def pairs(self) -> int:
        """Battles that the candidate on trial has played."""
        return 0 if self._test is None else self._test.num_battles

    @property
    def share(self) -> float:
        """The share of the next battles that the candidate plays."""
        return 0.0 if self._test is None else self._test.share

    def waits_for(self) -> str:
        """Why no candidate is tried now, and what would help; "" where one may begin."""
        turned_down = self._turned_down()
        rest = min(MOST_WAIT, FIRST_WAIT << (turned_down - 1)) - self._since if turned_down else 0
        if rest > 0:
            return f"{counted(rest, 'more battle')} to go, since the last one was turned down or taken back"
        return self.check.objection()

    def begin(self) -> LiveTrials:
        """Begin a trial, which this judges."""
        self._test, self._cut_off = self._new_test(None), 0
        return self

    def _new_test(self, scores: Scores | None) -> LiveTest:
        bounds = LiveBounds()
        return LiveTest(replace(bounds, alpha=bounds.alpha / (self._turned_down() + 1)), scores)

    def watch(
        self, policy: Policy, rows: Sequence[Transition], end: BattleEnd, imitated: Callable[[Transition], bool]
    ) -> None:
        """Look at a recorded battle before it is learned from (`OfflineCheck.add`)."""
        self._since += not end.truncated
        self.check.add(policy, rows, end, imitated)
        if any(row.version == CANDIDATE for row in rows):
            self._cut_off = self._cut_off + 1 if end.truncated else 0
        self._standing[end.battle_id] = end.standing
        if len(self._standing) > MAX_OPEN:
            del self._standing[next(iter(self._standing))]

    def take(self, result: LiveResult) -> None:
        """Count a battle of this trial: half by its outcome, half by how the plugin's seat stood at its end.

        How it stood decides less than the outcome and says more: an eighth to a third fewer battles sufficed where
        that was measured (docs/measurements.md).
        """
        if self._test is None:
            return
        standing = self._standing.get(result.battle_id, {}).get(result.seat)
        score = result.score if standing is None else 0.5 * result.score + 0.25 * (1.0 + max(-1.0, min(1.0, standing)))
        self._test.add(result.version == CANDIDATE, score, f"{result.kind} {result.opponent}")

    def advance(self) -> Verdict | None:
        """The verdict, once there is one, which ends the trial."""
        test, withdraw = self._test, self._cut_off >= MOST_CUT_OFF
        if test is None or (test.better is None and not withdraw):
            return None
        promote = bool(test.better)
        but = f", but its last {self._cut_off} battles were cut off" if withdraw and not promote else ""
        reason = f"Promoted: {test.sentence}." if promote else f"Kept the champion: {test.sentence}{but}."
        self.drop()
        figures = {**self.check.figures(), "live battles": float(test.num_battles), "difference": test.difference[0]}
        return Verdict(promote, reason, test.num_battles, *test.score, test.llr, figures=figures)

    def drop(self) -> None:
        """End the trial, if one runs; the wait for the next one begins here."""
        self._test, self._since = None, 0

    def clear(self) -> None:
        """Begin anew, as after Forget."""
        self.check.clear()
        self.drop()
        self._standing.clear()

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {
            "since": self._since,
            "scores": None if self._test is None else self._test.state(),
            "watched": self.check.state(),
        }

    def restore(self, state: Mapping[str, Any], same_champion: bool = True) -> None:
        """Go on from `state()`; ModelError where it is none.

        Where another champion plays by now, as when the game was killed after a promotion, only the battles watched
        are gone on with: the scores say nothing about it.
        """
        try:
            since, scores = int(state["since"]), state["scores"]
            self.check.restore(state["watched"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"The live trials of the checkpoint are unusable ({error}).") from error
        if not same_champion:
            since, scores = 0, None
        self._since = since
        self._test = None if scores is None else self._new_test(scores)
