"""Ringside's window: it owns the display, the clock and the event loop, and reports every frame to the host."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, cast

import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.sounds import Sounds
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.drawing.theme import BODY, GOLD, HEIGHT, HUGE, NIGHT, SMALL, TEXT, WIDTH
from game_adapter.ringside.preferences import TEXT_SIZES, VOLUMES, Preferences
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.debug_menu import DebugMenu
from game_adapter.ringside.screens.screen import CORNERMAN, Hall, Leave, Screen, Setup
from game_adapter.ringside.screens.title import TitleScreen

FPS = 60
FRAME_MS = 1000 / FPS
LEAST_SIZE = (672, 420)
"""Pixels: room for the debug menu's own column beside a plugin's panel at its smallest."""
UNSEEN = ("offscreen", "dummy")
"""Drivers that draw where nobody looks: SDL falls back to them by itself where a screen is named but not there."""
LONGEST_STEP_S = 0.05
"""What a frame moves on at most: after a hitch the picture goes on where it was instead of jumping."""
LEFT_FOR_THE_WINDOW = (pygame.QUIT, pygame.VIDEORESIZE)
"""Events that the loading picture leaves in the queue."""


class NoScreen(Exception):  # noqa: N818  (no error: the caller plays headless then)
    """There is no screen to open a window on; its text is a sentence for the player."""


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Ctrl-C meanwhile raises KeyboardInterrupt at the end, a second one at once.

    In the middle it may come up inside of SDL, which reads fonts through Python: a segmentation fault.
    """
    pressed: list[int] = []

    def note(number: int, _: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
    if pressed:
        raise KeyboardInterrupt


class Window:
    """The game's window; the game's thread. `run` ends when the player leaves, and always quits the host.

    `watch` names a bot for the red corner: then the computer plays both corners, at once. Without `preferences` nothing
    that the player chooses is kept, and there is no tutorial.
    """

    def __init__(
        self,
        host: Host,
        game: Any,
        random: Random,
        sound: bool = True,
        watch: str | None = None,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        preferences: Preferences | None = None,
    ) -> None:
        self.host = host
        self.surface = open_display(size)
        self.canvas = Canvas()
        self.canvas.begin(self.surface)
        preferences = preferences or Preferences(tutorial=False)
        sounds = Sounds(sound and preferences.sound)
        sounds.volume = preferences.volume / VOLUMES
        self.hall = Hall(host, game, self.canvas, Sprites(), sounds, random, preferences)
        self.menu = DebugMenu(host)
        self.screen: Screen = TitleScreen(self.hall)
        if watch is not None:
            blue = CORNERMAN if self.hall.has_cornerman() else list(game.bots)[-1]
            setup = Setup(red=watch, blue=blue, teams_seed=random.getrandbits(32))
            self.screen = BattleScreen(self.hall, setup, TitleScreen)
        self.frames = 0
        self._num_said = 0

    # -------------------------------------------------------------------------------------------------------- the loop

    def run(self, max_frames: int | None = None) -> None:
        """Plays until the player leaves, or for so many frames. Ctrl-C and closing the window end it cleanly."""
        clock = pygame.time.Clock()
        try:
            while not isinstance(self.screen, Leave) and (max_frames is None or self.frames < max_frames):
                dt_ms = clock.tick(FPS)
                with interrupted_afterwards():
                    self.frame(min(dt_ms / 1000, LONGEST_STEP_S), dt_ms)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
        finally:
            self.close()

    def frame(self, dt_s: float, frame_ms: float = FRAME_MS) -> None:
        """One frame: events, time, drawing, and the plugins' share."""
        start = time.perf_counter()
        for event in pygame.event.get():
            self.handle(event)
        if not isinstance(self.screen, Leave):
            self._go(self.screen.update(dt_s))
            self._notices(dt_s)
            self.draw()
            pygame.display.flip()
        self.frames += 1
        work_ms = (time.perf_counter() - start) * 1e3
        self.host.on_frame(frame_ms, max(0.0, FRAME_MS - work_ms))

    def handle(self, event: pygame.event.Event) -> None:
        """Gives one event to whom it belongs: the window itself, the debug menu, or the screen."""
        if event.type == pygame.QUIT:
            self.screen.close()
            self.screen = Leave(self.hall)
        elif event.type == pygame.VIDEORESIZE:
            self._resized()
        elif isinstance(self.screen, Leave) or self.menu.event(event):
            return
        elif event.type == pygame.MOUSEBUTTONDOWN and (key := self._chip_at(event)) is not None:
            name = chr(key) if key < 128 else ""
            self.handle(pygame.event.Event(pygame.KEYDOWN, key=key, unicode=name, mod=0))
        elif event.type == pygame.KEYDOWN and event.key == pygame.K_m:
            self.hall.say(self.hall.sounds.toggle())
            self.hall.preferences.toggle("sound")
        elif event.type == pygame.KEYDOWN and event.key == pygame.K_f:
            full = self.hall.preferences.toggle_full_speed()
            self.hall.say("Full speed." if full else "Normal speed.")
        else:
            self._go(self.screen.event(event))

    def _chip_at(self, event: pygame.event.Event) -> int | None:
        """The key of the chip that was clicked."""
        at = self.canvas.units(event.pos)
        chips = self.hall.chips if event.button == 1 else []
        return next((key for box, key in chips if box.collidepoint(at)), None)

    def _go(self, following: Screen | None) -> None:
        if following is not None:
            self.screen = following

    def _resized(self) -> None:
        surface = pygame.display.get_surface()
        width, height = surface.get_size()
        if width < LEAST_SIZE[0] or height < LEAST_SIZE[1]:
            surface = pygame.display.set_mode((max(width, LEAST_SIZE[0]), max(height, LEAST_SIZE[1])), pygame.RESIZABLE)
        self.surface = surface

    # --------------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draws the screen, what is to be said, and the debug menu."""
        self.canvas.begin(self.surface, TEXT_SIZES[self.hall.preferences.text][1])
        self.hall.chips.clear()
        self.screen.draw(self.canvas)
        self._draw_notices()
        self.menu.draw(self.canvas)

    def _notices(self, dt_s: float) -> None:
        """Collects sentences for the player: the host's, and those about missing files."""
        hall = self.hall
        for source in (hall.sprites.messages, hall.sounds.messages, hall.preferences.messages):
            while source:
                hall.say(source.pop(0))
        for sentence in self.host.messages_since(self._num_said):
            hall.say(sentence)
        self._num_said = self.host.num_said
        left = [(sentence, seconds - dt_s) for sentence, seconds in hall.notices if seconds > dt_s]
        hall.notices.clear()
        hall.notices.extend(left)

    def _draw_notices(self) -> None:
        canvas = self.canvas
        top = 64
        for sentence, _seconds in list(self.hall.notices)[-2:]:
            width = min(canvas.width - 40, round(canvas.text_width(sentence, SMALL)) + 44)
            box = Rect((canvas.width - width) // 2, top, width, 30)
            canvas.panel(box, NIGHT, GOLD, 9, 235)
            canvas.text(sentence, box.inflate(-20, -4), SMALL, TEXT, "center")
            top += 35

    def close(self) -> None:
        """Ends the battle, the sound, the window and the plugins; safe to call twice."""
        self.screen.close()
        self.screen = Leave(self.hall)
        self.hall.sounds.close()
        self.host.quit()
        pygame.display.quit()


def no_display() -> bool:
    """Whether this is a Linux machine without a screen, where opening a window would only fail later."""
    if not sys.platform.startswith("linux") or os.environ.get("SDL_VIDEODRIVER"):
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_display(size: tuple[int, int] = (WIDTH, HEIGHT)) -> pygame.Surface:
    """Opens the display, or gives the one that is open; NoScreen, with a sentence, where there is none."""
    if no_display():
        raise NoScreen("There is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set.")
    try:
        pygame.display.init()
        surface = cast("pygame.Surface | None", pygame.display.get_surface())  # None before the first set_mode
        if surface is None:
            pygame.display.set_caption("Ringside")
            surface = pygame.display.set_mode(size, pygame.RESIZABLE)
    except pygame.error as error:
        raise NoScreen(f"No window can be opened here ({error}).") from error
    driver = pygame.display.get_driver()
    if driver in UNSEEN and driver != os.environ.get("SDL_VIDEODRIVER", "").strip().lower():
        pygame.display.quit()
        raise NoScreen(
            f"No screen answers: the window would be invisible (SDL's {driver} driver). "
            "Check DISPLAY or WAYLAND_DISPLAY; SDL_VIDEODRIVER=dummy asks for an invisible window."
        )
    pygame.key.set_repeat(350, 90)
    return surface


class LoadingPicture:
    """What the player sees while the plugins are loaded, which may take some seconds."""

    def __init__(self, surface: pygame.Surface) -> None:
        self._surface, self._canvas, self._ring = surface, Canvas(), Sprites().ring()
        self._closed = False

    def show(self, words: str) -> bool:
        """Draw it with a line that says what is being loaded; False once the player has closed the window."""
        with interrupted_afterwards():
            self._draw(words)
        return not self.closed()

    def _draw(self, words: str) -> None:
        canvas = self._canvas
        canvas.begin(self._surface)
        if self._ring is not None:
            canvas.cover("ring", self._ring)
        canvas.shade(canvas.area, NIGHT, 150)
        middle = canvas.height // 2
        canvas.text("RINGSIDE", Rect(0, middle - 70, canvas.width, 80), HUGE, GOLD, "center", edge=255)
        line = Rect(0, middle + 20, canvas.width, 30)
        canvas.text(words[:1].upper() + words[1:], line, BODY, TEXT, "center", edge=255)
        pygame.display.flip()

    def closed(self) -> bool:
        """Whether the player has closed the window by now; looking tells the system that the window lives.

        Keys and clicks go nowhere, or the screen that comes next would get them. What is `LEFT_FOR_THE_WINDOW` stays:
        in mid-game too a plugin may be loaded, when the player asks for another try.
        """
        pygame.event.get(exclude=LEFT_FOR_THE_WINDOW)
        self._closed = self._closed or pygame.event.peek(pygame.QUIT)
        return self._closed


class Opening:
    """An open window before the game is there: `run` loads the plugins under a loading picture, then plays."""

    def __init__(self, make_host: Callable[[], Host], make_window: Callable[[Host], Window]) -> None:
        self._make_host, self._make_window = make_host, make_window
        self._surface = open_display()

    def run(self, max_frames: int | None = None) -> None:
        """Plays until the player leaves, or for so many frames; Ctrl-C and closing end it cleanly, in loading too."""
        host: Host | None = None
        window: Window | None = None
        try:
            picture = LoadingPicture(self._surface)
            picture.show("Lacing the gloves ...")
            host = self._make_host()
            host.load(picture.show)
            if not picture.closed():
                window = self._make_window(host)
        except KeyboardInterrupt:
            window = None
        if window is not None:
            window.run(max_frames)
            return
        pygame.display.quit()  # first: the plugins may take a moment to end
        if host is not None:
            host.quit()


def open_window(
    make_host: Callable[[], Host],
    game: Any,
    watch: str | None = None,
    seed: int | None = None,
    sound: bool = True,
    preferences: Preferences | None = None,
) -> Opening:
    """Opens the window; `run` of what it returns plays the game. `watch` and `preferences` as of Window.

    NoScreen, with a sentence, where there is no screen: nothing was loaded then.
    """
    return Opening(make_host, lambda host: Window(host, game, Random(seed), sound, watch, preferences=preferences))
