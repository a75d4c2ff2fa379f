"""The title screen: which teams meet, who controls which corner, and the line-up that the draw gave."""

from __future__ import annotations

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
    PANEL_LIGHT,
    QUIET,
    SMALL,
    TEXT,
    mixed,
    parsed,
)
from game_adapter.ringside.roster import SHAPES, RosterEntry
from game_adapter.ringside.screens.battle_screen import BattleScreen, corner_name
from game_adapter.ringside.screens.commands import CONFIRM
from game_adapter.ringside.screens.screen import CORNERMAN, GHOST, YOU, Hall, HelpScreen, Leave, Screen, Setup
from game_adapter.ringside.teams import draw_teams

SHAPE, RED, BLUE, DRAW, FIGHT, HELP, QUIT = range(7)
ABOUT = {
    YOU: "You choose every action.",
    CORNERMAN: "Learns between the rounds. How hard it plays: F1.",
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
            self.setup = self.setup.replaced(blue="tactician")
        if setup is None:
            self._draw_lots()
        self.focus = FIGHT
        self.boxes: dict[int, Rect] = {}
        self._teams = draw_teams(self.setup.teams_seed, self.setup.shape)

    # ----------------------------------------------------------------------------------------------------------- input

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN:
            return self._key(event.key, getattr(event, "unicode", ""))
        if event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN):
            at = self.hall.canvas.units(event.pos)
            over = next((row for row, box in self.boxes.items() if box.collidepoint(at)), None)
            if over is not None:
                self.focus = over
                if event.type == pygame.MOUSEBUTTONDOWN and event.button in (1, 3):
                    back = event.button == 3 or (over <= BLUE and at[0] < self.boxes[over].left + 130)
                    return self._choose(over, -1 if back else 1)
        return None

    def _key(self, key: int, typed: str) -> Screen | None:
        if key in (pygame.K_UP, pygame.K_DOWN, pygame.K_TAB):
            self.focus = (self.focus + (-1 if key == pygame.K_UP else 1)) % (QUIT + 1)
            self.hall.sounds.play("tick")
        elif key in (pygame.K_LEFT, pygame.K_RIGHT):
            step = -1 if key == pygame.K_LEFT else 1
            if self.focus > DRAW:
                self.focus = min(max(self.focus + step, FIGHT), QUIT)
            else:
                self._choose(self.focus, step)
        elif key in CONFIRM:
            return self._choose(self.focus, 1)
        elif key == pygame.K_h or typed == "?":
            return HelpScreen(self.hall, self)
        elif key == pygame.K_r:
            self._choose(DRAW, 1)
        elif key == pygame.K_ESCAPE:
            self.focus = QUIT
        return None

    def _choose(self, row: int, step: int) -> Screen | None:
        """Changes the setting of a row, or does what its button says."""
        setup, hall = self.setup, self.hall
        hall.sounds.play("choose" if row == FIGHT else "tick")
        if row == FIGHT:
            return BattleScreen(hall, setup, TitleScreen)
        if row == HELP:
            return HelpScreen(hall, self)
        if row == QUIT:
            return Leave(hall)
        if row == SHAPE:
            self.setup = setup.replaced(shape=_next(SHAPES, setup.shape, step))
        elif row == RED:
            self.setup = setup.replaced(red=_next([YOU, *hall.opponents()[hall.has_cornerman() :]], setup.red, step))
        elif row == BLUE:
            self.setup = setup.replaced(blue=_next(hall.opponents(), setup.blue, step))
        else:
            self._draw_lots()
        self._teams = draw_teams(self.setup.teams_seed, self.setup.shape)
        return None

    def _draw_lots(self) -> None:
        self.setup = self.setup.replaced(teams_seed=self.hall.random.getrandbits(32))

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
        self._draw_menu(canvas, Rect(middle - 206, 142, 412, 372))
        canvas.text(
            "Arrows and Enter, or the mouse     R: other fighters     F: always fast     M: sound     H: help     "
            "F1: debug menu",
            Rect(middle - 460, canvas.height - 34, 920, 22), SMALL, QUIET, "center",
        )  # fmt: skip

    def _draw_menu(self, canvas: Canvas, box: Rect) -> None:
        canvas.panel(box, PANEL, EDGE, 14, 238)
        setup = self.setup
        rows = (
            (SHAPE, "Match", f"{setup.shape[0]} against {setup.shape[2]}"),
            (RED, "Red corner", corner_name(setup.red)),
            (BLUE, "Blue corner", corner_name(setup.blue)),
        )
        for row, label, value in rows:
            place = Rect(box.left + 18, box.top + 18 + row * 50, box.width - 36, 42)
            self._draw_row(canvas, row, place, label, value)
        place = Rect(box.left + 18, box.top + 168, box.width - 36, 42)
        self._button(canvas, DRAW, place, "Draw other fighters (R)", BODY)
        about = {SHAPE: self._about_shape(), RED: ABOUT.get(setup.red, ""), DRAW: "Both corners get new fighters."}
        words = about.get(self.focus, ABOUT.get(setup.blue, ""))
        canvas.text(words, Rect(box.left + 18, box.top + 217, box.width - 36, 24), SMALL, QUIET, "center")
        place = Rect(box.left + 18, box.top + 250, box.width - 36, 56)
        self._button(canvas, FIGHT, place, "Fight!" if YOU in (setup.red, setup.blue) else "Watch the fight", 34)
        half = (box.width - 46) // 2
        self._button(canvas, HELP, Rect(box.left + 18, box.top + 316, half, 40), "Help", BODY)
        self._button(canvas, QUIT, Rect(box.right - 18 - half, box.top + 316, half, 40), "Quit", BODY)

    def _about_shape(self) -> str:
        few, many = sorted((self.setup.shape[0], self.setup.shape[2]))
        return "Both corners get the same fighters." if few == many else "The smaller corner is stronger each."

    def _draw_row(self, canvas: Canvas, row: int, box: Rect, label: str, value: str) -> None:
        self.boxes[row] = box
        focused = self.focus == row
        canvas.panel(box, mixed(PANEL_LIGHT, GOLD, 0.2) if focused else PANEL_LIGHT, GOLD if focused else EDGE, 9)
        colour = {RED: CORNERS[0], BLUE: CORNERS[1]}.get(row, QUIET)
        canvas.text(label, Rect(box.left + 14, box.top, 110, box.height), BODY, colour)
        canvas.text("<", Rect(box.left + 130, box.top, 20, box.height), BODY, GOLD if focused else QUIET, "center")
        canvas.text(value, Rect(box.left + 152, box.top, box.width - 184, box.height), BODY, TEXT, "center")
        canvas.text(">", Rect(box.right - 30, box.top, 20, box.height), BODY, GOLD if focused else QUIET, "center")

    def _button(self, canvas: Canvas, row: int, box: Rect, name: str, size: int) -> None:
        self.boxes[row] = box
        focused = self.focus == row
        canvas.panel(box, mixed(PANEL_LIGHT, GOLD, 0.28) if focused else PANEL_LIGHT, GOLD if focused else EDGE, 10)
        canvas.text(name, box.inflate(-16, -6), size, GOLD if focused else TEXT, "center")

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
