"""The panel's text: figures with their names, and the messages below them. Plain data in, plain text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LOSS, BUFFER = "Loss", "Replay buffer"
"""Names of the figures that are drawn with a curve or a bar."""
SHORT = 24
"""Characters: a longer reason does not fit beside the figures and is shown in full below them."""


def figures_of(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of name, value and mood ("new", "good", "bad", "quiet" or "plain"); an unknown value says so."""
    replay, learner, gate = part_of(report, "replay"), part_of(report, "learner"), part_of(report, "gate")
    window, machine = part_of(report, "window"), part_of(report, "machine")
    version = report.get("version", -1)
    open_now = window.get("open")
    rejected = sum(part_of(part_of(report, "recorder"), "rejected").values())
    doing = ("open" if open_now else "closed") + (f", {_occasion(window)}" if window.get("why") else "")
    speed = _number(learner.get("steps_per_s"), " ({:,.0f}/busy s)", "")
    playing = str(report.get("playing") or "not known").partition(";")[0]
    return [
        ("Plays", f"version {version}{_changes(report.get('swaps', 0))}" if version != -1 else playing, "new"),
        ("Training", doing, "good" if open_now else "quiet"),
        (BUFFER, f"{replay.get('fill', 0):,} of {replay.get('capacity', 0):,}", "plain"),
        ("Rejected", f"{rejected:,} records" if rejected else "nothing", "bad" if rejected else "plain"),
        ("Learning steps", f"{learner.get('steps') or 0:,}{speed}", "plain"),
        (LOSS, _loss(learner), "plain"),
        ("Value accuracy", _share(learner.get("accuracy"), "not measured yet"), "plain"),
        ("Win rate", _win_rate(part_of(report, "record")), "plain"),
        ("Foresees", _foresees(part_of(report, "player")), "plain"),
        ("Candidate", _candidate(gate, learner), "plain"),
        ("Device", _device(report), "plain"),
        ("CPU, memory", _load(machine), "plain"),
        ("Temperature", _number(machine.get("temperature_c"), "{:.0f} °C", "not available"), "plain"),
    ]


def _changes(swaps: int) -> str:
    """How often another version took over since the game started."""
    return f", changed {swaps} time{'s' * (swaps > 1)}" if swaps else ""


def _loss(learner: Mapping[str, Any]) -> str:
    """The loss, and the counts of dropped and undone steps, where there are any."""
    words = {"dropped": "dropped", "failures": "undone"}
    counts = [f"{learner[name]:,} {word}" for name, word in words.items() if learner.get(name)]
    return ", ".join([_number(learner.get("loss"), "{:.4f}", "none yet"), *counts])


def rejected_of(report: Mapping[str, Any]) -> str:
    """Why records were rejected, with counts and an example of the most frequent reason; "" where none was."""
    recorder = part_of(report, "recorder")
    counts = sorted(part_of(recorder, "rejected").items(), key=lambda reason: (-reason[1], reason[0]))
    if not counts:
        return ""
    example = part_of(recorder, "examples").get(counts[0][0], "")
    return f"Rejected: {', '.join(f'{count:,} x {reason}' for reason, count in counts)}. {example}".strip()


def _load(machine: Mapping[str, Any]) -> str:
    forms = (("cpu_percent", "{:.0f}%"), ("memory_mb", "{:,.0f} MB"))
    return ", ".join(_number(machine.get(name), form, "not available") for name, form in forms)


def _device(report: Mapping[str, Any]) -> str:
    why = str(report.get("device_why") or "")
    return str(report.get("device") or "none") + (f", {why}" if 0 < len(why) <= SHORT else "")


def _win_rate(record: Mapping[str, Any]) -> str:
    if record.get("win_rate") is None:
        return "no battle yet"
    interval = record.get("interval")
    between = f" ({_share(interval[0])} to {_share(interval[1])})" if interval else ""
    return f"{_share(record['win_rate'])}{between}"


def _foresees(player: Mapping[str, Any]) -> str:
    """How many of the player's decisions were foreseen before they were learned, over the last battles."""
    if not player.get("learns", True):
        return "nothing is learned of you"
    if player.get("foreseen") is None:
        return "no battle of yours yet"
    return f"{_share(player['foreseen'])} of your moves"


def _candidate(gate: Mapping[str, Any], learner: Mapping[str, Any]) -> str:
    """State of the candidate in a word or two; `messages_of` has the whole verdict."""
    score, verdict, left = gate.get("score"), str(gate.get("verdict") or ""), learner.get("steps_to_candidate")
    share = f", {_share(score)}" if isinstance(score, (int, float)) else ""
    if gate.get("state") == "on trial":
        return f"plays some battles, {gate.get('pairs') or 0:,} so far"
    if gate.get("state") == "trial waits":
        return f"waits after {gate.get('pairs') or 0:,} battles"
    if gate.get("state") == "judging":  # while a verdict stands, the score is that one's
        return f"judging, {gate.get('pairs') or 0:,} pairs{'' if verdict else share}"
    if verdict:
        return verdict.partition(":")[0] + share
    if isinstance(left, int):
        return f"in {left:,} steps" if left else "ready, waits its turn"
    return "none yet"


def _occasion(window: Mapping[str, Any]) -> str:
    """The first part of why the training window is open or closed, short enough for a row."""
    occasion = str(window["why"]).partition("; ")[0].partition(". ")[0].rstrip(".")
    return occasion if len(occasion) <= SHORT else "learning rests" if not window.get("open") else "see below"


def messages_of(report: Mapping[str, Any]) -> list[str]:
    """What the plugin waits for, what holds training back, the last verdict, and the reason for the device."""
    events = [str(event.get("text", "")) for event in report.get("events") or ()]
    notice = str(part_of(report, "plugin").get("notice") or "")
    messages = [f"Who plays: {report['playing']}."] if report.get("playing") else []
    messages.append(state_of(report))
    if note := str(part_of(report, "difficulty").get("note") or ""):
        messages.append(f"{note[0].upper()}{note[1:]}.")
    window = part_of(report, "window")
    why = str(window.get("why") or "")
    if len(why) > SHORT and not (notice and notice in why):
        messages.append(f"Training window {'open' if window.get('open') else 'closed'}: {why.rstrip('.')}.")
    verdict, waits = (str(part_of(report, "gate").get(name) or "") for name in ("verdict", "waits"))
    if waits:
        who = "trial of a candidate" if part_of(report, "gate").get("state") == "trial waits" else "next candidate"
        messages.append(f"The {who} waits: {waits}.")
    elif verdict and not any(verdict in event for event in events):
        messages.append(f"Last candidate: {verdict}")
    device_why = str(report.get("device_why") or "")
    if len(device_why) > SHORT and device_why != notice:
        messages.append(f"Device: {device_why}")
    return messages


def habits_of(report: Mapping[str, Any]) -> list[str]:
    """The player's strongest habits, with counts."""
    return [f"You: {habit}." for habit in part_of(report, "player").get("habits") or ()]


def state_of(report: Mapping[str, Any]) -> str:
    """How much was recorded, and what the plugin waits for."""
    plugin, learner, gate = part_of(report, "plugin"), part_of(report, "learner"), part_of(report, "gate")
    recorded = int(part_of(report, "recorder").get("recorded") or 0)
    buffered = int(part_of(report, "replay").get("fill") or 0)
    if not plugin.get("on", True):
        return "The plugin is off: it neither records nor plays."
    if not recorded and not buffered and not plugin.get("learning", True):
        return "Nothing was recorded since the start. Learning is off: stored battles are not read."
    if not recorded and not buffered:
        waits = "Play a few rounds." if plugin.get("recording", True) else "Recording is off."
        return f"Nothing was recorded yet. {waits}"
    decisions = f"{recorded:,} decisions recorded since the start, {buffered:,} in the replay buffer."
    left = learner.get("steps_to_candidate")
    if not plugin.get("learning", True):
        return f"{decisions} Learning is off."
    if gate.get("state") == "on trial":
        return f"{decisions} A candidate plays some of the battles."
    if gate.get("state") == "trial waits":
        return decisions
    if gate.get("state") == "judging":
        return f"{decisions} A candidate is being judged."
    if not learner.get("steps"):
        return f"{decisions} Learning has yet to begin: it waits for a training window, or for more decisions."
    if not isinstance(left, int):
        return decisions
    return f"{decisions} {f'{left:,} steps to the next candidate.' if left else 'The next candidate waits its turn.'}"


def _number(value: object, form: str, otherwise: str) -> str:
    return form.format(value) if isinstance(value, (int, float)) else otherwise


def _share(value: object, otherwise: str = "?") -> str:
    return f"{100 * value:.0f}%" if isinstance(value, (int, float)) else otherwise


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
