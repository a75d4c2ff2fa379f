"""Every page as a picture, from the smallest size to a 4K screen; and colours that are distinct to all eyes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pygame
import pytest
from numpy.typing import NDArray

from cornerman.panel import sheet
from tests.support.fake_panel import PAGES, opened
from tests.support.pictures import ROOT, check_picture

SIZES = ((420, 380), (1280, 720), (3840, 2160))
DOCUMENTED = (1280, 720)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("page", PAGES)
def test_page_looks_as_it_was_kept(page: str, size: tuple[int, int]) -> None:
    surface = pygame.Surface(size)
    opened(page=page)[0].draw(surface)
    name = page.lower()
    small = Path(__file__).parent / "pictures" / f"{name}-{size[0]}x{size[1]}.png"
    check_picture(surface, ROOT / "docs" / "pictures" / f"panel-{name}.png" if size == DOCUMENTED else small)


# As people see with no red, green or blue cones: Machado, Oliveira and Fernandes 2009, table 1, severity 1, linear RGB.
BLIND = {
    "none": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritan": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
Doubles = NDArray[np.float64]
DISTINCT, READABLE = 20.0, 4.5
"""Difference in CIELAB (2 can just be seen); contrast of text that WCAG asks for."""


def linear(colour: tuple[int, int, int]) -> Doubles:
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(colour: Doubles) -> Doubles:
    """CIELAB of linear RGB."""
    x, y, z = np.cbrt(np.clip(TO_XYZ @ colour, 0, None) / TO_XYZ.sum(axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", BLIND)
def test_colours_with_a_meaning_are_distinct_to_all_eyes(eyes: str) -> None:
    meaning = {name: getattr(sheet, name) for name in ("GOLD", "GOOD", "BAD", "WORDS", "LINE")}
    for one, other in combinations(meaning, 2):
        seen = [lab(np.clip(BLIND[eyes] @ linear(meaning[name]), 0, 1)) for name in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > DISTINCT, (one, other)


def test_text_stands_out_from_what_it_is_written_on() -> None:
    def light(name: str) -> float:
        return 0.05 + float(TO_XYZ[1] @ linear(getattr(sheet, name)))

    for words in ("WORDS", "QUIET", "GOLD", "GOOD", "BAD"):
        for ground in ("PAPER", "CARD", "FIELD", "FOCUSED"):
            assert light(words) / light(ground) >= READABLE, (words, ground)
