"""Every kind of screen of Ringside's window, from a fixed seed, and what may be said against its picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pygame
import pytest

from game_adapter.ringside.drawing.canvas import Canvas, Placed
from game_adapter.ringside.roster import SHAPES
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.corner import Corner
from game_adapter.ringside.screens.menus import FORGET, HelpScreen, SettingsScreen
from game_adapter.ringside.screens.screen import CORNERMAN, Dialog, Screen
from game_adapter.ringside.screens.title import TitleScreen
from game_adapter.ringside.screens.tutorial import SENTENCES
from game_adapter.ringside.screens.window import Window
from tests.support.ringside_window import fight

RISING = re.compile(r"|[-+]\d+|miss|critical!|guarded|charge broken")
"""Text that rises from a fighter and fades."""
INK = 0.4
"""Share of a line's height that is above and below its letters."""


def _pressed(screen: Screen, *keys: int) -> Screen:
    """The screen that these keys lead to."""
    for key in keys:
        event = pygame.event.Event(pygame.KEYDOWN, key=key, unicode=chr(key) if key < 128 else "", mod=0)
        screen = screen.event(event) or screen
    return screen


def _wait_for_player(screen: BattleScreen) -> None:
    """Without drawing."""
    while not screen.players_turn:
        assert screen.update(0.05) is None, "the battle is over"


def title(window: Window) -> Screen:
    return TitleScreen(window.hall)


def help_page(window: Window) -> Screen:
    return HelpScreen(window.hall, title(window))


def in_battle(window: Window, shape: str = "2v2") -> BattleScreen:
    """The player's turn in a battle against Cornerman, once everybody has acted."""
    screen = fight(window, shape=shape, blue=CORNERMAN if window.hall.has_cornerman() else "planner")
    for _ in screen.battle.fighters:
        _wait_for_player(screen)
        _pressed(screen, pygame.K_1, pygame.K_RETURN)
    _wait_for_player(screen)
    return screen


def aiming(window: Window, shape: str = "2v2") -> Screen:
    return _pressed(in_battle(window, shape), pygame.K_2, pygame.K_RIGHT)


def tutorial(window: Window, sentence: int = 0) -> BattleScreen:
    window.hall.preferences.tutorial = True
    screen = fight(window, blue=CORNERMAN if window.hall.has_cornerman() else "planner")
    _wait_for_player(screen)
    for _ in range(sentence):
        screen.tutorial.acted()
    return screen


def hint(window: Window) -> Screen:
    return _pressed(in_battle(window), pygame.K_h)


def in_break(window: Window) -> Screen:
    screen = in_battle(window)
    screen.corner = Corner(window.hall, 20)
    screen.corner.update(0.5)
    return screen


def paused(window: Window) -> Screen:
    return _pressed(in_battle(window), pygame.K_p)


def settings(window: Window) -> Screen:
    return SettingsScreen(window.hall, paused(window))


def question(window: Window) -> Screen:
    return _pressed(settings(window), *[pygame.K_DOWN] * FORGET, pygame.K_RETURN)


def finished(window: Window) -> BattleScreen:
    """A battle against Cornerman that is over, played by keys."""
    screen = fight(window, blue=CORNERMAN if window.hall.has_cornerman() else "planner")
    while not screen.match.over:
        _pressed(screen, pygame.K_1, pygame.K_RETURN)
        screen.update(0.5)
    screen.stage.settle()
    return screen


def result(window: Window) -> Screen:
    return finished(window).update(0.0) or pytest.fail("the battle is over, and no result is shown")


def watching(window: Window) -> Screen:
    """Two machines in the middle of their battle."""
    screen = fight(window, red="brawler", blue=CORNERMAN)
    for _ in range(30):
        screen.update(0.05)
    return screen


SCENES: dict[str, Callable[[Window], Screen]] = {
    "title": title,
    "tutorial": tutorial,
    "battle": aiming,
    "hint": hint,
    "break": in_break,
    "end": result,
    "settings": settings,
    "pause": paused,
    "watch": watching,
}
"""What is kept as pictures."""


def all_screens(window: Window) -> Iterator[tuple[str, Screen]]:
    """Every kind of screen, with every shape of teams among them."""
    yield "help", help_page(window)
    yield "question", question(window)
    for shape in SHAPES:
        yield f"aiming {shape}", aiming(window, shape)
    for sentence in range(len(SENTENCES)):
        yield f"tutorial {sentence + 1}", tutorial(window, sentence)
    window.hall.preferences.tutorial = False
    for name, scene in SCENES.items():
        yield name, scene(window)


def faults(window: Window) -> list[str]:
    """What is wrong with the text of the window's screen: cut, outside of its box or the window, or over other text."""
    window.draw()
    found = [f"{placed.text!r} is cut" for placed in window.canvas.placed if placed.cut]
    found += [f"{placed.text!r} leaves {placed.box}" for placed in window.canvas.placed if outside(window, placed)]
    window.canvas.placed.clear()
    _top(window.screen)(window.canvas)
    placed = [(each.text, _ink(each.rect)) for each in window.canvas.placed if not RISING.fullmatch(each.text)]
    for at, (text, rect) in enumerate(placed):
        found += [f"{text!r} is over {other!r}" for other, over in placed[:at] if rect.colliderect(over)]
    return found


def outside(window: Window, placed: Placed) -> bool:
    """Whether a text leaves its box or the window."""
    inside = window.surface.get_rect().contains(placed.rect)
    return not (inside and placed.box.inflate(0, 8).contains(placed.rect))


def _ink(rect: pygame.Rect) -> pygame.Rect:
    return rect.inflate(0, -round(rect.height * INK))


def _top(screen: Screen) -> Callable[[Canvas], None]:
    """What draws a screen without the one behind it, whose text may well be covered."""
    if isinstance(screen, BattleScreen) and screen.corner is not None:
        return screen.corner.draw
    if isinstance(screen, Dialog):
        screen.behind = Screen(screen.hall)
    return screen.draw
