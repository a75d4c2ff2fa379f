"""Ringside's window driven by a test: a host with one plugin that records what it is told, keys, clicks, battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pygame
import pytest

from game_adapter.ringside.battle import GUARD
from game_adapter.ringside.drawing.canvas import Rect
from game_adapter.ringside.encoding import ACTION_NAMES
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.screen import Setup
from game_adapter.ringside.screens.title import TitleScreen
from game_adapter.ringside.screens.window import Window
from tests.support.recording_host import RecordingHost, RecordingPlugin

SIZES = ((960, 600), (720, 450), (1600, 1000), (1000, 900))
FRAME_S = 1 / 60
VERDICT = "Kept the champion: undecided, 48% against the champion over 400 pairs."
REPORT: dict[str, Any] = {
    "version": 3,
    "swaps": 3,
    "window": {"open": True, "why": "between rounds"},
    "learner": {"steps": 100, "loss": 0.0123, "steps_to_candidate": 900, "candidate_period": 1000},
    "practice": {"played": 12},
    "gate": {"state": "idle", "pairs": 24, "verdict": VERDICT},
    "events": [{"age_s": 300.0, "text": "Learning starts with the next battle."}],
    "replay": {"fill": 1234, "capacity": 10000},
    "player": {
        "battles": 12,
        "habits": [
            "guard or mend ally: 76 times of 87 where ally 2 health is at most 50% (the computer in your place: 35)",
            "heavy strike enemy 1: 41 times of 60 where enemy 1 charged is at least 0.5 (the computer here: 22)",
        ],
        "foreseen": 0.61,
    },
    "recorder": {"recorded": 402},
    "difficulty": {"level": 2, "name": "easy", "levels": ["gentle", "easy", "even", "hard", "its best", "adaptive"]},
}


class PanelPlugin(RecordingPlugin):
    """With a panel, frames that are counted, and `reported` as its report, in which learning goes on."""

    def __init__(self, reported: Mapping[str, Any]) -> None:
        super().__init__()
        self.reported = dict(reported)
        self.frames = 0
        self.keys: list[int] = []
        self.clicks: list[tuple[int, int]] = []
        self.buttons: list[int] = []  # of a gamepad
        self.drawn_on: list[tuple[int, int]] = []
        self.uses_escape = False
        self.hints = True
        self.ghost_moves = self.forgotten = 0

    def hint(self, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]) -> dict[str, Any] | None:
        """The last legal action; what is asked first of all is worth the most."""
        legal = [action for action, is_legal in enumerate(action_mask) if is_legal][::-1]
        actions = [
            {"name": ACTION_NAMES[action], "legal": True, "win": 0.62 - 0.05 * at, "value": 0.4, "chosen": at == 0}
            for at, action in enumerate(legal)
        ]
        return {"action": legal[0], "actions": actions, "why": "It says so."} if self.hints else None

    def ghost_action(self, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]) -> int:
        """Guards."""
        self.ghost_moves += 1
        return GUARD

    def set_difficulty(self, level: int) -> None:
        dial = self.reported["difficulty"]
        self.reported["difficulty"] = dial | {"level": level, "name": dial["levels"][level - 1]}

    def forget(self) -> str:
        self.forgotten += 1
        return "Forgetting what was recorded and learned."

    def on_event(self, event: pygame.event.Event) -> bool:
        if event.type == pygame.KEYDOWN:
            self.keys.append(event.key)
            return event.key != pygame.K_ESCAPE or self.uses_escape
        if event.type == pygame.JOYBUTTONDOWN:
            self.buttons.append(event.button)
        if event.type == pygame.MOUSEBUTTONDOWN:
            self.clicks.append(event.pos)
        return event.type == pygame.MOUSEBUTTONDOWN

    def on_draw(self, surface: pygame.Surface) -> None:
        self.drawn_on.append(surface.get_size())

    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        assert frame_ms >= 0
        assert 0 <= slack_ms <= 17
        self.frames += 1

    def report(self) -> dict[str, Any]:
        if "learner" in self.reported:
            learner = self.reported["learner"]
            self.reported["learner"] = learner | {"steps": learner["steps"] + 7}
        return self.reported


class WindowHost(RecordingHost):
    """With a `PanelPlugin`: in Cornerman's place where it is `learning`, else a mere listener."""

    plugin: PanelPlugin

    def __init__(self, folder: Path, learning: bool = False) -> None:
        super().__init__(folder, PanelPlugin(REPORT if learning else {}), "cornerman" if learning else "listener")


def opened(folder: Path, learning: bool = False, **options: Any) -> Window:
    """A window without sound."""
    return Window(WindowHost(folder, learning), RINGSIDE, Random(5), **{"sound": False, **options})


def plugin_of(window: Window) -> PanelPlugin:
    """The plugin that a window from `opened` reports to."""
    assert isinstance(window.host, WindowHost)
    return window.host.plugin


def press(window: Window, *keys: int) -> None:
    for key in keys:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        window.frame(FRAME_S)


def click(window: Window, place: Rect, button: int = 1) -> None:
    """Move the mouse into a logical rectangle and click."""
    at = window.canvas.pixels(place).center
    pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)))
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=button))
    window.frame(FRAME_S)


def fight(window: Window, **changes: Any) -> BattleScreen:
    """Straight into a battle against the tactician."""
    setup = Setup(**{"blue": "tactician", "teams_seed": 3, **changes})
    window.screen = screen = BattleScreen(window.hall, setup, TitleScreen)
    return screen


def wait_for_player(window: Window, screen: BattleScreen) -> None:
    for _ in range(900):
        if screen.players_turn or window.screen is not screen:
            return
        window.frame(0.05)
    pytest.fail("the player never got a turn")


def shown(window: Window) -> str:
    """All text of the last picture."""
    return " ".join(placed.text for placed in window.canvas.placed)
