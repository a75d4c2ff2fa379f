"""Widgets: what more than one page draws."""

from __future__ import annotations

from cornerman.panel.sheet import BAD, FIELD, FOCUSED, GOLD, GOOD, LINE, QUIET, WORDS, Box, Sheet

UNKNOWN = "not known yet"


def frame(sheet: Sheet) -> Box:
    """Draw the field of a part that can be in focus; returns the room inside."""
    sheet.fill(FOCUSED if sheet.focused else FIELD, sheet.box, 6)
    sheet.fill(GOLD if sheet.focused else LINE, sheet.box, 6, line=2 if sheet.focused else 1)
    return sheet.box.inset(9, 0)


def draw_words(sheet: Sheet, words: str) -> None:
    """A card with one paragraph."""
    sheet.paragraph(words, sheet.card(), WORDS)


def draw_button(sheet: Sheet, words: tuple[str, str]) -> None:
    """A button: what it says, and what it says when it asks for a second press."""
    sheet.text(words[sheet.asking], frame(sheet), BAD if sheet.asking else WORDS, "middle")


def draw_switch(sheet: Sheet, data: tuple[str, bool]) -> None:
    """A name and a switch, on or off."""
    name, on = data
    inner = frame(sheet)
    words, switch = inner.cut_left(inner.width - 26, 0)
    track = Box(switch.left, switch.top + (switch.height - 13) / 2, 26, 13)
    sheet.text(name, words)
    sheet.text("on" if on else "off", words.cut_left(words.width - 6)[0], GOOD if on else QUIET, "right")
    sheet.fill(GOOD if on else (92, 96, 128), track, 6.5)
    sheet.dot(WORDS, track.right - 6.5 if on else track.left + 6.5, track.top + 6.5, 5.5)


def draw_bar(sheet: Sheet, box: Box, share: float, best: bool = False) -> None:
    """A share from 0 to 1 as a bar; `best`: in gold, with an outline."""
    share = min(max(share, 0.0), 1.0)
    sheet.fill(FIELD, box, 3)
    if share > 0:
        sheet.fill(GOLD if best else GOOD, box.cut_left(max(share * box.width, 3))[0], 3)
    if best:
        sheet.fill(WORDS, box, 3, line=1)


def draw_interval(sheet: Sheet, box: Box, share: float, low: float, high: float) -> None:
    """A share on a scale from 0 to 1: its interval as a bar, a dot for itself, and a tick at one half."""
    middle = box.top + box.height / 2
    sheet.fill(FIELD, Box(box.left, middle - 4, box.width, 8), 4)
    sheet.fill(GOOD, Box(box.left + low * box.width, middle - 4, max(3.0, (high - low) * box.width), 8), 4)
    sheet.line(WORDS, [(box.left + box.width / 2, box.top), (box.left + box.width / 2, box.bottom)])
    sheet.dot(WORDS, box.left + share * box.width, middle, 5)
