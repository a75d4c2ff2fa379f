"""The base of every screen: it draws, handles events, moves with time and names the next screen; and the small ones.

Nothing here is global: a `Hall` is handed from screen to screen and holds what they share.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.sounds import Sounds
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.drawing.theme import (
    BODY,
    EDGE,
    GOLD,
    LARGE,
    NIGHT,
    PANEL,
    PANEL_LIGHT,
    QUIET,
    SMALL,
    TEXT,
    TITLE,
    mixed,
)
from game_adapter.ringside.screens.commands import BACK, CONFIRM

CORNERMAN = "cornerman"
YOU = "you"
GHOST = "ghost"
"""Who fights as Cornerman foresees that the player would."""
GHOST_BATTLES = 3  # of the player before there is a ghost
NOTICE_S = 5.0
HELP = (
    ("Goal", "Bring every fighter of the other corner down, or have the higher share of health after the last round."),
    ("Turns", "Each round every fighter acts once, the fastest first: the strip at the top shows who comes next."),
    (
        "Choose",
        "1 to 5, or arrows and Enter, or click. Then the target: arrows, its number, or a click on the fighter.",
    ),
    ("Think", "A guard shields its fighter, and a little the allies. Heavy strikes break charges and leave you open."),
    ("Breaks", "Between rounds Cornerman learns from what was seen. Any key ends the break."),
    ("Keys", "Esc goes back, F1 opens the debug menu, F is fast, M is sound, H or ? is this page."),
)


@dataclass(frozen=True)
class Setup:
    """Which battle: the teams' shape and draw, and who controls which corner ("you", "cornerman", or a bot's name)."""

    shape: str = "2v2"
    red: str = YOU
    blue: str = CORNERMAN
    teams_seed: int = 0

    def replaced(self, **changes: Any) -> Setup:
        return replace(self, **changes)


@dataclass
class Hall:
    """What the screens share; made by the window."""

    host: Host
    game: Any
    canvas: Canvas
    sprites: Sprites
    sounds: Sounds
    random: Random
    fast: bool = False
    battles: int = 0
    results: list[str] = field(default_factory=list)  # who won, battle by battle
    notices: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=6))  # sentence, seconds left

    def say(self, sentence: str) -> None:
        """Shows a sentence for some seconds."""
        self.notices.append((sentence, NOTICE_S))

    def has_cornerman(self) -> bool:
        return any(plugin.name == CORNERMAN and plugin.on for plugin in self.host.plugins)

    def report(self) -> Mapping[str, Any]:
        """Cornerman's figures; empty where it is absent."""
        return self.host.report(CORNERMAN) or {} if self.has_cornerman() else {}

    def opponents(self) -> list[str]:
        """Who may control a corner beside the player: Cornerman, and the player's ghost where it knows the player, and
        the bots."""
        known = self.report().get("player", {}).get("battles", 0) >= GHOST_BATTLES
        ghost = [GHOST] if known else []
        return [*([CORNERMAN, *ghost] if self.has_cornerman() else []), *self.game.bots]

    def ghost(self, battle: Any, random: Random) -> int | None:
        """A bot: what the player would do, or the usual bot where that is not known."""
        action = self.host.ghost_action(battle.seat, battle.state(), battle.action_mask())
        own: int | None = self.game.bots[self.game.own_fighter](battle, random)
        return own if action is None else action


class Screen:
    """One screen. Every method returns the screen that comes next, or None to stay."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall

    def event(self, event: pygame.event.Event) -> Screen | None:
        """Takes an input event."""
        return None

    def update(self, dt_s: float) -> Screen | None:
        """Moves on by so many seconds."""
        return None

    def draw(self, canvas: Canvas) -> None:
        """Draws the whole canvas."""

    def close(self) -> None:
        """The window closes while this screen is shown."""


class Leave(Screen):
    """No screen: the window closes."""


class Choices:
    """A column of buttons: arrows or mouse move the focus, Enter or a click chooses."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.focus = 0
        self.boxes: list[Rect] = []

    def event(self, event: pygame.event.Event, canvas: Canvas) -> int | None:
        """Returns the index that was chosen, if one was."""
        if event.type == pygame.KEYDOWN:
            if event.key in (pygame.K_DOWN, pygame.K_TAB, pygame.K_RIGHT):
                self.focus = (self.focus + 1) % len(self.names)
            elif event.key in (pygame.K_UP, pygame.K_LEFT):
                self.focus = (self.focus - 1) % len(self.names)
            return self.focus if event.key in CONFIRM else None
        if event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN):
            over = next((i for i, box in enumerate(self.boxes) if box.collidepoint(canvas.units(event.pos))), None)
            if over is not None:
                self.focus = over
                return over if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 else None
        return None

    def draw(self, canvas: Canvas, box: Rect, height: int = 42) -> None:
        """Draws the buttons from the top of a box."""
        self.boxes = [Rect(box.left, box.top + i * (height + 8), box.width, height) for i in range(len(self.names))]
        for i, (name, place) in enumerate(zip(self.names, self.boxes, strict=True)):
            focused = i == self.focus
            canvas.panel(
                place, mixed(PANEL_LIGHT, GOLD, 0.24) if focused else PANEL_LIGHT, GOLD if focused else EDGE, 9
            )
            canvas.text(name, place.inflate(-20, -6), BODY, GOLD if focused else TEXT, "center")


class Dialog(Screen):
    """A screen over another one, which stays visible and still."""

    def __init__(self, hall: Hall, behind: Screen) -> None:
        super().__init__(hall)
        self.behind = behind

    def draw(self, canvas: Canvas) -> None:
        self.behind.draw(canvas)
        canvas.shade(canvas.area, NIGHT, 165)

    def close(self) -> None:
        self.behind.close()


class HelpScreen(Dialog):
    """How to play; any key or click goes back."""

    def event(self, event: pygame.event.Event) -> Screen | None:
        return self.behind if event.type in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN) else None

    def draw(self, canvas: Canvas) -> None:
        super().draw(canvas)
        box = Rect(0, 0, 740, 456)
        box.center = canvas.area.center
        canvas.panel(box, PANEL, GOLD, 14, 248)
        canvas.text("How to fight", Rect(box.left + 28, box.top + 16, box.width - 56, 44), TITLE, GOLD)
        for row, (word, words) in enumerate(HELP):
            top = box.top + 76 + row * 56
            canvas.text(word, Rect(box.left + 28, top, 96, canvas.line_height(BODY)), BODY, GOLD)
            canvas.paragraph(words, Rect(box.left + 128, top, box.width - 156, 46), BODY, TEXT)
        closing = Rect(box.left + 28, box.bottom - 38, box.width - 56, 24)
        canvas.text("Any key or click goes back", closing, SMALL, QUIET, "center")


class QuestionScreen(Dialog):
    """A question with two answers: the first goes back, the second goes on to `leads_to` after `before`."""

    def __init__(self, hall: Hall, behind: Screen, question: str, answers: tuple[str, str], leads_to: Screen) -> None:
        super().__init__(hall, behind)
        self._question, self._leads_to = question, leads_to
        self._choices = Choices(answers)

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN and event.key in BACK:
            return self.behind
        chosen = self._choices.event(event, self.hall.canvas)
        if chosen == 1:
            self.behind.close()
            return self._leads_to
        return self.behind if chosen == 0 else None

    def draw(self, canvas: Canvas) -> None:
        super().draw(canvas)
        box = Rect(0, 0, 420, 196)
        box.center = canvas.area.center
        canvas.panel(box, PANEL, GOLD, 14, 248)
        canvas.text(self._question, Rect(box.left + 24, box.top + 20, box.width - 48, 36), LARGE, TEXT, "center")
        self._choices.draw(canvas, Rect(box.left + 60, box.top + 78, box.width - 120, 100))
