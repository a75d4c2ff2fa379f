"""Every kind of screen of Ringside's window, from a fixed seed, and what may be said against its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pygame

from game_adapter.ringside.drawing.canvas import Canvas, Placed
from game_adapter.ringside.roster import SHAPES
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.corner import Corner
from game_adapter.ringside.screens.menus import FORGETTING, HelpScreen, PauseScreen, QuestionScreen, SettingsScreen
from game_adapter.ringside.screens.result import ResultScreen
from game_adapter.ringside.screens.screen import Dialog, Screen
from game_adapter.ringside.screens.title import TitleScreen
from game_adapter.ringside.screens.tutorial import SENTENCES
from game_adapter.ringside.screens.window import Window
from tests.support.ringside_window import fight, wait_for_player

INK = 0.4
"""Share of a line's height that is above and below its letters."""


def all_screens(window: Window) -> Iterator[tuple[str, Screen]]:
    """Every kind of screen, with every shape of teams among them."""
    hall = window.hall
    title = TitleScreen(hall)
    yield "title", title
    yield "help", HelpScreen(hall, title)
    for shape in SHAPES:
        screen = fight(window, shape=shape, blue="cornerman" if hall.has_cornerman() else "planner")
        yield f"battle {shape}", screen
        wait_for_player(window, screen)
        for key in (pygame.K_2, pygame.K_RIGHT):
            screen.event(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        yield f"aiming {shape}", screen
    screen.corner = Corner(hall, 20)
    screen.corner.update(0.5)
    yield "corner", screen
    yield "pause", PauseScreen(hall, screen, lambda: title)
    settings = SettingsScreen(hall, screen)
    yield "settings", settings
    words = "Forget what was learned?", FORGETTING
    yield "question", QuestionScreen(hall, settings, words, ("Keep it", "Forget it"), lambda: title)
    hall.preferences.tutorial = True
    screen = fight(window, blue="cornerman" if hall.has_cornerman() else "planner")
    wait_for_player(window, screen)
    for sentence in range(len(SENTENCES)):
        yield f"tutorial {sentence + 1}", screen
        screen.tutorial.acted()
    screen = finished(window)
    yield "result", ResultScreen(hall, screen, screen.stage, screen.setup, screen.story, lambda setup: title)


def finished(window: Window) -> BattleScreen:
    """A battle against Cornerman that is over, played by keys."""
    screen = fight(window, shape="2v2", blue="cornerman" if window.hall.has_cornerman() else "planner")
    while not screen.match.over:
        for key in (pygame.K_1, pygame.K_RETURN):
            screen.event(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        screen.update(0.5)
    screen.stage.settle()
    return screen


def faults(window: Window) -> list[str]:
    """What is wrong with the text of the window's screen: cut, outside of its box or the window, or over other text."""
    window.draw()
    found = [f"{placed.text!r} is cut" for placed in window.canvas.placed if placed.cut]
    found += [f"{placed.text!r} leaves {placed.box}" for placed in window.canvas.placed if _outside(window, placed)]
    window.canvas.placed.clear()
    _top(window.screen)(window.canvas)
    placed = [(each.text, _ink(each.rect)) for each in window.canvas.placed if each.text.strip()]
    for at, (text, rect) in enumerate(placed):
        found += [f"{text!r} is over {other!r}" for other, over in placed[:at] if rect.colliderect(over)]
    return found


def _outside(window: Window, placed: Placed) -> bool:
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
