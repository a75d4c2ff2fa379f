"""Charts of the panel: what is drawn of few points, and the numbers beside the axis."""

from __future__ import annotations

import pygame
import pytest

from cornerman.panel.chart import Chart, draw_chart, ticks
from cornerman.panel.lettering import Lettering
from cornerman.panel.pages.strength import charts_of
from cornerman.panel.sheet import GOLD, GOOD, Box, Sheet


@pytest.mark.parametrize(
    ("low", "high", "steps", "marked"),
    [
        (0.0, 1.0, 2, [0.0, 0.5, 1.0]),
        (758.0, 1195.0, 3, [600.0, 800.0, 1000.0, 1200.0]),
        (0.014, 0.084, 3, [0.0, 0.05, 0.1]),
        (0.7, 0.7, 2, [0.0, 0.5, 1.0, 1.5]),
        (0.0, 0.0, 2, [-0.5, 0.0, 0.5]),
    ],
)
def test_axis_is_marked_with_round_numbers(low: float, high: float, steps: int, marked: list[float]) -> None:
    assert ticks(low, high, steps) == pytest.approx(marked)


def test_axis_of_value_accuracy_ends_at_100_percent() -> None:
    (*_, (_, chart)) = charts_of({"accuracy": [[64, 1.0], [128, 1.0]]}, {})
    assert chart.limits == (0.0, 1.0)
    (*_, (_, chart)) = charts_of({"accuracy": [[64, 0.8], [128, 0.9]]}, {})
    assert chart.limits is None, "as large as may be"


def test_one_battle_is_a_dot_on_its_interval() -> None:
    surface, box, lettering = pygame.Surface((200, 100)), Box(0, 0, 200, 100), Lettering()
    with lettering.picture():
        draw_chart(Sheet(surface, 1.0, lettering, box), box, Chart(((1, 0.5, 0.1, 0.9),), "battles", "{:.0%}"))
    drawn = [tuple(surface.get_at((x, y)))[:3] for x in range(200) for y in range(80)]
    assert GOLD in drawn
    assert drawn.count(GOOD) > 30, "the interval is a line of some 60 pixels"
