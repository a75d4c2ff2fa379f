"""Colours and text sizes of Ringside's window. Plain numbers: nothing here draws."""

from __future__ import annotations

Colour = tuple[int, int, int]

WIDTH, HEIGHT = 960, 600
"""The size that the screens are laid out for; other sizes scale it, and give what is over to the layout."""

NIGHT: Colour = (13, 14, 30)
PANEL: Colour = (24, 27, 54)
PANEL_LIGHT: Colour = (38, 43, 82)
EDGE: Colour = (70, 78, 132)
TEXT: Colour = (240, 240, 250)
QUIET: Colour = (172, 178, 210)
GOLD: Colour = (246, 200, 92)
GOOD: Colour = (104, 214, 138)
WARN: Colour = (250, 176, 74)
BAD: Colour = (244, 92, 88)
MEND: Colour = (126, 232, 176)
CORNERS: tuple[Colour, Colour] = ((226, 84, 80), (92, 144, 240))
"""The red corner's colour (seat 0) and the blue one's (seat 1)."""

HUGE, TITLE, LARGE, BODY, SMALL = 84, 46, 30, 23, 20
"""Sizes for pygame's own font, whose letters are about two thirds of the size that is asked for."""


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from a to b."""
    share = min(max(share, 0.0), 1.0)
    return tuple(round(p + (q - p) * share) for p, q in zip(a, b, strict=True))  # type: ignore[return-value]  # three parts


def health_colour(fraction: float) -> Colour:
    """Green when healthy, gold in the middle, red when low."""
    return mixed(WARN, GOOD, fraction * 2 - 1) if fraction > 0.5 else mixed(BAD, WARN, fraction * 2)


def parsed(text: str, otherwise: Colour = QUIET) -> Colour:
    """A colour written as #rrggbb."""
    try:
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    except ValueError:
        return otherwise
