"""Pictures saved without a window: the battle and the debug menu, by the same drawing code. No display is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

import pygame

from game_adapter.host.host import Host
from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.drawing.canvas import Canvas
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.drawing.stage import BOTTOM, Marks, Stage
from game_adapter.ringside.drawing.theme import HEIGHT, WIDTH
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.commands import Commands
from game_adapter.ringside.screens.debug_menu import DebugMenu

DEMO_TURNS = 9
SITTING = {PLAYER: "You", PLUGIN: "Cornerman", SCRIPTED: "Bot"}


def draw_battle_picture(match: Match | None, path: Path, log: Sequence[Any] = ()) -> None:
    """Saves a picture of a battle as the window would show it; `log` are the Turns that led here, oldest first.

    With None it shows some turns of a battle of the game's own. pygame.error where the file cannot be written.
    """
    surface = pygame.Surface((WIDTH, HEIGHT))
    if match is None:
        _draw_battle(surface, Canvas(), *_demo())
    else:
        names = SITTING[match.seats[0]], SITTING[match.seats[1]]
        _draw_battle(surface, Canvas(), cast(Battle, match.battle), log, names)
    pygame.image.save(surface, str(path))


def draw_menu_picture(host: Host, path: Path) -> None:
    """Saves a picture of the debug menu over a battle, with the plugins' panels as they are now."""
    surface, canvas = pygame.Surface((WIDTH, HEIGHT)), Canvas()
    _draw_battle(surface, canvas, *_demo())
    menu = DebugMenu(host)
    menu.open = True
    menu.draw(canvas)
    pygame.image.save(surface, str(path))


def _draw_battle(
    surface: pygame.Surface,
    canvas: Canvas,
    battle: Battle,
    log: Sequence[Any],
    names: tuple[str, str] = ("Red corner", "Blue corner"),
) -> None:
    canvas.begin(surface)
    stage = Stage(battle, Sprites())
    stage.log.extend((turn.text(), turn.seat) for turn in log)
    stage.settle()
    commands = Commands(battle)
    stage.draw(canvas, Marks())
    commands.draw(canvas, active=battle.outcome is None, waiting="The final bell!")
    stage.draw_corners(canvas, *names)
    left = commands.width(canvas) + 18
    box = pygame.Rect(left, canvas.height - BOTTOM + 8, canvas.width - left - 10, BOTTOM - 18)
    stage.draw_log(canvas, box)


def _demo() -> tuple[Battle, list[Any]]:
    """A few turns of the strongest bot against the one below it."""
    battle, random = RINGSIDE.new_battle(4), Random(4)
    turns: list[Any] = []
    bots = list(RINGSIDE.bots.values())[-2:]
    while len(turns) < DEMO_TURNS and battle.seat is not None:
        turns.append(battle.apply(bots[battle.seat](battle, random)))
    return battle, turns
