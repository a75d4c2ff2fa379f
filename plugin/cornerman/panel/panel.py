"""Panel: six pages over the game's picture, by keys, mouse or gamepad.

It fills whatever surface it is given, from 420x380 pixels up, and reads only plain data. The picture is kept: the
report is looked at a few times a second and after input, and what changed is drawn again, a part a frame. pygame (or
pygame-ce, which has the same name) is imported when the first picture is drawn, never before. The game's thread only.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from cornerman.panel.input import ENTER, ESCAPE, IMPORT, NEXT, PREVIOUS, ROLL_BACK, STEPS, Input
from cornerman.panel.lettering import Lettering
from cornerman.panel.page import Controls, Page, Part
from cornerman.panel.pages.machine import Machine
from cornerman.panel.pages.mind import Mind
from cornerman.panel.pages.overview import Overview
from cornerman.panel.pages.strength import Strength
from cornerman.panel.pages.versions import Versions
from cornerman.panel.pages.you import You
from cornerman.panel.sheet import CARD, FIELD, GOLD, LETTER_WIDTH, LINE, PAPER, QUIET, ROW, Box, Sheet, Written

if TYPE_CHECKING:
    import pygame

LEAST_WIDTH, LEAST_HEIGHT = 420.0, 380.0
GROWTH = 0.8
"""A surface so many times larger is given text larger by this power of it, and more room for the rest."""
REFRESH_S = 0.25
"""How old the report that is shown may be."""
MARGIN, TAB_HEIGHT = 8.0, 24.0
HELP = "1 to 6, Tab: pages; arrows, Enter: choose; I: import; B: roll back"
NO_ROOM = (
    f"Enlarge the window: the panel needs {LEAST_WIDTH:.0f} x {LEAST_HEIGHT:.0f} pixels",
    "Enlarge the window",
    "Enlarge",
)
"""What it says in place of its pages, the longest that fits."""
ANSWER_LINES = 3
"""An answer takes at most so many lines."""


class Drawn(NamedTuple):
    """A part as it is in the picture."""

    part: Part
    focused: bool
    asking: bool
    written: Sequence[Written] = ()

    def differs(self, before: Drawn | None) -> bool:
        """Whether it looks different from how it was drawn."""
        marks = self.focused, self.asking
        return before is None or (before.focused, before.asking) != marks or before.part.data != self.part.data


class Panel:
    """Draws the panel and takes its input."""

    def __init__(self, controls: Controls, report: Callable[[], Mapping[str, Any]], headless: bool = True) -> None:
        """`headless`: the game offers headless battles."""
        self.answer = ""
        """What the player's last command was answered with."""
        self._event_before = ""  # the newest one when that command was given
        self._lines = 1  # of the answer, the most since the page was turned to
        self._controls, self._report = controls, report
        pages = Overview(controls), Strength(), Mind(), You(controls, headless), Versions(controls), Machine()
        self._pages: Sequence[Page] = pages
        self._page: Page = self._pages[0]
        self._focus: dict[str, str] = {}  # page -> part
        self._asking = False  # the part in focus was pressed once and asks for a second time
        self._input, self._lettering = Input(), Lettering()
        self._box, self._scale, self._offset = Box(0, 0, LEAST_WIDTH, LEAST_HEIGHT), 1.0, (0, 0)
        self._picture: pygame.Surface | None = None
        self._drawn: dict[str, Drawn] = {}
        self._waiting = deque[Drawn]()  # to be drawn again, one a frame
        self._stale_at = 0.0

    @property
    def written(self) -> list[Written]:
        """The texts of the picture."""
        return [written for drawn in self._drawn.values() for written in drawn.written]

    @property
    def shown(self) -> tuple[str, str]:
        """Titles of the page and of the part in focus."""
        return self._page.title, self._focus.get(self._page.title, "")

    @property
    def _fits(self) -> bool:
        return self._box.width >= LEAST_WIDTH and self._box.height >= LEAST_HEIGHT

    # -------------------------------------------------------------------------------------------------------- drawing

    def draw(self, surface: pygame.Surface) -> None:
        """Draw the panel over the whole surface, which may be a part of the window: mouse events find its parts."""
        import pygame

        size = surface.get_size()
        self._offset = surface.get_abs_offset()
        if self._picture is None or self._picture.get_size() != size:
            self._picture = pygame.Surface(size)
            grown = min(size[0] / LEAST_WIDTH, size[1] / LEAST_HEIGHT)
            self._scale = max(1.0, grown**GROWTH)
            self._box = Box(0, 0, size[0] / self._scale, size[1] / self._scale)
            self._drawn.clear()
            self._stale_at = 0.0
        try:
            self._refresh(self._picture)
        except Exception:  # the host says what failed; a page that cannot be drawn must not stay the one that is shown
            self._turn(0)
            self._stale_at = 0.0
            raise
        surface.blit(self._picture, (0, 0))

    def _refresh(self, picture: pygame.Surface) -> None:
        """Draw what changed, all of it or a part a frame."""
        if (now := time.monotonic()) >= self._stale_at:
            at_once = not self._stale_at or len(self._waiting) > 0  # after input, and where frames are rare
            self._stale_at = now + REFRESH_S
            self._waiting = self._changed(picture, self._parts(self._report()))
            moved = not self._drawn  # until it is drawn again, nothing stands there to be clicked
            self._draw_waiting(picture, len(self._waiting) if at_once or moved else 0)
        elif self._waiting:
            self._draw_waiting(picture, 1)

    def _changed(self, picture: pygame.Surface, parts: Sequence[Part]) -> deque[Drawn]:
        """What changed since it was drawn; all of it where a part moved."""
        if [(part.name, part.box) for part in parts] != [
            (drawn.part.name, drawn.part.box) for drawn in self._drawn.values()
        ]:
            self._drawn.clear()
            picture.fill(PAPER)
        focus = self._focused(parts)
        wanted = [Drawn(part, part is focus, part is focus and self._asking) for part in parts]
        return deque(each for each in wanted if each.differs(self._drawn.get(each.part.name)))

    def _draw_waiting(self, picture: pygame.Surface, count: int) -> None:
        """Draw so many of the parts that changed."""
        with self._lettering.picture():
            for _ in range(count):
                drawn = self._waiting.popleft()
                part = drawn.part
                sheet = Sheet(picture, self._scale, self._lettering, part.box, drawn.focused, drawn.asking)
                sheet.fill(PAPER, part.box)
                part.draw(sheet, part.data)
                self._drawn[part.name] = drawn._replace(written=sheet.written)

    def _parts(self, report: Mapping[str, Any]) -> list[Part]:
        """Everything that is drawn: the tabs, the parts of the page, the line below them; or that there is no room."""
        if not self._fits:
            return [Part("no room", self._box, _draw_no_room)]
        tabs, rest = self._box.inset(MARGIN, MARGIN / 2).cut_top(TAB_HEIGHT, 6)
        event = _newest_event(report)
        answer = event if self.answer and event != self._event_before else self.answer
        lines = min(ANSWER_LINES, 1 + int(len(answer) * LETTER_WIDTH / rest.width))
        self._lines = max(self._lines, lines)  # buttons do not jump back and forth as events come
        page, foot = rest.cut_top(rest.height - self._lines * ROW - 6, 4)
        parts = []
        for number, (each, box) in enumerate(zip(self._pages, tabs.columns(len(self._pages), 4), strict=True), 1):
            data = (f"{number} {each.title}", each is self._page)
            parts.append(Part(f"tab {number}", box, _draw_tab, data, click=partial(self._turn, number - 1)))
        return [*parts, *self._page.parts(page, report), Part("foot", foot, _draw_foot, answer)]

    def _focused(self, parts: Sequence[Part]) -> Part | None:
        """The part in focus, the first that can be where none is."""
        stops = [part for part in parts if part.press]
        name = self._focus.get(self._page.title)
        return next((part for part in stops if part.name == name), stops[0] if stops else None)

    # ---------------------------------------------------------------------------------------------------------- input

    def event(self, event: pygame.event.Event) -> bool:
        """Handle a key, mouse or gamepad event; True: it was for the panel. One without its attributes is not."""
        import pygame

        kind, position = getattr(event, "type", None), getattr(event, "pos", None)
        if not self._fits:
            return False
        if kind in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN):
            pressed = kind == pygame.MOUSEBUTTONDOWN and getattr(event, "button", None) in (1, 3)
            used = _is_position(position) and self._point(position, pressed)
        else:
            used = self._command(self._input.command(event))
        if used:
            self._stale_at = 0.0
        return used

    def _command(self, command: str) -> bool:
        """Do what a key or a button stands for."""
        parts = self._parts(self._report()) if command else []
        focus = self._focused(parts)
        if command in STEPS:
            return self._step(*STEPS[command], parts, focus)
        if command in (NEXT, PREVIOUS):
            self._turn(self._pages.index(self._page) + (1 if command == NEXT else -1))
        elif command.isdigit() and int(command) <= len(self._pages):
            self._turn(int(command) - 1)
        elif command == ENTER and focus:
            self._press(focus)
        elif command == IMPORT:
            self._do(self._controls.import_model)
        elif command == ROLL_BACK:
            self._do(self._controls.roll_back)
        elif command == ESCAPE and self._asking:
            self._asking = False
        else:
            return False
        return True

    def _step(self, x: int, y: int, parts: Sequence[Part], focus: Part | None) -> bool:
        """An arrow: the page's own (a list that scrolls), a change of the part in focus, or the focus moves."""
        if y and self._page.move(y):
            return True
        if x and focus and focus.step:
            focus.step(x)
        elif focus:
            stops = [part for part in parts if part.press]
            self._focus_on(stops[(stops.index(focus) + x + y) % len(stops)])
        return True

    def _point(self, position: Sequence[float], pressed: bool) -> bool:
        """The mouse over a part, or pressed there."""
        x, y = ((at - offset) / self._scale for at, offset in zip(position, self._offset, strict=True))
        parts = [drawn.part for drawn in self._drawn.values()]
        name = next((part.name for part in parts if part.box.holds(x, y) and (part.press or part.click)), None)
        if name is None:
            return False
        part = self._drawn[name].part
        if pressed:
            part = next((new for new in self._parts(self._report()) if new.name == name), part)
        if part.press:
            self._focus_on(part)
        if not pressed:
            return True
        if part.click:
            part.click((x - part.box.left) / part.box.width, (y - part.box.top) / part.box.height)
        else:
            self._press(part)
        return True

    def _focus_on(self, part: Part) -> None:
        if self._focus.get(self._page.title) != part.name:
            self._asking = False
        self._focus[self._page.title] = part.name

    def _press(self, part: Part) -> None:
        """Do what a part stands for; one that needs confirmation asks first."""
        self._focus_on(part)
        self._asking = part.confirm is not None and not self._asking
        if part.confirm and self._asking:
            part.confirm()
        elif part.press:
            self._do(part.press)

    def _do(self, command: Callable[[], str | None]) -> None:
        """Run a player's command and keep its answer, until an event says how it came out."""
        self._event_before = _newest_event(self._report())
        self.answer = command() or ""

    def _turn(self, number: int, *_: float) -> None:
        """Turn to a page, counted from 0 and round again."""
        self._page, self._asking, self.answer = self._pages[number % len(self._pages)], False, ""
        self._lines = 1


def _newest_event(report: Mapping[str, Any]) -> str:
    events = report.get("events")
    return str(events[0].get("text") or "") if events else ""


def _draw_tab(sheet: Sheet, data: tuple[str, bool]) -> None:
    title, chosen = data
    sheet.fill(FIELD if chosen else CARD, sheet.box, 6)
    sheet.text(title, sheet.box.inset(3, 0), GOLD if chosen else QUIET, "middle")
    if chosen:
        sheet.fill(GOLD, sheet.box.cut_top(sheet.box.height - 3)[1].inset(8, 0), 1.5)


def _draw_no_room(sheet: Sheet, _: None) -> None:
    box = sheet.box.inset(2, 0)
    sheet.text(next(filter(partial(sheet.fits, box), NO_ROOM), NO_ROOM[-1]), box, GOLD, "middle")


def _draw_foot(sheet: Sheet, answer: str) -> None:
    sheet.line(LINE, [(sheet.box.left, sheet.box.top), (sheet.box.right, sheet.box.top)])
    box = sheet.box.cut_top(2)[1]
    if answer:
        sheet.paragraph(answer, box, GOLD)
    else:
        sheet.text(HELP, box, QUIET)


def _is_position(position: Any) -> TypeGuard[Sequence[float]]:
    return isinstance(position, Sequence) and len(position) == 2 and all(isinstance(at, int | float) for at in position)
