"""The games whose frames are measured: Ringside's window, and a bare pygame loop around a game with slow rules."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from random import Random
from typing import Protocol

import pygame

from game_adapter.host.host import Host
from game_adapter.host.match import Match
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.screen import CORNERMAN, YOU, Setup
from game_adapter.ringside.screens.title import TitleScreen
from game_adapter.ringside.screens.window import FRAME_MS, LONGEST_STEP_S, Window
from tests.support.slow_game import GAME as SLOW_GAME
from tests.support.slow_game import SIZE

FRAMES_A_TURN = 15  # of the bare loop: four turns a second
CELL = 8  # pixels
SETUP = Setup(red=YOU, blue=CORNERMAN, teams_seed=1)
PLAYER_FRAMES = 12  # between two keys of the player
PAGE_FRAMES = 50  # before the panel's next page
PAGES = 6
PANEL_SIZE = 1920, 1080


class GameLoop(Protocol):
    """A game as its own loop drives it."""

    host: Host

    def begin(self) -> None:
        """Begin the same battle anew, so that every run draws the same pictures."""

    def frame(self, dt_ms: float) -> float:
        """One frame's work, the plugin's share included; the `perf_counter` time at which it was done."""


def draw_unseen() -> None:
    """Let SDL draw where nobody looks."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")


class MoreToDraw(Window):
    """Ringside's window, which draws more each frame, within the work that it tells the plugin of."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, RINGSIDE, Random(1), sound=False)
        self.more_pictures = 0  # one and the same still picture, so many times
        self.panel: pygame.Surface | None = None  # where the panel is drawn, page after page
        self._still = TitleScreen(self.hall, SETUP)

    def draw(self) -> None:
        for _ in range(self.more_pictures):
            self._still.draw(self.canvas)
        super().draw()
        if self.panel is not None:
            self.host.on_draw(self.panel)


class RingsideLoop:
    """Ringside's own window, in which a player hits whoever stands first, by the keyboard."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.more_pictures: Sequence[int] = ()
        """How many pictures more each frame of a battle draws, from its first on; none after the last."""
        self.step_s: float | None = None  # how far a frame moves the battle on; None: by its own length
        self._frames = 0
        draw_unseen()
        self.window = MoreToDraw(host)

    def begin(self) -> None:
        self.window.screen.close()
        self._frames = 0
        self.window.hall.random.seed(1)
        self.window.screen = BattleScreen(self.window.hall, SETUP, TitleScreen)

    def frame(self, dt_ms: float) -> float:
        if not isinstance(self.window.screen, BattleScreen):
            self.window.screen = BattleScreen(self.window.hall, SETUP, TitleScreen)
        at, self._frames = self._frames, self._frames + 1
        self.window.more_pictures = self.more_pictures[at] if at < len(self.more_pictures) else 0
        if self.window.screen.players_turn and self._frames % PLAYER_FRAMES == 0:
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_1))  # strike, then the first target
        if self.window.panel is not None and self._frames % PAGE_FRAMES == 0:
            key = pygame.K_1 + self._frames // PAGE_FRAMES % PAGES
            self.host.on_event(pygame.event.Event(pygame.KEYDOWN, key=key, mod=0))
        self.window.frame(min(dt_ms / 1e3, LONGEST_STEP_S) if self.step_s is None else self.step_s, dt_ms)
        return time.perf_counter()


class BareLoop:
    """As few lines of pygame as a turn-based game can have, around rules that are slow Python."""

    def __init__(self, host: Host) -> None:
        self.host = host
        draw_unseen()
        pygame.display.init()
        self._surface = pygame.display.set_mode((CELL * SIZE, CELL * SIZE))
        self._battles = self._frames = 0
        self._match = self._new_match()

    def _new_match(self) -> Match:
        self._battles += 1
        self._frames = 0
        battle, seats = SLOW_GAME.new_battle(1), {0: "plugin", 1: "scripted"}
        return Match(self.host, battle, self._battles, seats, SLOW_GAME.bots["hunter"], Random(1))

    def begin(self) -> None:
        self._match.abandon()
        self._match = self._new_match()

    def frame(self, dt_ms: float) -> float:
        begun = time.perf_counter()
        pygame.event.pump()
        self._frames += 1
        if self._match.over:
            self._match = self._new_match()
        elif self._frames % FRAMES_A_TURN == 0:
            self._match.start_round()
            self._match.play(self._match.decide())
        self._surface.fill((20, 24, 32))
        for character in self._match.state["characters"]:
            x, y = (CELL * place for place in character["at"])
            self._surface.fill((200, 180, 90), (x, y, CELL, CELL))
            self._surface.fill((90, 200, 90), (x, y - 4, character["health"] // 4, 3))
        pygame.display.flip()
        self.host.on_frame(dt_ms, max(0.0, FRAME_MS - 1e3 * (time.perf_counter() - begun)))
        return time.perf_counter()
