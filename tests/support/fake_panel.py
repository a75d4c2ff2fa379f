"""A report and controls for the panel without a plugin behind them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pygame

from cornerman.panel.panel import Panel

PAGES = ("Overview", "Strength", "Mind", "You", "Versions", "Machine")
SMALLEST = (420, 380)

WINS = {
    "mend ally": 0.64,
    "guard": 0.61,
    "strike slot 1": 0.57,
    "strike slot 2": 0.52,
    "heavy blow at slot 1": 0.5,
    "heavy blow at slot 2": 0.44,
    "taunt": 0.41,
    "feint": 0.4,
    "rest": 0.38,
    "poison slot 1": 0.33,
    "poison slot 2": 0.3,
    "swap places": 0.21,
    "shield ally": 0.12,
    "yield": 0.01,
}
EXPECTED = {"strike slot 2": 0.58, "guard": 0.27, "mend ally": 0.11, "taunt": 0.04}
BOTS = {"novice": 800.0, "brawler": 1000.0, "planner": 1010.0, "tactician": 1130.0}
REPORT: dict[str, Any] = {
    "plugin": {"on": True, "recording": True, "learning": False, "notice": "Version 4 was damaged; version 3 plays."},
    "version": 3,
    "replay": {"fill": 4210, "capacity": 10_000},
    "recorder": {
        "recorded": 4300,
        "rejected": {"mask": 1, "range": 2},
        "examples": {"range": "The attack must be a finite number, not nan.", "mask": "The mask has 3 entries."},
    },
    "learner": {"steps": 18_230, "loss": 0.0123, "accuracy": 0.71, "steps_per_s": 820.0, "steps_to_candidate": 1360},
    "player": {
        "learns": True,
        "name": "",
        "battles": 12,
        "decisions": 402,
        "foreseen": 0.61,
        "champion_foresees": 0.5,
        "loss": 0.4,
        "habits": [
            "guard or mend ally: 76 times of 87 where character 2's health is at most 50% "
            "(the computer in your place: 35)"
        ],
    },
    "gate": {"state": "judging", "pairs": 62, "score": 0.55, "verdict": ""},
    "record": {"battles": 41, "wins": 23, "win_rate": 0.56, "interval": [0.41, 0.7]},
    "window": {"open": False, "why": "The processor is at 92 C: learning rests until it is below 80 C.", "share": 0.75},
    "device": "cpu",
    "device_why": "Measured 310 learning steps a second on cuda, 2480 on the CPU: it learns on cpu "
    "(small networks often learn faster there).",
    "played_by": {"backend": "numpy", "why": "6 us a decision; under 100 us nothing else is tried"},
    "machine": {
        **dict(zip(("cpu_percent", "own_cpu_percent", "memory_percent"), (31.0, 12.0, 8.0), strict=True)),
        "memory_mb": 312.0,
        "worker_mb": 84.0,
        "temperature_c": None,
        "frames": {
            "with": {"p50_ms": 16.7, "p99_ms": 17.9, "frames": 4200},
            "without": {"p50_ms": 16.7, "p99_ms": 17.6, "frames": 9800},
        },
        "reasons": ["The processor is at 92 C: learning rests until it is below 80 C."],
    },
    "difficulty": {"level": 3, "name": "even", "levels": ["gentle", "easy", "even", "hard", "its best", "adaptive"]},
    "swaps": 2,
    "events": [
        {"age_s": 3.0, "text": "version 3 was promoted: it won 58% of 124 paired battles against version 2"},
        {"age_s": 600.0, "text": "a candidate was rejected after 80 pairs"},
    ],
    "decision": {
        "battle_id": 41,
        "seat": 1,
        "age_s": 4.0,
        "version": 3,
        "who": "version 3",
        "searched": True,
        "samples": 640,
        "actions": [
            {"name": name, "legal": True, "win": win, "value": 2 * win - 1, "chosen": name == "mend ally"}
            for name, win in WINS.items()
        ],
        "expects": [{"name": name, "share": share} for name, share in EXPECTED.items()],
        "why": "Looking ahead took mend ally 402 times of 640; the network alone would have taken guard (value 0.24).",
    },
    "strength": {
        "versions": [
            {"version": number, "rating": rating, "low": rating - 60 + 4 * number, "high": rating + 60 - 4 * number}
            for number, rating in enumerate([820.0, 941.0, 1012.0, 1003.0, 1080.0, 1124.0, 1119.0, 1163.0])
        ],
        "bots": [{"name": name, "rating": rating} for name, rating in BOTS.items()],
        "you": [
            {"battles": 20 + number, "share": share, "low": share - 0.2, "high": share + 0.19}
            for number, share in enumerate([0.3, 0.35, 0.35, 0.4, 0.4, 0.45, 0.5, 0.45, 0.5, 0.55, 0.55, 0.6, 0.6])
        ],
        "loss": [[300 * step, 0.09 / (1 + 0.09 * step) + 0.002 * (step % 3)] for step in range(1, 61)],
        "accuracy": [[300 * step, 0.72 - 0.22 / (1 + 0.1 * step)] for step in range(1, 61)],
    },
    "versions": [
        {
            "version": version,
            "parent": {0: None, 9: 5, 8: None}.get(version, version - 1),
            "made": f"2026-11-{20 + version // 4}T{6 + version:02}:30:00+00:00",
            "origin": {0: "shipped with the game", 8: "imported"}.get(
                version, f"trained here, {2500 * version:,} steps"
            ),
            "rating": {8: None, 9: None}.get(version, 820.0 + 43 * version),
            "playing": version == 3,
            "can_play": version not in (4, 8),
            "note": {
                4: "damaged: its checksum does not fit",
                8: "in quarantine, until its file is imported once more and tried",
            }.get(version, "learned from your battles" if version > 1 else ""),
        }
        for version in range(17, -1, -1)
    ],
}
EMPTY: dict[str, Any] = {
    "plugin": {"on": False, "recording": False, "learning": False, "notice": ""},
    "recorder": {"recorded": 0, "rejected": {}},
    "learner": dict.fromkeys(REPORT["learner"]) | {"steps": 0},
    "gate": {"state": "", "pairs": 0, "score": None, "verdict": ""},
    "record": {"battles": 0, "wins": 0, "win_rate": None, "interval": None},
    "machine": dict.fromkeys(REPORT["machine"]),
    "difficulty": REPORT["difficulty"] | {"level": 1, "name": "gentle"},
    "version": -1,
    "swaps": 0,
    "device": "",
    "events": [],
    "replay": {"fill": 0, "capacity": 10_000},
    "window": {"open": False, "why": ""},
}


class FakePlugin:
    """Controls and report in one: what is switched shows up in the next report."""

    def __init__(self, report: Mapping[str, Any] = REPORT) -> None:
        self.data = copy.deepcopy(dict(report))
        self.calls: list[tuple[str, Any]] = []

    def report(self) -> Mapping[str, Any]:
        return self.data

    def _switch(self, name: str, on: bool) -> None:
        self.calls.append((name, on))
        self.data["plugin"][name] = on

    def set_on(self, on: bool) -> None:
        self._switch("on", on)

    def set_recording(self, on: bool) -> None:
        self._switch("recording", on)

    def set_learning(self, on: bool) -> None:
        self._switch("learning", on)

    def set_difficulty(self, level: int) -> None:
        self.calls.append(("difficulty", level))
        self.data["difficulty"]["level"] = level

    def import_model(self) -> str:
        self.calls.append(("import", None))
        return "The model was imported."

    def forget(self) -> str:
        self.calls.append(("forget", None))
        return "Everything was forgotten."

    def count_battles(self, player: str, tell: Callable[[int], None]) -> None:
        tell(40)

    def forget_player(self, player: str) -> str:
        self.calls.append(("forget player", player))
        return "This player was forgotten."

    def promote(self, version: int) -> str:
        self.calls.append(("promote", version))
        return f"Version {version} plays."

    def export(self, version: int) -> str:
        self.calls.append(("export", version))
        return f"Version {version} is in exports."

    def roll_back(self) -> str:
        self.calls.append(("roll back", None))
        return "Version 2 plays again."


def opened(report: Mapping[str, Any] = REPORT, page: str = PAGES[0]) -> tuple[Panel, FakePlugin]:
    """A panel over a report, turned to a page."""
    plugin = FakePlugin(report)
    panel = Panel(plugin, plugin.report)
    key(panel, pygame.K_1 + PAGES.index(page))
    return panel, plugin


def key(panel: Panel, *keys: int, **more: Any) -> list[bool]:
    """Press keys; whether each was used."""
    return [panel.event(pygame.event.Event(pygame.KEYDOWN, key=each, **more)) for each in keys]


def sentence(panel: Panel, size: tuple[int, int] = SMALLEST) -> str:
    """All that the panel says, wrapped lines joined."""
    panel.draw(pygame.Surface(size))
    return " ".join(written.text for written in panel.written)
