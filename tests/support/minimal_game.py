"""Code that plays examples/minimal_game.py as a player does, in no time: keys in every frame, F1, the window closed."""

from tests.support.paths import ROOT

EXAMPLE = ROOT / "examples" / "minimal_game.py"
PLAY = """
import os, runpy, sys
os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
sys.modules["numba"] = None  # importing it raises: compiling would take most of the time
import pygame

PLAYING, LOOKING = 240, 10

class Clock:
    frames = 0

    def tick(self, rate):
        self.frames += 1
        if self.frames == PLAYING + LOOKING:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
            return 16
        key = pygame.K_F1 if self.frames == PLAYING else pygame.K_1 + self.frames % 3
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        return 16

    def get_rawtime(self):
        return 4

pygame.time.Clock = Clock
names = runpy.run_path(sys.argv[1], run_name="__main__")
host = names["host"]
assert names["battle"] > 10, names["battle"]
assert len(host.loaded) == len(sys.argv[2:]), host.messages
for plugin in (plugin.hooks["on_draw"].__self__ for plugin in host.loaded):
    recorded = plugin.report()["recorder"]
    assert recorded["recorded"] > 200 and not recorded["rejected"] and not recorded["clamped"], recorded
    assert len(plugin.panel.written) > 10, plugin.panel.written
print(*host.messages, sep=chr(10))
"""
"""Arguments: the example's path, and the names of the plugins that it must find."""
