"""panel_key.py: one key opens and closes the plugins' panel, which takes the game's input only while it is open."""

from __future__ import annotations

from pathlib import Path

import pygame
import pytest

from game_adapter.host import Host
from tests.support.dropped_plugins import drop, host_of

SHOWS = """
def on_event(self, event):
    self.events = getattr(self, "events", 0) + 1
    return event.type == 768 and event.key == 107  # "k"
def on_draw(self, surface):
    self.size = surface.get_size()
    surface.fill((1, 2, 3))
def report(self):
    return {"events": getattr(self, "events", 0), "size": getattr(self, "size", None)}
"""


def pressed(key: int) -> pygame.event.Event:
    return pygame.event.Event(pygame.KEYDOWN, key=key)


@pytest.fixture
def host(plugins: Path) -> Host:
    pygame.display.init()
    drop(plugins, "shows", SHOWS)
    return host_of(plugins, panel_key="f1")


def report(host: Host) -> dict[str, object]:
    return dict(host.report("shows") or {})


def test_closed_panel_takes_nothing_and_draws_nothing(host: Host) -> None:
    surface = pygame.Surface((800, 600))
    motion, end = pygame.event.Event(pygame.MOUSEMOTION, pos=(1, 1)), pygame.event.Event(pygame.QUIT)
    assert not any(host.on_event(event) for event in (pressed(pygame.K_k), motion, end))
    host.on_draw(surface)
    assert report(host) == {"events": 0, "size": None}
    assert tuple(surface.get_at((799, 0))) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("window", "part"), [((800, 600), (720, 560)), ((500, 400), (500, 400)), ((3840, 2160), (2304, 1296))]
)
def test_open_panel_lies_at_the_top_right(host: Host, window: tuple[int, int], part: tuple[int, int]) -> None:
    surface = pygame.Surface(window)
    assert host.on_event(pressed(pygame.K_F1)), "the key is not the game's"
    host.on_draw(surface)
    assert report(host)["size"] == part
    assert tuple(surface.get_at((window[0] - 1, 0))) == (1, 2, 3, 255)
    if part != window:
        assert tuple(surface.get_at((0, window[1] - 1))) == (0, 0, 0, 255)


def test_open_panel_takes_keys_mouse_and_gamepad_but_not_the_end_of_the_game(host: Host) -> None:
    host.on_event(pressed(pygame.K_F1))
    assert host.on_event(pressed(pygame.K_k))
    assert host.on_event(pressed(pygame.K_w)), "the game must not walk behind the panel"
    assert host.on_event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(1, 1), button=1))
    assert host.on_event(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=1))
    assert host.on_event(pygame.event.Event(pygame.JOYBUTTONDOWN, button=0))
    assert not host.on_event(pygame.event.Event(pygame.KEYUP, key=pygame.K_w)), "it may be held since before"
    assert not host.on_event(pygame.event.Event(pygame.QUIT))
    assert report(host)["events"] == 7


@pytest.mark.parametrize("key", [pygame.K_F1, pygame.K_ESCAPE])
def test_panel_closes_with_its_key_or_escape(host: Host, key: int) -> None:
    host.on_event(pressed(pygame.K_F1))
    assert host.on_event(pressed(key))
    assert not host.on_event(pressed(pygame.K_w))


def test_odd_events_are_the_games(host: Host) -> None:
    assert not host.on_event(object())
    assert not host.on_event(None)
    odd = [pygame.event.Event(pygame.KEYDOWN), *map(pressed, (None, "f1", 1.5, 2**40, -5))]  # type: ignore[arg-type]
    assert not any(host.on_event(event) for event in odd)
    host.on_event(pressed(pygame.K_F1))
    assert all(host.on_event(event) for event in odd), "an open panel takes every key"


def test_name_that_no_key_has_is_said_once(plugins: Path) -> None:
    pygame.display.init()
    drop(plugins, "shows", SHOWS)
    host = host_of(plugins, panel_key="K_F1")
    assert not any(host.on_event(pressed(key)) for key in (pygame.K_F1, pygame.K_UNKNOWN, pygame.K_F1))
    (said,) = host.messages
    assert "'K_F1'" in said
    assert "for instance F1" in said


def test_panel_that_cannot_be_drawn_is_closed_and_gives_the_keys_back(plugins: Path) -> None:
    pygame.display.init()
    drop(plugins, "breaks", "def on_draw(self): raise RuntimeError('ouch')\ndef set_learning(self): ...\n")
    host = host_of(plugins, panel_key="f1")
    host.on_event(pressed(pygame.K_F1))
    for _ in range(3):
        assert host.on_event(pressed(pygame.K_w)), "open until the third failure"
        host.on_draw(pygame.Surface((800, 600)))
    assert not host.on_event(pressed(pygame.K_w))
    assert not host.loaded[0].learning_off
