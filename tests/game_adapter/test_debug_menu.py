"""The debug menu: F1 over the battle, the host's messages, and the plugins' panels by keys and mouse."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pygame
import pytest

from game_adapter.host import Host
from game_adapter.host.loaded_plugin import FAILURES_ALLOWED
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import LEAST_SIZE, Window
from tests.support.dropped_plugins import drop, host_of
from tests.support.ringside_scenes import outside
from tests.support.ringside_window import SIZES, fight, opened, plugin_of, press, shown

SCREENS = (*SIZES[:3], LEAST_SIZE)
FAILS = "def on_round_end(self): raise ValueError('a long story about a number')"


def failing_host(plugins: Path) -> Host:
    """With a plugin that is off after three failures, and one that was refused."""
    drop(plugins, "fails", FAILS)
    drop(plugins, "fickle", api="7")
    host = host_of(plugins)
    for _ in range(FAILURES_ALLOWED):
        host.on_round_end(1, 1)
    return host


@pytest.mark.parametrize("size", SCREENS, ids=str)
def test_text_stays_inside_and_the_panel_gets_its_room(plugins: Path, size: tuple[int, int]) -> None:
    window = Window(failing_host(plugins), RINGSIDE, Random(5), sound=False, size=size)
    fight(window)
    window.menu.open = True
    window.draw()
    whole, mine, panel = window.menu.layout(window.canvas)
    screen = window.surface.get_rect()
    assert screen.contains(whole)
    assert whole.contains(mine)
    assert whole.contains(panel)
    assert not mine.colliderect(panel)
    assert panel.width >= 420
    assert panel.height >= 380
    assert not any(outside(window, placed) for placed in window.canvas.placed)
    for part in ("fails 1.2", "fickle", "switched off after 3 failures", "this game speaks plugin API"):
        assert part in shown(window), part


def test_keys_go_to_the_panel_while_the_battle_goes_on(tmp_path: Path) -> None:
    window = opened(tmp_path)
    screen, plugin = fight(window, red="brawler"), plugin_of(window)
    press(window, pygame.K_SPACE, pygame.K_F1, pygame.K_SPACE, pygame.K_DOWN, pygame.K_h)
    assert plugin.keys == [pygame.K_SPACE, pygame.K_DOWN, pygame.K_h]
    assert plugin.drawn_on
    for _ in range(120):
        window.frame(0.05)
    assert len(screen.stage.log) >= 2
    plugin.uses_escape = True
    press(window, pygame.K_ESCAPE)
    assert window.menu.open, "the panel used it"
    plugin.uses_escape = False
    press(window, pygame.K_ESCAPE)
    assert not window.menu.open
    press(window, pygame.K_F1, pygame.K_F1)
    assert not window.menu.open
    keys = len(plugin.keys)
    press(window, pygame.K_SPACE)
    assert len(plugin.keys) == keys, "a closed menu has no panel"


def test_gamepad_is_opened_with_the_menu_also_when_plugged_in_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = set[int]()

    class Pad:
        def __init__(self, device: int) -> None:
            self.device = device
            if device == 9:
                raise pygame.error("Invalid joystick device number")
            held.add(device)

        def get_instance_id(self) -> int:
            return 70 + self.device

        def __del__(self) -> None:
            held.discard(self.device)

    def send(kind: int, **attributes: Any) -> None:
        pygame.event.post(pygame.event.Event(kind, **attributes))
        window.frame(1 / 60)

    monkeypatch.setattr(pygame.joystick, "Joystick", Pad)
    pygame.joystick.quit()
    window = opened(tmp_path)
    assert not pygame.joystick.get_init(), "before the menu is opened no pad is needed"
    press(window, pygame.K_F1)
    assert pygame.joystick.get_init()
    for device in (0, 1, 9):
        send(pygame.JOYDEVICEADDED, device_index=device)
    assert held == {0, 1}
    send(pygame.JOYDEVICEREMOVED, instance_id=70)
    send(pygame.JOYDEVICEREMOVED, instance_id=79)
    assert held == {1}
    send(pygame.JOYBUTTONDOWN, button=0, instance_id=71)
    assert plugin_of(window).buttons == [0]


def test_menu_without_plugins_says_so(tmp_path: Path) -> None:
    window = Window(host_of(tmp_path / "plugins"), RINGSIDE, Random(5), sound=False)
    press(window, pygame.K_F1)
    assert "No plugin is running" in shown(window)
    assert "No plugins folder at" in shown(window)
    for number in range(60):
        window.host.say(f"Message {number}.")
        for _ in range(2):
            window.frame(1 / 60)
    notices = [text for text, _ in window.hall.notices]
    assert notices[-1] == "Message 59.", "each new message is a notice, also after the first fifty"
    assert len(notices) == len(set(notices)), "once"


@pytest.mark.parametrize("size", SCREENS, ids=str)
@pytest.mark.parametrize("by", ["key", "mouse"])
def test_plugin_that_was_switched_off_can_be_tried_again(plugins: Path, size: tuple[int, int], by: str) -> None:
    host = failing_host(plugins)
    (plugin,) = host.loaded
    window = Window(host, RINGSIDE, Random(5), sound=False, size=size)
    press(window, pygame.K_F1)
    place = next(placed.rect for placed in window.canvas.placed if placed.text == "T: try again")
    assert window.surface.get_rect().contains(place)
    assert not plugin.on
    assert "Press T to try fails again." in shown(window)
    if by == "key":
        press(window, pygame.K_t)
    else:
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=place.center, button=1))
        window.frame(1 / 60)
    assert (plugin.on, plugin.reason) == (True, "")
    window.draw()
    assert "try again" not in shown(window)
