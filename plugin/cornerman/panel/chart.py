"""Chart: one curve with its interval, and lines to compare it with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cornerman.panel.sheet import CARD, GOLD, GOOD, LINE, QUIET, WORDS, Box, Sheet
from cornerman.panel.widgets import UNKNOWN

BAND = (44, 84, 122)
AXIS_WIDTH, LABEL_HEIGHT, LABEL = 38.0, 13.0, 15.0
MOST_LABEL_WIDTH, LETTER_WIDTH = 70.0, 6.0
"""Room for the names of references, by their letters."""
DASH = 5.0
DOTTED_UP_TO = 40
"""So many points are dots with whiskers; more are a line in a band."""


class Chart(NamedTuple):
    """What is drawn, as plain data."""

    points: tuple[tuple[float, float, float, float], ...]  # x, y, and its interval from low to high, by x
    x_name: str
    form: str  # of the numbers beside the axis
    references: tuple[tuple[str, float], ...] = ()  # named lines across
    limits: tuple[float, float] | None = None  # of the axis; None: what is drawn
    dots: bool = False


def draw_chart(sheet: Sheet, box: Box, chart: Chart) -> None:
    """Draw a chart into a box, or say that nothing is known yet."""
    if not chart.points:
        sheet.text(UNKNOWN, box, QUIET, "middle")
        return
    plot, below = box.cut_top(box.height - LABEL_HEIGHT, 0)
    plot = plot.cut_left(AXIS_WIDTH, 4)[1].inset(0, 4)
    names = max((len(name) for name, _ in chart.references), default=0)
    plot = plot.cut_left(plot.width - min(MOST_LABEL_WIDTH, LETTER_WIDTH * names + 8) * bool(names))[0]
    x_of, y_of = _axes(sheet, box, plot, chart)
    places = [(x_of(x), y_of(y), y_of(low), y_of(high)) for x, y, low, high in chart.points]
    dotted = len(places) == 1 or (chart.dots and len(places) <= DOTTED_UP_TO)
    if dotted:
        for x, _, low, high in places:
            sheet.line(GOOD, [(x, low), (x, high)], 1.5)
    elif any(low != high for _, _, low, high in places):
        sheet.polygon(BAND, [*((x, high) for x, _, _, high in places), *((x, low) for x, _, low, _ in places[::-1])])
    _draw_references(sheet, box, plot, chart, y_of)  # over the band
    sheet.line(GOOD, [(x, y) for x, y, _, _ in places], 1.5)
    if dotted:
        for x, y, _, _ in places:
            sheet.dot(CARD, x, y, 3.5)
            sheet.dot(GOOD, x, y, 2.5)
    sheet.dot(GOLD, *places[-1][:2], 3.5)
    _draw_ends(sheet, Box(plot.left, below.top, plot.width, below.height), chart)


def _draw_ends(sheet: Sheet, box: Box, chart: Chart) -> None:
    """The first and the last x below the axis, and what they count between them."""
    first, last = chart.points[0][0], chart.points[-1][0]
    if last == first:
        sheet.text(f"{chart.x_name} {last:,.0f}", box, QUIET, "middle", LABEL)
        return
    left = sheet.text(f"{first:,.0f}", box, QUIET, size=LABEL)[1]
    right = sheet.text(f"{last:,.0f}", box, QUIET, "right", LABEL)[0]
    sheet.text(chart.x_name, box._replace(left=left + 3, width=max(0.0, right - left - 6)), QUIET, "middle", LABEL)


def _axes(sheet: Sheet, box: Box, plot: Box, chart: Chart) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Draw the lines of the grid with their numbers; returns where an x and a y lie."""
    shown = [value for _, *values in chart.points for value in values] + [y for _, y in chart.references]
    marked = ticks(*(chart.limits or (min(shown), max(shown))), max(2, int(plot.height / (1.8 * LABEL_HEIGHT))))
    low, high = marked[0], marked[-1]
    first, span = chart.points[0][0], (chart.points[-1][0] - chart.points[0][0]) or 1.0

    def x_of(x: float) -> float:
        return plot.left + 4 + (x - first) / span * (plot.width - 8)

    def y_of(y: float) -> float:
        return plot.bottom - (min(max(y, low), high) - low) / (high - low) * plot.height

    for value in marked:
        y = y_of(value)
        sheet.line(LINE, [(plot.left, y), (plot.right, y)], 0.5)
        label = Box(box.left, y - LABEL_HEIGHT / 2, AXIS_WIDTH, LABEL_HEIGHT)
        sheet.text(chart.form.format(value), label, QUIET, "right", LABEL)
    return x_of, y_of


def ticks(low: float, high: float, steps: int) -> list[float]:
    """Round numbers around two, in at most two steps more: of 1, 2 or 5 times a power of ten."""
    if not high > low:
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    power = 10.0 ** math.floor(math.log10((high - low) / steps))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step * steps >= 0.999 * (high - low))
    return [number * step for number in range(math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1)]


def _draw_references(sheet: Sheet, box: Box, plot: Box, chart: Chart, y_of: Callable[[float], float]) -> None:
    """Dashed lines with their names at the right, pushed apart where they lie close together."""
    lines = sorted(chart.references, key=lambda each: -each[1])
    lines = lines[: int((plot.height + LABEL_HEIGHT) / LABEL_HEIGHT)]
    for (name, value), label in zip(lines, _apart([y_of(value) for _, value in lines], plot), strict=True):
        y = y_of(value)
        for number in range(int(plot.width / (2 * DASH))):
            left = plot.left + 2 * DASH * number
            sheet.line(WORDS, [(left, y), (left + DASH, y)], 0.5)
        place = Box(plot.right + 4, label - LABEL_HEIGHT / 2, box.right - plot.right - 4, LABEL_HEIGHT)
        sheet.text(name, place, WORDS, size=LABEL)


def _apart(wanted: Sequence[float], plot: Box) -> list[float]:
    """Middles of labels near where they should lie, from top to bottom, none over another."""
    places: list[float] = []
    for number, y in enumerate(wanted):
        room_below = (len(wanted) - 1 - number) * LABEL_HEIGHT
        lowest = plot.bottom - room_below
        above = places[-1] + LABEL_HEIGHT if places else plot.top
        places.append(max(above, min(y, lowest)))
    return places
