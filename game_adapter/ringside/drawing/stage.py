"""The battle as it is seen: fighters in the ring with health and state, floating figures, turn order, log.

It shows what a Battle and the Turns say and decides nothing. Healths glide to the battle's; a turn is shown as a clip.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from game_adapter.ringside.battle import Battle, Fighter
from game_adapter.ringside.drawing.animation import FLOAT_S, Clip, Floating, eased, figures, sound_of, towards
from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.icons import COLOURS, draw_icon
from game_adapter.ringside.drawing.sounds import Sounds
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.drawing.theme import (
    BODY,
    CORNERS,
    EDGE,
    GOLD,
    LARGE,
    NIGHT,
    PANEL,
    QUIET,
    SMALL,
    TEXT,
    TITLE,
    health_colour,
    mixed,
)
from game_adapter.ringside.turn import Turn

BOTTOM = 172
"""Units at the bottom that belong to the choice of action and to the log."""
TOP = 57
SPRITE = 226
PLACES = {
    1: ((0.3, 0.58),),
    2: ((0.375, 0.28), (0.185, 0.86)),
    3: ((0.405, 0.1), (0.265, 0.5), (0.115, 0.92)),
}
"""Where a team of so many stands: share of the width, share of the floor's depth. The blue corner is mirrored."""
LOG_KEPT = 40


class Marks(NamedTuple):
    """What the player's choice adds to the picture: who may be aimed at, who is, and what that would do."""

    targets: tuple[int, ...] = ()
    target: int | None = None
    preview: str = ""


class Stage:
    """One battle's picture. `play` starts showing a turn that was just applied; `step` moves time on."""

    def __init__(self, battle: Battle, sprites: Sprites, sounds: Sounds | None = None) -> None:
        self.battle = battle
        self.log: deque[tuple[str, int]] = deque(maxlen=LOG_KEPT)
        self.clip: Clip | None = None
        self.time_s = 0.0
        self.round = battle.round  # the one that is shown: the rules begin the next one before its bell rings
        self._sprites, self._sounds = sprites, sounds
        self._health = [float(fighter.health) for fighter in battle.fighters]  # wanted, follows the clips
        self.shown = list(self._health)
        self._ghost = list(self._health)
        self._floating: list[Floating] = []

    # ----------------------------------------------------------------------------------------------------------- time

    @property
    def busy(self) -> bool:
        """Whether a turn is being shown."""
        return self.clip is not None

    def play(self, turn: Turn) -> None:
        """Starts to show a turn; the one before is finished first."""
        self.skip()
        self.clip = Clip(turn)

    def step(self, dt_s: float) -> None:
        """Moves everything on by so many seconds."""
        self.time_s += dt_s
        if self.clip is not None:
            if self.clip.step(dt_s):
                self._impact(self.clip.turn)
            if self.clip.done:
                self.clip = None
        for i, wanted in enumerate(self._health):
            self.shown[i] = towards(self.shown[i], wanted, dt_s, 12)
            self._ghost[i] = max(self.shown[i], towards(self._ghost[i], wanted, dt_s, 3))
        for floating in self._floating:
            floating.age_s += dt_s
        self._floating = [floating for floating in self._floating if not floating.gone]

    def skip(self) -> None:
        """Ends the turn that is being shown, at once."""
        if self.clip is not None:
            if self.clip.finish():
                self._impact(self.clip.turn)
            self.clip = None

    def settle(self) -> None:
        """Everything at rest, as for a still picture."""
        self.skip()
        self._health = [float(fighter.health) for fighter in self.battle.fighters]
        self.shown, self._ghost = list(self._health), list(self._health)

    def _impact(self, turn: Turn) -> None:
        self.log.append((turn.text(), turn.seat))
        self._floating += figures(turn)
        if turn.target is not None:
            most = self.battle.fighters[turn.target].max_health
            self._health[turn.target] = min(
                max(self._health[turn.target] - turn.damage + turn.healed, 0.0), float(most)
            )
        if self._sounds is not None:
            self._sounds.play(sound_of(turn))

    # --------------------------------------------------------------------------------------------------------- places

    def floor(self, canvas: Canvas) -> tuple[float, float]:
        """The far and the near edge of where feet stand."""
        bottom = canvas.height - BOTTOM
        return bottom - 78, bottom - 14

    def feet(self, canvas: Canvas, index: int) -> tuple[float, float]:
        """Where a fighter stands when nothing moves."""
        fighter = self.battle.fighters[index]
        x, depth = PLACES[self.battle.sizes[fighter.seat]][self.battle.own_slot(index)]
        far, near = self.floor(canvas)
        return canvas.width * (x if fighter.seat == 0 else 1 - x), far + (near - far) * depth

    def body(self, canvas: Canvas, index: int) -> Rect:
        """What the mouse can point at."""
        x, y = self.feet(canvas, index)
        return Rect(round(x) - 56, round(y) - SPRITE + 14, 112, SPRITE - 4)

    def fighter_at(self, canvas: Canvas, position: tuple[float, float]) -> int | None:
        """The nearest fighter under a point, in units."""
        hits = [i for i in range(len(self.battle.fighters)) if self.body(canvas, i).collidepoint(position)]
        return max(hits, key=lambda i: self.feet(canvas, i)[1]) if hits else None

    # -------------------------------------------------------------------------------------------------------- drawing

    def draw(self, canvas: Canvas, marks: Marks | None = None, banner: float | None = None) -> None:
        """Draws the ring, the fighters, who acts next; not the bottom. `banner`: 0 to 1, how far its sign is."""
        marks = marks or Marks()
        ring = self._sprites.ring()
        if ring is None:
            canvas.surface.fill(PANEL)
        else:
            canvas.cover("ring", ring)
        order = sorted(range(len(self.battle.fighters)), key=lambda i: self.feet(canvas, i)[1])
        if banner is not None and banner < 1:
            self._draw_banner(canvas, banner)
        for i in order:
            self._draw_shadow(canvas, i, marks)
        for i in order:
            self._draw_fighter(canvas, i)
        for i in order:
            self._draw_plate(canvas, i, marks)
        for floating in self._floating:
            self._draw_floating(canvas, floating)
        self._draw_order(canvas)

    def _draw_shadow(self, canvas: Canvas, index: int, marks: Marks) -> None:
        x, y = self.feet(canvas, index)
        fighter = self.battle.fighters[index]
        if self.down(index):
            canvas.oval(_oval(x, y, 150, 30), NIGHT, 80)
            return
        canvas.oval(_oval(x, y, 118, 30), NIGHT, 110)
        canvas.oval(_oval(x, y, 124, 34), CORNERS[fighter.seat], 210, 3)
        pulse = 0.5 + 0.5 * math.sin(self.time_s * 6)
        if index in marks.targets:
            canvas.oval(
                _oval(x, y, 142, 42), TEXT if index != marks.target else GOLD, 255, 4 if index == marks.target else 2
            )
        elif index == self.battle.acting and not self.busy:
            canvas.oval(_oval(x, y, 138 + 6 * round(pulse), 40), GOLD, 230, 3)

    def _draw_fighter(self, canvas: Canvas, index: int) -> None:
        fighter = self.battle.fighters[index]
        x, y = self.feet(canvas, index)
        pose = (self.clip.pose(index) if self.clip else None) or self._pose(fighter, index)
        side = 1 if fighter.seat == 0 else -1
        if self.clip is not None and index == self.clip.turn.actor and self.clip.turn.target is not None:
            to_x, to_y = self.feet(canvas, self.clip.turn.target)
            share = self.clip.reach()
            x, y = x + (to_x - side * 96 - x) * share, y + (to_y + 2 - y) * share
        if self.clip is not None and index == self.clip.turn.target:
            x += self.clip.shake()
        if pose in ("idle", "win"):
            y -= 1.5 + 1.5 * math.sin(self.time_s * 3.4 + index * 1.7)
        if fighter.charged and pose == "charge":
            glow = round(2 * math.sin(self.time_s * 7))
            for grown, alpha in ((54, 26), (26, 34)):
                canvas.oval(_oval(x, y - 84, 100 + grown + 4 * glow, 170 + grown), COLOURS["charge"], alpha)
        box = Rect(round(x - SPRITE / 2), round(y - SPRITE + SPRITE * 0.05 / 1.3), SPRITE, SPRITE)
        look = fighter.entry.sprite
        canvas.image((look, pose), self._sprites.fighter(look, pose), box, flip=fighter.seat == 1)

    def down(self, index: int) -> bool:
        """Whether a fighter is seen as fallen by now."""
        return self._health[index] <= 0

    def _pose(self, fighter: Fighter, index: int) -> str:
        if self.down(index):
            return "fallen"
        outcome = self.battle.outcome
        if outcome is not None and not self.busy and outcome[fighter.seat] == 1:
            return "win"
        return "guard" if fighter.guard else "charge" if fighter.charged else "idle"

    def _draw_plate(self, canvas: Canvas, index: int, marks: Marks) -> None:
        """Name, health and state over a fighter's head."""
        fighter = self.battle.fighters[index]
        x, y = self.feet(canvas, index)
        if self.down(index):
            box = _centred(x, y - 96, 34 + round(canvas.text_width(f"{fighter.name} is down", SMALL)), 25)
            canvas.panel(box, NIGHT, mixed(CORNERS[fighter.seat], NIGHT, 0.4), 11, 225)
            canvas.text(f"{fighter.name} is down", box.inflate(-10, -2), SMALL, QUIET, "center")
            return
        top = y - SPRITE - 44 + self._sprites.top(fighter.entry.sprite) * SPRITE / 288
        share = self.shown[index] / fighter.max_health
        box = _centred(x, top, 124, 40)
        edge = GOLD if index == self.battle.acting and not self.busy else mixed(CORNERS[fighter.seat], NIGHT, 0.25)
        canvas.panel(box, NIGHT, edge, 8, 240)
        canvas.text(fighter.name, Rect(box.left + 8, box.top + 3, 62, 20), SMALL, TEXT)
        health = f"{max(0, round(self.shown[index]))}/{fighter.max_health}"
        canvas.text(health, Rect(box.left + 66, box.top + 3, 51, 20), SMALL, QUIET, "right")
        canvas.bar(
            Rect(box.left + 8, box.top + 25, 108, 9),
            share,
            health_colour(share),
            self._ghost[index] / fighter.max_health,
        )
        if self.battle.outcome is None:
            self._draw_states(canvas, fighter, x, top - 26)
        if index == marks.target and marks.preview:
            tip = _centred(x, y + 4, 150, 25)
            canvas.panel(tip, NIGHT, GOLD, 7, 235)
            canvas.text(marks.preview, tip.inflate(-12, -4), SMALL, GOLD, "center")

    def _draw_states(self, canvas: Canvas, fighter: Fighter, x: float, top: float) -> None:
        states = [
            (name, word)
            for name, word, is_so in (
                ("guard", "Guard", fighter.guard),
                ("guard", "Covered", not fighter.guard and self.battle.covers(fighter.seat)),
                ("charge", "Charged", fighter.charged),
                ("exposed", "Exposed", fighter.exposed),
            )
            if is_so
        ]
        widths = [28 + round(canvas.text_width(word, SMALL)) for _name, word in states]
        left = round(x) - (sum(widths) + 4 * (len(widths) - 1)) // 2
        for (name, word), width in zip(states, widths, strict=True):
            box = Rect(left, round(top), width, 23)
            canvas.panel(box, NIGHT, COLOURS[name], 11, 225)
            draw_icon(canvas, name, Rect(box.left + 6, box.top + 5, 13, 13))
            canvas.text(word, Rect(box.left + 21, box.top + 1, width - 25, 21), SMALL, COLOURS[name])
            left += width + 4

    def _draw_floating(self, canvas: Canvas, floating: Floating) -> None:
        if floating.age_s < 0:
            return
        x, y = self.feet(canvas, floating.fighter)
        beside = -16 if self.battle.fighters[floating.fighter].seat == 0 else 16
        top = y - SPRITE * 0.68 - floating.rise + (26 if floating.size < 34 else 0)
        alpha = round(255 * min(1.0, (FLOAT_S - floating.age_s) / 0.3))
        canvas.text(
            floating.text, _centred(x + beside, top, 170, 44), floating.size, floating.colour, "center", max(1, alpha)
        )

    def _draw_order(self, canvas: Canvas) -> None:
        """Who acts in this round, then, smaller, who acts in the next."""
        battle = self.battle
        if battle.outcome is not None:
            return
        queue = [(i, True) for i in battle.order] + [(i, False) for i in battle.next_order]
        queue = queue[:7]
        following = sum(not now for _i, now in queue)
        width = 50 + 44 * (len(queue) - following - 1) + 38 * following + 42 * bool(following)
        left = canvas.width // 2 - width // 2
        canvas.panel(Rect(left - 8, 4, width + 10, 52), NIGHT, None, 12, 190)
        for place, (i, now) in enumerate(queue):
            fighter = battle.fighters[i]
            size = 44 if place == 0 else 38 if now else 32
            if place and queue[place - 1][1] and not now:
                canvas.text("next", Rect(left, 20, 38, 20), SMALL, QUIET, "center")
                left += 42
            box = Rect(left, 30 - size // 2, size, size)
            edge = GOLD if place == 0 else CORNERS[fighter.seat]
            canvas.panel(box, mixed(CORNERS[fighter.seat], NIGHT, 0.62 if now else 0.78), edge, 9)
            look = fighter.entry.sprite
            inner = box.inflate(-6, -6)
            canvas.image((look, "head"), self._sprites.portrait(look), inner, flip=fighter.seat == 1)
            left += size + 6

    def draw_corners(self, canvas: Canvas, red: str, blue: str) -> None:
        """The round at the top left, and who controls which corner."""
        box = Rect(10, 9, 196, 42)
        canvas.panel(box, NIGHT, EDGE, 10, 205)
        most = self.battle.rules.rounds
        canvas.text(f"Round {self.round} of {most}", Rect(box.left + 12, box.top + 2, 172, 38), LARGE, TEXT)
        box = Rect(canvas.width - 206, 9, 196, 42)
        canvas.panel(box, NIGHT, EDGE, 10, 205)
        for row, (name, colour) in enumerate(((red, CORNERS[0]), (blue, CORNERS[1]))):
            canvas.oval(Rect(box.left + 12, box.top + 8 + row * 18, 9, 9), colour, 255)
            canvas.text(name, Rect(box.left + 28, box.top + 3 + row * 18, 160, 19), SMALL, TEXT)

    def draw_card(self, canvas: Canvas, box: Rect, index: int) -> None:
        """Who a fighter is: stats, state and a line of character."""
        fighter = self.battle.fighters[index]
        entry = fighter.entry
        canvas.panel(box, PANEL, CORNERS[fighter.seat], 10, 246)
        inner = box.inflate(-28, -20)
        portrait = Rect(inner.right - 58, inner.top, 58, 58)
        canvas.panel(portrait, mixed(CORNERS[fighter.seat], NIGHT, 0.6), CORNERS[fighter.seat], 9)
        head = self._sprites.portrait(entry.sprite)
        canvas.image((entry.sprite, "head"), head, portrait.inflate(-6, -6), flip=fighter.seat == 1)
        corner = ("red", "blue")[fighter.seat]
        canvas.text(f"{fighter.name}, {corner} corner", Rect(inner.left, inner.top, 220, 26), BODY, GOLD)
        stats = (
            ("health", fighter.health),
            ("attack", fighter.attack),
            ("defense", fighter.defense),
            ("speed", fighter.speed),
        )
        for place, (name, value) in enumerate(stats):
            left = inner.left + place * 64
            canvas.text(str(value), Rect(left, inner.top + 28, 58, 24), BODY, TEXT)
            canvas.text(name, Rect(left, inner.top + 49, 58, 20), SMALL, QUIET)
        words = f"{entry.line} Mends left: {fighter.mends}."
        canvas.paragraph(words, Rect(inner.left, inner.top + 80, inner.width, inner.height - 78), SMALL, TEXT)

    def _draw_banner(self, canvas: Canvas, share: float) -> None:
        """The round in big letters, between the order of turns and the fighters; it comes and goes."""
        words = "Round 1: fight!" if self.round == 1 else f"Round {self.round}"
        slide = round((1 - eased(share * 4)) * -90 + eased(max(0.0, share - 0.75) * 4) * 140)
        box = Rect(canvas.width // 2 - 260 + slide, TOP, 520, 27)
        canvas.text(words, box, TITLE, GOLD, "center", edge=255)

    def draw_log(self, canvas: Canvas, box: Rect) -> None:
        """The last turns, the newest at the bottom."""
        canvas.panel(box, PANEL, EDGE, 10, 240)
        row = canvas.line_height(SMALL) + 3
        lines = max(1, (box.height - 14) // row)
        width = box.width - 38
        shown: list[tuple[str, int, bool]] = []  # line, seat, whether it is a turn's first
        for text, seat in list(self.log)[-lines:]:
            broken = canvas.wrapped(text, width, SMALL)
            shown += [(line, seat, first == 0) for first, line in enumerate(broken)]
        newest = len(canvas.wrapped(self.log[-1][0], width, SMALL)) if self.log else 0
        shown = shown[-lines:]
        while shown and not shown[0][2]:  # the rest of a sentence that begins above the box
            shown.pop(0)
        for place, (text, seat, first) in enumerate(shown):
            line = Rect(box.left + 26, box.top + 7 + place * row, width + 4, row)
            if first:
                canvas.oval(Rect(box.left + 12, line.centery - 4, 8, 8), CORNERS[seat], 255)
            canvas.text(text, line, SMALL, TEXT if place >= len(shown) - newest else QUIET)
        if not shown:
            canvas.text(
                "The bell rings." if self.battle.round == 1 else f"Round {self.battle.round}.",
                Rect(box.left + 12, box.top + 8, box.width - 22, row),
                BODY,
                QUIET,
            )


def _centred(x: float, top: float, width: int, height: int) -> Rect:
    return Rect(round(x) - width // 2, round(top), width, height)


def _oval(x: float, y: float, width: int, height: int) -> Rect:
    return Rect(round(x) - width // 2, round(y) - height // 2, width, height)
