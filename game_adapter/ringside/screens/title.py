"""The title screen: which teams meet, who controls which corner, and the line-up that the draw gave."""

from __future__ import annotations

from dataclasses import replace

import pygame

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import (
    BODY,
    CORNERS,
    EDGE,
    GOLD,
    HUGE,
    NIGHT,
    PANEL,
    QUIET,
    SMALL,
    TEXT,
    mixed,
    parsed,
)
from game_adapter.ringside.roster import SHAPES, RosterEntry
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.menus import HelpScreen, SettingsScreen
from game_adapter.ringside.screens.result import corner_name
from game_adapter.ringside.screens.screen import CORNERMAN, GHOST, YOU, Hall, Leave, Rows, Screen, Setup
from game_adapter.ringside.teams import draw_teams

SHAPE, RED, BLUE, LEVEL, DRAW, FIGHT, HELP, SETTINGS, QUIT = range(9)
NUM_VALUES = DRAW
CHIPS = (
    ("Other fighters: R", pygame.K_r),
    ("Full speed: F", pygame.K_f),
    ("Sound: M", pygame.K_m),
    ("Help: ?", pygame.K_QUESTION),
    ("Debug menu: F1", pygame.K_F1),
)
ABOUT = {
    YOU: "You choose every action.",
    CORNERMAN: "Learns between the rounds, from every battle.",
    GHOST: "Fights like you, as far as Cornerman knows you.",
    "random": "Does anything. Good for a first look.",
    "brawler": "Always the most damage now.",
    "tactician": "Knows the rules of thumb.",
    "planner": "Looks a round ahead.",
}
PLACES = {1: ((0.14, 0),), 2: ((0.188, -14), (0.078, 18)), 3: ((0.222, -44), (0.142, -8), (0.062, 28))}


class TitleScreen(Screen):
    """The first screen. Up and Down choose a row, Left and Right change it, Enter starts; the mouse does all of it."""

    def __init__(self, hall: Hall, setup: Setup | None = None) -> None:
        super().__init__(hall)
        opponents = hall.opponents()
        self.setup = setup or Setup(blue=opponents[0] if hall.has_cornerman() else "tactician")
        if self.setup.blue not in opponents:
            self.setup = replace(self.setup, blue="tactician")
        if setup is None:
            self._draw_lots()
        self.rows = Rows(QUIT + 1, NUM_VALUES, FIGHT)
        self._teams = draw_teams(self.setup.teams_seed, self.setup.shape)

    # ----------------------------------------------------------------------------------------------------------- input

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN:
            if event.key == pygame.K_h or getattr(event, "unicode", "") == "?":
                return HelpScreen(self.hall, self)
            if event.key == pygame.K_r:
                return self._choose(DRAW, 1)
            if event.key == pygame.K_ESCAPE:
                self.rows.focus = QUIT
        before = self.rows.focus
        chosen = self.rows.event(event, self.hall.canvas)
        if self.rows.focus != before:
            self.hall.sounds.play("tick")
        return None if chosen is None else self._choose(*chosen)

    def _choose(self, row: int, step: int) -> Screen | None:
        """Changes the setting of a row, or does what its button says."""
        setup, hall = self.setup, self.hall
        hall.sounds.play("choose" if row == FIGHT else "tick")
        if row == FIGHT:
            return BattleScreen(hall, setup, TitleScreen)
        if row == HELP:
            return HelpScreen(hall, self)
        if row == SETTINGS:
            return SettingsScreen(hall, self)
        if row == QUIT:
            return Leave(hall)
        if row == SHAPE:
            self.setup = replace(setup, shape=_next(SHAPES, setup.shape, step))
        elif row == RED:
            self.setup = replace(setup, red=_next([YOU, *hall.opponents()[hall.has_cornerman() :]], setup.red, step))
        elif row == BLUE:
            self.setup = replace(setup, blue=_next(hall.opponents(), setup.blue, step))
        elif row == LEVEL:
            if self._has_level:
                hall.change_level(step)
        else:
            self._draw_lots()
        self._teams = draw_teams(self.setup.teams_seed, self.setup.shape)
        return None

    @property
    def _has_level(self) -> bool:
        return self.setup.blue == CORNERMAN

    def _draw_lots(self) -> None:
        self.setup = replace(self.setup, teams_seed=self.hall.random.getrandbits(32))

    # --------------------------------------------------------------------------------------------------------- drawing

    def draw(self, canvas: Canvas) -> None:
        ring = self.hall.sprites.ring()
        if ring is None:
            canvas.surface.fill(PANEL)
        else:
            canvas.cover("ring", ring)
        canvas.shade(canvas.area, NIGHT, 96)
        middle = canvas.width // 2
        canvas.text("RINGSIDE", Rect(middle - 300, 26, 600, 74), HUGE, GOLD, "center", edge=255)
        motto = "two corners, one bell, and an opponent that learns"
        canvas.text(motto, Rect(middle - 300, 98, 600, 26), BODY, TEXT, "center", edge=255)
        for seat, team in enumerate(self._teams):
            self._draw_team(canvas, seat, team)
        self._draw_menu(canvas, Rect(middle - 220, 132, 440, 406))
        for place, (label, key) in enumerate(CHIPS):
            self.hall.chip(Rect(middle - 440 + place * 178, canvas.height - 40, 168, 30), label, key)

    def _draw_menu(self, canvas: Canvas, box: Rect) -> None:
        canvas.panel(box, PANEL, EDGE, 14, 238)
        setup, left, width = self.setup, box.left + 18, box.width - 36
        level = (self.hall.level() or "not running") if self._has_level else "bots have one level"
        values = (
            (SHAPE, "Match", f"{setup.shape[0]} against {setup.shape[2]}", QUIET),
            (RED, "Red corner", corner_name(setup.red), CORNERS[0]),
            (BLUE, "Blue corner", corner_name(setup.blue), CORNERS[1]),
            (LEVEL, "Level", level, QUIET),
        )
        for row, label, value, colour in values:
            place = Rect(left, box.top + 16 + row * 47, width, 40)
            self.rows.draw_value(canvas, row, place, label, value, colour)
        self.rows.draw_button(canvas, DRAW, Rect(left, box.top + 204, width, 40), "Draw other fighters (R)")
        canvas.text(self._about(), Rect(left, box.top + 248, width, 26), SMALL, QUIET, "center")
        fight = "Fight!" if YOU in (setup.red, setup.blue) else "Watch the fight"
        self.rows.draw_button(canvas, FIGHT, Rect(left, box.top + 280, width, 60), fight, 34)
        third = (width - 20) // 3
        for at, (row, name) in enumerate(((HELP, "Help"), (SETTINGS, "Settings"), (QUIT, "Quit"))):
            self.rows.draw_button(canvas, row, Rect(left + at * (third + 10), box.top + 350, third, 40), name)

    def _about(self) -> str:
        """What the row in focus means."""
        setup = self.setup
        about = {
            SHAPE: self._about_shape(),
            RED: ABOUT.get(setup.red, ""),
            LEVEL: self.hall.about_level() * self._has_level or "How hard Cornerman plays, from the next turn on.",
            DRAW: "Both corners get new fighters.",
        }
        return about.get(self.rows.focus, ABOUT.get(setup.blue, ""))

    def _about_shape(self) -> str:
        few, many = sorted((self.setup.shape[0], self.setup.shape[2]))
        return "Both corners get the same fighters." if few == many else "The smaller corner is stronger each."

    def _draw_team(self, canvas: Canvas, seat: int, team: list[RosterEntry]) -> None:
        size = 236 if len(team) < 3 else 196
        floor = canvas.height - 118
        for entry, (x, down) in zip(team, PLACES[len(team)], strict=True):
            centre = round(canvas.width * (x if seat == 0 else 1 - x))
            base = floor + down
            canvas.oval(Rect(centre - 60, base - 16, 120, 32), NIGHT, 120)
            canvas.oval(Rect(centre - 63, base - 17, 126, 34), CORNERS[seat], 220, 3)
            box = Rect(centre - size // 2, base - size + 9, size, size)
            canvas.image((entry.sprite, "idle"), self.hall.sprites.fighter(entry.sprite, "idle"), box, flip=seat == 1)
        for entry, (x, down) in zip(team, PLACES[len(team)], strict=True):
            centre = round(canvas.width * (x if seat == 0 else 1 - x))
            line = Rect(centre - 62, floor + down + 19, 124, 22)
            canvas.text(entry.name, line, BODY, mixed(parsed(entry.colour), TEXT, 0.45), "center", edge=255)


def _next(values: tuple[str, ...] | list[str], value: str, step: int) -> str:
    """The value that many places further, around the end."""
    at = values.index(value) if value in values else 0
    return values[(at + step) % len(values)]
