"""You: what is known of the player who sits at the game, how well it foresees them, their ghost, and Forget."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from cornerman.panel.page import Controls, Page, Part
from cornerman.panel.panel_text import closed_of, part_of, share
from cornerman.panel.sheet import LETTER_WIDTH, QUIET, ROW, SMALLEST, WORDS, Box, Sheet, rows_in
from cornerman.panel.widgets import draw_bar, draw_button
from cornerman.policy.policy_slot import counted

BUTTON_HEIGHT, GAP = 26.0, 6.0
GHOST_HEIGHT, GHOST_TITLE_HEIGHT = 3 * ROW + 16, ROW + 10
FORGET = ("Forget all that was learned", "Really? Again: forget all")


class Foreseen(NamedTuple):
    """How many of the player's moves were foreseen, by the model of the player and by the champion in their place."""

    known: str
    foreseen: float | None
    champion: float | None
    why_not: str


class You(Page):
    title = "You"

    def __init__(self, controls: Controls, headless: bool) -> None:
        self._controls, self._headless = controls, headless
        self._stored: int | None = None  # battles of the player whom the first press would forget; None: not known yet

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        player = part_of(report, "player")
        foreseen, rest = box.cut_top(3 * ROW + 38, GAP)
        rest, buttons = rest.cut_top(rest.height - BUTTON_HEIGHT - GAP, GAP)
        known = [f"{habit[:1].upper()}{habit[1:]}." for habit in player.get("habits") or ()]
        habits, ghost = rest.cut_top(rest.height - GHOST_HEIGHT - GAP, GAP)
        needed = sum(ROW * (1 + int(len(habit) * LETTER_WIDTH / rest.width)) + 4 for habit in known)
        if needed > habits.height - ROW - 10:  # habits are worth more than the ghost's command
            habits, ghost = rest.cut_top(rest.height - GHOST_TITLE_HEIGHT - GAP, GAP)
        alone, everything = buttons.columns(2, GAP)
        name = str(player.get("name", ""))
        words = forget_player_words(name, self._stored)
        forget, ask = partial(self._controls.forget_player, name), partial(self._ask, name)
        return [
            Part("foreseen", foreseen, draw_foreseen, foreseen_of(player, closed_of(report))),
            Part("habits", habits, draw_habits, known or no_habit_of(player)),
            Part("ghost", ghost, draw_ghost, ghost_command(player) if self._headless else ""),
            Part(f"forget player {name}", alone, draw_button, words, forget, confirm=ask),  # another name asks anew
            Part("forget", everything, draw_button, FORGET, self._controls.forget, confirm=lambda: None),
        ]

    def _ask(self, name: str) -> None:
        self._stored = None
        self._controls.count_battles(name, self._counted)

    def _counted(self, battles: int) -> None:
        """Called on the thread that owns the files."""
        self._stored = battles


def forget_player_words(name: str, stored: int | None) -> tuple[str, str]:
    """What the button says, and asks; `stored`: the player's battles, None where they are not counted yet."""
    all_of = "all" if stored is None else counted(stored, "battle")
    return f"Forget {name or 'this player'} alone", f"Really? Again: {all_of} of {name or 'this player'}"


def foreseen_of(player: Mapping[str, Any], waits: str) -> Foreseen:
    """`waits`: why learning rests now, or ""."""
    name = f"{player['name']}: " if player.get("name") else ""
    more = f"; {counted(unlearned, 'battle')} to learn" if (unlearned := player.get("unlearned")) else ""
    known = f"{name}{counted(player.get('battles'), 'battle')}, {counted(player.get('decisions'), 'decision')}{more}"
    why_not = f"Nothing learned of you yet{more}{waits and f'. It waits: {waits}'}."
    why_not = why_not if player.get("learns", True) else "Nothing is learned of you now."
    return Foreseen(known, player.get("foreseen"), player.get("champion_foresees"), why_not)


def draw_foreseen(sheet: Sheet, data: Foreseen) -> None:
    inner = sheet.card(f"What it knows of you: {data.known}")
    if data.foreseen is None:
        sheet.paragraph(data.why_not, inner, WORDS)
        return
    title, inner = inner.cut_top(ROW, 2)
    sheet.text("Your moves that were foreseen, in the last 20 battles", title)
    for name, value in (("by the model of you", data.foreseen), ("by the computer alone", data.champion)):
        row, inner = inner.cut_top(ROW, 2)
        label, row = row.cut_left(150, 6)
        sheet.text(name, label, WORDS)
        if value is None:
            sheet.text("it has learned nothing yet", row, QUIET, "right")
            continue
        bar, words = row.cut_left(row.width - 44, 6)
        sheet.text(share(value), words, WORDS, "right")
        draw_bar(sheet, bar.inset(0, 4), value, best=name.endswith("you"))


def no_habit_of(player: Mapping[str, Any]) -> str:
    """Why there is no habit to show."""
    foreseen, champion = player.get("foreseen"), player.get("champion_foresees")
    if foreseen is not None and champion is not None and champion >= max(0.5, foreseen - 0.05):
        return f"You play much as the computer would in your place: that foresees {champion:.0%} of your moves."
    return "None stands out yet: a habit is shown once it can hardly be chance."


def draw_habits(sheet: Sheet, habits: list[str] | str) -> None:
    """Habits, or why there is none."""
    inner = sheet.card("Your habits")
    if isinstance(habits, str):
        sheet.paragraph(habits, inner, QUIET)
    else:
        sheet.paragraphs(habits, inner, gap=2.0, least=SMALLEST)


def ghost_command(player: Mapping[str, Any]) -> str:
    """What lets the player's ghost fight in headless battles; "" where nothing is known of the player."""
    if not player.get("battles"):
        return ""
    name = shlex.quote(str(player["name"])) if player.get("name") else '""'
    return f"cornerman ghost play {name} --game GAME --data FOLDER"


def draw_ghost(sheet: Sheet, command: str) -> None:
    inner = sheet.card("Your ghost, a fighter that plays as you do")
    more = f", or with: {command}" if command else "."
    if rows_in(inner):
        sheet.paragraph(f"It fights where the game offers it{more}", inner, WORDS)
