"""Charts as inline SVG: lines, bands and error bars over two axes, with a legend in HTML.

Written here and not by matplotlib, which a player's machine or a small board need not have, and so that a chart takes
the colours and the size of letters of the page around it: light or dark, wide or narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import TypeAlias

WIDTH, HEIGHT = 340.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 18.0, 8.0, 34.0
MOST_POINTS = 300
MOST_DOTS = 40
LINE_HEIGHT = 11.0

Point: TypeAlias = tuple[float, float]
Span: TypeAlias = tuple[float, float, float]
"""x, low, high."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, in pieces that are not joined to each other. `worst`: of many points the highest is shown."""

    name: str
    pieces: Sequence[Sequence[Point]]
    band: Sequence[Span] = ()
    bars: Sequence[Span] = ()
    worst: bool = False

    @property
    def points(self) -> list[Point]:
        return [point for piece in self.pieces for point in piece]


@dataclass(frozen=True, slots=True)
class Axes:
    """What the two axes say. `low` and `high` bound y at the least; `percent` writes y as shares; `whole`: x is a
    whole number."""

    x: str
    low: float | None = None
    high: float | None = None
    percent: bool = False
    whole: bool = False

    def written(self, value: float, step: float = 0.0) -> str:
        """A value of y, exact to `step`, or to three digits."""
        value, step = (100 * value, 100 * step) if self.percent else (value, step)
        return short(value, step or _third_digit(value)) + "%" * self.percent


class _Frame:
    """Places of values in the picture."""

    def __init__(self, series: Sequence[Series], levels: Mapping[str, float], axes: Axes) -> None:
        xs = [x for each in series for x, _ in each.points]
        spans = [bound for each in series for _, *bounds in (*each.band, *each.bars) for bound in bounds]
        ys = [*spans, *(y for each in series for _, y in each.points), *levels.values()]
        ys += [bound for bound in (axes.low, axes.high) if bound is not None]
        self.x, self.y = _wide(min(xs), max(xs)), _wide(min(ys), max(ys))
        if axes.low is None:
            self.y = (self.y[0] - 0.04 * (self.y[1] - self.y[0]), self.y[1])
        if axes.high is None:
            self.y = (self.y[0], self.y[1] + 0.04 * (self.y[1] - self.y[0]))

    def across(self, x: float) -> float:
        return LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def down(self, y: float) -> float:
        return HEIGHT - BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def at(self, x: float, y: float) -> str:
        return f"{self.across(x):.1f},{self.down(y):.1f}"


def chart(title: str, series: Sequence[Series], axes: Axes, levels: Mapping[str, float] | None = None) -> str:
    """A picture with its legend. `series` must hold a point; `levels` are lines across with their names."""
    series, levels = [thinned(each) for each in series if each.points], levels or {}
    frame = _Frame(series, levels, axes)
    parts = _grid(frame, axes)
    for number, each in enumerate(series):
        parts += [f'<g class="s{number % 6}">', *_curve(frame, each, axes), "</g>"]
    parts += _levels(frame, levels)
    head = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(title)}">'
    return "\n".join([head, *parts, "</svg>", _legend(series, axes)])


def _grid(frame: _Frame, axes: Axes) -> list[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    marks, step = ticks(*frame.y)
    for y in marks:
        at, words = frame.down(y), axes.written(y, step)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{words}</text>')
    marks, step = ticks(*frame.x, whole=axes.whole)
    for x in marks:
        place = f'x="{frame.across(x):.1f}" y="{base + 14}" text-anchor="middle"'
        parts.append(f"<text {place}>{short(x, step)}</text>")
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 5}" text-anchor="middle">{escape(axes.x)}</text>')
    return parts


def _levels(frame: _Frame, levels: Mapping[str, float]) -> list[str]:
    parts, free = [], float("inf")
    for name, y in sorted(levels.items(), key=lambda level: level[1]):  # from below: no name is written over another
        at = frame.down(y)
        free = min(at - 3, free - LINE_HEIGHT)
        parts.append(f'<path class="level" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{free:.1f}" text-anchor="end">{escape(name)}</text>')
    return parts


def _curve(frame: _Frame, series: Series, axes: Axes) -> list[str]:
    parts = []
    if len(series.band) > 1:
        there = [frame.at(x, high) for x, _, high in series.band]
        back = [frame.at(x, low) for x, low, _ in reversed(series.band)]
        parts.append(f'<polygon class="band" points="{" ".join(there + back)}"/>')
    for x, low, high in (*series.bars, *(series.band if len(series.band) == 1 else ())):
        parts.append(f'<path d="M{frame.at(x, low)}V{frame.down(high):.1f}"/>')
    lines = (" ".join(frame.at(x, y) for x, y in piece) for piece in series.pieces)
    parts += [f'<polyline points="{line}"/>' for line in lines]
    few = len(series.points) <= MOST_DOTS
    for x, y in (point for piece in series.pieces for point in piece if few or len(piece) == 1):
        words = f"{escape(series.name)}: {axes.written(y)} at {short(x, _third_digit(x))}"
        parts.append(
            f'<circle cx="{frame.across(x):.1f}" cy="{frame.down(y):.1f}" r="2.4"><title>{words}</title></circle>'
        )
    return parts


def _legend(series: Sequence[Series], axes: Axes) -> str:
    rows = []
    for number, each in enumerate(series):
        last = each.points[-1][1]
        swatch = '<svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true"><path d="M0 4H24"/></svg>'
        name = f"{escape(each.name)}, last {axes.written(last)}"
        rows.append(f'<li class="s{number % 6}">{swatch}{name}</li>')
    return f'<ul class="legend">{"".join(rows)}</ul>'


def thinned(series: Series) -> Series:
    """With at most about `MOST_POINTS` points: means, or the worst, of equally many neighbours."""
    count = -(-len(series.points) // MOST_POINTS)
    if count <= 1:
        return series

    def one(points: Sequence[Point]) -> Point:
        ys = [y for _, y in points]
        return points[len(points) // 2][0], max(ys) if series.worst else sum(ys) / len(ys)

    pieces = [[one(piece[at : at + count]) for at in range(0, len(piece), count)] for piece in series.pieces]
    return Series(series.name, pieces, series.band[::count], series.bars)


def ticks(low: float, high: float, whole: bool = False) -> tuple[list[float], float]:
    """Two to seven round values between two bounds that differ, and the step between them."""
    least = max((high - low) / 6, float(whole))
    unit = 10.0 ** floor(log10(least))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)], step


def short(value: float, step: float) -> str:
    """A number as labels have it, exact to `step`: 0.25, 40, 12k, 1.5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.{_digits(step / unit)}f}{letter}"
    return f"{value:,.{_digits(step)}f}"


def _digits(step: float) -> int:
    """Decimals that show a difference of `step`, which is above 0."""
    return min(6, max(0, -floor(log10(step) + 1e-9)))


def _third_digit(value: float) -> float:
    return 10.0 ** (floor(log10(abs(value))) - 2) if abs(value) > 1e-12 else 1.0


def _wide(low: float, high: float) -> tuple[float, float]:
    """Bounds that differ, also where all values are the same."""
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-12):
        return low, high
    room = max(abs(low) * 0.1, 0.5)
    return low - room, high + room
