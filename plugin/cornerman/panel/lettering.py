"""Lettering: text measured, fitted, wrapped and drawn alike with pygame and pygame-ce.

Text is set bigger and shrunk to the width that it was measured to have: a font's letters stand unevenly when small, and
the libraries disagree on how. No font outlives a picture: one kept over `pygame.quit()` ends the process. The game's
thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cornerman.contract import printable

if TYPE_CHECKING:
    import pygame

Colour = tuple[int, int, int]

MEASURED = 144
"""Pixels of the size at which text is measured, once for every size."""
HEIGHT = 0.71
"""Of a line from the tops of its letters to the bottoms, over its size."""
FINER, FINE_ENOUGH = 4, 64
"""Text is set so much bigger and shrunk; up to so many pixels."""
TEXTS_KEPT, WIDTHS_KEPT = 600, 6000
LONGEST_WORD, LONGEST_LINE, LONGEST_TEXT = 100, 200, 2000
"""Characters; what is beyond has no room in any case, and measuring it would take seconds."""


class Lettering:
    """Measures and renders text within `picture`."""

    def __init__(self) -> None:
        self._fonts: dict[int, pygame.font.Font] = {}  # of the picture under way
        self._texts: dict[tuple[str, int, Colour], pygame.Surface] = {}
        self._widths: dict[str, float] = {}  # over the size

    @contextmanager
    def picture(self) -> Iterator[None]:
        import pygame

        if not pygame.font.get_init():
            pygame.font.init()
        try:
            yield
        finally:
            self._fonts.clear()

    def fitted(self, text: str, width: float, size: float, smallest: float) -> tuple[str, float]:
        """One line no wider than `width`: set smaller if it is too wide, then cut; text and size in pixels."""
        text = printable(text[:LONGEST_LINE])
        if self._wide(text) * size > width:
            size = max(smallest, width / self._wide(text))
        while text and self._wide(text) * size > width + 0.01:
            text = text[:-4].rstrip() + "..." if len(text) > 4 else ""
        return text, size

    def wrapped(self, text: str, width: float, size: float) -> list[str]:
        """The text in lines of at most `width` pixels, as far as its words allow; none for no words."""
        lines: list[str] = []
        for word in printable(text[:LONGEST_TEXT]).split():
            for part in (word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD)):
                if lines and self._wide(f"{lines[-1]} {part}") * size <= width:
                    lines[-1] += f" {part}"
                else:
                    lines.append(part)
        return lines

    def rendered(self, text: str, size: float, colour: Colour) -> pygame.Surface:
        """A line as a surface, HEIGHT times its size high."""
        import pygame

        pixels = max(1, round(size))
        if not self._wide(text):  # no character that takes room: the libraries refuse to render that
            return pygame.Surface((0, round(HEIGHT * pixels)))
        key = (text, pixels, colour)
        if key not in self._texts:
            if len(self._texts) > TEXTS_KEPT:
                self._texts.clear()
            finer = pixels * max(1, min(FINER, FINE_ENOUGH // pixels))
            drawn = self._font(finer).render(text, True, colour)
            drawn = drawn.subsurface((0, 0, drawn.get_width(), min(drawn.get_height(), round(HEIGHT * finer))))
            shrunk = (max(1, round(self._wide(text) * size)), max(1, round(HEIGHT * pixels)))
            self._texts[key] = pygame.transform.smoothscale(drawn, shrunk)
        return self._texts[key]

    def _font(self, size: int) -> pygame.font.Font:
        import pygame

        if size not in self._fonts:
            self._fonts[size] = pygame.font.Font(None, size)
        return self._fonts[size]

    def _wide(self, text: str) -> float:
        """Width of a line over its size."""
        if text not in self._widths:
            if len(self._widths) > WIDTHS_KEPT:
                self._widths.clear()
            self._widths[text] = self._font(MEASURED).size(text)[0] / MEASURED
        return self._widths[text]
