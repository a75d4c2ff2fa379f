"""The window's sounds. Without a sound device, or without the files, the game is silent and a message says so.

A sound belongs to a session of pygame's mixer: played after that was quit it ends the process, so it is loaded anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pygame

from game_adapter.ringside.assets import asset


@contextmanager
def _quiet() -> Iterator[None]:
    """Linux's sound library writes a dozen lines of its own where there is no device: they would bury our sentence."""
    if not sys.platform.startswith("linux"):
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class Sounds:
    """Sounds by name; `on` is the player's switch, `volume` 0 to 1. `close` gives the device back."""

    def __init__(self, on: bool = True) -> None:
        self.on = on
        self.volume = 1.0
        self.messages: list[str] = []
        self._loaded: dict[str, pygame.mixer.Sound | None] = {}
        self._session: tuple[int, int, int] | None = None  # the format that the mixer had when they were loaded
        self._device = on and self._open()

    def _open(self) -> bool:
        try:
            with _quiet():
                pygame.mixer.init(22_050, -16, 1, 512)
        except (pygame.error, NotImplementedError, ImportError) as error:  # the last two: built without a mixer
            self.messages.append(f"No sound device can be used ({error}); the game goes on silently.")
            return False
        return True

    def play(self, name: str) -> None:
        """Start a sound; does nothing while sound is off or impossible."""
        if not (self.on and self._device and self._same_session()):
            return
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        sound = self._loaded[name]
        if sound is not None:
            sound.set_volume(self.volume)
            sound.play()

    def _same_session(self) -> bool:
        """Drop what belongs to a mixer that was quit meanwhile, and open it again where nobody did."""
        if pygame.mixer.get_init() is None:
            self._loaded.clear()
            self._device = self._open()
        if pygame.mixer.get_init() != self._session:
            self._session = pygame.mixer.get_init()
            self._loaded.clear()
        return self._device

    def _load(self, name: str) -> pygame.mixer.Sound | None:
        try:
            return pygame.mixer.Sound(str(asset(f"sounds/{name}.wav")))
        except (OSError, pygame.error) as error:
            if not any("sound file" in message for message in self.messages):
                self.messages.append(f"The sound file {name}.wav cannot be used ({error}); that sound is left out.")
            return None

    def toggle(self) -> str:
        """Switch sound on or off; returns a sentence for the player."""
        self.on = not self.on
        if self.on and not self._device:
            self._device = self._open()
        if self.on and not self._device:
            return self.messages[-1]
        return "Sound is on." if self.on else "Sound is off."

    def close(self) -> None:
        """Stops everything."""
        if self._device:
            pygame.mixer.quit()
        self._device = False
