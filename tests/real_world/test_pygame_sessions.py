"""Kind 1: fonts and sounds kept from before `pygame.quit()` ended the process with a segmentation fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dropped_plugins import run_python

CODE = """
import os, sys
os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
import pygame
from random import Random
from game_adapter.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import Window

window = Window(Host("plugins", "data", RINGSIDE), RINGSIDE, Random(1), watch="brawler")
for _ in range(40):
    window.frame(0.05)
assert len(window.screen.stage.log) > 1, "sounds were played and text was drawn"
exec(sys.argv[1])
for _ in range(80):
    window.frame(0.05)
print(len(window.screen.stage.log), window.hall.sounds.messages)
"""


@pytest.mark.parametrize(
    "between",
    [
        "pygame.quit(); pygame.init(); window.surface = pygame.display.set_mode((960, 600))",
        "pygame.quit(); pygame.init(); window.surface = pygame.display.set_mode((1280, 720))",
        "pygame.font.quit(); pygame.font.init()",
        "pygame.font.quit()",
        "pygame.mixer.quit()",
        "pygame.mixer.quit(); pygame.mixer.init(44100, -16, 2)",
        "pygame.display.quit(); window.surface = pygame.display.set_mode((960, 600))",
    ],
)
def test_window_draws_and_sounds_after_another_session_of_pygame(tmp_path: Path, between: str) -> None:
    turns, messages = run_python(tmp_path, CODE, between).splitlines()[-1].split(maxsplit=1)
    assert int(turns) > 1
    assert messages == "[]"
