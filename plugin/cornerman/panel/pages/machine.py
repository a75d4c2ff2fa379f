"""Machine: what learns and why there, what it costs the frames and the machine, and why it rests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cornerman.panel.page import Page, Part
from cornerman.panel.panel_text import number, part_of
from cornerman.panel.sheet import GOLD, GOOD, QUIET, ROW, SMALLEST, WORDS, Box, Sheet

GAP = 6.0
FEW_FRAMES = 100
ALWAYS_LEARNS = "hardly any: here it may learn in nearly all frames"
UNMEASURED = "not available"


class Machine(Page):
    title = "Machine"

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        upper, lower = box.cut_top(7 * ROW + 10, GAP)
        left, right = upper.columns(2, GAP)
        frames, why = lower.cut_top(3 * ROW + 12, GAP)
        machine, device = part_of(report, "machine"), f"Why this device: {report.get('device_why') or UNMEASURED}"
        return [
            Part("learning", left, draw_figures, ("Learning", learning_of(report))),
            Part("load", right, draw_figures, ("Load", load_of(machine))),
            Part("frames", frames, draw_frames, frames_of(machine)),
            Part("why", why, draw_why, [rests_of(report), device, *filter(None, [played_by(report)])]),
        ]


def learning_of(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    replay, learner, window = (part_of(report, name) for name in ("replay", "learner", "window"))
    practice = part_of(report, "practice")
    return [
        ("Device", str(report.get("device") or "none")),
        ("Training window", ("open" if window.get("open") else "closed") + number(window.get("share"), ", {:.0%}")),
        ("Steps a second", number(learner.get("steps_per_s"), "{:,.0f}", "none yet")),
        ("Steps", f"{learner.get('steps') or 0:,}"),
        ("Replay buffer", f"{replay.get('fill') or 0:,} of {replay.get('capacity') or 0:,}"),
        ("Practice", f"{practice.get('decisions') or 0:,} decisions"),
    ]


def load_of(machine: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = {
        "Processor, all": ("cpu_percent", "{:.0f}%"),
        "Processor, game": ("own_cpu_percent", "{:.0f}%"),
        "Memory, game": ("memory_mb", "{:,.0f} MB"),
        "Memory, worker": ("worker_mb", "{:,.0f} MB"),
        "Memory, all": ("memory_percent", "{:.0f}%"),
        "Temperature": ("temperature_c", "{:.0f} °C"),
    }
    return [(name, number(machine.get(key), form, UNMEASURED)) for name, (key, form) in rows.items()]


def frames_of(machine: Mapping[str, Any]) -> list[tuple[str, float | None, float | None, str]]:
    """Name, p50 and p99 in milliseconds while a training window is open and otherwise, or why there are none."""
    frames = part_of(machine, "frames")
    learning, other = part_of(frames, "with"), part_of(frames, "without")
    count = int(other.get("frames") or 0)
    always = count < FEW_FRAMES and int(learning.get("frames") or 0) > 10 * FEW_FRAMES
    rows = []
    for name, each in (("while it may learn", learning), ("otherwise", other)):
        none = "no such frame yet" if not each.get("frames") else UNMEASURED
        rows.append((name, each.get("p50_ms"), each.get("p99_ms"), none))
    return [rows[0], ("otherwise", None, None, ALWAYS_LEARNS)] if always else rows


def rests_of(report: Mapping[str, Any]) -> str:
    reasons = [str(reason) for reason in part_of(report, "machine").get("reasons") or ()]
    window = part_of(report, "window")
    why = str(window.get("why") or "")
    if reasons:
        return " ".join(reasons)
    if window.get("open"):
        return f"It does not: its training window is open ({why.rstrip('.')})." if why else "It does not."
    return f"{why[:1].upper()}{why[1:].rstrip('.')}." if why else "Not known why it rests."


def played_by(report: Mapping[str, Any]) -> str:
    """Who computes decisions, and why."""
    played = part_of(report, "played_by")
    why = str(played.get("why") or "not measured yet").rstrip(".")
    return f"Decisions are computed by {played['backend']}: {why}." if played else ""


def draw_figures(sheet: Sheet, data: tuple[str, list[tuple[str, str]]]) -> None:
    title, rows = data
    inner = sheet.card(title)
    for name, value in rows:
        row, inner = inner.cut_top(ROW)
        label, figure = row.cut_left(row.width * 0.56, 4)
        sheet.text(name, label, QUIET)
        sheet.text(value, figure, WORDS, "right")


def draw_frames(sheet: Sheet, rows: list[tuple[str, float | None, float | None, str]]) -> None:
    """A bar to the middle frame, thinner to the slowest in a hundred; the scale is that of the slowest shown."""
    inner = sheet.card("Time of a frame: half take less, 99 of 100 take less")
    longest = max([p99 for _, _, p99, _ in rows if p99], default=1.0)
    for name, p50, p99, none in rows:
        row, inner = inner.cut_top(ROW + 1)
        label, row = row.cut_left(104, 6)
        sheet.text(name, label, WORDS)
        if p50 is None or p99 is None:
            sheet.text(none, row, QUIET, "right")
            continue
        bar, words = row.cut_left(row.width - 148, 6)
        sheet.text(f"{p50:.1f}, {p99:.1f} ms", words, WORDS, "right")
        middle = bar.top + bar.height / 2
        sheet.fill(GOOD, Box(bar.left, middle - 1.5, bar.width * p99 / longest, 3), 1)
        sheet.fill(GOLD, Box(bar.left, middle - 5, bar.width * p50 / longest, 10), 2)


def draw_why(sheet: Sheet, reasons: list[str]) -> None:
    sheet.paragraphs(reasons, sheet.card("Why it rests"), least=SMALLEST)
