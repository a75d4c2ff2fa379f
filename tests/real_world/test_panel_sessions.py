"""Kind 1: the panel's fonts were kept from before `pygame.quit()`, and drawing again ended the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dropped_plugins import run_python

CODE = """
import os, sys
os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
import pygame
from cornerman.plugin import Cornerman
from game_adapter.ringside.game import RINGSIDE

pygame.init()
surface = pygame.display.set_mode((960, 600))
plugin = Cornerman()
plugin.on_load(RINGSIDE, "data", {"learning": False})
plugin.on_draw(surface)
before = len(plugin.panel.written)
exec(sys.argv[1])
for _ in range(3):
    plugin.on_draw(surface)
    pygame.event.pump() if pygame.display.get_init() else None
plugin.on_event(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_DOWN))
plugin.on_draw(surface)
plugin.on_quit()
print(before == len(plugin.panel.written) > 20)
"""


@pytest.mark.parametrize(
    "between",
    [
        "pygame.quit(); pygame.init(); surface = pygame.display.set_mode((960, 600))",
        "pygame.quit(); pygame.init(); surface = pygame.display.set_mode((1280, 720))",
        "pygame.font.quit(); pygame.font.init()",
        "pygame.font.quit()",
        "pygame.quit(); surface = pygame.Surface((960, 600))",
        "pygame.display.quit(); surface = pygame.display.set_mode((960, 600))",
    ],
)
def test_panel_draws_on_in_another_session_of_pygame(tmp_path: Path, between: str) -> None:
    assert run_python(tmp_path, CODE, between).splitlines()[-1] == "True"
