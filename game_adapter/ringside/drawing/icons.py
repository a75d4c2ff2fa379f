"""Small signs drawn as shapes: one a skill, and the marks of a fighter's state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pygame

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import BAD, GOLD, MEND, Colour

Shape = tuple[str, Sequence[tuple[float, float]]]

GUARD_BLUE: Colour = (116, 170, 250)
STAR = tuple(
    (0.5 + radius * math.sin(math.pi * i / 8), 0.5 - radius * math.cos(math.pi * i / 8))
    for i, radius in enumerate((0.5, 0.22) * 8)
)
SHIELD = ((0.5, 0.04), (0.88, 0.17), (0.86, 0.55), (0.7, 0.8), (0.5, 0.97), (0.3, 0.8), (0.14, 0.55), (0.12, 0.17))

SHAPES: Mapping[str, Sequence[Shape]] = {
    "strike": [
        ("fill", ((0.16, 0.34), (0.62, 0.28), (0.86, 0.42), (0.86, 0.66), (0.6, 0.8), (0.16, 0.72))),
        ("cut", ((0.34, 0.46), (0.66, 0.44))),
        ("cut", ((0.34, 0.6), (0.66, 0.6))),
    ],
    "heavy": [("fill", STAR)],
    "guard": [("fill", SHIELD), ("cut", ((0.5, 0.2), (0.5, 0.78)))],
    "mend": [
        ("fill", ((0.37, 0.08), (0.63, 0.08), (0.63, 0.92), (0.37, 0.92))),
        ("fill", ((0.08, 0.37), (0.92, 0.37), (0.92, 0.63), (0.08, 0.63))),
    ],
    "charge": [("fill", ((0.6, 0.0), (0.16, 0.56), (0.44, 0.58), (0.34, 1.0), (0.84, 0.38), (0.54, 0.38)))],
    "exposed": [("fill", ((0.5, 0.98), (0.1, 0.5), (0.34, 0.5), (0.34, 0.04), (0.66, 0.04), (0.66, 0.5), (0.9, 0.5)))],
}
"""What is filled and what is cut into it, in shares of the sign's box."""

COLOURS: Mapping[str, Colour] = {
    "strike": (250, 222, 190),
    "heavy": (255, 150, 84),
    "guard": GUARD_BLUE,
    "mend": MEND,
    "charge": GOLD,
    "exposed": BAD,
}
BIG = 96


def draw_icon(canvas: Canvas, name: str, box: Rect, dim: bool = False) -> None:
    """Draws the sign of a skill or state in its colour, or greyed out."""
    colour = (112, 116, 146) if dim else COLOURS[name]
    picture = canvas.kept(("icon", name, dim), lambda: _drawn(name, colour))
    canvas.image(("icon", name, dim), picture, box)


def _drawn(name: str, colour: Colour) -> pygame.Surface:
    surface = pygame.Surface((BIG, BIG), pygame.SRCALPHA)
    for kind, points in SHAPES[name]:
        scaled = [(x * BIG, y * BIG) for x, y in points]
        if kind == "fill":
            pygame.draw.polygon(surface, colour, scaled)
        else:
            pygame.draw.lines(surface, tuple(part // 2 for part in colour), False, scaled, 7)
    return surface
