"""The debug menu: F1 over the battle, what the host says, and the plugin's panel by keys and mouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cornerman.panel.panel import Panel

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
pygame = pytest.importorskip("pygame")

from game_adapter.host.host import FAILURES_ALLOWED, Host  # noqa: E402  (after the check that pygame is there)
from game_adapter.ringside.game import RINGSIDE  # noqa: E402
from game_adapter.ringside.screens.battle_screen import BattleScreen  # noqa: E402
from game_adapter.ringside.screens.screen import Setup  # noqa: E402
from game_adapter.ringside.screens.title import TitleScreen  # noqa: E402
from game_adapter.ringside.screens.window import LEAST_SIZE, Window  # noqa: E402
from tests.panel.test_panel import FakePlugin  # noqa: E402
from tests.support.dropped_plugins import drop  # noqa: E402

SIZES = ((960, 600), (720, 450), (1600, 1000), LEAST_SIZE)
REASON = "switched off after 3 failures: broken failed in on_turn (ValueError: a long story about a number)"


class PanelHost(Host):
    """A host with one plugin that has the real panel, and one that was refused."""

    def __init__(self, tmp: Path) -> None:
        super().__init__(tmp / "plugins", tmp / "data", RINGSIDE)
        self.plugin = FakePlugin()
        self.panel = Panel(self.plugin, self.plugin.report)

    @property
    def plugins(self) -> list[Any]:
        class Cornerman:
            name, version, on, reason = "cornerman", "0.1.0", True, ""

        class Broken:
            name, version, on, reason = "broken", "", False, REASON

        return [Cornerman(), Broken()]

    def report(self, name: str) -> Any:
        return self.plugin.report()

    def draw(self, surface: Any) -> None:
        self.panel.draw(surface)

    def event(self, event: Any) -> bool:
        return self.panel.event(event)


@pytest.fixture(autouse=True)
def dummy_drivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield
    pygame.quit()


def battle_window(host: Host, size: tuple[int, int] = (960, 600)) -> Window:
    window = Window(host, RINGSIDE, Random(5), sound=False, size=size)
    window.screen = BattleScreen(window.hall, Setup(red="brawler", blue="tactician", teams_seed=3), TitleScreen)
    return window


def press(window: Window, *keys: int) -> None:
    for key in keys:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        window.frame(1 / 60)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_text_stays_inside_and_the_panel_gets_its_room(tmp_path: Path, size: tuple[int, int]) -> None:
    host = PanelHost(tmp_path)
    host.say("broken was not loaded: its plugin.toml names no entry point. Please ask whoever made it for a new copy.")
    window = battle_window(host, size)
    window.hall.notices.clear()
    window.menu.open = True
    window.draw()
    whole, mine, plugins = window.menu.layout(window.canvas)
    screen = window.surface.get_rect()
    assert screen.contains(whole)
    assert whole.contains(mine)
    assert whole.contains(plugins)
    assert not mine.colliderect(plugins)
    assert plugins.width >= 420
    assert plugins.height >= 380
    for placed in window.canvas.placed:
        assert placed.box.left <= placed.rect.left, placed
        assert placed.rect.right <= placed.box.right, placed
        assert screen.contains(placed.rect), placed
    shown = " ".join(placed.text for placed in window.canvas.placed)
    for part in ("cornerman 0.1.0", "broken", "switched off after 3 failures", "its plugin.toml names no"):
        assert part in shown, part


def test_the_battle_goes_on_under_the_menu(tmp_path: Path) -> None:
    window = battle_window(PanelHost(tmp_path))
    press(window, pygame.K_F1)
    assert window.menu.open
    for _ in range(120):
        window.frame(0.05)
    assert len(window.screen.stage.log) >= 2


def test_keys_go_to_the_panel_and_not_to_the_battle(tmp_path: Path) -> None:
    host = PanelHost(tmp_path)
    window = battle_window(host)
    screen = window.screen
    press(
        window,
        pygame.K_F1,
        pygame.K_SPACE,
        pygame.K_DOWN,
        pygame.K_DOWN,
        pygame.K_RETURN,
        pygame.K_DOWN,
        pygame.K_RIGHT,
    )
    assert host.plugin.calls == [("on", False), ("learning", True), ("difficulty", 4)]
    press(window, pygame.K_ESCAPE)
    assert not window.menu.open
    assert window.screen is screen
    press(window, pygame.K_F1, pygame.K_F1)
    assert not window.menu.open
    press(window, pygame.K_SPACE)
    assert len(host.plugin.calls) == 3


def test_esc_first_takes_back_a_question_of_the_panel(tmp_path: Path) -> None:
    host = PanelHost(tmp_path)
    window = battle_window(host)
    press(window, pygame.K_F1, *[pygame.K_DOWN] * 4, pygame.K_RETURN, pygame.K_ESCAPE)
    assert window.menu.open
    assert host.plugin.calls == []
    press(window, pygame.K_ESCAPE)
    assert not window.menu.open


def test_the_mouse_works_in_the_panel(tmp_path: Path) -> None:
    host = PanelHost(tmp_path)
    window = battle_window(host)
    press(window, pygame.K_F1)
    place = next(written.rect for written in host.panel.written if written.text == "Recording")
    corner = window.menu.layout(window.canvas)[2].topleft
    at = (corner[0] + place[0] + 5, corner[1] + place[1] + 5)
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1))
    window.frame(1 / 60)
    assert host.plugin.calls == [("recording", False)]


def test_without_plugins_it_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path / "plugins", tmp_path / "data", RINGSIDE)
    host.load()
    window = battle_window(host)
    press(window, pygame.K_F1)
    shown = " ".join(placed.text for placed in window.canvas.placed)
    assert "No plugin is running" in shown
    assert "No plugins folder at" in shown
    press(window, pygame.K_SPACE)
    assert window.menu.open


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("by", ["key", "mouse"])
def test_a_plugin_that_was_switched_off_can_be_tried_again(tmp_path: Path, size: tuple[int, int], by: str) -> None:
    name = f"fails_{by}_{size[0]}"  # a package is loaded once
    drop(tmp_path / "plugins", name, "def on_round_end(self, battle_id): raise ValueError('a long story')")
    host = Host(tmp_path / "plugins", tmp_path / "data", RINGSIDE)
    host.load()
    (plugin,) = host.loaded
    window = battle_window(host, size)
    for _ in range(FAILURES_ALLOWED):
        host.tell("on_round_end", battle_id=1, round_number=1)
    press(window, pygame.K_F1)
    place = next(placed.rect for placed in window.canvas.placed if placed.text == "T: try again")
    assert window.surface.get_rect().contains(place)
    assert not plugin.on
    assert f"Press T to try {name} again." in " ".join(placed.text for placed in window.canvas.placed)
    if by == "key":
        press(window, pygame.K_t)
    else:
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=place.center, button=1))
        window.frame(1 / 60)
    assert plugin.on
    assert plugin.reason == ""
    window.draw()
    assert all("try again" not in placed.text for placed in window.canvas.placed)
