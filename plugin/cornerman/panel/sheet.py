"""Sheet: what a part of the panel draws on, in units that grow with the panel; and its colours.

The colours differ in brightness, too, and nothing is shown by colour alone: a word, a shape or a place says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cornerman.panel.lettering import Colour, Lettering

if TYPE_CHECKING:
    import pygame

PAPER: Colour = (24, 27, 54)
CARD: Colour = (32, 36, 70)
FIELD: Colour = (46, 52, 98)
LINE: Colour = (84, 92, 150)
WORDS: Colour = (240, 240, 250)
QUIET: Colour = (178, 184, 214)
GOLD: Colour = (246, 200, 92)
GOOD: Colour = (86, 180, 233)
BAD: Colour = (255, 130, 138)
FOCUSED: Colour = (62, 58, 72)  # what is in focus

LARGE, USUAL, SMALLEST = 26.0, 18.0, 15.0
"""Sizes of text in units; a line that is too wide is set smaller, down to the smallest, then cut."""
ROW = 17.0
"""Height of a line of a paragraph."""
LETTER_WIDTH = 7.0
"""Of a letter of a paragraph at most, on average, where a page has to be laid out before it is drawn."""


class Box(NamedTuple):
    """A rectangle in units."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def inset(self, x: float, y: float) -> Box:
        return Box(self.left + x, self.top + y, max(0.0, self.width - 2 * x), max(0.0, self.height - 2 * y))

    def cut_top(self, height: float, gap: float = 0.0) -> tuple[Box, Box]:
        """The upper strip of that height, and the rest below a gap."""
        height = min(height, self.height)
        rest = max(0.0, self.height - height - gap)
        return self._replace(height=height), self._replace(top=self.bottom - rest, height=rest)

    def cut_left(self, width: float, gap: float = 0.0) -> tuple[Box, Box]:
        """The left strip of that width, and the rest beyond a gap."""
        width = min(width, self.width)
        rest = max(0.0, self.width - width - gap)
        return self._replace(width=width), self._replace(left=self.right - rest, width=rest)

    def rows(self, count: int, gap: float = 0.0) -> list[Box]:
        """So many rows of one height."""
        height = (self.height - gap * (count - 1)) / count
        return [self._replace(top=self.top + number * (height + gap), height=height) for number in range(count)]

    def columns(self, count: int, gap: float = 0.0) -> list[Box]:
        """So many columns of one width."""
        width = (self.width - gap * (count - 1)) / count
        return [self._replace(left=self.left + number * (width + gap), width=width) for number in range(count)]

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x < self.right and self.top <= y < self.bottom


class Written(NamedTuple):
    """One text as drawn: where, and in which box it had to stay, in pixels of the surface."""

    text: str
    rect: tuple[int, int, int, int]
    box: tuple[int, int, int, int]


class Sheet:
    """Draws within `box`; `focused` and `asking` say how the part stands."""

    def __init__(
        self,
        surface: pygame.Surface,
        scale: float,
        lettering: Lettering,
        box: Box,
        focused: bool = False,
        asking: bool = False,
    ) -> None:
        """`scale` in pixels a unit."""
        self.box, self.focused, self.asking = box, focused, asking
        self.written: list[Written] = []
        self._surface, self._scale, self._lettering = surface, scale, lettering

    def _px(self, box: Box) -> tuple[int, int, int, int]:
        left, top = round(box.left * self._scale), round(box.top * self._scale)
        return left, top, round(box.right * self._scale) - left, round(box.bottom * self._scale) - top

    def _thick(self, units: float) -> int:
        return max(1, round(units * self._scale))

    def fill(self, colour: Colour, box: Box, radius: float = 0.0, line: float = 0.0) -> None:
        """Draw a box with round corners: filled, or with `line` as the width of its outline."""
        import pygame

        width = self._thick(line) if line else 0
        pygame.draw.rect(self._surface, colour, self._px(box), width, border_radius=round(radius * self._scale))

    def card(self, title: str = "") -> Box:
        """Draw the part's own field with a title; returns the room inside."""
        self.fill(CARD, self.box, 6)
        inner = self.box.inset(9, 5)
        if title:
            strip, inner = inner.cut_top(ROW)
            self.text(title, strip, QUIET)
        return inner

    def line(self, colour: Colour, points: Sequence[tuple[float, float]], width: float = 1.0) -> None:
        """Draw a line through points."""
        import pygame

        if len(points) > 1:
            pixels = [(x * self._scale, y * self._scale) for x, y in points]
            pygame.draw.lines(self._surface, colour, False, pixels, self._thick(width))

    def polygon(self, colour: Colour, points: Sequence[tuple[float, float]]) -> None:
        import pygame

        pygame.draw.polygon(self._surface, colour, [(x * self._scale, y * self._scale) for x, y in points])

    def dot(self, colour: Colour, x: float, y: float, radius: float, line: float = 0.0) -> None:
        """Draw a circle: filled, or with `line` as the width of its outline."""
        import pygame

        place = (round(x * self._scale), round(y * self._scale))
        width = self._thick(line) if line else 0
        pygame.draw.circle(self._surface, colour, place, max(1, round(radius * self._scale)), width)

    def text(
        self, text: str, box: Box, colour: Colour = WORDS, align: str = "left", size: float = USUAL
    ) -> tuple[float, float]:
        """Draw one line in the middle of its box's height, set smaller and then cut; returns its ends, in units."""
        if not text:
            return box.left, box.left
        left, top, width, height = self._px(box)
        smallest = min(size, SMALLEST) * self._scale
        fitted, pixels = self._lettering.fitted(text, width, size * self._scale, smallest)
        drawn = self._lettering.rendered(fitted, pixels, colour)
        rect = drawn.get_rect(left=left, centery=top + height // 2)
        if align == "right":
            rect.right = left + width
        elif align == "middle":
            rect.centerx = left + width // 2
        self._surface.blit(drawn, rect)
        self.written.append(Written(fitted, (rect.left, rect.top, rect.width, rect.height), (left, top, width, height)))
        return rect.left / self._scale, rect.right / self._scale

    def fits(self, box: Box, text: str) -> bool:
        """Whether a line fits uncut."""
        smallest, width = SMALLEST * self._scale, box.width * self._scale
        return self._lettering.fitted(text, width, smallest, smallest)[0] == text

    def paragraph(self, text: str, box: Box, colour: Colour = WORDS, most: int = 0, size: float = USUAL) -> Box:
        """Draw as many lines as fit, one at least, and at most `most` where it is given; returns the room below."""
        lines = self._lettering.wrapped(text, box.width * self._scale, size * self._scale)
        room = max(1, most or rows_in(box, size=size))
        if room < len(lines):
            lines[room - 1] += " ..."
        for line in lines[:room]:
            strip, box = box.cut_top(ROW * size / USUAL)
            self.text(line, strip, colour, size=size)
        return box

    def paragraphs(self, texts: Sequence[str], box: Box, gap: float = 4.0, least: float = USUAL) -> None:
        """Draw paragraphs, each with one line at least, all at the `least` size where they do not fit otherwise; where
        not even that fits, the last line counts the rest."""
        room = max(1, rows_in(box, gap))
        if len(texts) > room:
            texts = [*texts[: room - 1], f"{len(texts) - room + 1} more: enlarge the window"]
        within = box._replace(height=box.height - gap * (len(texts) - 1))
        size = USUAL if sum(self.lines_of(text, box.width) for text in texts) <= rows_in(within) else least
        rows = rows_in(within, size=size)
        for text, lines in zip(texts, self.shared([(text, box.width) for text in texts], rows, size), strict=True):
            box = self.paragraph(text, box, most=lines, size=size).cut_top(gap)[1]

    def lines_of(self, text: str, width: float, size: float = USUAL) -> int:
        """How many lines a paragraph takes."""
        return len(self._lettering.wrapped(text, width * self._scale, size * self._scale))

    def shared(self, texts: Sequence[tuple[str, float]], rows: int, size: float = USUAL) -> list[int]:
        """Lines of each paragraph, given with its width: one each, and the rest to the first that take more."""
        spare, lines = max(0, rows - len(texts)), list[int]()
        for text, width in texts:
            more = min(max(0, self.lines_of(text, width, size) - 1), spare)
            spare -= more
            lines.append(1 + more)
        return lines


def rows_in(box: Box, gap: float = 0.0, size: float = USUAL) -> int:
    """How many lines of a paragraph fit, with a gap between each two."""
    return int((box.height + gap) / (ROW * size / USUAL + gap) + 0.01)
