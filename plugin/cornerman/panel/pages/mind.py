"""Mind: the plugin's last decision, what it thought of each action, and what it expects or expected of the player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cornerman.panel.page import Page, Part
from cornerman.panel.panel_text import ago, part_of, share
from cornerman.panel.sheet import GOLD, QUIET, ROW, SMALLEST, WORDS, Box, Sheet
from cornerman.panel.widgets import draw_bar, draw_words
from cornerman.policy.policy_slot import counted

GAP, BAR_ROW = 6.0, 19.0
WIDE = 620.0
"""Units from which the two lists stand side by side."""
NEXT = "What it expects you to do next"
NO_DECISION = "No decision yet: it is shown here as soon as the plugin moves in a battle."


class Choice(NamedTuple):
    """One row with a bar; `chosen`: a word for the action that was; `value` for a developer."""

    name: str
    share: float
    chosen: str = ""
    value: str = ""


class Mind(Page):
    title = "Mind"

    def __init__(self) -> None:
        self._first = 0  # the action at the top of the list
        self._last_first = 0

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        decision = part_of(report, "decision")
        expected = bool(report.get("expected"))
        if not decision:
            none, rest = box.cut_top(2 * ROW + 12 if expected else box.height, GAP)
            guesses = Part("expects", rest, draw_expects, expects_of(report, rows_in(rest)))
            return [Part("none", none, draw_words, NO_DECISION), *[guesses] * expected]
        head, rest = box.cut_top(ROW + 10, GAP)
        lists, why = rest.cut_top(rest.height - 3 * ROW - 10 - GAP, GAP)
        if box.width >= WIDE:
            actions, expects = lists.cut_left(lists.width * 0.6, GAP)
        else:
            actions, expects = lists.cut_top(lists.height * 0.58, GAP)
        choices = [choice_of(action) for action in decision.get("actions") or ()]
        shown = max(1, rows_in(actions) - (len(choices) > rows_in(actions)))
        self._last_first = max(0, len(choices) - shown)
        self._first = min(self._first, self._last_first)
        listed = choices[self._first : self._first + shown]
        return [
            Part("decision", head, draw_head, head_of(decision)),
            Part("actions", actions, draw_actions, (listed, self._first, len(choices) - self._first - len(listed))),
            Part("expects", expects, draw_expects, expects_of(report, rows_in(expects))),
            Part("why", why, draw_why, str(decision.get("why") or "")),
        ]

    def move(self, rows: int) -> bool:
        self._first = min(max(self._first + rows, 0), self._last_first)
        return True


def choice_of(action: Mapping[str, Any]) -> Choice:
    value = action.get("value")
    words = f"{value:+.2f}" if isinstance(value, (int, float)) else ""
    return Choice(str(action["name"]), float(action.get("win") or 0), "chosen" if action.get("chosen") else "", words)


def expects_of(report: Mapping[str, Any], rows: int) -> tuple[str, list[Choice]]:
    """The newer of what look-ahead expects of the player next and what was expected of the player's last move, as a
    title and so many rows."""
    decision, last = part_of(report, "decision"), part_of(report, "expected")
    following = decision.get("expects") or ()
    if not last or (following and float(decision.get("age_s") or 0) <= float(last.get("age_s") or 0)):
        return NEXT, [Choice(str(guess["name"]), float(guess["share"])) for guess in following][:rows]
    moves = [Choice(str(each["name"]), float(each["share"]), "you did" * each["taken"]) for each in last["actions"]]
    shown = moves[:rows]
    shown[-1:] = [move for move in moves[rows:] if move.chosen] or shown[-1:]
    known = f"after {counted(last['battles'], 'battle')}" if last["battles"] else "not knowing you"
    return f"What it expected of your last move, {known}", shown


def rows_in(card: Box) -> int:
    """How many rows with bars fit into a card with a title."""
    return max(0, int((card.height - 10 - ROW) / BAR_ROW))


def head_of(decision: Mapping[str, Any]) -> str:
    known = decision.get("version", -1) != -1
    who = f"version {decision.get('version')}" if known else decision.get("who") or "the plugin"
    looked = f", looking ahead {decision.get('samples') or 0:,} times" if decision.get("searched") else ""
    where = f"battle {decision.get('battle_id')}, seat {decision.get('seat')}"
    return f"{ago(float(decision.get('age_s') or 0))}: {who} chose in {where}{looked}"


def draw_head(sheet: Sheet, words: str) -> None:
    sheet.text(f"{words[:1].upper()}{words[1:]}", sheet.card(), WORDS)


def draw_actions(sheet: Sheet, data: tuple[list[Choice], int, int]) -> None:
    choices, above, below = data
    inner = sheet.card()
    strip, inner = inner.cut_top(ROW)
    name, columns = strip.cut_left(strip.width * 0.6)
    sheet.text("Its actions, and the chance to win with each", name, QUIET)
    sheet.text("win, value", columns, QUIET, "right")
    inner = _draw_choices(sheet, inner, choices)
    if above or below:
        words = ", ".join(f"{count} more {where}" for count, where in ((above, "above"), (below, "below")) if count)
        sheet.text(f"{words}: arrows or the wheel", inner.cut_top(BAR_ROW)[0], QUIET)


def draw_expects(sheet: Sheet, data: tuple[str, list[Choice]]) -> None:
    title, guesses = data
    inner = sheet.card(title)
    if not guesses:
        sheet.paragraph("Not known yet: it is shown from your next move on, once something has been learned.", inner)
    _draw_choices(sheet, inner, guesses)


def draw_why(sheet: Sheet, why: str) -> None:
    sheet.paragraph(why or "not known", sheet.card("Why, for developers"), WORDS)


def _draw_choices(sheet: Sheet, box: Box, choices: list[Choice]) -> Box:
    """Rows of a mark, a name, a bar and figures; returns the room below."""
    for choice in choices:
        row, box = box.cut_top(BAR_ROW)
        mark, row = row.cut_left(14, 2)
        if choice.chosen:
            middle = mark.top + mark.height / 2
            sheet.polygon(GOLD, [(mark.left, middle - 5), (mark.left + 9, middle), (mark.left, middle + 5)])
        name, row = row.cut_left(row.width * 0.45, 6)
        sheet.text(", ".join(filter(None, [choice.name, choice.chosen])), name, GOLD if choice.chosen else WORDS)
        if choice.value:
            row, value = row.cut_left(row.width - 42, 4)
            sheet.text(choice.value, value, QUIET, "right", SMALLEST)
        bar, percent = row.cut_left(row.width - 38, 4)
        sheet.text(share(choice.share), percent, WORDS, "right")
        draw_bar(sheet, bar.inset(0, 5), choice.share, bool(choice.chosen))
    return box
