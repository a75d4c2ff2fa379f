"""The battle, the break between its rounds, and its end. All progress goes through the Match; this shows and asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pygame

from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.stage import BOTTOM, Stage
from game_adapter.ringside.drawing.theme import BAD, BODY, GOLD, GOOD, NIGHT, PANEL, QUIET, SMALL, TEXT, TITLE
from game_adapter.ringside.screens.commands import BACK, Commands
from game_adapter.ringside.screens.corner import Corner
from game_adapter.ringside.screens.menus import HelpScreen, PauseScreen
from game_adapter.ringside.screens.screen import CORNERMAN, GHOST, YOU, Choices, Dialog, Hall, Screen, Setup
from game_adapter.ringside.teams import draw_teams

THINKING_S = 0.35
BANNER_S = 1.1
SKIPPING = (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN)
CHIPS = (
    ("Pause: P", pygame.K_p),
    ("Speed: F", pygame.K_f),
    ("Sound: M", pygame.K_m),
    ("Help: ?", pygame.K_QUESTION),
    ("Menu: F1", pygame.K_F1),
)


def corner_name(who: str) -> str:
    """What a corner is called on the screen."""
    return {YOU: "You", CORNERMAN: "Cornerman", GHOST: "Your ghost"}.get(who, f"{who.capitalize()} (bot)")


class BattleScreen(Screen):
    """One battle from the first bell to the last; `title` makes the screen that Esc leads back to."""

    def __init__(self, hall: Hall, setup: Setup, title: Callable[[Hall, Setup], Screen]) -> None:
        super().__init__(hall)
        self.setup, self.title = setup, title
        hall.battles += 1
        battle = Battle(draw_teams(setup.teams_seed, setup.shape), hall.random.getrandbits(32))
        self.match = Match(
            hall.host,
            battle,
            hall.battles,
            _seats(setup),
            hall.game.bots[hall.game.own_fighter],
            hall.random,
            _bots(hall, setup),
        )
        self.stage = Stage(battle, hall.sprites, hall.sounds)
        self.commands = Commands(battle)
        self.corner: Corner | None = None
        self._waited_s = 0.0
        self._round_s = 0.0
        self._mouse: tuple[float, float] = (-1.0, -1.0)
        hall.sounds.play("bell")

    @property
    def battle(self) -> Battle:
        return self.stage.battle

    @property
    def players_turn(self) -> bool:
        """Whether the player is to choose now."""
        seat = self.match.seat_to_play
        return seat is not None and not self.stage.busy and self.corner is None and self.match.seats[seat] == PLAYER

    # ----------------------------------------------------------------------------------------------------------- input

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN:
            if getattr(event, "unicode", "") == "?":
                return HelpScreen(self.hall, self)
            back = event.key in BACK and not (self.players_turn and self.commands.aiming)
            if back or event.key == pygame.K_p:
                return PauseScreen(self.hall, self, self._leave)
        if self.players_turn:
            self._choose(event)
        elif event.type in SKIPPING:
            self._hurry()
        elif event.type == pygame.MOUSEMOTION:
            self._mouse = self.hall.canvas.units(event.pos)
        return None

    def _leave(self) -> Screen:
        self.close()
        return self.title(self.hall, self.setup)

    def _choose(self, event: pygame.event.Event) -> None:
        canvas, commands = self.hall.canvas, self.commands
        action = None
        if event.type == pygame.KEYDOWN:
            action = commands.key(event.key)
        elif event.type == pygame.MOUSEMOTION:
            self._mouse = canvas.units(event.pos)
            commands.point(canvas, self._mouse, self.stage.fighter_at(canvas, self._mouse))
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            at = canvas.units(event.pos)
            action = commands.click(canvas, at, self.stage.fighter_at(canvas, at))
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 3:
            action = commands.key(pygame.K_ESCAPE)
        if action is not None:
            self._play(action)

    def _hurry(self) -> None:
        """Skips what is only shown."""
        if self.corner is not None:
            self.corner.skip()
        elif self.stage.busy:
            self.stage.skip()
        else:
            self._waited_s = THINKING_S

    # ------------------------------------------------------------------------------------------------------------ time

    def update(self, dt_s: float) -> Screen | None:
        self._round_s += dt_s
        self.stage.step(dt_s * self.hall.speed)
        if self.stage.busy:
            return None
        if self.match.over:
            return ResultScreen(self.hall, self)
        if self.match.between_rounds:
            self._break(dt_s)
        elif self.players_turn:
            self.match.choosing()
        else:
            self._waited_s += dt_s * self.hall.speed
            if self._waited_s >= THINKING_S:
                self._play(self.match.decide())
        return None

    def _play(self, action: int | None) -> None:
        self.stage.play(self.match.play(action))
        self._waited_s = 0.0
        self.commands.reset()

    def _break(self, dt_s: float) -> None:
        if self.corner is None:
            self.corner = Corner(self.hall, self.battle.round)
        self.corner.update(dt_s)
        if self.corner.done:
            self.corner = None
            self.match.start_round()
            self._round_s, self.stage.round = 0.0, self.battle.round
            self.hall.sounds.play("bell")
            if self.players_turn:
                canvas = self.hall.canvas
                self.commands.point(canvas, self._mouse, self.stage.fighter_at(canvas, self._mouse))

    def close(self) -> None:
        self.match.abandon()

    # --------------------------------------------------------------------------------------------------------- drawing

    def draw(self, canvas: Canvas) -> None:
        choosing = self.players_turn
        banner = None if self.match.over or self.corner is not None else self._round_s / BANNER_S
        self.stage.draw(canvas, self.commands.marks() if choosing else None, banner)
        self.stage.draw_corners(canvas, self.name_of(0), self.name_of(1))
        self.commands.draw(canvas, choosing, self._waiting())
        left = self.commands.width(canvas) + 18
        side = Rect(left, canvas.height - BOTTOM + 8, canvas.width - left - 10, BOTTOM - 18)
        looked_at = self.looked_at() if choosing else None
        if looked_at is None:
            self.stage.draw_log(canvas, side)
        else:
            self.stage.draw_card(canvas, side, looked_at)
        if self.corner is not None:
            self.corner.draw(canvas)
        for box, (label, key) in zip(self.commands.chips(canvas, len(CHIPS)), CHIPS, strict=True):
            self.hall.chip(box, label, key)

    def looked_at(self) -> int | None:
        """The fighter that is aimed at or under the mouse."""
        if self.commands.aiming:
            return self.commands.target
        return self.stage.fighter_at(self.hall.canvas, self._mouse)

    def name_of(self, seat: int) -> str:
        """Who controls a corner; Cornerman with the version that plays."""
        who = self.setup.red if seat == 0 else self.setup.blue
        if who != CORNERMAN:
            return corner_name(who)
        version = self.hall.report().get("version")
        return f"Cornerman, version {version}" if isinstance(version, int) and version >= 0 else "Cornerman"

    def _waiting(self) -> str:
        if self.match.over:
            return "The final bell!"
        if self.match.between_rounds:
            return "A break between the rounds."
        if self.battle.acting is None:
            return ""
        fighter = self.battle.fighters[self.battle.acting]
        return f"{fighter.name} of the {('red', 'blue')[fighter.seat]} corner is choosing ..."


class ResultScreen(Dialog):
    """Who won, and what next: once more, other fighters, or the title."""

    SETTLES_S = 0.5

    def __init__(self, hall: Hall, battle_screen: BattleScreen) -> None:
        super().__init__(hall, battle_screen)
        self._battle_screen = battle_screen
        self.outcome: Mapping[int, int] = battle_screen.battle.outcome or {0: 0, 1: 0}
        self._choices = Choices(("Rematch", "Other fighters", "Back to the title"))
        self._age_s = 0.0
        seats = battle_screen.match.seats
        winner = next((seat for seat, result in self.outcome.items() if result == 1), None)
        setup = battle_screen.setup
        hall.results.append("draw" if winner is None else (setup.red, setup.blue)[winner])
        lost = winner is not None and seats[1 - winner] == PLAYER and seats[winner] != PLAYER
        hall.sounds.play("lose" if lost else "win")

    def event(self, event: pygame.event.Event) -> Screen | None:
        if self._age_s < self.SETTLES_S and event.type in SKIPPING:
            return None
        setup, title = self._battle_screen.setup, self._battle_screen.title
        if event.type == pygame.KEYDOWN and event.key in BACK:
            return title(self.hall, setup)
        chosen = self._choices.event(event, self.hall.canvas)
        if chosen == 0:
            return BattleScreen(self.hall, setup, title)
        if chosen == 1:
            return BattleScreen(self.hall, setup.replaced(teams_seed=self.hall.random.getrandbits(32)), title)
        return title(self.hall, setup) if chosen == 2 else None

    def update(self, dt_s: float) -> Screen | None:
        self._age_s += dt_s
        self._battle_screen.stage.step(dt_s)
        return None

    def headline(self) -> tuple[str, tuple[int, int, int]]:
        """The result in a few words, and its colour."""
        setup = self._battle_screen.setup
        winner = next((seat for seat, result in self.outcome.items() if result == 1), None)
        if winner is None:
            return "A draw", QUIET
        who, other = (setup.red, setup.blue)[winner], (setup.red, setup.blue)[1 - winner]
        if who == YOU:
            return "You win!", GOOD
        colour = BAD if other == YOU else GOLD
        return f"{corner_name(who).split(' (')[0]} wins", colour

    def draw(self, canvas: Canvas) -> None:
        self.behind.draw(canvas)
        canvas.shade(canvas.area, NIGHT, 110)
        box = Rect(0, 0, 420, 318)
        side = self.outcome[1] - self.outcome[0]  # the winners stay in view
        box.midtop = (canvas.width // 2 - side * canvas.width // 8, 74)
        canvas.panel(box, PANEL, GOLD, 14, 238)
        words, colour = self.headline()
        canvas.text(words, Rect(box.left + 20, box.top + 18, box.width - 40, 50), TITLE + 8, colour, "center", edge=255)
        battle = self._battle_screen.battle
        line = f"after {battle.round} round{'s' if battle.round != 1 else ''}"
        canvas.text(line, Rect(box.left + 20, box.top + 70, box.width - 40, 24), BODY, TEXT, "center")
        canvas.text(self._tally(), Rect(box.left + 20, box.top + 96, box.width - 40, 24), SMALL, QUIET, "center")
        self._choices.draw(canvas, Rect(box.left + 70, box.top + 140, box.width - 140, 160), 46)

    def _tally(self) -> str:
        setup, results = self._battle_screen.setup, self.hall.results
        red, blue = (corner_name(who).split(" (")[0] for who in (setup.red, setup.blue))
        return f"Today:  {red} {results.count(setup.red)}  -  {blue} {results.count(setup.blue)}"


def _seats(setup: Setup) -> dict[int, str]:
    kinds = {YOU: PLAYER, CORNERMAN: PLUGIN}
    return {0: kinds.get(setup.red, SCRIPTED), 1: kinds.get(setup.blue, SCRIPTED)}


def _bots(hall: Hall, setup: Setup) -> dict[int, Any]:
    named = {0: setup.red, 1: setup.blue}
    bots = {**hall.game.bots, GHOST: hall.ghost}
    return {seat: bots[who] for seat, who in named.items() if who in bots}
