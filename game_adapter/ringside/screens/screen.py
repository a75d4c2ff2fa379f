"""The base of every screen: it draws, handles events, moves with time and names the next screen; and its controls.

Nothing here is global: a `Hall` is handed from screen to screen and holds what they share.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    NIGHT,
    PANEL,
    PANEL_LIGHT,
    QUIET,
    SMALL,
    TEXT,
    Colour,
    mixed,
)
from game_adapter.ringside.preferences import SPEEDS, Preferences
from game_adapter.ringside.screens.commands import CONFIRM

CORNERMAN = "cornerman"
YOU = "you"
GHOST = "ghost"
"""Who fights as Cornerman foresees that the player would."""
GHOST_BATTLES = 3  # of the player before there is a ghost
NOTICE_S = 5.0
VALUE_AT = 0.35
"""Share of a row's width at which its value begins."""


@dataclass(frozen=True)
class Setup:
    """Which battle: the teams' shape and draw, and who controls which corner ("you", "cornerman", or a bot's name)."""

    shape: str = "2v2"
    red: str = YOU
    blue: str = CORNERMAN
    teams_seed: int = 0


@dataclass
class Hall:
    """What the screens share; made by the window."""

    host: Host
    game: Any
    canvas: Canvas
    sprites: Sprites
    sounds: Sounds
    random: Random
    preferences: Preferences
    battles: int = 0
    results: list[str] = field(default_factory=list)  # who won, battle by battle
    habits_shown: set[str] = field(default_factory=lambda: {""})  # of the player, in breaks
    notices: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=6))  # sentence, seconds left
    chips: list[tuple[Rect, int]] = field(default_factory=list)  # small buttons of the picture, and the key of each

    @property
    def speed(self) -> float:
        """How fast battles are shown; 1 is the normal speed."""
        return SPEEDS[self.preferences.speed][1]

    def say(self, sentence: str) -> None:
        """Shows a sentence for some seconds."""
        self.notices.append((sentence, NOTICE_S))

    def has_cornerman(self) -> bool:
        return any(plugin.name == CORNERMAN and plugin.on for plugin in self.host.plugins)

    def report(self) -> Mapping[str, Any]:
        """Cornerman's figures; empty where it is absent."""
        return self.host.report(CORNERMAN) or {} if self.has_cornerman() else {}

    def level(self) -> str:
        """How hard Cornerman plays: "easy (2 of 5)", or "adaptive", the last level, which is not harder than the others
        but follows the player; "" where it is absent."""
        dial = self.report().get("difficulty") or {}
        if not dial or dial["level"] == len(dial["levels"]):
            return str(dial.get("name", ""))
        return f"{dial['name']} ({dial['level']} of {len(dial['levels']) - 1})"

    def about_level(self) -> str:
        """How strong the level is, in a sentence; "" where that is not known."""
        note = str((self.report().get("difficulty") or {}).get("note") or "")
        return f"{note[:1].upper()}{note[1:]}." if note else ""

    def change_level(self, step: int) -> None:
        """Let Cornerman play harder or easier from its next decision on; past the last level comes the first."""
        if dial := self.report().get("difficulty"):
            self.host.set_difficulty((dial["level"] - 1 + step) % len(dial["levels"]) + 1)

    def chip(self, box: Rect, label: str, key: int) -> None:
        """Draw a small button that does what its key does."""
        self.canvas.panel(box, PANEL_LIGHT, EDGE, 7)
        self.canvas.text(label, box.inflate(-10, -2), SMALL, TEXT, "center")
        self.chips.append((box, key))

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


class Rows:
    """The focus among rows of a menu: arrows or the mouse move it; Left, Right, Enter or a click change or choose.

    The first `num_values` rows are values to change, the others are buttons. What draws a row puts its box in `boxes`.
    """

    def __init__(self, num_rows: int, num_values: int = 0, focus: int = 0) -> None:
        self.num_rows, self.num_values, self.focus = num_rows, num_values, focus
        self.boxes: dict[int, Rect] = {}

    def event(self, event: pygame.event.Event, canvas: Canvas) -> tuple[int, int] | None:
        """The row that was chosen or changed, and the step of the change, 1 or -1."""
        if event.type == pygame.KEYDOWN:
            return self._key(event.key)
        if event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN):
            at = canvas.units(event.pos)
            over = next((row for row, box in self.boxes.items() if box.collidepoint(at)), None)
            if over is not None:
                self.focus = over
                if event.type == pygame.MOUSEBUTTONDOWN and event.button in (1, 3):
                    box = self.boxes[over]
                    arrow = box.left + box.width * VALUE_AT
                    back = over < self.num_values and arrow - 10 <= at[0] < arrow + 30
                    return over, -1 if back or event.button == 3 else 1
        return None

    def _key(self, key: int) -> tuple[int, int] | None:
        step = -1 if key in (pygame.K_LEFT, pygame.K_UP) else 1
        sideways = key in (pygame.K_LEFT, pygame.K_RIGHT)
        if sideways and self.focus < self.num_values:
            return self.focus, step
        if sideways or key in (pygame.K_UP, pygame.K_DOWN, pygame.K_TAB):
            self.focus = (self.focus + step) % self.num_rows
        return (self.focus, 1) if key in CONFIRM else None

    def draw_value(self, canvas: Canvas, row: int, box: Rect, label: str, value: str, colour: Colour = QUIET) -> None:
        """Draw a row that shows a value between two arrows."""
        self.boxes[row] = box
        focused, at = self.focus == row, round(box.width * VALUE_AT)
        arrows = GOLD if focused else QUIET
        canvas.panel(box, mixed(PANEL_LIGHT, GOLD, 0.2) if focused else PANEL_LIGHT, GOLD if focused else EDGE, 9)
        canvas.text(label, Rect(box.left + 14, box.top, at - 16, box.height), BODY, colour)
        canvas.text("<", Rect(box.left + at, box.top, 20, box.height), BODY, arrows, "center")
        canvas.text(value, Rect(box.left + at + 22, box.top, box.width - at - 54, box.height), BODY, TEXT, "center")
        canvas.text(">", Rect(box.right - 30, box.top, 20, box.height), BODY, arrows, "center")

    def draw_button(self, canvas: Canvas, row: int, box: Rect, name: str, size: int = BODY) -> None:
        """Draw a row that is a button."""
        self.boxes[row] = box
        focused = self.focus == row
        canvas.panel(box, mixed(PANEL_LIGHT, GOLD, 0.26) if focused else PANEL_LIGHT, GOLD if focused else EDGE, 10)
        canvas.text(name, box.inflate(-16, -6), size, GOLD if focused else TEXT, "center")


class Choices:
    """A column of buttons."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.rows = list(names), Rows(len(names))

    def event(self, event: pygame.event.Event, canvas: Canvas) -> int | None:
        """Returns the index that was chosen, if one was."""
        chosen = self.rows.event(event, canvas)
        return None if chosen is None else chosen[0]

    def draw(self, canvas: Canvas, box: Rect, height: int = 42) -> None:
        """Draws the buttons from the top of a box."""
        for row, name in enumerate(self.names):
            place = Rect(box.left, box.top + row * (height + 8), box.width, height)
            self.rows.draw_button(canvas, row, place, name)


class Dialog(Screen):
    """A screen over another one, which stays visible and still."""

    def __init__(self, hall: Hall, behind: Screen) -> None:
        super().__init__(hall)
        self.behind = behind

    def draw_box(self, canvas: Canvas, width: int, height: int) -> Rect:
        """Draw the screen behind, shaded, and an empty box in the middle; returns the box."""
        self.behind.draw(canvas)
        self.hall.chips.clear()
        canvas.shade(canvas.area, NIGHT, 165)
        box = Rect(0, 0, width, height)
        box.center = canvas.area.center
        canvas.panel(box, PANEL, GOLD, 14, 248)
        return box

    def close(self) -> None:
        self.behind.close()
