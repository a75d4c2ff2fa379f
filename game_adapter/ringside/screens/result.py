"""The end of a battle: who won, the story in numbers, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pygame

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.stage import Stage
from game_adapter.ringside.drawing.theme import (
    BAD,
    BODY,
    CORNERS,
    GOLD,
    GOOD,
    NIGHT,
    PANEL,
    QUIET,
    SMALL,
    TEXT,
    TITLE,
    Colour,
)
from game_adapter.ringside.screens.commands import BACK
from game_adapter.ringside.screens.screen import CORNERMAN, GHOST, YOU, Choices, Dialog, Hall, Screen, Setup
from game_adapter.ringside.turn import Story

SKIPPING = (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN)
SETTLES_S = 0.5
NEXT_S = 8.0
"""Seconds after which the next battle begins where nobody plays."""


def corner_name(who: str) -> str:
    """What a corner is called on the screen."""
    return {YOU: "You", CORNERMAN: "Cornerman", GHOST: "Your ghost"}.get(who, f"{who.capitalize()} (bot)")


class ResultScreen(Dialog):
    """Who won, how, and what next: once more, other fighters, or the title. Where nobody plays it goes on by itself.

    `again` makes the screen of the next battle from its setup, or the title without one.
    """

    def __init__(
        self,
        hall: Hall,
        behind: Screen,
        stage: Stage,
        setup: Setup,
        story: Story,
        again: Callable[[Setup | None], Screen],
    ) -> None:
        super().__init__(hall, behind)
        self._stage, self._setup, self._story, self._again = stage, setup, story, again
        self.choices = Choices(("Rematch (R)", "Other fighters (O)", "Back to the title (Esc)"))
        self._age_s = 0.0
        outcome = stage.battle.outcome or {0: 0, 1: 0}
        self.winner = next((seat for seat, result in outcome.items() if result == 1), None)
        self._who = (setup.red, setup.blue)
        hall.results.append("draw" if self.winner is None else self._who[self.winner])
        lost = self.winner is not None and self._who[1 - self.winner] == YOU
        hall.sounds.play("lose" if lost else "win")

    def event(self, event: pygame.event.Event) -> Screen | None:
        if self._age_s < SETTLES_S and event.type in SKIPPING:
            return None
        if event.type == pygame.KEYDOWN:
            if event.key in BACK:
                return self._again(None)
            if event.key in (pygame.K_r, pygame.K_o):
                return self._next(other=event.key == pygame.K_o)
        chosen = self.choices.event(event, self.hall.canvas)
        if chosen is None:
            return None
        return self._again(None) if chosen == 2 else self._next(other=chosen == 1)

    def _next(self, other: bool) -> Screen:
        seed = self.hall.random.getrandbits(32) if other else self._setup.teams_seed
        return self._again(replace(self._setup, teams_seed=seed))

    def update(self, dt_s: float) -> Screen | None:
        self._age_s += dt_s
        self._stage.step(dt_s)
        return self._next(other=True) if YOU not in self._who and self._age_s >= NEXT_S else None

    def headline(self) -> tuple[str, Colour]:
        """The result in a few words, and its colour."""
        if self.winner is None:
            return "A draw", QUIET
        who, other = self._who[self.winner], self._who[1 - self.winner]
        if who == YOU:
            return "You win!", GOOD
        return f"{_short(who)} wins", BAD if other == YOU else GOLD

    def figures(self) -> list[tuple[str, str, str]]:
        """The story in numbers: what, and the red and the blue corner's."""
        story = self._story
        landed = [f"{landed} of {thrown}" for landed, thrown in zip(story.landed, story.thrown, strict=True)]
        (red, blue), (damage, other_damage), (mended, other_mended) = landed, story.damage, story.mended
        return [
            ("Blows landed", red, blue),
            ("Damage", str(damage), str(other_damage)),
            ("Health mended", str(mended), str(other_mended)),
        ]

    def draw(self, canvas: Canvas) -> None:
        self.behind.draw(canvas)
        self.hall.chips.clear()
        canvas.shade(canvas.area, NIGHT, 110)
        box = Rect(0, 0, 600, 480)
        side = {None: 0, 0: 1, 1: -1}[self.winner]  # the winners stay in view
        box.midtop = (canvas.width // 2 + side * canvas.width // 6, 62)
        canvas.panel(box, PANEL, GOLD, 14, 240)
        left, width = box.left + 30, box.width - 60
        words, colour = self.headline()
        canvas.text(words, Rect(left, box.top + 12, width, 50), TITLE + 8, colour, "center", edge=255)
        canvas.text(self._after(), Rect(left, box.top + 66, width, 26), BODY, TEXT, "center")
        canvas.text(self._tally(), Rect(left, box.top + 94, width, 24), SMALL, QUIET, "center")
        self._draw_figures(canvas, Rect(left, box.top + 126, width, 112))
        point = self._story.turning_point(self.winner)
        canvas.paragraph(point, Rect(left, box.top + 248, width, 58), BODY, TEXT)
        self.choices.draw(canvas, Rect(left + 110, box.top + 314, width - 220, 140), 42)

    def _draw_figures(self, canvas: Canvas, box: Rect) -> None:
        half = box.width // 4
        header = ("", *(_short(who) for who in self._who))
        for row, (name, red, blue) in enumerate([header, *self.figures()]):
            top = box.top + row * 28
            canvas.text(name, Rect(box.left, top, box.width // 2, 26), BODY, QUIET)
            for seat, value in enumerate((red, blue)):
                place = Rect(box.left + box.width // 2 + seat * half, top, half - 10, 26)
                canvas.text(value, place, BODY, TEXT if row else CORNERS[seat], "right")

    def _after(self) -> str:
        """How long it took, and how hard Cornerman played."""
        rounds, level = self._stage.battle.round, self.hall.level()
        words = f"after {rounds} round{'s' if rounds != 1 else ''}, {self._story.turns} turns"
        return f"{words}; Cornerman's level: {level}" if level and CORNERMAN in self._who else words

    def _tally(self) -> str:
        if YOU not in self._who:
            return f"The next battle begins in {max(0, round(NEXT_S - self._age_s))} s"
        red, blue = (f"{_short(who)} {self.hall.results.count(who)}" for who in self._who)
        return f"Today:  {red}  -  {blue}"


def _short(who: str) -> str:
    return corner_name(who).split(" (")[0]
