"""Overview: who plays and at what level, what it is doing, whether anything is wrong, and the switches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from cornerman.panel.page import Controls, Page, Part
from cornerman.panel.panel_text import ago, now_of, part_of, share, troubles_of, who_plays
from cornerman.panel.sheet import BAD, GOLD, GOOD, LARGE, LINE, PAPER, QUIET, ROW, SMALLEST, WORDS, Box, Sheet, rows_in
from cornerman.panel.widgets import draw_interval, draw_switch, frame
from cornerman.policy.policy_slot import ON_TRIAL, OWN_FIGHTER, counted

ROW_HEIGHT, GAP = 24.0, 4.0
EVENTS = 3
BADGE_WIDTH = 28.0
ADAPTIVE = "adaptive"
"""Name of the last level where it is not harder than the others, but follows the player."""
ALL_IS_WELL = "All is well: no record was rejected, no step failed."
WHEREVER = {OWN_FIGHTER: "at every level", ON_TRIAL: "in this battle"}
SWITCHES = {"on": "Plugin", "recording": "Recording", "learning": "Learning"}


class Who(NamedTuple):
    """Who plays, with what success."""

    name: str
    level: str
    won: str
    interval: tuple[float, float, float] | None


class Overview(Page):
    title = "Overview"

    def __init__(self, controls: Controls) -> None:
        self._controls = controls

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        upper, lower = box.cut_top(5 * ROW_HEIGHT + 3 * GAP, 6)
        switches, who = upper.cut_left(box.width * 0.41, 8)
        return [
            *self._switches(switches, part_of(report, "plugin")),
            self._dial(switches._replace(top=switches.bottom - 2 * ROW_HEIGHT, height=2 * ROW_HEIGHT), report),
            Part("who", who, draw_who, who_of(report)),
            Part("now", lower, draw_now, now_and_lately(report)),
        ]

    def _switches(self, box: Box, plugin: Mapping[str, Any]) -> list[Part]:
        setters = (self._controls.set_on, self._controls.set_recording, self._controls.set_learning)
        parts = []
        for (key, name), switch in zip(SWITCHES.items(), setters, strict=True):
            strip, box = box.cut_top(ROW_HEIGHT, GAP)
            on = bool(plugin.get(key, False))
            set_to = partial(_set, switch)
            parts.append(Part(key, strip, draw_switch, (name, on), partial(switch, not on), set_to))
        return parts

    def _dial(self, box: Box, report: Mapping[str, Any]) -> Part:
        difficulty = part_of(report, "difficulty")
        levels = list(difficulty.get("levels") or "12345")
        level, count = int(difficulty.get("level") or 1), len(levels)

        def to(number: int) -> None:
            self._controls.set_difficulty(min(max(number, 1), count))

        return Part(
            "difficulty",
            box,
            draw_dial,
            (str(difficulty.get("name", "")), level, count, ADAPTIVE in levels),
            press=lambda: to(level % count + 1),
            step=lambda by: to(level + by),
            click=lambda x, y: to(1 + int(x * count)),
        )


def _set(switch: Any, by: int) -> None:
    switch(by > 0)


def who_of(report: Mapping[str, Any]) -> Who:
    version, difficulty, record = report.get("version", -1), part_of(report, "difficulty"), part_of(report, "record")
    name = who_plays(report) or (f"version {version}" if version != -1 else "not known who plays")
    levels = [each for each in difficulty.get("levels") or () if each != ADAPTIVE]
    title = str(difficulty.get("name") or "")
    level = f"level {difficulty.get('level')} of {len(levels)}" if levels and title != ADAPTIVE else ""
    level = WHEREVER.get(name) or ", ".join(filter(None, [level, title]))
    rate, interval = record.get("win_rate"), record.get("interval")
    if rate is None:
        return Who(name, level, "No battle finished in this session yet", None)
    low, high = interval or (rate, rate)
    won = f"The computer won {share(rate)} of {counted(record.get('battles'), 'battle')},"
    return Who(name, level, won, (rate, low, high))


def now_and_lately(report: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """What it is doing, what is wrong, and the last things that happened, of which none is said before."""
    troubles, note = troubles_of(report), str(part_of(report, "difficulty").get("note") or "")
    said = {str(part_of(report, "plugin").get("notice") or "")}
    events = [event for event in report.get("events") or () if event.get("text") not in said]
    lately = [f"{ago(float(event.get('age_s') or 0))}: {event.get('text', '')}" for event in events[:EVENTS]]
    return f"{now_of(report)} {f'{note[0].upper()}{note[1:]}.' if note else ''}".strip(), troubles, lately


def draw_who(sheet: Sheet, who: Who) -> None:
    inner = sheet.card()
    name, inner = inner.cut_top(30, 2)
    level, inner = inner.cut_top(ROW, 2)
    sheet.text(f"{who.name[:1].upper()}{who.name[1:]}", name, GOLD, size=LARGE)
    sheet.text(f"plays, {who.level}" if who.level else "plays", level, WORDS)
    won, inner = inner.cut_top(ROW)
    sheet.text(who.won, won, WORDS if who.interval else QUIET)
    if who.interval:
        likely, inner = inner.cut_top(ROW, 3)
        sheet.text(f"this session; likely {share(who.interval[1])} to {share(who.interval[2])}", likely, QUIET)
        bar, inner = inner.cut_top(14)
        draw_interval(sheet, bar, *who.interval)
        for part, (words, align) in zip(
            inner.cut_top(ROW)[0].columns(3), (("0%", "left"), ("50%", "middle"), ("100%", "right")), strict=True
        ):
            sheet.text(words, part, QUIET, align, size=15)


def draw_now(sheet: Sheet, data: tuple[str, list[str], list[str]]) -> None:
    now, troubles, lately = data
    badge, colour, badged = ("!", BAD, troubles) if troubles else ("ok", GOOD, [ALL_IS_WELL])
    rest = sheet.card("Now")
    rows = rows_in(rest._replace(height=rest.height - 8)) - 1  # but for two gaps and a title
    texts = [(now, rest.width), *((text, rest.width - BADGE_WIDTH) for text in badged)]
    texts += [(event, rest.width) for event in lately]
    while len(texts) > 2 + len(badged) and sum(sheet.lines_of(*text) for text in texts) > rows:
        texts.pop()  # the oldest event
    lines = sheet.shared(texts, rows)
    rest = sheet.paragraph(now, rest, most=lines.pop(0)).cut_top(4)[1]
    for text in badged:
        mark, words = rest.cut_left(22, BADGE_WIDTH - 22)
        mark = mark.cut_top(ROW - 2)[0]._replace(top=mark.top + 1)
        sheet.fill(colour, mark, 7)
        sheet.text(badge, mark, PAPER, "middle")
        rest = sheet.paragraph(text, words, most=lines.pop(0))._replace(left=rest.left, width=rest.width)
    title, rest = rest.cut_top(4)[1].cut_top(ROW)
    sheet.text("Lately" * bool(lately), title, QUIET)
    for event, most in zip(lately, lines, strict=False):
        rest = sheet.paragraph(event, rest, most=most)


def draw_dial(sheet: Sheet, data: tuple[str, int, int, bool]) -> None:
    """The level's name, and a step for each level, the higher the harder; the adaptive one is a letter beside them."""
    name, level, count, adaptive = data
    words, steps = frame(sheet).cut_top(ROW_HEIGHT)
    sheet.text("Difficulty", words)
    sheet.text(name, words, GOLD, "right")
    chosen_is_step = level < count or not adaptive
    for number, step in enumerate(steps.cut_top(steps.height - 6)[0].columns(count, 4), 1):
        lit = number <= level if chosen_is_step else number == level
        if adaptive and number == count:
            sheet.text("A", step, GOLD if lit else QUIET, "middle", SMALLEST)
            sheet.fill(GOLD if lit else LINE, step, 2, line=1)
            continue
        tall = step.height * (0.35 + 0.65 * number / count)
        step = step._replace(top=step.bottom - tall, height=tall)
        sheet.fill(GOLD if lit else LINE, step, 2)
        if number == level:
            sheet.fill(WORDS, step, 2, line=1)
