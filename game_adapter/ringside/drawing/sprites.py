"""The window's pictures, loaded once; a missing one is replaced by a plain figure and a message says so."""

from __future__ import annotations

import pygame

from game_adapter.ringside.assets import asset

STRANGER = "stranger"
SIZE = 288
HEAD = 82
"""How wide a portrait is, in a fighter's pixels."""


class Sprites:
    """Pictures by name. `messages` holds a sentence if any was missing or unreadable."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._loaded: dict[str, pygame.Surface | None] = {}
        self._tops: dict[str, int] = {}

    def fighter(self, look: str, pose: str) -> pygame.Surface:
        """A fighter, 288x288 and transparent, facing right."""
        for name in (f"{look}_{pose}", f"{STRANGER}_{pose}"):
            found = self._load(name)
            if found is not None:
                return found
        return self._stand_in()

    def portrait(self, look: str) -> pygame.Surface:
        """A fighter's head and shoulders."""
        figure = self.fighter(look, "idle")
        middle = round(SIZE / 2 + 0.055 * SIZE)
        return figure.subsurface(pygame.Rect(middle - HEAD // 2, max(0, self.top(look) - 4), HEAD, HEAD))

    def top(self, look: str) -> int:
        """The row at which a standing fighter's picture begins, of 288."""
        if look not in self._tops:  # looking for it takes a third of a millisecond
            self._tops[look] = self.fighter(look, "idle").get_bounding_rect().top
        return self._tops[look]

    def ring(self) -> pygame.Surface | None:
        """The hall with the ring; None where the picture is missing."""
        return self._load("ring")

    def _load(self, name: str) -> pygame.Surface | None:
        if name not in self._loaded:
            try:
                self._loaded[name] = pygame.image.load(str(asset(f"sprites/{name}.png")))
            except (OSError, pygame.error) as error:
                self._loaded[name] = None
                if not self.messages:
                    self.messages.append(f"The picture {name}.png cannot be used ({error}); a plain one is drawn.")
        return self._loaded[name]

    def _stand_in(self) -> pygame.Surface:
        """A plain grey figure."""
        figure = self._loaded.get("")
        if figure is None:
            figure = self._loaded[""] = pygame.Surface((SIZE, SIZE), pygame.SRCALPHA)
            pygame.draw.circle(figure, (150, 154, 176), (152, 82), 26)
            pygame.draw.rect(figure, (110, 114, 140), (122, 112, 58, 160), border_radius=24)
        return figure
