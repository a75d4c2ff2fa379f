"""The drawing kit of the sprite generator: a picture in body heights, and shaded, outlined shapes made of capsules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

SIZE = 288
SMOOTH = 4
UNITS = 1.3  # width and height of a picture, in body heights
GROUND = 0.05
OUTLINE = 0.011
INK = np.array([22.0, 18.0, 30.0])
LIGHT = np.array([-0.42, 0.62, 0.66])

Point = tuple[float, float]
Colour = tuple[int, int, int]
Capsule = tuple[Point, float, Point, float]
Image = NDArray[np.float64]
Spot = Callable[[float, float], Point]


class Picture:
    """A picture in body heights: x from the middle, y up from the ground; drawn back to front."""

    def __init__(self) -> None:
        side = SIZE * SMOOTH
        line = (np.arange(side) + 0.5) / side * UNITS
        self.x, self.y = np.meshgrid(line - UNITS / 2, UNITS - line - GROUND)
        self.rgb: Image = np.zeros((side, side, 3))
        self.alpha: Image = np.zeros((side, side))

    def shape(self, colour: Colour, capsules: Sequence[Capsule], outline: float = OUTLINE, gloss: float = 0.0) -> None:
        """Draws the union of capsules in one colour, shaded and outlined as one shape."""
        box = self._box(capsules, outline)
        x, y = self.x[box], self.y[box]
        best = np.full(x.shape, 9.0)
        nx, ny = np.zeros_like(best), np.zeros_like(best)
        for a, ra, b, rb in capsules:
            dx, dy = b[0] - a[0], b[1] - a[1]
            along = ((x - a[0]) * dx + (y - a[1]) * dy) / max(dx * dx + dy * dy, 1e-9)
            along = np.clip(along, 0, 1)
            radius = ra + (rb - ra) * along
            ox, oy = x - (a[0] + along * dx), y - (a[1] + along * dy)
            distance = np.hypot(ox, oy) - radius
            closer = distance < best
            best = np.where(closer, distance, best)
            nx, ny = np.where(closer, ox / radius, nx), np.where(closer, oy / radius, ny)
        self._blend(box, np.broadcast_to(INK, (*best.shape, 3)), best < outline)
        nz = np.sqrt(np.clip(1 - nx * nx - ny * ny, 0, 1))
        lit = nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]
        shade = 0.56 + 0.2 * step(lit, 0.02) + 0.24 * step(lit, 0.36) + 0.1 * step(lit, 0.86)
        rim = 0.16 * step(nx - 0.25 * ny, 0.72)  # the second light, from the other corner
        tint = np.asarray(colour, float) * (shade + rim)[..., None] + 255 * (gloss * step(lit, 0.95))[..., None]
        self._blend(box, np.clip(tint, 0, 255), best < 0)

    def _box(self, capsules: Sequence[Capsule], margin: float) -> tuple[slice, slice]:
        """The rows and columns that a shape can touch."""
        side = SIZE * SMOOTH
        ends = [(point, radius + margin + 0.01) for a, ra, b, rb in capsules for point, radius in ((a, ra), (b, rb))]
        left, right = min(p[0] - r for p, r in ends), max(p[0] + r for p, r in ends)
        low, high = min(p[1] - r for p, r in ends), max(p[1] + r for p, r in ends)
        column, row = np.array([left, right]) + UNITS / 2, UNITS - GROUND - np.array([high, low])
        places = [(int(first), int(last) + 1) for first, last in (row / UNITS * side, column / UNITS * side)]
        rows, columns = (slice(max(0, first), max(0, min(side, last))) for first, last in places)
        return rows, columns

    def _blend(self, box: tuple[slice, slice], rgb: Image, where: NDArray[np.bool_]) -> None:
        self.rgb[box] = np.where(where[..., None], rgb, self.rgb[box])
        self.alpha[box] = np.where(where, 1.0, self.alpha[box])

    def save(self, path: Path) -> None:
        """Shrinks by averaging (colours weighted by what is opaque) and writes a PNG."""
        blocks = (SIZE, SMOOTH, SIZE, SMOOTH)
        alpha = self.alpha.reshape(blocks).mean(axis=(1, 3))
        rgb = (self.rgb * self.alpha[..., None]).reshape((*blocks, 3)).mean(axis=(1, 3))
        rgb = rgb / np.maximum(alpha, 1e-6)[..., None]
        pixels = np.concatenate([rgb, alpha[..., None] * 255], axis=2).round().astype(np.uint8)
        pygame.image.save(pygame.image.frombuffer(pixels.tobytes(), (SIZE, SIZE), "RGBA"), str(path))


def step(value: Image, at: float) -> Image:
    """A soft step, a few hundredths wide."""
    return np.clip((value - at) / 0.06 + 0.5, 0, 1)


def between(a: Point, b: Point, share: float) -> Point:
    """The point that lies `share` of the way from a to b."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def moved(a: Point, dx: float, dy: float) -> Point:
    """A point beside another."""
    return a[0] + dx, a[1] + dy


def dimmed(colour: Colour, share: float) -> Colour:
    """A darker shade of a colour."""
    return int(colour[0] * share), int(colour[1] * share), int(colour[2] * share)
