"""Hands and eyes before Ringside's real window: X events by xdotool, and a line for every control."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import pygame

from game_adapter.ringside.drawing.canvas import Rect
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.window import Window

PATIENCE_S = 20.0
FRAME_S = 1 / 60
KEY, MOUSE = "key", "mouse"


class NoEffectError(Exception):
    """A control that did nothing."""


class Walker:
    """Hands and eyes before the window."""

    def __init__(self, window: Window) -> None:
        self.window, self.hall = window, window.hall
        self.forgotten = 0
        self._forget, self.hall.host.forget = self.hall.host.forget, self._counted  # type: ignore[method-assign]
        self._clock = pygame.time.Clock()
        self._id = str(pygame.display.get_wm_info()["window"])
        self._xdotool("windowfocus", self._id)

    def _counted(self) -> str:
        answer = self._forget()
        self.forgotten += answer == "Forgetting what was recorded and learned."
        return answer

    @staticmethod
    def _xdotool(*words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, timeout=PATIENCE_S)

    def until(self, what: str, reached: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
        """Frames until something is so."""
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise NoEffectError(f"{what}: nothing within {seconds:.0f} s")
            dt_ms = self._clock.tick(60)
            self.window.frame(min(dt_ms / 1000, 0.05), dt_ms)

    def rest(self, frames: int = 2) -> None:
        for _ in range(frames):
            self.window.frame(FRAME_S)

    def press(self, *keys: str) -> None:
        self._xdotool("key", *keys)
        self.rest()

    def click(self, box: Rect, button: int = 1) -> None:
        """Move the mouse into a box, in units, and click."""
        x, y = self.window.canvas.pixels(box).center
        self._xdotool("mousemove", "--window", self._id, str(x), str(y))
        self.rest()
        self._xdotool("click", str(button))
        self.rest()

    def learned(self) -> str:
        report = self.hall.report()
        return f"{report['learner']['steps']} steps, {report['practice']['played']} practice battles"

    def use(self, how: str, control: str, act: Callable[[], None], read: Callable[[], Any], wanted: Any = None) -> None:
        """Use a control and see that what it changes does change; to `wanted`, where that is given."""
        before = read()
        act()

        def changed() -> bool:
            now = read()
            return bool(now != before if wanted is None else now == wanted)

        self.until(f"{control} by {how} ({before})", changed)
        print(f"{how:5} | {control} | {before} -> {read()} | {self.learned()}", flush=True)

    def key(self, control: str, keys: str, read: Callable[[], Any], wanted: Any = None) -> None:
        self.use(KEY, control, lambda: self.press(*keys.split()), read, wanted)

    def mouse(
        self, control: str, box: Callable[[], Rect], read: Callable[[], Any], wanted: Any = None, button: int = 1
    ) -> None:
        self.use(MOUSE, control, lambda: self.click(box(), button), read, wanted)

    def either(
        self, by: str, control: str, keys: str, box: Callable[[], Rect], read: Callable[[], Any], wanted: Any = None
    ) -> None:
        """Use a control by its keys, or by a click into its box."""
        if by == KEY:
            self.key(control, keys, read, wanted)
        else:
            self.mouse(control, box, read, wanted)

    # ------------------------------------------------------------------------------------------------- what one sees

    def shown(self) -> str:
        """The name of the screen."""
        return type(self.window.screen).__name__.removesuffix("Screen")

    def chip(self, key: int) -> Rect:
        return next(box for box, of in self.hall.chips if of == key)

    def row(self, row: int) -> Rect:
        """Where a row of the menu on the screen is."""
        screen: Any = self.window.screen
        rows = screen.rows if hasattr(screen, "rows") else screen.choices.rows
        box: Rect = rows.boxes[row]
        return box

    def arrow(self, row: int, right: bool) -> Rect:
        box = self.row(row)
        left = box.right - 30 if right else box.left + round(box.width * 0.35)
        return Rect(left, box.top, 20, box.height)

    @property
    def battle(self) -> BattleScreen:
        screen = self.window.screen
        assert isinstance(screen, BattleScreen), self.shown()
        return screen

    def own_turn(self) -> BattleScreen:
        battle = self.battle
        self.until("the player's turn", lambda: battle.players_turn or self.window.screen is not battle)
        return battle
