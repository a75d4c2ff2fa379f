"""Panel in the game's debug menu: switches, the difficulty dial, and the figures of recording, learning and judging.

It fills whatever surface it is given, from 420x380 pixels up, and reads only plain data. pygame (or pygame-ce, which
has the same name) is imported when the first picture is drawn, never before. The game's thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from cornerman.panel.lettering import Box, Colour, Lettering, Written
from cornerman.panel.panel_text import BUFFER, LOSS, ago, figures_of, habits_of, messages_of, part_of, rejected_of

if TYPE_CHECKING:
    import pygame

PAPER: Colour = (24, 27, 54)
FIELD: Colour = (38, 43, 82)
LINE: Colour = (70, 78, 132)
WORDS: Colour = (240, 240, 250)
QUIET: Colour = (172, 178, 210)
GOLD: Colour = (246, 200, 92)
FOCUSED: Colour = (90, 82, 84)  # a quarter gold
GOOD: Colour = (104, 214, 138)
BAD: Colour = (244, 92, 88)
MOODS: Mapping[str, Colour] = {"new": GOLD, "good": GOOD, "bad": BAD, "quiet": QUIET, "plain": WORDS}

LEAST_WIDTH, LEAST_HEIGHT = 420, 380
CURVE_LENGTH = 64
"""How many recent values of the loss the panel keeps for its curve."""
REJECTED_LINES = 3
"""The message about rejected records takes at most so many lines, so that others have room."""

PLUGIN, RECORDING, LEARNING, DIFFICULTY, FORGET, ROLL_BACK = range(6)
ROWS = ("Plugin", "Recording", "Learning", "Difficulty", "Forget what was learned", "Back to the last version: B")


class Controls(Protocol):
    """What the panel may change; a text that is returned is a message for the player."""

    def set_on(self, on: bool) -> None: ...
    def set_recording(self, on: bool) -> None: ...
    def set_learning(self, on: bool) -> None: ...
    def set_difficulty(self, level: int) -> None: ...
    def take_in(self) -> str: ...
    def forget(self) -> str: ...
    def roll_back(self) -> str: ...


class Panel:
    """Draws the panel and takes its input."""

    def __init__(self, controls: Controls, report: Callable[[], Mapping[str, Any]]) -> None:
        self.row = PLUGIN
        self.asking = False  # "forget" was chosen once and asks for a second time
        self.answer = ""
        self._controls, self._report = controls, report
        self._losses: deque[float] = deque(maxlen=CURVE_LENGTH)
        self._steps = -1
        self._hits: dict[int, Box] = {}  # in the window's pixels, as mouse events are
        self._lettering = Lettering()
        self._scale = 1.0

    def event(self, event: pygame.event.Event) -> bool:
        """Handle a key or mouse event; True: it was for the panel. One without its usual attributes is not."""
        import pygame

        kind = getattr(event, "type", None)
        if kind == pygame.KEYDOWN:
            return self._key(getattr(event, "key", None))
        position = getattr(event, "pos", None)
        if kind not in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN) or not _is_position(position):
            return False
        row = next((row for row, box in self._hits.items() if _inside(box, position)), None)
        if row is None:
            return False
        if row != self.row:
            self.row, self.asking = row, False
        if kind == pygame.MOUSEBUTTONDOWN and getattr(event, "button", None) in (1, 3):
            left, _top, width, _height = self._hits[row]
            if row == DIFFICULTY:
                levels = len(self._levels())
                self._set_level(1 + int((position[0] - left) * levels / max(width, 1)))
            else:
                self._choose()
        return True

    def _key(self, key: object) -> bool:
        import pygame

        if key in (pygame.K_UP, pygame.K_DOWN):
            self.row = (self.row + (1 if key == pygame.K_DOWN else -1)) % len(ROWS)
            self.asking = False
        elif key in (pygame.K_LEFT, pygame.K_RIGHT):
            if self.row == DIFFICULTY:
                self._set_level(self._level() + (1 if key == pygame.K_RIGHT else -1))
            elif self.row < DIFFICULTY:
                self._switch(self.row, key == pygame.K_RIGHT)
        elif key in (pygame.K_RETURN, pygame.K_KP_ENTER, pygame.K_SPACE):
            self._choose()
        elif key == pygame.K_i:
            self.answer = self._controls.take_in()
        elif key == pygame.K_b:
            self.answer = self._controls.roll_back()
        elif key == pygame.K_ESCAPE and self.asking:
            self.asking = False
        else:
            return False
        return True

    def _choose(self) -> None:
        """Activate the row in focus, after Enter, Space or a click."""
        self.answer = ""
        if self.row < DIFFICULTY:
            self._switch(self.row, not self._is_on(self.row))
        elif self.row == DIFFICULTY:
            self._set_level(self._level() % len(self._levels()) + 1)
        elif self.row == ROLL_BACK:
            self.answer = self._controls.roll_back()
        elif self.asking:
            self.asking = False
            self.answer = self._controls.forget()
            self._losses.clear()
        else:
            self.asking = True

    def _switch(self, row: int, on: bool) -> None:
        controls = self._controls
        (controls.set_on, controls.set_recording, controls.set_learning)[row](on)

    def _is_on(self, row: int) -> bool:
        return bool(part_of(self._report(), "plugin").get(("on", "recording", "learning")[row], False))

    def _level(self) -> int:
        return int(part_of(self._report(), "difficulty").get("level", 1))

    def _levels(self) -> Sequence[str]:
        return part_of(self._report(), "difficulty").get("levels") or ("1", "2", "3", "4", "5")

    def _set_level(self, level: int) -> None:
        self._controls.set_difficulty(min(max(level, 1), len(self._levels())))

    def draw(self, surface: pygame.Surface) -> None:
        """Draw the panel over the whole surface, which may be a part of the window: mouse events find the rows."""
        report = self._report()
        self._keep_loss(report)
        width, height = surface.get_size()
        self._scale = max(1.0, min(width / LEAST_WIDTH, height / LEAST_HEIGHT))
        with self._lettering.picture(self._scale):
            self._draw(surface, report, width, height)

    @property
    def written(self) -> list[Written]:
        return self._lettering.written

    def _draw(self, surface: pygame.Surface, report: Mapping[str, Any], width: int, height: int) -> None:
        self._hits.clear()
        surface.fill(PAPER)
        pad, row = self._px(10), self._px(25)
        middle = int(width * 0.41)
        self._draw_rows(surface, report, (pad, pad, middle - 2 * pad, 8 * row))
        self._draw_figures(surface, report, (middle, pad, width - middle - pad, 8 * row))
        top = pad + 8 * row + pad // 2
        self._draw_messages(surface, report, (pad, top, width - 2 * pad, height - top - pad // 2))

    def _px(self, units: float) -> int:
        return round(units * self._scale)

    def _keep_loss(self, report: Mapping[str, Any]) -> None:
        """Keep the loss for the curve if there was a learning step since the last picture."""
        learner = part_of(report, "learner")
        loss, steps = learner.get("loss"), int(learner.get("steps") or 0)
        if isinstance(loss, float) and steps != self._steps:
            self._losses.append(loss)
        self._steps = steps

    def _fill(self, surface: pygame.Surface, colour: Colour, box: Box, radius: int = 0, line: int = 0) -> None:
        """Draw a box with round corners: filled, or with `line` as its outline of so many pixels."""
        import pygame

        pygame.draw.rect(surface, colour, box, line, border_radius=radius)

    def _draw_rows(self, surface: pygame.Surface, report: Mapping[str, Any], box: Box) -> None:
        """The switches, the dial and the two buttons, one below the other."""
        left, top, width, _height = box
        row, gap = self._px(25), self._px(3)
        y = top
        for index, name in enumerate(ROWS):
            height = 2 * row - gap if index == DIFFICULTY else row - gap
            place = (left, y, width, height)
            self._frame(surface, index, place)
            inner = (left + self._px(9), y, width - self._px(18), row - gap)
            if index < DIFFICULTY:
                on = bool(part_of(report, "plugin").get(("on", "recording", "learning")[index], False))
                self._lettering.text(surface, name, inner, WORDS)
                self._draw_switch(surface, inner, on)
            elif index == DIFFICULTY:
                self._draw_dial(surface, report, inner)
            elif index == FORGET and self.asking:
                self._lettering.text(surface, "Really? Once more: forget", inner, BAD, "middle")
            else:
                self._lettering.text(surface, name, inner, WORDS, "middle")
            y += height + gap

    def _frame(self, surface: pygame.Surface, row: int, place: Box) -> None:
        """Draw a row's field, gold when in focus, and keep its place for mouse events."""
        left, top, width, height = place
        offset = surface.get_abs_offset()
        self._hits[row] = (left + offset[0], top + offset[1], width, height)
        focused = row == self.row
        self._fill(surface, FOCUSED if focused else FIELD, place, self._px(6))
        self._fill(surface, GOLD if focused else LINE, place, self._px(6), max(1, self._px(1)))

    def _draw_switch(self, surface: pygame.Surface, inner: Box, on: bool) -> None:
        import pygame

        left, top, width, height = inner
        wide, high = self._px(26), self._px(13)
        start, y = left + width - wide, top + (height - high) // 2
        self._fill(surface, GOOD if on else (84, 88, 120), (start, y, wide, high), high // 2)
        knob = start + wide - high // 2 if on else start + high // 2
        pygame.draw.circle(surface, WORDS, (knob, y + high // 2), high // 2 - 1)
        words = (left, top, width - wide - self._px(6), height)
        self._lettering.text(surface, "on" if on else "off", words, GOOD if on else QUIET, "right")

    def _draw_dial(self, surface: pygame.Surface, report: Mapping[str, Any], inner: Box) -> None:
        left, top, width, height = inner
        difficulty = part_of(report, "difficulty")
        level, levels = int(difficulty.get("level") or 1), self._levels()
        self._lettering.text(surface, "Difficulty", inner, WORDS)
        self._lettering.text(surface, str(difficulty.get("name", "")), inner, GOLD, "right")
        each = width / max(len(levels), 1)
        for step in range(len(levels)):
            tall = self._px(6 + 2.2 * step)
            place = (left + round(step * each) + 1, top + height + self._px(20) - tall, round(each) - self._px(3), tall)
            self._fill(surface, GOLD if step < level else LINE, place, self._px(2))

    def _draw_figures(self, surface: pygame.Surface, report: Mapping[str, Any], box: Box) -> None:
        left, top, width, height = box
        figures = figures_of(report)
        row = height / len(figures)
        label = int(width * 0.38)
        for index, (name, value, mood) in enumerate(figures):
            y, high = top + round(index * row), round(row)
            self._lettering.text(surface, name, (left, y, label - self._px(6), high), QUIET)
            room = width - label
            if name == LOSS and len(self._losses) > 1:
                room = round(room * 0.42)
                self._draw_curve(
                    surface, (left + label + room, y + self._px(3), width - label - room, high - self._px(6))
                )
            if name == BUFFER:
                fill = part_of(report, "replay")
                share = int(fill.get("fill") or 0) / max(int(fill.get("capacity") or 1), 1)
                room = round(room * 0.72)
                bar = (left + label + room, y + high // 2 - self._px(3), width - label - room, self._px(6))
                self._fill(surface, FIELD, bar, bar[3] // 2)
                self._fill(surface, GOOD, (*bar[:2], round(bar[2] * min(max(share, 0.0), 1.0)), bar[3]))
            self._lettering.text(surface, value, (left + label, y, room, high), MOODS[mood])

    def _draw_curve(self, surface: pygame.Surface, box: Box) -> None:
        import pygame

        left, top, width, height = box
        low, last = min(self._losses), len(self._losses) - 1
        span = (max(self._losses) - low) or 1.0
        points = [
            (left + round(i * (width - 1) / last), top + height - 1 - round((loss - low) / span * (height - 1)))
            for i, loss in enumerate(self._losses)
        ]
        pygame.draw.lines(surface, GOLD, False, points, max(1, self._px(1)))

    def _draw_messages(self, surface: pygame.Surface, report: Mapping[str, Any], box: Box) -> None:
        """Draw as many messages as fit: the last answer, the notice, rejected records, what is waited for, the newest
        event, the player's habits, the other events."""
        import pygame

        left, top, width, height = box
        pygame.draw.line(surface, LINE, (left, top), (left + width, top), max(1, self._px(1)))
        notice = str(part_of(report, "plugin").get("notice") or "")
        messages = [(self.answer, GOLD), (notice, GOLD), (rejected_of(report), BAD)]
        messages += [(message, WORDS) for message in messages_of(report)]
        shown = (notice, report.get("device_why"))
        events = [event for event in report.get("events") or () if event.get("text") not in shown]
        told = [(f"{ago(float(event.get('age_s') or 0))}: {event.get('text', '')}", QUIET) for event in events]
        messages += [*told[:1], *((habit, WORDS) for habit in habits_of(report)), *told[1:]]
        lines: list[tuple[str, Colour]] = []
        for message, colour in messages:
            wrapped = self._lettering.wrapped(message, width) if message else []
            lines += [(line, colour) for line in wrapped[: REJECTED_LINES if colour == BAD else None]]
        high = self._px(17)
        y = top + self._px(5)
        room = max(0, (top + height - y) // high)
        if 0 < room < len(lines) and not lines[room - 1][0].endswith("."):
            lines[room - 1] = f"{lines[room - 1][0]} ...", lines[room - 1][1]
        for line, colour in lines[:room]:
            self._lettering.text(surface, line, (left, y, width, high), colour)
            y += high


def _is_position(position: Any) -> TypeGuard[Sequence[int]]:
    return isinstance(position, Sequence) and len(position) == 2 and all(isinstance(at, int | float) for at in position)


def _inside(box: Box, position: Sequence[int]) -> bool:
    return box[0] <= position[0] < box[0] + box[2] and box[1] <= position[1] < box[1] + box[3]
