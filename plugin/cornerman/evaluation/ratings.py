"""Bradley-Terry ratings with intervals: how strong each version and bot is, on one scale that chosen bots anchor.

Pure arithmetic over the results of pairings. 400 points are odds of ten to one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from cornerman.evaluation.significance import Z_95

POINTS = 400.0 / log(10.0)
"""Points a unit of log odds, as in Elo's scale."""

PRIOR_POINTS = 600.0
"""Standard deviation of the prior around the anchors: winning everything gives a large rating, not infinity."""

MOST_POINTS = 1e5
"""Beyond any rating: what a file names beyond it is damaged."""

PRIOR_PAIRS, MOST_GAIN = 20, 200.0
LEAST_BATTLES = 20
"""A rating that rests on fewer battles is not told."""
_MAX_STEPS = 60
_LONGEST_STEP = 2.0
_CLOSE_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Meeting:
    """All battles of one player against another."""

    player: str
    opponent: str
    score: float  # the player's: wins + draws / 2
    battles: int


@dataclass(frozen=True, slots=True)
class Rating:
    """Points with their 95 % interval; an anchor's interval has no width."""

    points: float
    low: float
    high: float
    battles: int


def rate(meetings: Iterable[Meeting], anchors: Mapping[str, float]) -> dict[str, Rating]:
    """The ratings of all players that met another one, by name, strongest first.

    Bradley and Terry 1952: the log odds of winning are the difference of two strengths; a draw counts as half a win.
    Found by Newton's method on the penalised likelihood; intervals come from its curvature (the inverse Hessian).
    `anchors` hold their points exactly. Both battles of a side-swapped pair count as separate ones, so that the
    intervals are, if anything, too wide.
    """
    met = [meeting for meeting in meetings if meeting.battles > 0 and meeting.player != meeting.opponent]
    names = sorted({name for meeting in met for name in (meeting.player, meeting.opponent)})
    free = {name: at for at, name in enumerate(name for name in names if name not in anchors)}
    middle = float(np.mean(list(anchors.values()))) / POINTS if anchors else 0.0
    strengths, curvature = _fit(met, free, {name: points / POINTS for name, points in anchors.items()}, middle)
    spread = np.sqrt(np.diag(np.linalg.inv(curvature))) if free else np.zeros(0)
    ratings, battles = {}, Counter[str]()
    for meeting in met:
        battles.update({meeting.player: meeting.battles, meeting.opponent: meeting.battles})
    for name in names:
        points = strengths[free[name]] * POINTS if name in free else anchors[name]
        half = Z_95 * spread[free[name]] * POINTS if name in free else 0.0
        ratings[name] = Rating(float(points), float(points - half), float(points + half), battles[name])
    return dict(sorted(ratings.items(), key=lambda item: -item[1].points))


def rate_linked(meetings: Iterable[Meeting], anchors: Mapping[str, float]) -> dict[str, Rating]:
    """`rate` without those of whom too little is known: no chain of meetings leads to an anchor, or their own are
    fewer than `LEAST_BATTLES`."""
    met, linked = [meeting for meeting in meetings if meeting.battles > 0], set(anchors)
    pairs = [{meeting.player, meeting.opponent} for meeting in met]
    while more := {name for pair in pairs if pair & linked for name in pair} - linked:
        linked |= more
    ratings = rate([meeting for meeting, pair in zip(met, pairs, strict=True) if pair <= linked], anchors)
    return {name: each for name, each in ratings.items() if name in anchors or each.battles >= LEAST_BATTLES}


def _fit(
    met: list[Meeting], free: Mapping[str, int], fixed: Mapping[str, float], middle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strengths `[K]` of the free players and the curvature `[K, K]` there; the penalised likelihood is concave."""
    strengths = np.full(len(free), middle)
    weight = (POINTS / PRIOR_POINTS) ** 2
    # One row a meeting: 1 for a free player, -1 for a free opponent, and the gap that the fixed ones make.
    signs, known = np.zeros((len(met), len(free))), np.zeros(len(met))
    for row, meeting in enumerate(met):
        for name, sign in ((meeting.player, 1.0), (meeting.opponent, -1.0)):
            if name in free:
                signs[row, free[name]] = sign
            else:
                known[row] += sign * fixed[name]
    scores, battles = np.array([(meeting.score, meeting.battles) for meeting in met], np.float64).reshape(-1, 2).T
    curvature = weight * np.eye(len(free))
    for _ in range(_MAX_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(signs @ strengths + known, -40.0, 40.0)))
        slope = signs.T @ (scores - battles * chance) - weight * (strengths - middle)
        curvature = (signs.T * (battles * chance * (1.0 - chance))) @ signs + weight * np.eye(len(free))
        step = np.linalg.solve(curvature, slope) if len(free) else slope
        longest = float(np.abs(step).max(initial=0.0))
        strengths = strengths + step * min(1.0, _LONGEST_STEP / longest if longest else 1.0)
        if longest < _CLOSE_ENOUGH:
            break
    return strengths, curvature


def win_share(points: float, other: float) -> float:
    """The share of battles that one rated `points` wins against one rated `other`, a draw counting one half."""
    return 1.0 / (1.0 + exp(min(max((other - points) / POINTS, -40.0), 40.0)))


def gain_of(score: object, pairs: object) -> float:
    """By how many points a champion is above the one that it beat with that score over so many pairs; 0 where a
    manifest does not say it. The gate's score is drawn towards a half: it was looked at until it was good."""
    if not isinstance(score, (int, float)) or not isinstance(pairs, int) or pairs < 1:
        return 0.0
    share = (min(score, 1.0) * pairs + 0.5 * PRIOR_PAIRS) / (pairs + PRIOR_PAIRS)  # older versions may have more
    return min(max(POINTS * log(share / (1.0 - share)), 0.0), MOST_GAIN) if 0.0 < share < 1.0 else 0.0
