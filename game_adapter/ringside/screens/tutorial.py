"""The tutorial of a player's first battle: a sentence for each of the first decisions, until it is over or skipped."""

from __future__ import annotations

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import BODY, GOLD, PANEL, TEXT
from game_adapter.ringside.preferences import Preferences

SENTENCES = (
    "The fighter in the gold ring is yours to move: press 1 to 5 or click a skill, then choose whom.",
    "A guard takes most of a blow. A heavy strike breaks a charge, but leaves its fighter open until the next turn.",
    "Between rounds Cornerman learns from you. H asks its champion for a hint; P pauses and has the settings.",
)


class Tutorial:
    """Which sentence is shown; `on` until the last one was seen, in whichever battle."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences, self._at = preferences, 0

    @property
    def on(self) -> bool:
        return self._preferences.tutorial

    def acted(self) -> None:
        """The player has acted: the next sentence."""
        self._at += 1
        if self._at >= len(SENTENCES):
            self.end()

    def end(self) -> None:
        """Show it never again."""
        if self.on:
            self._preferences.toggle("tutorial")

    def draw(self, canvas: Canvas, box: Rect) -> None:
        canvas.panel(box, PANEL, GOLD, 10, 246)
        title = f"Your first battle, {self._at + 1} of {len(SENTENCES)}"
        canvas.text(title, Rect(box.left + 14, box.top + 8, box.width - 142, 26), BODY, GOLD)
        words = Rect(box.left + 14, box.top + 42, box.width - 28, box.height - 50)
        canvas.paragraph(SENTENCES[self._at], words, BODY, TEXT)
