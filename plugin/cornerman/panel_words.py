"""The panel's figures in words: name, value and how they are meant. Plain data in, plain text out; no drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def figures_of(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The figures as name, value and mood ("news", "good", "bad", "quiet" or "plain"); what is not known says so."""
    replay, learner, gate = part_of(report, "replay"), part_of(report, "learner"), part_of(report, "gate")
    window, machine = part_of(report, "window"), part_of(report, "machine")
    version = report.get("version", -1)
    open_now = bool(window.get("open"))
    rejected = sum(part_of(part_of(report, "recorder"), "rejected").values())
    doing = "open" if open_now else "closed"
    steps_per_s = learner.get("steps_per_s")
    speed = f" ({steps_per_s:,.0f}/s)" if isinstance(steps_per_s, (int, float)) else ""
    return [
        ("Version", f"{version}, {report.get('swaps', 0)} swaps" if version != -1 else "none yet", "news"),
        (
            "Training",
            doing + (f", {window['why']}" if window.get("why") else ""),
            "good" if open_now else "quiet",
        ),
        ("Memory of play", f"{replay.get('fill', 0):,} of {replay.get('capacity', 0):,}", "plain"),
        ("Left out", f"{rejected:,} bad records" if rejected else "nothing", "bad" if rejected else "plain"),
        ("Steps", f"{learner.get('steps') or 0:,}{speed}", "plain"),
        ("Loss", _loss(learner), "plain"),
        ("Foresight", _share(learner.get("accuracy"), " right", "not measured yet"), "plain"),
        ("Win rate", _win_rate(part_of(report, "record")), "plain"),
        ("Candidate", _gate(gate), "plain"),
        ("Device", str(report.get("device") or "none"), "plain"),
        ("CPU, memory", _load(machine), "plain"),
        ("Temperature", _number(machine.get("temperature_c"), "{:.0f} °C", "not available"), "plain"),
    ]


def _loss(learner: Mapping[str, Any]) -> str:
    """The loss, and what had to be left out or undone, where anything was."""
    counts = [
        f"{learner[name]:,} {word}"
        for name, word in (("dropped", "dropped"), ("failures", "undone"))
        if learner.get(name)
    ]
    return ", ".join([_number(learner.get("loss"), "{:.4f}", "none yet"), *counts])


def left_out_of(report: Mapping[str, Any]) -> str:
    """Why records were left out, with counts and an example of the most frequent reason; "" where none was."""
    recorder = part_of(report, "recorder")
    counts = sorted(part_of(recorder, "rejected").items(), key=lambda reason: (-reason[1], reason[0]))
    if not counts:
        return ""
    example = part_of(recorder, "examples").get(counts[0][0], "")
    return f"Left out: {', '.join(f'{count:,} x {reason}' for reason, count in counts)}. {example}".strip()


def _load(machine: Mapping[str, Any]) -> str:
    cpu = _number(machine.get("cpu_percent"), "{:.0f} %", "not available")
    return f"{cpu}, {_number(machine.get('memory_mb'), '{:,.0f} MB', 'not available')}"


def _win_rate(record: Mapping[str, Any]) -> str:
    if record.get("win_rate") is None:
        return "no battle yet"
    interval = record.get("interval")
    between = f" ({_share(interval[0])} to {_share(interval[1])})" if interval else ""
    return f"{_share(record['win_rate'])}{between}"


def _gate(gate: Mapping[str, Any]) -> str:
    words = str(gate.get("verdict") or gate.get("state") or "none yet")
    score = gate.get("score")
    if not gate.get("pairs"):
        return words
    return f"{words}, {gate['pairs']} pairs" + (f", {_share(score)}" if isinstance(score, (int, float)) else "")


def _number(value: object, form: str, otherwise: str) -> str:
    return form.format(value) if isinstance(value, (int, float)) else otherwise


def _share(value: object, after: str = "", otherwise: str = "?") -> str:
    return f"{100 * value:.0f} %{after}" if isinstance(value, (int, float)) else otherwise


def ago(age_s: float) -> str:
    """How long ago, in a word or two."""
    if age_s < 2:
        return "now"
    if age_s < 90:
        return f"{age_s:.0f} s ago"
    return f"{age_s / 60:.0f} min ago" if age_s < 5400 else f"{age_s / 3600:.0f} h ago"


def part_of(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One table of the report; empty where it is missing."""
    part = report.get(name)
    return part if isinstance(part, Mapping) else {}
