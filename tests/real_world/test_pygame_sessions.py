"""Kind 1: fonts and sounds kept from before `pygame.quit()` ended the process with a segmentation fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dropped_plugins import run_python

START = """
import os, sys
os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
import pygame
from random import Random
from cornerman.plugin import Cornerman
from game_adapter.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import Window
"""
WINDOW = """
for between in sys.argv[1:]:
    window = Window(Host("plugins", "data", RINGSIDE), RINGSIDE, Random(1), watch="brawler")
    for _ in range(40):
        window.frame(0.05)
    assert len(window.screen.stage.log) > 1, "sounds were played and text was drawn"
    exec(between)
    for _ in range(80):
        window.frame(0.05)
    assert len(window.screen.stage.log) > 1 and not window.hall.sounds.messages, between
"""
PANEL = """
pygame.init()
surface = pygame.display.set_mode((960, 600))
plugin = Cornerman()
plugin.on_load(RINGSIDE, "data", {"learning": False})
def text():
    return " ".join(written.text for written in plugin.panel.written)
for _ in range(1000):  # how strong the level is comes once it is read
    plugin.on_draw(surface)
    if "rated" in text():
        break
    pygame.time.wait(10)
for between in sys.argv[1:]:
    plugin.on_draw(surface)
    before = text()
    exec(between)
    for _ in range(3):
        plugin.on_draw(surface)
        pygame.event.pump() if pygame.display.get_init() else None
    plugin.on_event(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_DOWN))
    plugin.on_draw(surface)
    assert text() == before, between
plugin.on_quit()
"""
FONTS = ["pygame.font.quit(); pygame.font.init()", "pygame.font.quit()"]


def sessions(surface: str) -> list[str]:
    """Each ends a session of pygame and gives the surface of the next one to what draws."""
    new = [
        f"pygame.quit(); pygame.init(); {surface} = pygame.display.set_mode({size})"
        for size in ((960, 600), (1280, 720))
    ]
    return [*new, *FONTS, f"pygame.display.quit(); {surface} = pygame.display.set_mode((960, 600))"]


@pytest.mark.parametrize(
    ("code", "between"),
    [
        (
            WINDOW,
            [
                *sessions("window.surface"),
                "pygame.mixer.quit()",
                "pygame.mixer.quit(); pygame.mixer.init(44100, -16, 2)",
            ],
        ),
        (PANEL, [*sessions("surface"), "pygame.quit(); surface = pygame.Surface((960, 600))"]),
    ],
    ids=["window", "panel"],
)
def test_drawing_and_sounds_go_on_in_another_session_of_pygame(tmp_path: Path, code: str, between: list[str]) -> None:
    run_python(tmp_path, START + code, *between)
