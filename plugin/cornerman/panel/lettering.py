"""Lettering: text of the panel, set to fit its box.

No font outlives a picture: one that is kept over `pygame.quit()` ends the process. The game's thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cornerman.contract import printable

if TYPE_CHECKING:
    import pygame

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, width, height in pixels

USUAL, SMALLEST = 18, 15  # sizes in units of the panel
FINER, FINE_ENOUGH = 4, 96
"""Text is set so much bigger and shrunk, since the font's letters stand unevenly when small; up to so many pixels."""
TEXTS_KEPT, WIDTHS_KEPT = 400, 4000
LONGEST_WORD, LONGEST_LINE, LONGEST_TEXT = 100, 200, 2000
"""Characters; what is beyond has no room in any case, and measuring it would take seconds."""


class Written(NamedTuple):
    """One text as drawn: where, and in which box it had to stay, in pixels of the surface."""

    text: str
    rect: Box
    box: Box


class Lettering:
    """Draws and wraps text within `picture`; `written` lists the texts of the last picture."""

    def __init__(self) -> None:
        self.written: list[Written] = []
        self._scale = 0.0
        self._fonts: dict[int, pygame.font.Font] = {}  # of the picture under way
        self._texts: dict[tuple[str, int, Colour], pygame.Surface] = {}
        self._widths: dict[tuple[str, int], int] = {}

    @contextmanager
    def picture(self, scale: float) -> Iterator[None]:
        """One picture, `scale` pixels a unit."""
        import pygame

        if not pygame.font.get_init():
            pygame.font.init()
        if scale != self._scale:
            self._texts.clear()
            self._widths.clear()
        self._scale = scale
        self.written.clear()
        try:
            yield
        finally:
            self._fonts.clear()

    def text(self, surface: pygame.Surface, text: str, box: Box, colour: Colour, align: str = "left") -> None:
        """Draw one line inside its box: set smaller if it is too wide, then cut."""
        left, top, width, height = box
        text = printable(text[:LONGEST_LINE])
        size = round(USUAL * self._scale)
        while size > round(SMALLEST * self._scale) and self._wide(text, size) > width:
            size -= 1
        while text and self._wide(text, size) > width:
            text = text[:-4].rstrip() + "..." if len(text) > 4 else ""
        rendered = self._rendered(text, size, colour)
        rect = rendered.get_rect(left=left, centery=top + height // 2)
        if align == "right":
            rect.right = left + width
        elif align == "middle":
            rect.centerx = left + width // 2
        surface.blit(rendered, rect)
        self.written.append(Written(text, (rect.left, rect.top, rect.width, rect.height), box))

    def wrapped(self, text: str, width: int) -> list[str]:
        """The text in lines of at most `width` pixels, as far as its words allow."""
        size, lines = round(USUAL * self._scale), [""]
        for word in printable(text[:LONGEST_TEXT]).split():
            for part in (word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD)):
                longer = f"{lines[-1]} {part}".strip()
                if lines[-1] and self._wide(longer, size) > width:
                    lines.append(part)
                else:
                    lines[-1] = longer
        return lines

    def _font(self, size: int) -> pygame.font.Font:
        import pygame

        if size not in self._fonts:
            self._fonts[size] = pygame.font.Font(None, _finer(size) * size)
        return self._fonts[size]

    def _wide(self, text: str, size: int) -> int:
        key = (text, size)
        if key not in self._widths:
            if len(self._widths) > WIDTHS_KEPT:
                self._widths.clear()
            self._widths[key] = -(-self._font(size).size(text)[0] // _finer(size))
        return self._widths[key]

    def _rendered(self, text: str, size: int, colour: Colour) -> pygame.Surface:
        import pygame

        key = (text, size, colour)
        if key not in self._texts:
            if len(self._texts) > TEXTS_KEPT:
                self._texts.clear()
            drawn, finer = self._font(size).render(text, True, colour), _finer(size)
            shrunk = (-(-drawn.get_width() // finer), -(-drawn.get_height() // finer))
            self._texts[key] = drawn if finer == 1 else pygame.transform.smoothscale(drawn, shrunk)
        return self._texts[key]


def _finer(size: int) -> int:
    """How many times bigger text of a size is set before it is shrunk."""
    return max(1, min(FINER, FINE_ENOUGH // max(size, 1)))
