"""Strength: ratings of the versions beside the bots, battles won against you, loss and value accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cornerman.panel.chart import Chart, draw_chart
from cornerman.panel.page import Page, Part
from cornerman.panel.panel_text import number, part_of, verdict_of
from cornerman.panel.sheet import QUIET, ROW, WORDS, Box, Sheet
from cornerman.panel.widgets import draw_words
from cornerman.policy.policy_slot import counted

GAP = 6.0


class Strength(Page):
    title = "Strength"

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        charts, verdict = box.cut_top(box.height - 3 * ROW - 16, GAP)
        upper, lower = charts.rows(2, GAP)
        places = [*upper.columns(2, GAP), *lower.columns(2, GAP)]
        drawn = charts_of(part_of(report, "strength"), part_of(report, "learner"))
        titles = ("Versions at their best", "Won against you", "Loss", "Value accuracy")
        parts = [
            Part(title, place, draw_titled, (title, *data))
            for title, place, data in zip(titles, places, drawn, strict=True)
        ]
        return [*parts, Part("candidate", verdict, draw_words, candidate_of(report))]


def charts_of(strength: Mapping[str, Any], learner: Mapping[str, Any]) -> list[tuple[str, Chart]]:
    """The newest value and the chart, for each of the four."""
    versions = [(each["version"], each["rating"], each["low"], each["high"]) for each in strength.get("versions") or ()]
    bots = tuple((str(bot["name"]), float(bot["rating"])) for bot in strength.get("bots") or ())
    you = [(each["battles"], each["share"], each["low"], each["high"]) for each in strength.get("you") or ()]
    loss, accuracy = (
        [(steps, value, value, value) for steps, value in strength.get(name) or ()] for name in ("loss", "accuracy")
    )
    whole = (0.0, 1.0) if len({value for _, value, *_ in accuracy}) == 1 else None  # no axis up to 150%
    return [
        (newest(versions, "{:,.0f}"), Chart(tuple(sorted(versions)), "version", "{:,.0f}", bots, dots=True)),
        (newest(you, "{:.0%}"), Chart(tuple(you), "battles", "{:.0%}", (("even", 0.5),), (0.0, 1.0))),
        (number(learner.get("loss"), "{:.4f}", newest(loss, "{:.4f}")), Chart(tuple(loss), "steps", "{:.3g}")),
        (
            number(learner.get("accuracy"), "{:.0%}", newest(accuracy, "{:.0%}")),
            Chart(tuple(accuracy), "steps", "{:.0%}", limits=whole),
        ),
    ]


def newest(points: Sequence[tuple[float, ...]], form: str) -> str:
    return number(max(points)[1], form) if points else ""


def candidate_of(report: Mapping[str, Any]) -> str:
    """What is known of candidates, in full."""
    gate, left = part_of(report, "gate"), part_of(report, "learner").get("steps_to_candidate")
    states = {
        "judging": f"A candidate is judged: {counted(gate.get('pairs'), 'pair')} of battles.",
        "on trial": f"A candidate is tried: {counted(gate.get('pairs'), 'battle')}.",
    }
    now = states.get(str(gate.get("state")), "")
    coming = f"{left:,} steps to the next candidate." if isinstance(left, int) and left and not now else ""
    return " ".join(filter(None, [now, coming, verdict_of(report)])) or "Candidates: none was judged since the start."


def draw_titled(sheet: Sheet, data: tuple[str, str, Chart]) -> None:
    title, value, chart = data
    sheet.card()
    inner = sheet.box.inset(9, 5)
    strip, rest = inner.cut_top(ROW)
    name, figure = strip.cut_left(strip.width * 0.68)
    sheet.text(title, name, QUIET)
    sheet.text(value, figure, WORDS, "right")
    draw_chart(sheet, rest, chart)
