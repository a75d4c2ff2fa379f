"""A report and controls for the panel without a plugin behind them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

REPORT: dict[str, Any] = {
    "plugin": {"on": True, "recording": True, "learning": False, "notice": "Version 4 was damaged; version 3 plays."},
    "version": 3,
    "replay": {"fill": 4210, "capacity": 10_000},
    "recorder": {
        "recorded": 4300,
        "rejected": {"mask": 1, "range": 2},
        "examples": {"range": "The attack must be a finite number, not nan.", "mask": "The mask has 3 entries."},
    },
    "learner": {"steps": 18_230, "loss": 0.0123, "accuracy": 0.71, "steps_per_s": 820.0},
    "player": {
        "learns": True,
        "name": "",
        "battles": 12,
        "decisions": 402,
        "foreseen": 0.61,
        "champion_foresees": 0.5,
        "loss": 0.4,
        "habits": [
            "guard or mend ally: 76 times of 87 where slot 2 health is at most 50% (the computer in your place: 35)"
        ],
    },
    "gate": {"state": "judging", "pairs": 62, "score": 0.55, "verdict": ""},
    "record": {"battles": 41, "wins": 23, "win_rate": 0.56, "interval": [0.41, 0.7]},
    "window": {"open": True, "why": "between rounds"},
    "device": "cpu",
    "device_why": "Measured 310 learning steps a second on cuda, 2480 on the CPU: it learns on cpu "
    "(small networks often learn faster there).",
    "machine": {"cpu_percent": 31.0, "memory_mb": 312.0, "memory_percent": 8.0, "temperature_c": None},
    "difficulty": {"level": 3, "name": "even", "levels": ["gentle", "easy", "even", "hard", "its best"]},
    "swaps": 2,
    "events": [
        {"age_s": 3.0, "text": "version 3 was promoted: it won 58% of 124 paired battles against version 2"},
        {"age_s": 600.0, "text": "a candidate was rejected after 80 pairs"},
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

    def take_in(self) -> str:
        self.calls.append(("take in", None))
        return "Taken in."

    def forget(self) -> str:
        self.calls.append(("forget", None))
        return "Everything was forgotten."

    def roll_back(self) -> str:
        self.calls.append(("roll back", None))
        return "Version 2 plays again."
