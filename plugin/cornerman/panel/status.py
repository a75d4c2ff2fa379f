"""The plain-data snapshot for whoever draws or logs: the debug menu, the headless table, a game's own window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from cornerman.evaluation.arena import wilson_interval
from cornerman.policy.difficulty import LEVELS, level

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


class Report(TypedDict):
    """What `Cornerman.report()` gives. Everything is plain data and a copy; the game's thread may keep it."""

    plugin: dict[str, Any]  # on, recording, learning: bool; notice: the newest sentence that needs attention, or ""
    version: int  # the one that plays; -1: none
    replay: dict[str, int]  # fill, capacity
    recorder: dict[str, Any]  # recorded, abandoned, not_as_chosen: int; kept: battles on the disk in this session;
    # rejected: {reason: count}; examples: {reason: sentence}
    learner: dict[str, Any]  # steps, dropped, failures, candidate_period: int; steps_to_candidate: int or None;
    # loss, accuracy, processing_time (s a step), steps_per_s: float or None
    practice: dict[str, int]  # played: battles of practice in idle windows; decisions: of all practice battles
    gate: dict[str, Any]  # state: str; pairs: int; score: float or None; verdict: str; judged: pairs of all candidates
    record: dict[str, Any]  # battles, wins: int; win_rate: float or None; interval: [low, high] or None; the last 50
    window: dict[str, Any]  # open: bool; why: str; share: float, of its time; run_on_ms: p99 after closing, or None
    device: str  # where it learns; "none": nowhere
    device_why: str  # the choice as a sentence, with the timings; where the device failed since, that; "": none chosen
    machine: dict[str, float | None]  # cpu_percent, own_cpu_percent, memory_mb, memory_percent, temperature_c
    difficulty: dict[str, Any]  # level: 1 to 5; name: str; levels: list of names
    swaps: int  # since the game started
    events: list[dict[str, Any]]  # newest first: age_s: float, text: str


def compose(plugin: Cornerman) -> Report:
    """A snapshot of the plugin; the game's thread."""
    get, trainer = plugin.metrics.get, plugin.trainer
    wins, battles = sum(result > 0 for result in plugin.results), len(plugin.results)
    dead = trainer.dead_because if trainer is not None else ""
    machine = _machine(plugin)
    learned = plugin.metrics.training(machine["memory_mb"] or 0.0)
    return {
        "plugin": {
            "on": plugin.on,
            "recording": plugin.recording,
            "learning": plugin.learning and not dead,
            "notice": (trainer.trouble if trainer is not None else "") or plugin.notice,
        },
        "version": plugin.slot.back(level(plugin.level).versions_back).version if plugin.on else -1,
        "replay": {"fill": get("fill", 0), "capacity": plugin.settings.replay_capacity},
        "recorder": {**plugin.recorder.quality(), "kept": get("kept", 0)},
        "learner": {
            "steps": get("steps", 0),
            "loss": learned.loss if learned else None,
            "accuracy": learned.accuracy if learned else None,
            "processing_time": learned.processing_time if learned else None,
            "steps_per_s": plugin.metrics.rate("steps"),
            "steps_to_candidate": get("steps_to_candidate"),
            "candidate_period": plugin.settings.candidate_period,
            "dropped": get("dropped", 0),
            "failures": get("failures", 0),
        },
        "practice": {"played": get("practised", 0), "decisions": get("practice_decisions", 0)},
        "gate": {
            "state": get("gate_state", "idle"),
            "pairs": get("gate_pairs", 0),
            "score": get("gate_score"),
            "verdict": get("gate_verdict", ""),
            "judged": get("judged_pairs", 0),
        },
        "record": {
            "battles": battles,
            "wins": wins,
            "win_rate": wins / battles if battles else None,
            "interval": list(wilson_interval(wins / battles, battles)) if battles else None,
        },
        "window": _window(plugin),
        "device": get("device", "none"),
        "device_why": get("fault") or get("device_why", ""),
        "machine": machine,
        "difficulty": {
            "level": plugin.level,
            "name": level(plugin.level).name,
            "levels": [each.name for each in LEVELS],
        },
        "swaps": plugin.slot.swaps,
        "events": plugin.metrics.events(),
    }


def _machine(plugin: Cornerman) -> dict[str, float | None]:
    """The trainer's thread reads it where there is one."""
    reading = plugin.trainer.windows.reading if plugin.trainer is not None and plugin.trainer.alive else {}
    return dict(reading or plugin.machine.read())


def _window(plugin: Cornerman) -> dict[str, Any]:
    if plugin.trainer is None or not plugin.trainer.alive or not (plugin.on and plugin.learning):
        why = "learning is off" if plugin.on else "the plugin is off"
        return {"open": False, "why": why, "share": 0.0, "run_on_ms": None}
    return plugin.trainer.windows.report()
