"""How strong the present policy is while it trains, on a scale that the scripted fighters hold fixed.

Their points are measured once a run, against one another; what the policy achieves against them gives its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cornerman.evaluation.ratings import Meeting, Rating, rate
from cornerman.selfplay.league import Standing

WEAKEST_POINTS = 0.0
"""Those of the weakest scripted fighter, by definition."""
ANCHOR_BATTLES = 20
"""Battles of every two scripted fighters: few, since the strongest may take seconds for one."""


def anchor_points(met: Iterable[Sequence[object]], weakest: str) -> dict[str, float]:
    """The scripted fighters' points, from rows of first, second, score of the first, battles."""
    meetings = [Meeting(str(a), str(b), float(str(score)), int(str(battles))) for a, b, score, battles in met]
    return {name: rating.points for name, rating in rate(meetings, {weakest: WEAKEST_POINTS}).items()}


def present_rating(standings: Mapping[str, Standing], anchors: Mapping[str, float]) -> Rating | None:
    """What the policy's recent results against the anchors say of it; None before there are any."""
    meetings = [
        Meeting("the present one", name, standing.score, round(standing.battles))
        for name, standing in standings.items()
        if name in anchors and standing.battles >= 1.0
    ]
    return rate(meetings, anchors).get("the present one") if meetings else None
