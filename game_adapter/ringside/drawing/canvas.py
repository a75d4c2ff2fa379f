"""The drawing surface of every screen: logical units in, pixels out, with text, panels and pictures kept once drawn.

A canvas is at least 960x600 units; one unit is `scale` pixels, the rest of an odd-shaped window is more units to lay
out. Text is `letters` times as large as is asked for, as far as its box has room. The canvas remembers where every text
went (`placed`), so that a test can see that none leaves its box.

A font belongs to a session of pygame's font module: used after that was quit, and even after a new start, it ends the
process. Between two frames anything may be quit, so fonts are kept for one frame; drawn text is only pixels, and stays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pygame

from game_adapter.ringside.drawing.theme import BODY, EDGE, HEIGHT, NIGHT, PANEL, TEXT, WIDTH, Colour

Rect = pygame.Rect
FINER = 4
WEIGHT = 0.75
"""Below 1: shrunk letters are made a little stronger."""
DEFAULT_FONT_SHARE = 0.6875
"""pygame sets its own font at this share of the size that is asked for."""
KEPT = 900
"""How many drawn texts, panels and pictures are kept; past that the least used go."""


class Placed(NamedTuple):
    """One text as drawn: where, in which box, in pixels, and whether it had to be cut short."""

    text: str
    rect: Rect
    box: Rect
    cut: bool


class Canvas:
    """What screens draw on. `begin` before every frame; all rectangles and sizes are logical units."""

    def __init__(self) -> None:
        self.surface = pygame.Surface((WIDTH, HEIGHT))
        self.scale = 1.0
        self.width, self.height = WIDTH, HEIGHT
        self.letters = 1.0
        self.placed: list[Placed] = []
        self._kept: OrderedDict[Hashable, pygame.Surface] = OrderedDict()
        self._fonts: dict[int, pygame.font.Font] = {}
        self._fits: dict[tuple[str, int, int, int], tuple[str, int, bool]] = {}
        self._lines: dict[tuple[str, int, int], list[str]] = {}

    def begin(self, surface: pygame.Surface, letters: float = 1.0) -> None:
        """Draw on this surface from now on; a new size forgets what was kept for the old one."""
        width, height = surface.get_size()
        scale = max(0.25, min(width / WIDTH, height / HEIGHT))
        self._fonts.clear()
        if scale != self.scale:
            self._kept.clear()
        if (scale, letters) != (self.scale, self.letters):
            self._fits.clear()
            self._lines.clear()
        self.surface, self.scale, self.letters = surface, scale, letters
        self.width, self.height = int(width / scale), int(height / scale)
        self.placed.clear()

    @property
    def area(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    def px(self, units: float) -> int:
        return round(units * self.scale)

    def pixels(self, rect: Rect) -> Rect:
        """A logical rectangle in pixels; neighbours stay neighbours."""
        left, top = self.px(rect.left), self.px(rect.top)
        return Rect(left, top, self.px(rect.right) - left, self.px(rect.bottom) - top)

    def units(self, position: tuple[int, int]) -> tuple[float, float]:
        """A mouse position in logical units."""
        return position[0] / self.scale, position[1] / self.scale

    def kept(self, key: Hashable, make: Callable[[], pygame.Surface]) -> pygame.Surface:
        """What `make` drew the first time this key was asked for."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found

    # ---------------------------------------------------------------------------------------------------------- text

    def font(self, size: int) -> pygame.font.Font:
        """pygame's own font, FINER times as big as it will be shown."""
        pixels = FINER * max(9, self.px(size))
        if pixels not in self._fonts:
            if not pygame.font.get_init():
                pygame.font.init()
            self._fonts[pixels] = _default_font(pixels)
        return self._fonts[pixels]

    def text_width(self, text: str, size: int) -> float:
        """How wide a text is, in units."""
        return self._pixel_size(text, self._grown(size))[0] / self.scale

    def _grown(self, size: int) -> int:
        """The size that a text of this size is set in where its box has room."""
        return round(size * self.letters)

    def _pixel_size(self, text: str, size: int) -> tuple[int, int]:
        width, height = self.font(size).size(text)
        return -(-width // FINER), -(-height // FINER)

    def text(
        self, text: str, box: Rect, size: int = BODY, colour: Colour = TEXT, align: str = "left", edge: int = 0
    ) -> Rect:
        """Draws one line, vertically centred in its box; too long a text is set smaller, then cut. Returns its rect.

        `edge` is the opacity, to 255, of a dark outline and then of the text itself; 0 draws plain text.
        """
        return self._line(text, box, self._grown(size), _smallest(size), colour, align, edge)

    def _line(
        self, text: str, box: Rect, size: int, smallest: int, colour: Colour, align: str = "left", edge: int = 0
    ) -> Rect:
        where = self.pixels(box)
        fit = (text, where.width, where.height, size)
        if fit not in self._fits:
            if len(self._fits) > KEPT:
                self._fits.clear()
            self._fits[fit] = self._fitted(text, where.width, where.height, size, smallest)
        text, size, cut = self._fits[fit]
        rendered = self._rendered(text, size, colour)
        rect = rendered.get_rect(centery=where.centery)
        if align == "center":
            rect.centerx = where.centerx
        elif align == "right":
            rect.right = where.right
        else:
            rect.left = where.left
        if edge:
            self._outline(self._rendered(text, size, NIGHT), rect, edge)
        self._blit_faded(rendered, rect, edge or 255)
        self.placed.append(Placed(text, rect, where, cut))
        return rect

    def _outline(self, dark: pygame.Surface, rect: Rect, alpha: int) -> None:
        away = max(1, self.px(1.5))
        for dx, dy in ((-away, 0), (away, 0), (0, -away), (0, 2 * away)):
            self._blit_faded(dark, rect.move(dx, dy), alpha)

    def _blit_faded(self, picture: pygame.Surface, rect: Rect, alpha: int) -> None:
        if alpha < 255:
            picture.set_alpha(alpha)
        self.surface.blit(picture, rect)
        if alpha < 255:
            picture.set_alpha(255)

    def paragraph(self, text: str, box: Rect, size: int = BODY, colour: Colour = TEXT) -> int:
        """Draws wrapped text from the top of its box; too long a text is set smaller, then cut. Returns the height
        used, in units."""
        smallest = _smallest(size)
        lines, size, cut = self._wrapped(text, box, self._grown(size), smallest)
        height = _line_height(size)
        for row, line in enumerate(lines):
            place = Rect(box.left, box.top + row * height, box.width, height)
            self._line(line, place, size, smallest, colour)
        if cut and self.placed:
            self.placed[-1] = self.placed[-1]._replace(cut=True)
        return len(lines) * height

    def wrapped(self, text: str, width: int, size: int) -> list[str]:
        """The lines that a text breaks into."""
        return self._lines_of(text, width, self._grown(size))

    def _lines_of(self, text: str, width: int, size: int) -> list[str]:
        key = (text, width, size)
        if key not in self._lines:
            if len(self._lines) > KEPT:
                self._lines.clear()
            self._lines[key] = self._broken(text, width, size)
        return self._lines[key]

    def _broken(self, text: str, width: int, size: int) -> list[str]:
        lines: list[str] = []
        for part in text.split("\n"):
            line = ""
            for word in part.split():
                longer = f"{line} {word}".strip()
                if line and self._pixel_size(longer, size)[0] > width * self.scale:
                    lines.append(line)
                    line = word
                else:
                    line = longer
            lines.append(line)
        return lines

    def line_height(self, size: int) -> int:
        """Units from one line of a paragraph to the next."""
        return _line_height(self._grown(size))

    def _wrapped(self, text: str, box: Rect, size: int, smallest: int) -> tuple[list[str], int, bool]:
        """The lines, the size that they fit in, and whether they had to be cut."""
        while True:
            lines, room = self._lines_of(text, box.width, size), max(1, box.height // _line_height(size))
            if len(lines) <= room:
                return lines, size, False
            if size <= smallest:
                return [*lines[: room - 1], lines[room - 1] + " ..."], size, True
            size -= 1

    def _fitted(self, text: str, width: int, height: int, size: int, smallest: int) -> tuple[str, int, bool]:
        while size > smallest and (
            self._pixel_size(text, size)[0] > width or self._pixel_size("", size)[1] > height + 2
        ):
            size -= 1
        if self._pixel_size(text, size)[0] <= width:
            return text, size, False
        while text and self._pixel_size(text + "...", size)[0] > width:
            text = text[:-1]
        return text.rstrip() + "...", size, True

    def _rendered(self, text: str, size: int, colour: Colour) -> pygame.Surface:
        return self.kept(("text", text, size, colour), lambda: self._finely(text, size, colour))

    def _finely(self, text: str, size: int, colour: Colour) -> pygame.Surface:
        """Text set big and shrunk: set small, the font's letters stand at whole pixels and the gaps become uneven."""
        shrunk = pygame.transform.smoothscale(self.font(size).render(text, True, colour), self._pixel_size(text, size))
        if shrunk.get_width():
            alpha = pygame.surfarray.pixels_alpha(shrunk)
            alpha[:] = np.power(alpha / 255, WEIGHT) * 255
            del alpha  # it locks the surface
        return shrunk

    # -------------------------------------------------------------------------------------------------------- shapes

    def panel(
        self, box: Rect, fill: Colour = PANEL, edge: Colour | None = EDGE, radius: int = 10, alpha: int = 255
    ) -> None:
        """Draws a rounded rectangle."""
        where = self.pixels(box)
        key = ("panel", where.size, fill, edge, radius, alpha)
        self.surface.blit(self.kept(key, lambda: self._panel(where.size, fill, edge, radius, alpha)), where)

    def _panel(
        self, size: tuple[int, int], fill: Colour, edge: Colour | None, radius: int, alpha: int
    ) -> pygame.Surface:
        surface = pygame.Surface(size, pygame.SRCALPHA)
        pygame.draw.rect(surface, (*fill, alpha), surface.get_rect(), border_radius=self.px(radius))
        if edge is not None:
            line = max(1, self.px(2))
            pygame.draw.rect(surface, (*edge, 255), surface.get_rect(), line, border_radius=self.px(radius))
        return surface

    def bar(self, box: Rect, fraction: float, colour: Colour, ghost: float = 0.0) -> None:
        """Draws a bar; `ghost` is the share that was there a moment ago."""
        where = self.pixels(box)
        pygame.draw.rect(self.surface, (10, 10, 22), where.inflate(2, 2), border_radius=where.height // 2)
        for share, shade in ((ghost, (250, 232, 190)), (fraction, colour)):
            width = round(where.width * min(max(share, 0.0), 1.0))
            if width > 0:
                piece = Rect(where.left, where.top, width, where.height)
                pygame.draw.rect(self.surface, shade, piece, border_radius=where.height // 2)
        shine = Rect(
            where.left, where.top, round(where.width * min(max(fraction, 0.0), 1.0)), max(1, where.height // 3)
        )
        light = tuple(min(255, part + 45) for part in colour)
        pygame.draw.rect(self.surface, light, shine, border_radius=where.height // 2)

    def shade(self, box: Rect, colour: Colour, alpha: int) -> None:
        """Darkens or tints a rectangle."""
        where = self.pixels(box)

        def make() -> pygame.Surface:
            surface = pygame.Surface(where.size)
            surface.fill(colour)
            surface.set_alpha(alpha)
            return surface

        self.surface.blit(self.kept(("shade", where.size, colour, alpha), make), where)

    def oval(self, box: Rect, colour: Colour, alpha: int, line: int = 0) -> None:
        """Draws an ellipse, filled or `line` units thick."""
        where = self.pixels(box)

        def make() -> pygame.Surface:
            surface = pygame.Surface(where.size, pygame.SRCALPHA)
            pygame.draw.ellipse(surface, (*colour, alpha), surface.get_rect(), max(1, self.px(line)) if line else 0)
            return surface

        self.surface.blit(self.kept(("oval", where.size, colour, alpha, line), make), where)

    def image(self, key: Hashable, picture: pygame.Surface, box: Rect, flip: bool = False) -> Rect:
        """Draws a picture scaled to its box; `key` names the picture. Returns where, in pixels."""
        where = self.pixels(box)

        def make() -> pygame.Surface:
            scaled = pygame.transform.smoothscale(picture, (max(1, where.width), max(1, where.height)))
            scaled = pygame.transform.flip(scaled, True, False) if flip else scaled
            if pygame.display.get_init() and pygame.display.get_surface() is not None:
                return scaled.convert_alpha() if picture.get_flags() & pygame.SRCALPHA else scaled.convert()
            return scaled

        self.surface.blit(self.kept(("image", key, where.size, flip), make), where)
        return where

    def cover(self, key: Hashable, picture: pygame.Surface) -> None:
        """Fills the surface with a picture, cropped at the sides or below where the shapes differ."""
        width, height = picture.get_size()
        scale = max(self.width / width, self.height / height)
        size = round(width * scale), round(height * scale)
        self.image(key, picture, Rect((self.width - size[0]) // 2, 0, *size))


def _line_height(size: int) -> int:
    return round(size * 0.85) + 1


def _smallest(size: int) -> int:
    """The size that a text shrinks to before it is cut."""
    return min(size, max(15, round(size * 0.7)))


def _default_font(pixels: int) -> pygame.font.Font:
    """`pygame.font.Font(None, pixels)`, six times as fast: the file is not looked for and read anew."""
    try:
        return pygame.font.Font(BytesIO(_default_font_file()), int(pixels * DEFAULT_FONT_SHARE))
    except OSError:  # a packager keeps pygame's own font elsewhere: pygame knows where
        return pygame.font.Font(None, pixels)


@cache
def _default_font_file() -> bytes:
    return Path(pygame.__file__).with_name(pygame.font.get_default_font()).read_bytes()
