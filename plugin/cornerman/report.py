"""The plain-data snapshot for whoever draws or logs: the debug menu, the headless table, a game's own window."""

from __future__ import annotations

from typing import Any, TypedDict


class Report(TypedDict):
    """What `Cornerman.report()` gives. Everything is plain data and a copy; the game's thread may keep it."""

    plugin: dict[str, Any]  # on, recording, learning: bool; notice: the newest sentence that needs attention, or ""
    version: int  # the one that plays; -1: none
    replay: dict[str, int]  # fill, capacity
    recorder: dict[str, Any]  # recorded, abandoned, not_as_chosen: int; kept: battles on the disk in this session;
    # rejected: {reason: count}; examples: {reason: sentence}
    learner: dict[str, Any]  # steps, dropped, failures: int; loss, accuracy, steps_per_s: float or None
    gate: dict[str, Any]  # state: str; pairs: int; score: float or None; verdict: str
    record: dict[str, Any]  # battles, wins: int; win_rate: float or None; interval: [low, high] or None; the last 50
    window: dict[str, Any]  # open: bool; why: str; share: float, of its time; run_on_ms: p99 after closing, or None
    device: str
    machine: dict[str, float | None]  # cpu_percent, own_cpu_percent, memory_mb, memory_percent, temperature_c
    difficulty: dict[str, Any]  # level: 1 to 5; name: str; levels: list of names
    swaps: int  # since the game started
    events: list[dict[str, Any]]  # newest first: age_s: float, text: str
