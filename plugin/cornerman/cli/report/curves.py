"""The curves of a report: what of a data folder is drawn in which chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from cornerman.cli.report.charts import Axes, Point, Series, Span, chart
from cornerman.cli.report.gathered import Gathered
from cornerman.evaluation.significance import wilson_interval

ROLLING = 20
"""Battles in a point of the win rate."""
PLAYED = ("champion", "predecessor", "kept")
GAP, GAP_S = 5, 60.0
"""A line of the log that comes so many intervals late, and so many seconds, is not joined to the one before it."""


@dataclass(frozen=True, slots=True)
class Card:
    """One chart of the page; where the picture is empty the note says why there is none."""

    title: str
    picture: str
    note: str = ""


def cards(found: Gathered) -> list[Card]:
    return [_ratings(found), _against(found), *_bulk(found), *_logged(found)]


def number(value: Any) -> float | None:
    """A figure out of a file; None where it is none, or no finite one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15 or not isfinite(value):
        return None
    return float(value)


def _card(title: str, series: Sequence[Series], axes: Axes, missing: str, note: str = "", **more: Any) -> Card:
    if not any(each.points for each in series):
        return Card(title, "", f"{missing}.")
    return Card(title, chart(title, series, axes, **more), note)


def _ratings(found: Gathered) -> Card:
    """Versions with their intervals, the line of who played among them, and bots as levels."""
    rated = {int(name): rating for name, rating in found.ratings.items() if name.isdigit()}
    stored = {entry.version: entry for entry in found.entries}
    points = [(float(version), rating.points) for version, rating in sorted(rated.items())]
    bars = [(float(version), rating.low, rating.high) for version, rating in rated.items()]
    line = [point for point in points if (entry := stored.get(int(point[0]))) and entry.state in PLAYED]
    series = [Series("every version", [[point] for point in points], bars=bars), Series("who played", [line])]
    bots = {name: rating.points for name, rating in found.ratings.items() if not name.isdigit()}
    note = "400 points are odds of ten to one; bars are 95 % intervals."
    axes = Axes("version", whole=True)
    return _card(
        "Rating over versions",
        series,
        axes,
        "ratings come from headless battles of the gate, of which none are stored",
        note,
        levels=bots,
    )


def _against(found: Gathered) -> Card:
    series = []
    for opponent, name in (("player", "against the player"), ("scripted", "against scripted fighters")):
        scores = [score for _, _, met, score in found.live if met == opponent]
        line, band = list[Point](), list[Span]()
        for at in range(1, len(scores) + 1):
            recent = scores[max(0, at - ROLLING) : at]
            share = sum(recent) / len(recent)
            line.append((float(at), share))
            band.append((float(at), *wilson_interval(share, len(recent))))
        series.append(Series(name, [line], band))
    what = f"Share that versions which have learned won of the last {ROLLING} battles"
    note = f"{what}, a draw counting half, with its 95 % interval."
    axes = Axes("battles", 0.0, 1.0, percent=True, whole=True)
    missing = "no stored version that has learned has played a battle in the game"
    return _card("Win rate in the game", series, axes, missing, note)


def _bulk(found: Gathered) -> list[Card]:
    """Scores of the policy that learned against each bot, while it explored; none without bulk training."""
    curves: dict[str, list[Point]] = {}
    for entry in found.progress:
        at, scores = number(entry.get("decisions")), entry.get("score")
        for name, score in scores.items() if isinstance(scores, dict) else ():
            if at is not None and (share := number(score)) is not None:
                curves.setdefault(name, []).append((at, share))
    if not curves:
        return []
    series = [Series(f"against {name}", [sorted(points)]) for name, points in curves.items()]
    note = "Recent score of the policy that learns, which still tries actions at random."
    return [_card("Bulk training", series, Axes("decisions", 0.0, 1.0, percent=True), "", note)]


def _logged(found: Gathered) -> list[Card]:
    """What the log of machine and training holds, over the time that was logged."""
    lines, axis = _times(found.figures)

    def card(
        title: str, names: Mapping[str, str], missing: str, note: str = "", scale: float = 1.0, **bounds: Any
    ) -> Card:
        series = [Series(name, _pieces(lines, key, scale), worst="p99" in key) for key, name in names.items()]
        return _card(title, [each for each in series if each.points], Axes(axis, **bounds), missing, note)

    nothing = "the log holds nothing of it"
    share: dict[str, Any] = {"low": 0.0, "high": 1.0, "percent": True}
    frames = {
        "open_p50_ms": "median while it may learn",
        "open_p99_ms": "99th percentile while it may learn",
        "closed_p50_ms": "median otherwise",
        "closed_p99_ms": "99th percentile otherwise",
    }
    return [
        card("Loss", {"loss": "mean Huber loss"}, nothing, low=0.0),
        card(
            "Value accuracy",
            {"accuracy": "sign of the outcome foreseen"},
            "no battle held out of learning has been looked at",
            "Of decisions in battles that are not learned from; 50 % is chance.",
            **share,
        ),
        card("Learning steps a second", {"steps_per_s": "while it learns"}, nothing, low=0.0),
        card(
            "Load of the processor",
            {"cpu_percent": "the whole machine", "own_cpu_percent": "of it Cornerman and its worker"},
            nothing,
            scale=0.01,
            **share,
        ),
        card("Memory", {"memory_mb": "this process, MB", "worker_mb": "the worker, MB"}, nothing, low=0.0),
        card("Temperature", {"temperature_c": "processor, degrees C"}, "this machine shows none, or no log was kept"),
        card("Frame times in ms", frames, "the game drew no frames while it was logged", low=0.0),
        card("Share of the time for learning", {"window_share": "in training windows"}, nothing, **share),
    ]


def _times(figures: Iterable[Mapping[str, Any]]) -> tuple[list[tuple[float, bool, Mapping[str, Any]]], str]:
    """Lines with the time that was logged until then, and whether one is joined to the line before it; and the name of
    that axis. Time between sessions does not count."""
    lines: list[tuple[float, bool, Mapping[str, Any]]] = []
    passed, before, usual = 0.0, (None, 0.0), 0.0
    for figure in figures:
        session, at = figure.get("session"), number(figure.get("at"))
        if at is None or at < 0.0:
            continue
        same = session == before[0] and at >= before[1]
        step = at - before[1] if same else 0.0
        joined = same and (not usual or step <= max(GAP_S, GAP * usual))
        usual = min(usual or step, step) if step else usual
        passed, before = passed + step, (session, at)
        lines.append((passed, joined, figure))
    unit, name = (3600.0, "hours logged") if passed > 2 * 3600 else (60.0, "minutes logged")
    return [(at / unit, joined, figure) for at, joined, figure in lines], name


def _pieces(lines: Iterable[tuple[float, bool, Mapping[str, Any]]], key: str, scale: float) -> list[list[Point]]:
    pieces: list[list[Point]] = [[]]
    for at, joined, figure in lines:
        if not joined:
            pieces.append([])
        if (value := number(figure.get(key))) is not None:
            pieces[-1].append((at, value * scale))
    return [piece for piece in pieces if piece]
