"""The player's choice: which skill, on whom. It offers what the rules allow and explains it; it applies nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pygame

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, STRIKE, Battle
from game_adapter.ringside.blows import mended
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.icons import draw_icon
from game_adapter.ringside.drawing.stage import BOTTOM, Marks
from game_adapter.ringside.drawing.theme import BODY, EDGE, GOLD, PANEL, PANEL_LIGHT, QUIET, SMALL, TEXT, mixed
from game_adapter.ringside.encoding import ACTION_NAMES
from game_adapter.ringside.opponents import blow

SKILLS = (("strike", STRIKE), ("heavy", HEAVY), ("guard", GUARD), ("mend", MEND), ("charge", CHARGE))
"""Every skill and its first action; the keys 1 to 5 in this order."""
AIMED = ("strike", "heavy", "mend")
HOW = "1 to 5, arrows and Enter, or click"
HOW_TO_AIM = "arrows and Enter, or click; Esc: another"
FORWARD = (pygame.K_RIGHT, pygame.K_DOWN, pygame.K_TAB, pygame.K_d, pygame.K_s)
BACKWARD = (pygame.K_LEFT, pygame.K_UP, pygame.K_a, pygame.K_w)
CONFIRM = (pygame.K_RETURN, pygame.K_KP_ENTER, pygame.K_SPACE)
BACK = (pygame.K_ESCAPE, pygame.K_BACKSPACE)


class Commands:
    """The choice of the fighter whose turn it is. Call `reset` when a new turn begins."""

    def __init__(self, battle: Battle) -> None:
        self.battle = battle
        self.skill = 0
        self.aiming = False
        self.target: int | None = None
        self.warning = ""

    def reset(self) -> None:
        """A new decision: nothing aimed at, the first skill in focus."""
        self.skill, self.aiming, self.target, self.warning = 0, False, None, ""

    # ---------------------------------------------------------------------------------------------------- what is legal

    @property
    def name(self) -> str:
        """The skill in focus."""
        return SKILLS[self.skill][0]

    def legal(self, skill: int) -> bool:
        """Whether the acting fighter may use a skill on anyone."""
        first = SKILLS[skill][1]
        mask = self.battle.action_mask()
        return any(mask[first : first + (3 if SKILLS[skill][0] in AIMED else 1)])

    def targets(self) -> tuple[int, ...]:
        """The fighters that the skill in focus may be aimed at."""
        battle, (name, first) = self.battle, SKILLS[self.skill]
        if name not in AIMED or battle.acting is None:
            return ()
        seat = battle.fighters[battle.acting].seat
        wanted = seat if name == "mend" else 1 - seat
        mask = battle.action_mask()
        return tuple(
            i
            for i, fighter in enumerate(battle.fighters)
            if fighter.seat == wanted and mask[first + battle.own_slot(i)]
        )

    def action(self) -> int | None:
        """The action index of the choice as it stands; None while a target is missing or it is not allowed."""
        first = SKILLS[self.skill][1]
        if self.name not in AIMED:
            return first if self.legal(self.skill) else None
        if self.target is None or self.target not in self.targets():
            return None
        return first + self.battle.own_slot(self.target)

    # ----------------------------------------------------------------------------------------------------------- input

    def key(self, key: int) -> int | None:
        """A pressed key; returns the action once it is chosen. Esc with nothing to go back from is the screen's."""
        number = key - pygame.K_1 if pygame.K_1 <= key <= pygame.K_5 else None
        if self.aiming:
            return self._aim_key(key, number)
        if number is not None:
            self.focus(number)
            return self.confirm()
        if key in FORWARD or key in BACKWARD:
            self.focus((self.skill + (1 if key in FORWARD else -1)) % len(SKILLS))
        return self.confirm() if key in CONFIRM else None

    def _aim_key(self, key: int, number: int | None) -> int | None:
        targets = self.targets()
        if number is not None and number < len(targets):
            self.target = targets[number]
            return self.action()
        if key in FORWARD or key in BACKWARD:
            at = targets.index(self.target) if self.target in targets else 0
            self.target = targets[(at + (1 if key in FORWARD else -1)) % len(targets)]
        if key in BACK:
            self.aiming, self.target = False, None
        return self.action() if key in CONFIRM else None

    def focus(self, skill: int) -> None:
        """Looks at a skill: its tip is shown."""
        if skill != self.skill:
            self.skill, self.aiming, self.target, self.warning = skill, False, None, ""

    def confirm(self) -> int | None:
        """Takes the skill in focus: its action if nobody, or only one, can be aimed at; else aiming begins."""
        if not self.legal(self.skill):
            self.warning = self._why_not()
            return None
        targets = self.targets()
        if self.name in AIMED:
            self.target = self.target if self.target in targets else targets[0]
            if len(targets) > 1:
                self.aiming = True
                return None
        return self.action()

    def point(self, canvas: Canvas, position: tuple[float, float], over: int | None) -> None:
        """The mouse moved; `over` is the fighter under it."""
        skill = self.skill_at(canvas, position)
        if skill is not None and not self.aiming:
            self.focus(skill)
        elif over in self.targets():
            self.target = over
        elif not self.aiming:
            self.target = None

    def click(self, canvas: Canvas, position: tuple[float, float], over: int | None) -> int | None:
        """A click on a skill or on a fighter; returns the action once it is chosen."""
        skill = self.skill_at(canvas, position)
        if skill is not None:
            if skill == self.skill and self.aiming:
                return None
            self.focus(skill)
            return self.confirm()
        if over is not None and over in self.targets():
            self.target = over
            return self.action()
        return None

    def _why_not(self) -> str:
        actor = self.battle.fighters[self.battle.acting or 0]
        if self.name == "mend":
            return f"{actor.name} has no mends left." if not actor.mends else "Nobody in your corner is hurt."
        return f"{actor.name} is charged already: strike!" if self.name == "charge" else "Not possible now."

    # ----------------------------------------------------------------------------------------------------------- words

    def tip(self) -> str:
        """What the skill in focus does, with the numbers of the rules."""
        return self.battle.rules.skills[self.name].tip

    def named(self, action: int) -> str:
        """An action of the acting fighter in words, e.g. "Heavy strike on Dorn"."""
        name, first = next((name, first) for name, first in reversed(SKILLS) if action >= first)
        title, acting = self.battle.rules.skills[name].title, self.battle.acting
        if name not in AIMED or acting is None:
            return title
        seat = self.battle.fighters[acting].seat
        team = [fighter for fighter in self.battle.fighters if (fighter.seat == seat) == (name == "mend")]
        return f"{title} on {team[action - first].name}"

    def advice(self, hint: Mapping[str, Any]) -> tuple[str, str]:
        """A plugin's hint (`Host.hint`) in words: what to do, and why."""
        chances = {ACTION_NAMES.index(each["name"]): each["win"] for each in hint["actions"]}
        best = hint["action"]
        others = [action for action in chances if action != best]
        why = f"It counts on winning {chances[best]:.0%} of battles from there"
        if others:
            second = max(others, key=chances.__getitem__)
            why += f", and {chances[second]:.0%} after {self.named(second)}, the next best"
        return self.named(best), f"{why}."

    def preview(self, target: int | None) -> str:
        """What the skill in focus would do to a fighter, short enough for a label."""
        if target is None or self.battle.acting is None or target not in self.targets():
            return ""
        actor, fighter = self.battle.fighters[self.battle.acting], self.battle.fighters[target]
        if self.name == "mend":
            return f"+{mended(self.battle.rules, fighter.health, fighter.max_health)} health"
        landing, damage = blow(
            self.battle.rules, actor, fighter, self.name == "heavy", self.battle.covers(fighter.seat)
        )
        return f"{landing} %, about -{min(round(damage), fighter.health)}"

    def marks(self) -> Marks:
        """What to show in the ring."""
        if self.name not in AIMED:
            return Marks()
        return Marks(self.targets(), self.target, self.preview(self.target))

    # --------------------------------------------------------------------------------------------------------- drawing

    def width(self, canvas: Canvas) -> int:
        """Units that the choice takes at the bottom left."""
        return round(canvas.width * 0.615)

    def button(self, canvas: Canvas, skill: int) -> Rect:
        """Where a skill's button is, in units."""
        gap, left = 6, 20
        each = (self.width(canvas) - 20 - gap * (len(SKILLS) - 1)) // len(SKILLS)
        return Rect(left + skill * (each + gap), canvas.height - BOTTOM + 18, each, 52)

    def chips(self, canvas: Canvas, number: int) -> list[Rect]:
        """Where so many chips are, in a row below the tip."""
        each = (self.width(canvas) - 20) // number
        return [Rect(20 + place * each, canvas.height - 39, each - 6, 24) for place in range(number)]

    def skill_at(self, canvas: Canvas, position: tuple[float, float]) -> int | None:
        """The skill whose button is under a point."""
        return next((i for i in range(len(SKILLS)) if self.button(canvas, i).collidepoint(position)), None)

    def draw(self, canvas: Canvas, active: bool, waiting: str = "") -> None:
        """Draws the buttons and the tip; greyed while somebody else chooses, with `waiting` in the tip's place."""
        box = Rect(10, canvas.height - BOTTOM + 8, self.width(canvas), BOTTOM - 18)
        canvas.panel(box, PANEL, GOLD if active else EDGE, 10, 240)
        for skill in range(len(SKILLS)):
            self._draw_button(canvas, skill, active)
        words = Rect(box.left + 14, box.top + 66, box.width - 28, 58)
        if active:
            self._draw_tip(canvas, words)
            return
        canvas.text(waiting, Rect(words.left, words.top, words.width, 26), BODY, QUIET)
        faster = Rect(words.left, words.top + 28, words.width, 24)
        canvas.text("Any key or a click: faster", faster, SMALL, mixed(QUIET, PANEL, 0.3))

    def _draw_tip(self, canvas: Canvas, words: Rect) -> None:
        if self.warning:
            canvas.text(self.warning, Rect(words.left, words.top, words.width, 22), BODY, GOLD)
            return
        actor = self.battle.fighters[self.battle.acting or 0]
        whom = f" on {self.battle.fighters[self.target].name}" if self.target is not None else ""
        title = f"{actor.name}: {self.battle.rules.skills[self.name].title}{whom}{' ?' if self.aiming else ''}"
        half = words.width * 11 // 20
        canvas.text(title, Rect(words.left, words.top - 2, half, 22), BODY, GOLD)
        how = Rect(words.left + half + 8, words.top - 2, words.width - half - 8, 22)
        canvas.text(HOW_TO_AIM if self.aiming else HOW, how, SMALL, mixed(QUIET, PANEL, 0.3), "right")
        canvas.paragraph(self.tip(), Rect(words.left, words.top + 20, words.width, 38), SMALL, TEXT)

    def _draw_button(self, canvas: Canvas, skill: int, active: bool) -> None:
        box, name = self.button(canvas, skill), SKILLS[skill][0]
        usable = active and self.legal(skill)
        focused = active and skill == self.skill
        fill = mixed(PANEL_LIGHT, GOLD, 0.22) if focused else PANEL_LIGHT
        canvas.panel(box, fill if usable or focused else mixed(PANEL, PANEL_LIGHT, 0.3), GOLD if focused else EDGE, 8)
        draw_icon(canvas, name, Rect(box.centerx - 11, box.top + 5, 22, 22), dim=not usable)
        title = self.battle.rules.skills[name].title
        if name == "mend" and self.battle.acting is not None:
            title += f" x{self.battle.fighters[self.battle.acting].mends}"
        colour = TEXT if usable else mixed(QUIET, PANEL, 0.5)
        canvas.text(title, Rect(box.left + 4, box.top + 28, box.width - 8, 22), SMALL, colour, "center")
        canvas.text(str(skill + 1), Rect(box.left + 7, box.top + 3, 14, 18), SMALL, GOLD if usable else colour)
