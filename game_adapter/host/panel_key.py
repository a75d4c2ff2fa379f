"""The key that opens and closes the plugins' panels in a game that has no menu for them; the game's thread.

pygame is never imported here: an event that comes from it has loaded it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

MOST_SIZE = (720, 560)
"""Pixels that the panel takes at most, at the top right; a smaller window shows it over the whole of it."""
GROWS = 0.6
"""Share of a larger window's size that it takes instead."""


class PanelKey:
    """Whether the panels are open, and what of the game's input goes to them."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        """`name` as pygame calls the key, "F1" or "`"; `say` takes a sentence where no key is called so."""
        self.name, self._say = name, say
        self.open = self._looked_up = False
        self._key: int | None = None

    def event(self, event: Any, offer: Callable[[Any], bool]) -> bool:
        """Whether the game should leave this event alone: the key itself, and all input while a panel is open.

        What is let go (a key, a button) stays the game's: it may have been pressed before the panel opened.
        """
        pygame: Any = sys.modules.get("pygame")
        if pygame is None or not hasattr(event, "type"):
            return False
        key = getattr(event, "key", None) if event.type == pygame.KEYDOWN else None
        if key is not None and key == self._code(pygame):
            self.open = not self.open
            return True
        if not self.open:
            return False
        used = offer(event)
        if key == pygame.K_ESCAPE and not used:
            self.open = False
            return True
        return used or event.type in (
            pygame.KEYDOWN,
            pygame.TEXTINPUT,
            pygame.MOUSEMOTION,
            pygame.MOUSEBUTTONDOWN,
            pygame.MOUSEWHEEL,
            pygame.FINGERDOWN,
            pygame.FINGERMOTION,
            pygame.JOYAXISMOTION,
            pygame.JOYBUTTONDOWN,
            pygame.JOYHATMOTION,
        )

    def _code(self, pygame: Any) -> int | None:
        if not self._looked_up and pygame.display.get_init():  # pygame tells codes of keys only then
            self._looked_up = True
            try:
                self._key = pygame.key.key_code(self.name)
            except ValueError:
                named = "write it as pygame.key.name gives it, for instance F1"
                self._say(f"No key is called {self.name!r}, so the plugins' panel does not open: {named}.")
        return self._key

    def part(self, surface: Any) -> Any:
        """The part of the window that the panels are drawn over."""
        width, height = surface.get_size()
        wide, high = (
            min(size, max(most, int(GROWS * size))) for size, most in zip((width, height), MOST_SIZE, strict=True)
        )
        return surface.subsurface((width - wide, 0, wide, high))
