"""Draws the hall into assets/sprites/ring.png (1600x1000): the ring with ropes, the lights and the crowd.

The ring's floor spans the middle of the picture, so the window can crop it to other shapes. Run it from anywhere:
`python assets/generate_ring.py`. The same script always writes the same pixels.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pygame

WIDTH, HEIGHT = 1600, 1000
SMOOTH = 2
Colour = tuple[int, int, int]
ROPES: tuple[Colour, ...] = ((206, 62, 60), (232, 230, 236), (70, 116, 208))
HORIZON = 0.47
FLOOR_FAR, FLOOR_NEAR = (0.16, 0.84, 0.5), (-0.02, 1.02, 0.76)  # left, right, y as shares of the picture


def at(x: float, y: float) -> tuple[int, int]:
    """A point given as shares of the picture, in pixels of the big drawing."""
    return round(x * WIDTH * SMOOTH), round(y * HEIGHT * SMOOTH)


def hall(surface: pygame.Surface) -> None:
    """The dark hall: night blue above, darker below."""
    for row in range(HEIGHT * SMOOTH):
        share = row / (HEIGHT * SMOOTH)
        glow = max(0.0, 1 - abs(share - 0.4) / 0.4)
        colour = (round(14 + 22 * glow), round(14 + 18 * glow), round(32 + 34 * glow))
        pygame.draw.line(surface, colour, (0, row), (WIDTH * SMOOTH, row))


def crowd(surface: pygame.Surface, random: Random) -> None:
    """Rows of heads and shoulders, brighter and bigger towards the ring."""
    for row in range(9):
        depth = row / 8
        y = 0.2 + 0.29 * depth
        size = 0.008 + 0.011 * depth
        x = -random.random() * size
        while x < 1.02:
            base = 26 + 34 * depth + random.uniform(-8, 8)
            tint = random.choice(((1.0, 0.85, 1.2), (1.15, 0.8, 0.95), (0.8, 0.95, 1.25), (1.0, 1.0, 1.05)))
            colour = tuple(round(min(255, base * part)) for part in tint)
            jump = random.uniform(-0.004, 0.004)
            shoulders = pygame.Rect(0, 0, *at(size * 1.5, size * 2.6))
            shoulders.midtop = at(x, y + jump + size * 0.9)
            pygame.draw.ellipse(surface, colour, shoulders)
            skin = tuple(
                round(base * part) for part in random.choice(((1.7, 1.3, 1.15), (1.1, 0.8, 0.7), (1.4, 1.05, 0.9)))
            )
            pygame.draw.circle(surface, skin, at(x, y + jump), at(size * 0.52, 0)[0])
            if random.random() < 0.03 * (0.4 + depth):  # a camera
                pygame.draw.circle(surface, (255, 250, 225), at(x + size * 0.3, y + jump), 5)
            x += size * random.uniform(1.4, 2.0)


def lights(surface: pygame.Surface) -> None:
    """A row of lamps on a truss, and beams that only add light."""
    beams = pygame.Surface((WIDTH, HEIGHT))
    for x, lean in ((0.14, 0.12), (0.32, 0.07), (0.5, 0.0), (0.68, -0.07), (0.86, -0.12)):
        for spread, glow in ((0.17, 5), (0.13, 6), (0.09, 7), (0.05, 9)):
            corners = [(x - 0.008, 0.06), (x + 0.008, 0.06), (x + lean + spread, 0.68), (x + lean - spread, 0.68)]
            beam = pygame.Surface((WIDTH, HEIGHT))
            pygame.draw.polygon(beam, (glow, glow, round(glow * 0.8)), [(a * WIDTH, b * HEIGHT) for a, b in corners])
            beams.blit(beam, (0, 0), special_flags=pygame.BLEND_RGB_ADD)
    fade = np.clip(1.15 - np.arange(HEIGHT) / HEIGHT / 0.72, 0, 1)
    pixels = pygame.surfarray.pixels3d(beams)
    pixels[:] = (pixels * fade[None, :, None]).astype(np.uint8)
    del pixels
    surface.blit(pygame.transform.smoothscale(beams, surface.get_size()), (0, 0), special_flags=pygame.BLEND_RGB_ADD)
    pygame.draw.rect(surface, (30, 30, 44), pygame.Rect(at(0, 0.028), at(1, 0.012)))
    pygame.draw.rect(surface, (46, 46, 64), pygame.Rect(at(0, 0.028), at(1, 0.003)))
    for x in (0.14, 0.32, 0.5, 0.68, 0.86):
        lamp = pygame.Rect(0, 0, *at(0.034, 0.026))
        lamp.center = at(x, 0.052)
        pygame.draw.rect(surface, (56, 56, 76), lamp, border_radius=12)
        pygame.draw.ellipse(surface, (255, 244, 206), pygame.Rect(at(x - 0.014, 0.056), at(0.028, 0.014)))


def ring(surface: pygame.Surface) -> None:
    """The canvas floor in perspective with its emblem, the apron, and the posts at the back."""
    (far_left, far_right, far), (near_left, near_right, near) = FLOOR_FAR, FLOOR_NEAR
    steps = 160
    for i in range(steps):
        a, b = i / steps, (i + 1) / steps
        rows = [far + (near - far) * share for share in (a, b)]
        lefts = [far_left + (near_left - far_left) * share for share in (a, b)]
        rights = [far_right + (near_right - far_right) * share for share in (a, b)]
        light = 0.78 + 0.22 * np.sin(np.pi * min(1.0, a * 1.1))
        colour = (round(196 * light), round(186 * light), round(176 * light))
        corners = [(lefts[0], rows[0]), (rights[0], rows[0]), (rights[1], rows[1] + 0.002), (lefts[1], rows[1] + 0.002)]
        pygame.draw.polygon(surface, colour, [at(*corner) for corner in corners])
    emblem(surface)
    apron = [at(near_left, near), at(near_right, near), at(1.02, 1.0), at(-0.02, 1.0)]
    pygame.draw.polygon(surface, (30, 30, 62), apron)
    pygame.draw.line(surface, (232, 190, 92), at(near_left, near), at(near_right, near), 8)
    for left, top, right in ((far_left, far, far_right),):
        pygame.draw.line(surface, (120, 112, 108), at(left, top), at(right, top), 4)


def emblem(surface: pygame.Surface) -> None:
    """The mark in the middle of the floor, and the two corners' colours at its sides."""
    floor = pygame.Surface(surface.get_size(), pygame.SRCALPHA)
    for width, height, colour in (
        (0.3, 0.15, (150, 60, 62, 120)),
        (0.28, 0.136, (196, 186, 176, 255)),
        (0.255, 0.12, (66, 78, 140, 100)),
    ):
        oval = pygame.Rect(0, 0, *at(width, height))
        oval.center = at(0.5, 0.625)
        pygame.draw.ellipse(floor, colour, oval)
    for x, colour in ((0.235, (206, 62, 60, 46)), (0.765, (70, 116, 208, 50))):
        oval = pygame.Rect(0, 0, *at(0.24, 0.15))
        oval.center = at(x, 0.63)
        pygame.draw.ellipse(floor, colour, oval)
    surface.blit(floor, (0, 0))


def ropes(surface: pygame.Surface) -> None:
    """Posts with pads and three ropes at the back and at both sides, with a little sag."""
    (left, right, floor), top = FLOOR_FAR, 0.335
    near_left, near_right = -0.03, 1.03
    for index, colour in enumerate(ROPES):
        back = top + 0.022 + index * 0.05
        front = 0.4 + index * 0.105
        for start, end, sag in (
            ((left, back), (right, back), 0.007),
            ((left, back), (near_left, front), 0.012),
            ((right, back), (near_right, front), 0.012),
        ):
            points = [
                at(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t + sag * 4 * t * (1 - t))
                for t in np.linspace(0, 1, 40)
            ]
            dark = tuple(part // 2 for part in colour)
            pygame.draw.lines(surface, dark, False, [(x, y + 5) for x, y in points], 9)
            pygame.draw.lines(surface, colour, False, points, 9)
            pygame.draw.lines(
                surface, tuple(min(255, part + 40) for part in colour), False, [(x, y - 2) for x, y in points], 3
            )
    for x, colour in ((left, ROPES[0]), (right, ROPES[2])):
        post = pygame.Rect(at(x - 0.009, top - 0.012), at(0.018, floor - top + 0.03))
        pygame.draw.rect(surface, (44, 44, 58), post, border_radius=8)
        pad = pygame.Rect(at(x - 0.013, top), at(0.026, floor - top - 0.014))
        pygame.draw.rect(surface, tuple(part // 3 for part in colour), pad.move(6, 6), border_radius=14)
        pygame.draw.rect(surface, tuple(round(part * 0.82) for part in colour), pad, border_radius=14)
        shine = pygame.Rect(pad.left + 8, pad.top + 14, 8, pad.height - 28)
        pygame.draw.rect(surface, tuple(min(255, part + 46) for part in colour), shine, border_radius=5)


def main() -> None:
    surface = pygame.Surface((WIDTH * SMOOTH, HEIGHT * SMOOTH))
    hall(surface)
    crowd(surface, Random(11))
    lights(surface)
    ring(surface)
    ropes(surface)
    picture = pygame.transform.smoothscale(surface, (WIDTH, HEIGHT))
    pygame.image.save(picture, str(Path(__file__).parent / "sprites" / "ring.png"))


if __name__ == "__main__":
    main()
