"""The dialogs over another screen: help, a question, the pause menu and the settings."""

from __future__ import annotations

from collections.abc import Callable

import pygame

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import BODY, GOLD, LARGE, QUIET, SMALL, TEXT, TITLE
from game_adapter.ringside.preferences import SPEEDS, TEXT_SIZES, VOLUMES
from game_adapter.ringside.screens.commands import BACK
from game_adapter.ringside.screens.screen import Choices, Dialog, Hall, Rows, Screen

HELP = (
    ("Goal", "Bring every fighter of the other corner down, or have the higher share of health after the last round."),
    ("Turns", "Each round every fighter acts once, the fastest first: the strip at the top shows who comes next."),
    (
        "Choose",
        "1 to 5, or arrows and Enter, or click. Then the target: arrows, its number, or a click on the fighter.",
    ),
    ("Think", "A guard shields its fighter, and a little the allies. Heavy strikes break charges and leave you open."),
    ("Breaks", "Between rounds Cornerman learns from what was seen. Any key ends the break."),
    ("Keys", "H: what the champion would do. P or Esc: pause. F: full speed. M: sound. ?: this page. F1: debug menu."),
)
VOLUME, SPEED, TEXT_SIZE, LEVEL, FORGET, DONE = range(6)
PREFERENCES = {VOLUME: "volume", SPEED: "speed", TEXT_SIZE: "text"}
FORGETTING = (
    "What was recorded of your battles and every version that learned from it are erased. The model that the game "
    "ships stays, and so do these settings."
)


class HelpScreen(Dialog):
    """How to play; any key or click goes back."""

    def event(self, event: pygame.event.Event) -> Screen | None:
        return self.behind if event.type in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN) else None

    def draw(self, canvas: Canvas) -> None:
        box = self.draw_box(canvas, 820, 516)
        canvas.text("How to fight", Rect(box.left + 28, box.top + 16, box.width - 56, 44), TITLE, GOLD)
        for row, (word, words) in enumerate(HELP):
            top = box.top + 76 + row * 66
            canvas.text(word, Rect(box.left + 28, top, 106, canvas.line_height(BODY)), BODY, GOLD)
            canvas.paragraph(words, Rect(box.left + 138, top, box.width - 166, 60), BODY, TEXT)
        closing = Rect(box.left + 28, box.bottom - 38, box.width - 56, 24)
        canvas.text("Any key or click goes back", closing, SMALL, QUIET, "center")


class QuestionScreen(Dialog):
    """A question with two answers: the first goes back, the second goes on to what `agreed` returns."""

    def __init__(
        self,
        hall: Hall,
        behind: Screen,
        words: tuple[str, str],
        answers: tuple[str, str],
        agreed: Callable[[], Screen],
    ) -> None:
        """`words`: the question, and what comes of the second answer."""
        super().__init__(hall, behind)
        self._words, self._agreed = words, agreed
        self.choices = Choices(answers)

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN and event.key in BACK:
            return self.behind
        chosen = self.choices.event(event, self.hall.canvas)
        if chosen is None:
            return None
        return self._agreed() if chosen else self.behind

    def draw(self, canvas: Canvas) -> None:
        box = self.draw_box(canvas, 520, 290)
        question, detail = self._words
        canvas.text(question, Rect(box.left + 24, box.top + 18, box.width - 48, 40), LARGE, TEXT, "center")
        canvas.paragraph(detail, Rect(box.left + 40, box.top + 72, box.width - 80, 92), BODY, QUIET)
        self.choices.draw(canvas, Rect(box.left + 100, box.top + 178, box.width - 200, 100))


class PauseScreen(Dialog):
    """The battle stands still: go on, change the settings, read the help, or leave."""

    def __init__(self, hall: Hall, behind: Screen, leave: Callable[[], Screen]) -> None:
        super().__init__(hall, behind)
        self._leave = leave
        self.choices = Choices(("Go on (P)", "Settings", "How to fight", "Leave the battle"))

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN and event.key in (pygame.K_p, *BACK):
            return self.behind
        chosen = self.choices.event(event, self.hall.canvas)
        if chosen is None:
            return None
        if chosen == 1:
            return SettingsScreen(self.hall, self)
        if chosen == 2:
            return HelpScreen(self.hall, self)
        return self._leave() if chosen else self.behind

    def draw(self, canvas: Canvas) -> None:
        box = self.draw_box(canvas, 420, 300)
        canvas.text("Paused", Rect(box.left + 24, box.top + 16, box.width - 48, 48), TITLE, GOLD, "center")
        self.choices.draw(canvas, Rect(box.left + 60, box.top + 80, box.width - 120, 200), 44)


class SettingsScreen(Dialog):
    """What the player may set; every change counts at once and is kept on disk."""

    def __init__(self, hall: Hall, behind: Screen) -> None:
        super().__init__(hall, behind)
        self.rows = Rows(DONE + 1, FORGET)

    def event(self, event: pygame.event.Event) -> Screen | None:
        if event.type == pygame.KEYDOWN and event.key in BACK:
            return self.behind
        changed = self.rows.event(event, self.hall.canvas)
        return None if changed is None else self._change(*changed)

    def _change(self, row: int, step: int) -> Screen | None:
        hall = self.hall
        if row == DONE:
            return self.behind
        if row == FORGET:
            return self._ask()
        if row == LEVEL:
            hall.change_level(step)
        else:
            hall.preferences.change(PREFERENCES[row], step)
        hall.sounds.volume = hall.preferences.volume / VOLUMES
        hall.sounds.play("choose")
        return None

    def _ask(self) -> Screen | None:
        if not self.hall.has_cornerman():
            self.hall.say("There is nothing to forget: Cornerman is not running.")
            return None
        words = "Forget what was learned?", FORGETTING
        return QuestionScreen(self.hall, self, words, ("Keep it", "Forget it"), self._forget)

    def _forget(self) -> Screen:
        self.hall.say(self.hall.host.forget())
        return self

    def values(self) -> dict[int, tuple[str, str]]:
        """The name and the present value of each row that has one."""
        chosen = self.hall.preferences
        volume = f"{chosen.volume * 100 // VOLUMES} %" + " (M: off)" * (not chosen.sound)
        return {
            VOLUME: ("Volume", volume),
            SPEED: ("Speed of battles", SPEEDS[chosen.speed][0]),
            TEXT_SIZE: ("Size of text", TEXT_SIZES[chosen.text][0]),
            LEVEL: ("Cornerman's level", self.hall.level() or "it is not running"),
        }

    def draw(self, canvas: Canvas) -> None:
        box = self.draw_box(canvas, 600, 424)
        canvas.text("Settings", Rect(box.left + 28, box.top + 14, box.width - 56, 46), TITLE, GOLD)
        left, width = box.left + 28, box.width - 56
        for row, (name, value) in self.values().items():
            self.rows.draw_value(canvas, row, Rect(left, box.top + 72 + row * 52, width, 44), name, value, TEXT)
        self.rows.draw_button(canvas, FORGET, Rect(left, box.top + 288, width, 44), "Forget what was learned ...")
        self.rows.draw_button(canvas, DONE, Rect(left, box.top + 340, width, 44), "Back (Esc)")
        line = Rect(left, box.bottom - 32, width, 22)
        canvas.text("Left and Right, or the mouse, change a value; it is kept.", line, SMALL, QUIET, "center")
