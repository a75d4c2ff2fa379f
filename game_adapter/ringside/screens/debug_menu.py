"""The debug menu (F1): plugins and messages of the host, and the plugins' own panels beside them.

It is drawn over the battle, which goes on. Keys, mouse and gamepads go to the plugins first; F1 and Esc close it.
Gamepads are opened with it for the first time, and those that are plugged in afterwards.
"""

from __future__ import annotations

from contextlib import suppress

import pygame

from game_adapter.host.host import Host
from game_adapter.host.loaded_plugin import LoadedPlugin, Refused
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import BAD, BODY, EDGE, GOLD, GOOD, LARGE, NIGHT, PANEL, QUIET, SMALL, TEXT

LEAST_PANEL = (424, 384)
"""Pixels that a plugin's panel gets at least."""


class DebugMenu:
    """`open` says whether it is shown. The game's thread."""

    def __init__(self, host: Host) -> None:
        self.open = False
        self._host = host
        self._buttons: list[pygame.Rect] = []  # "try again", in the window's pixels
        self._closing = pygame.Rect(0, 0, 0, 0)
        self._pads: dict[int, pygame.joystick.JoystickType] = {}  # one that nobody holds sends no events

    def event(self, event: pygame.event.Event) -> bool:
        """Handle an input event; True: it was used. While the menu is open, every key, click and button is."""
        if event.type == pygame.KEYDOWN and event.key == pygame.K_F1:
            self.open = not self.open
            pygame.joystick.init()  # the first time it finds those that are there
            return True
        if event.type == pygame.JOYDEVICEADDED:
            self._hold(event.device_index)
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._pads.pop(event.instance_id, None)
        if not self.open:
            return False
        if event.type == pygame.MOUSEBUTTONDOWN and self._closing.collidepoint(event.pos):
            self.open = False
            return True
        pressed = event.type == pygame.KEYDOWN and event.key == pygame.K_t and self.failing
        if pressed or (
            event.type == pygame.MOUSEBUTTONDOWN and any(rect.collidepoint(event.pos) for rect in self._buttons)
        ):
            for name in self.failing:
                self._host.try_again(name)
            return True
        if event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE:
            if not self._host.on_event(event):
                self.open = False
            return True
        if event.type in (
            pygame.KEYDOWN,
            pygame.KEYUP,
            pygame.MOUSEMOTION,
            pygame.MOUSEBUTTONDOWN,
            pygame.MOUSEBUTTONUP,
            pygame.MOUSEWHEEL,
            pygame.JOYAXISMOTION,
            pygame.JOYBUTTONDOWN,
            pygame.JOYHATMOTION,
        ):
            self._host.on_event(event)
            return True
        return False

    def _hold(self, device: int) -> None:
        with suppress(pygame.error):  # it was pulled out again
            pad = pygame.joystick.Joystick(device)
            self._pads[pad.get_instance_id()] = pad

    @property
    def failing(self) -> list[str]:
        """The plugins that failed, wholly or in part, and may be tried again."""
        return [plugin.name for plugin in self._host.loaded if plugin.reason]

    def layout(self, canvas: Canvas) -> tuple[Rect, Rect, Rect]:
        """The whole, the game's part and the plugins' part, in pixels."""
        width, height = canvas.surface.get_size()
        unit = canvas.scale
        panel = (max(LEAST_PANEL[0], round(556 * unit)), max(LEAST_PANEL[1], round(466 * unit)))
        own = max(190, round(230 * unit))
        gap, head = round(10 * unit), round(40 * unit)
        whole = Rect(0, 0, min(width, own + panel[0] + 3 * gap), min(height, panel[1] + head + gap))
        whole.center = (width // 2, height // 2)
        plugins = Rect(whole.left + own + 2 * gap, whole.top + head, panel[0], panel[1]).clip(whole)
        mine = Rect(whole.left + gap, plugins.top, own, plugins.height)
        return whole, mine, plugins

    def closing(self, canvas: Canvas) -> Rect:
        """The button that closes it, in units."""
        whole = _units(canvas, self.layout(canvas)[0])
        return Rect(whole.right - 186, whole.top + 8, 176, 26)

    def draw(self, canvas: Canvas) -> None:
        """Draw the menu; does nothing while it is closed."""
        if not self.open:
            return
        whole, mine, plugins = (_units(canvas, rect) for rect in self.layout(canvas))
        canvas.panel(whole, NIGHT, GOLD, 12, 236)
        canvas.text("Debug menu", Rect(whole.left + 14, whole.top + 8, 200, 28), LARGE, GOLD)
        closing = self.closing(canvas)
        canvas.panel(closing, PANEL, EDGE, 7)
        canvas.text("Close: F1 or Esc", closing.inflate(-10, -2), SMALL, TEXT, "center")
        self._closing = canvas.pixels(closing)
        self._draw_own(canvas, mine)
        canvas.panel(plugins, PANEL, None, 8)
        if any(plugin.on for plugin in self._host.plugins):
            self._host.on_draw(canvas.surface.subsurface(self.layout(canvas)[2].clip(canvas.surface.get_rect())))
        else:
            words = plugins.inflate(-40, -40)
            todo = "Put a plugin's folder into the plugins folder and start the game again."
            todo = f"Press T to try {' and '.join(self.failing)} again." if self.failing else todo
            bots = "No plugin is running: the computer's side plays its bots."
            canvas.paragraph(f"{bots} {todo}", words, BODY, QUIET)

    def _draw_own(self, canvas: Canvas, box: Rect) -> None:
        """The plugins by name, and the host's messages, the newest first."""
        canvas.panel(box, PANEL, None, 8)
        self._buttons.clear()
        inner = box.inflate(-20, -16)
        canvas.text("Plugins", Rect(inner.left, inner.top, inner.width, 24), BODY, TEXT)
        y = inner.top + 28
        plugins = self._host.plugins
        if not plugins:
            canvas.text("none", Rect(inner.left, y, inner.width, 22), SMALL, QUIET)
            y += 24
        for plugin in plugins:
            y = self._draw_plugin(canvas, plugin, inner, y)
        y += 8
        canvas.shade(Rect(inner.left, y, inner.width, 2), EDGE, 255)
        canvas.text("Messages", Rect(inner.left, y + 8, inner.width, 24), BODY, TEXT)
        y += 36
        messages = self._host.messages[::-1]
        for message in messages or ["All is well."]:
            room = inner.bottom - y
            if room < canvas.line_height(SMALL):
                break
            y += canvas.paragraph(message, Rect(inner.left, y, inner.width, room), SMALL, QUIET) + 8

    def _draw_plugin(self, canvas: Canvas, plugin: LoadedPlugin | Refused, inner: Rect, y: int) -> int:
        name, on = plugin.name, plugin.on
        canvas.oval(Rect(inner.left, y + 6, 10, 10), GOOD if on else BAD, 255)
        canvas.text(f"{name} {plugin.version}".strip(), Rect(inner.left + 16, y, inner.width - 50, 22), SMALL, TEXT)
        canvas.text("on" if on else "off", Rect(inner.right - 34, y, 34, 22), SMALL, GOOD if on else BAD, "right")
        y += 24
        if plugin.reason:
            room = Rect(inner.left + 16, y, inner.width - 16, max(20, (inner.bottom - y) // 2))
            y += canvas.paragraph(plugin.reason, room, SMALL, QUIET) + 6
            if name in self.failing:
                button = Rect(inner.left + 16, y, 110, 22)
                canvas.panel(button, NIGHT, GOLD, 6)
                canvas.text("T: try again", button, SMALL, GOLD, "center")
                self._buttons.append(canvas.pixels(button))
                y += 28
        return y


def _units(canvas: Canvas, pixels: Rect) -> Rect:
    """A rectangle of pixels in logical units."""
    scale = canvas.scale
    left, top = round(pixels.left / scale), round(pixels.top / scale)
    return Rect(left, top, round(pixels.right / scale) - left, round(pixels.bottom / scale) - top)
