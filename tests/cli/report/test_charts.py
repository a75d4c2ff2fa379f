"""Charts: every number finds its place in the picture, and labels are round."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.cli.report.charts import HEIGHT, WIDTH, Axes, Series, chart, short, thinned, ticks

NUMBERS = st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15).map(float)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)


@settings(max_examples=30)
@given(st.lists(POINTS, min_size=1, max_size=3), st.lists(NUMBERS, max_size=3), st.booleans())
def test_chart_is_sound_svg_with_everything_inside_whatever_the_numbers(
    pieces: list[list[tuple[float, float]]], levels: list[float], whole: bool
) -> None:
    spans = [(x, y - 1.0, y + 1.0) for x, y in pieces[0]]
    series = Series('<&">', pieces, spans, spans)
    named = {f"<{number}": level for number, level in enumerate(levels)}
    svg, legend = chart("<title>", [series], Axes("x & y", whole=whole), named).split('<ul class="legend">')
    picture = ElementTree.fromstring(svg)
    ElementTree.fromstring(f"<ul>{legend}")
    for element in picture.iter():
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get("points", "")):
            assert 0.0 <= float(x) <= WIDTH
            assert 0.0 <= float(y) <= HEIGHT
    words = [element.text for element in picture.iter("text")]
    assert set(named) <= set(words)
    assert "x & y" in words


@pytest.mark.parametrize(
    ("low", "high", "whole", "marks"),
    [
        (0.0, 1.0, False, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 2.0, True, [0.0, 1.0, 2.0]),
        (-37.0, 410.0, False, [0.0, 100.0, 200.0, 300.0, 400.0]),
        (0.0101, 0.0109, False, [0.0102, 0.0104, 0.0106, 0.0108]),
    ],
)
def test_ticks_are_round(low: float, high: float, whole: bool, marks: list[float]) -> None:
    assert ticks(low, high, whole)[0] == pytest.approx(marks)


@pytest.mark.parametrize(
    ("value", "step", "words"),
    [(0.2, 0.1, "0.2"), (1500, 500, "1,500"), (40_000, 20_000, "40k"), (2.5e6, 5e5, "2.5M"), (0.0102, 2e-4, "0.0102")],
)
def test_labels_are_short_and_exact(value: float, step: float, words: str) -> None:
    assert short(value, step) == words


def test_thinned_keeps_the_mean_and_the_pieces() -> None:
    pieces = [[(float(x), float(x % 2)) for x in range(3000)], [(5000.0, 7.0)]]
    few = thinned(Series("a", pieces))
    assert 250 < len(few.points) < 310
    assert {y for _, y in few.pieces[0]} <= {5 / 11, 6 / 11, 0.5}
    assert few.pieces[1] == [(5000.0, 7.0)]
    assert {y for _, y in thinned(Series("a", pieces, worst=True)).pieces[0]} == {1.0}


def test_one_point_with_its_interval_is_a_dot_on_a_bar() -> None:
    drawn = chart("one", [Series("you", [[(1.0, 0.5)]], [(1.0, 0.1, 0.9)])], Axes("battles"))
    assert "<polygon" not in drawn
    assert drawn.count("<circle") == 1
    assert re.search(r'<path d="M[0-9.,]+V', drawn)
