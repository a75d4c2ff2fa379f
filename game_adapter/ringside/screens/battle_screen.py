"""The battle, the break between its rounds, and its end. All progress goes through the Match; this shows and asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pygame

from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.stage import BOTTOM, Stage
from game_adapter.ringside.drawing.theme import BODY, GOLD, PANEL, QUIET, SMALL, TEXT
from game_adapter.ringside.screens.commands import BACK, Commands
from game_adapter.ringside.screens.corner import Corner
from game_adapter.ringside.screens.menus import HelpScreen, PauseScreen
from game_adapter.ringside.screens.result import SKIPPING, ResultScreen, corner_name
from game_adapter.ringside.screens.screen import CORNERMAN, GHOST, YOU, Hall, Screen, Setup
from game_adapter.ringside.screens.tutorial import Tutorial
from game_adapter.ringside.teams import draw_teams
from game_adapter.ringside.turn import Story

THINKING_S = 0.35
BANNER_S = 1.1
NAMED_FRAMES = 15
"""How many frames the names of the corners stand: the plugin is asked who plays at which level, which takes 0.1 ms."""
CHIPS = (
    ("Hint: H", pygame.K_h),
    ("Pause: P", pygame.K_p),
    ("Speed: F", pygame.K_f),
    ("Sound: M", pygame.K_m),
    ("Help: ?", pygame.K_QUESTION),
    ("Menu: F1", pygame.K_F1),
)


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
        self.story = Story()
        self.tutorial = Tutorial(hall.preferences)
        self.advice: tuple[str, str] | None = None  # what the champion would do, and why
        self.corner: Corner | None = None
        self._waited_s = 0.0
        self._round_s = 0.0
        self._names, self._drawn = ("", ""), 0
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
            if event.key == pygame.K_t:
                self.tutorial.end()
            if event.key == pygame.K_h:
                self._ask_for_a_hint()
                return None
        if self.players_turn:
            self._choose(event)
        elif event.type in SKIPPING:
            self._hurry()
        elif event.type == pygame.MOUSEMOTION:
            self._mouse = self.hall.canvas.units(event.pos)
        return None

    def _ask_for_a_hint(self) -> None:
        seat = self.match.seat_to_play
        if not self.players_turn or seat is None:
            self.hall.say("A hint is for your own turn.")
            return
        hint = self.hall.host.hint(seat, self.match.state, self.match.action_mask)
        if hint is None:
            self.hall.say("Nobody can give a hint: Cornerman is off or has learned nothing yet.")
        self.advice = None if hint is None else self.commands.advice(hint)

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
            return self._end()
        if self.match.between_rounds:
            self._break(dt_s)
        elif self.players_turn:
            self.match.choosing()
        else:
            self._waited_s += dt_s * self.hall.speed
            if self._waited_s >= THINKING_S:
                self._play(self.match.decide())
        return None

    def _end(self) -> Screen:
        if PLAYER in self.match.seats.values():
            self.tutorial.end()
        return ResultScreen(self.hall, self, self.stage, self.setup, self.story, self._again)

    def _again(self, setup: Setup | None) -> Screen:
        """The next battle, or the title."""
        if setup is None:
            return self.title(self.hall, self.setup)
        return BattleScreen(self.hall, setup, self.title)

    def _play(self, action: int | None) -> None:
        if self.match.seats[self.match.seat_to_play or 0] == PLAYER:
            self.tutorial.acted()
        turn = self.match.play(action)
        self.story.add(turn, self.match.state)
        self.stage.play(turn)
        self._waited_s, self.advice = 0.0, None
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
        if self._drawn % NAMED_FRAMES == 0:
            self._names = self.name_of(0), self.name_of(1)
        self._drawn += 1
        self.stage.draw_corners(canvas, *self._names)
        self.commands.draw(canvas, choosing, self._waiting())
        left = self.commands.width(canvas) + 18
        side = Rect(left, canvas.height - BOTTOM + 8, canvas.width - left - 10, BOTTOM - 18)
        self._draw_side(canvas, side, choosing)
        if self.corner is not None:
            self.corner.draw(canvas)
        for box, (label, key) in zip(self.commands.chips(canvas, len(CHIPS)), CHIPS, strict=True):
            self.hall.chip(box, label, key)

    def _draw_side(self, canvas: Canvas, box: Rect, choosing: bool) -> None:
        """What stands beside the choice: a hint, the tutorial, the fighter that is looked at, or the log."""
        looked_at = self.looked_at() if choosing else None
        if self.advice is not None:
            self._draw_advice(canvas, box, *self.advice)
        elif choosing and self.tutorial.on:
            self.tutorial.draw(canvas, box)
            self.hall.chip(Rect(box.right - 118, box.top + 8, 108, 26), "Skip: T", pygame.K_t)
        elif looked_at is None:
            self.stage.draw_log(canvas, box)
        else:
            self.stage.draw_card(canvas, box, looked_at)

    def _draw_advice(self, canvas: Canvas, box: Rect, what: str, why: str) -> None:
        canvas.panel(box, PANEL, GOLD, 10, 246)
        left, width = box.left + 14, box.width - 28
        canvas.text("The champion would choose", Rect(left, box.top + 8, width, 24), SMALL, QUIET)
        canvas.text(what, Rect(left, box.top + 34, width, 28), BODY, GOLD)
        canvas.paragraph(why, Rect(left, box.top + 66, width, box.height - 74), BODY, TEXT)

    def looked_at(self) -> int | None:
        """The fighter that is aimed at or under the mouse."""
        if self.commands.aiming:
            return self.commands.target
        return self.stage.fighter_at(self.hall.canvas, self._mouse)

    def name_of(self, seat: int) -> str:
        """Who controls a corner; Cornerman with the version and the level that plays."""
        who = self.setup.red if seat == 0 else self.setup.blue
        if who != CORNERMAN:
            return corner_name(who)
        report = self.hall.report()
        version, level = report.get("version"), (report.get("difficulty") or {}).get("name")
        known = f" v{version}" if isinstance(version, int) and version >= 0 else ""
        return f"Cornerman{known}, {level}" if level else f"Cornerman{known}"

    def _waiting(self) -> str:
        if self.match.over:
            return "The final bell!"
        if self.match.between_rounds:
            return "A break between the rounds."
        if self.battle.acting is None:
            return ""
        fighter = self.battle.fighters[self.battle.acting]
        return f"{fighter.name} of the {('red', 'blue')[fighter.seat]} corner is choosing ..."


def _seats(setup: Setup) -> dict[int, str]:
    kinds = {YOU: PLAYER, CORNERMAN: PLUGIN}
    return {0: kinds.get(setup.red, SCRIPTED), 1: kinds.get(setup.blue, SCRIPTED)}


def _bots(hall: Hall, setup: Setup) -> dict[int, Any]:
    named = {0: setup.red, 1: setup.blue}
    bots = {**hall.game.bots, GHOST: hall.ghost}
    return {seat: bots[who] for seat, who in named.items() if who in bots}
