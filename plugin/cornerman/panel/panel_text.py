"""The panel's sentences, for more than one of its pages. Plain data in, plain text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cornerman.policy.policy_slot import OWN_FIGHTER, counted

_LEVEL = re.compile(r"^level \d+, [^:]*: ")


def now_of(report: Mapping[str, Any]) -> str:
    """What the plugin is doing, or what it waits for, in one sentence."""
    plugin, gate, own = part_of(report, "plugin"), part_of(report, "gate"), who_plays(report) == OWN_FIGHTER
    recorded = int(part_of(report, "recorder").get("recorded") or 0)
    buffered = int(part_of(report, "replay").get("fill") or 0)
    if not plugin.get("on", True):
        return "It is off: it neither records nor plays."
    decisions, records = f"{counted(recorded, 'decision')} recorded since the start", plugin.get("recording", True)
    if not plugin.get("learning", True):
        off = f"learning is off; {decisions}" if records else "learning and recording are off"
        return f"{'The' + OWN_FIGHTER[3:] if own else 'It'} plays; {off}."
    if gate.get("state") == "on trial":
        return f"It tries a candidate, which plays some of the battles: {gate.get('pairs') or 0:,} so far."
    if gate.get("state") == "trial waits":
        return f"It waits to go on with the trial of a candidate: {gate.get('waits') or 'not known why'}."
    if gate.get("state") == "judging":  # while a verdict stands, the score is that one's
        won = "" if gate.get("verdict") else number(gate.get("score"), ", {:.0%} won")
        pairs, met = counted(gate.get("pairs"), "pair"), OWN_FIGHTER if own else "the present version"
        return f"It judges a candidate against {met}: {pairs} of battles{won}."
    if not recorded and not buffered:
        waits = "Play a few rounds." if records else "Recording is off."
        return f"It waits: nothing was recorded yet. {waits}"
    closed = closed_of(report)
    if not part_of(report, "learner").get("steps"):
        needed = int(part_of(report, "replay").get("needed") or 0)
        waits = (
            f"waits: {closed};" if closed else "waits for more decisions:" if buffered < needed else "begins to learn:"
        )
        first = f"; learning needs {needed:,} first" if buffered < needed else ""
        return f"It {waits} {decisions}, {buffered:,} in the replay buffer{first}."
    if closed:
        return f"It waits: {closed}."
    return f"It is learning{_pace(part_of(report, 'learner'))}."


def who_plays(report: Mapping[str, Any]) -> str:
    """Who decides, without the level and what else `playing` says; "" where that is not known."""
    return _LEVEL.sub("", str(report.get("playing") or "").partition(";")[0])


def closed_of(report: Mapping[str, Any]) -> str:
    """Why nothing is learned at the moment, without a full stop; "" where the training window is open."""
    window = part_of(report, "window")
    return "" if window.get("open") else str(window.get("why") or "").rstrip(".")


def _pace(learner: Mapping[str, Any]) -> str:
    left = learner.get("steps_to_candidate")
    pace = number(learner.get("steps_per_s"), ", {:,.0f} steps a second")
    if not isinstance(left, int):
        return pace
    return f"{pace}; {f'{left:,} steps to the next candidate' if left else 'the next candidate waits its turn'}"


def rejected_of(report: Mapping[str, Any]) -> str:
    """Why records were rejected, with counts and an example of the most frequent reason; "" where none was."""
    recorder = part_of(report, "recorder")
    counts = sorted(part_of(recorder, "rejected").items(), key=lambda reason: (-reason[1], reason[0]))
    if not counts:
        return ""
    example = part_of(recorder, "examples").get(counts[0][0], "")
    return f"Rejected: {', '.join(f'{count:,} x {reason}' for reason, count in counts)}. {example}".strip()


def troubles_of(report: Mapping[str, Any]) -> list[str]:
    """What needs attention: the newest notice, rejected records, learning steps that were undone or dropped."""
    learner = part_of(report, "learner")
    notice = str(part_of(report, "plugin").get("notice") or "")
    undone = {"failures": "undone since they failed", "dropped": "dropped"}
    counts = [
        f"{counted(learner[name], 'learning step')} {words}" for name, words in undone.items() if learner.get(name)
    ]
    steps = f"{' and '.join(counts)}." if counts else ""
    return [trouble for trouble in (notice, rejected_of(report), steps) if trouble]


def verdict_of(report: Mapping[str, Any]) -> str:
    """What the next candidate waits for, or what the last one was found to be; "" where there was none."""
    gate = part_of(report, "gate")
    verdict, waits = str(gate.get("verdict") or ""), str(gate.get("waits") or "")
    if waits:
        begun = gate.get("state") == "trial waits"
        return f"{'The trial of a candidate waits' if begun else 'A new version is not tried yet'}: {waits}."
    return f"Last candidate: {verdict}" if verdict else ""


def number(value: object, form: str, otherwise: str = "") -> str:
    """A figure in words, or the words for one that is not known."""
    return form.format(value) if isinstance(value, (int, float)) else otherwise


def share(value: object, otherwise: str = "?") -> str:
    return number(value, "{:.0%}", otherwise)


def ago(age_s: float) -> str:
    if age_s < 2:
        return "now"
    if age_s < 90:
        return f"{age_s:.0f} s ago"
    return f"{age_s / 60:.0f} min ago" if age_s < 5400 else f"{age_s / 3600:.0f} h ago"


def part_of(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One table of the report; empty where it is missing."""
    part = report.get(name)
    return part if isinstance(part, Mapping) else {}
