"""The break between two rounds: shows the player what the plugin does in its training window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from game_adapter.ringside.drawing.canvas import Canvas, Rect
from game_adapter.ringside.drawing.theme import BODY, EDGE, GOLD, GOOD, LARGE, NIGHT, PANEL, QUIET, SMALL, TEXT, mixed
from game_adapter.ringside.screens.screen import Hall

LENGTH_S = 1.2
SETTLES_S = 0.4
LESSON_S = 3.0
"""Length of a break that has something new to show of the player, which takes time to read."""
WITHOUT_S = 0.6
"""Length of the break where no plugin reports."""
SHORT = 40
"""Characters: a longer reason gets lines of its own below the lamp's."""
RECENT_S = 60.0
"""Age at which an event gives way to the last candidate's verdict."""


class Corner:
    """One break; `done` once it may end. `skip` ends it early, not before it has settled."""

    def __init__(self, hall: Hall, next_round: int) -> None:
        self._hall = hall
        self._next_round = next_round
        self._age_s = 0.0
        self.skipped = False
        self._report: Mapping[str, Any] = hall.report()
        self._start = self._report
        self._habit = self._habit_of_the_player()
        self._is_new = self._habit not in hall.habits_shown
        hall.habits_shown.add(self._habit)

    @property
    def learning(self) -> bool:
        """Whether a training window is open."""
        return bool(_part(self._report, "window").get("open", bool(self._report)))

    def headline(self) -> str:
        """One line on what the plugin is doing."""
        plugin = _part(self._report, "plugin")
        if not self._report:
            return "The corner: a moment's rest"
        if not plugin.get("on", True):
            return "The corner: Cornerman is switched off"
        if not plugin.get("learning", True):
            return "The corner: Cornerman's learning is off"
        if not self.learning:
            return "The corner: Cornerman waits"
        if not _count(self._report, "learner", "steps"):
            return "The corner: Cornerman is recording"
        if self._judging:
            return "The corner: Cornerman tests a candidate"
        if self._more("learner", "steps"):
            return "The corner: Cornerman is learning " + "." * (1 + int(self._age_s * 4) % 3)
        if self._more("practice", "played"):
            return "The corner: Cornerman practises"
        if self._age_s < SETTLES_S:
            return "The corner: Cornerman reviews the round"
        return "The corner: Cornerman waits" if self._held_back else "The corner: Cornerman is up to date"

    @property
    def _judging(self) -> bool:
        return bool(_part(self._report, "gate").get("state") == "judging")

    @property
    def _held_back(self) -> bool:
        """Whether something holds learning back."""
        return bool(split_reason(str(_part(self._report, "window").get("why") or ""))[1])

    @property
    def length_s(self) -> float:
        full = (LESSON_S if self._is_new else LENGTH_S) if self._report else WITHOUT_S
        return full / min(max(self._hall.speed, 1.0), 2.0)

    @property
    def done(self) -> bool:
        return self._age_s >= (SETTLES_S if self.skipped else self.length_s)

    def skip(self) -> None:
        self.skipped = True

    def update(self, dt_s: float) -> None:
        self._age_s += dt_s
        self._report = self._hall.report()

    def _habit_of_the_player(self) -> str:
        """One of the player's habits, another one each round, or how well the player is foreseen; "": nothing yet."""
        player = _part(self._report, "player")
        if habits := player.get("habits"):
            return f"You: {habits[self._next_round % len(habits)]}."
        foreseen = player.get("foreseen")
        return f"It foresees {foreseen:.0%} of your choices." if isinstance(foreseen, float) else ""

    def lesson(self) -> str:
        """One true thing that was learned of the player, or else what was practised or watched."""
        if self._habit:
            return self._habit
        if battles := _count(self._report, "practice", "played"):
            return f"It has practised {battles:,} battle{'s' if battles > 1 else ''} by itself."
        watched = _count(self._report, "recorder", "recorded")
        return f"It has watched {watched:,} turns; after some battles it knows your habits." if watched else ""

    def doing(self) -> str:
        """What the plugin does in this break, in words."""
        if not self.learning:
            return ""
        fill = _count(self._report, "replay", "fill")
        if self._judging:
            return f"Judging a candidate: {_count(self._report, 'gate', 'pairs'):,} pairs of battles so far"
        if self._more("learner", "steps"):
            return f"Learning from {fill:,} transitions" if fill else "Learning from its practice battles"
        if self._more("practice", "played"):
            return f"Practising: {_count(self._report, 'practice', 'played'):,} headless battles so far"
        if not _count(self._report, "learner", "steps"):
            return f"Filling the replay buffer: {fill:,} transitions so far"
        if self._age_s < SETTLES_S:
            return "Reading the round's turns"
        return "Waiting for its share of the time" if self._held_back else "Nothing new to learn from yet"

    def gained(self) -> str:
        """What this break has added so far; "" while that is nothing."""
        counts = (
            (self._more("learner", "steps"), "step"),
            (self._more("practice", "played"), "practice battle"),
            (self._more("gate", "pairs"), "pair"),
        )
        return ", ".join(f"+{count:,} {what}{'s' if count > 1 else ''}" for count, what in counts if count)

    def progress(self) -> tuple[str, float] | None:
        """The way to the next candidate in words, and as a share; None where it is not known."""
        learner = _part(self._report, "learner")
        left, period = learner.get("steps_to_candidate"), learner.get("candidate_period")
        if not isinstance(left, int) or not isinstance(period, int) or period <= 0:
            return None
        done = min(max(period - left, 0), period)
        if done == period:
            return "The next candidate is ready and waits for its turn", 1.0
        return f"{done:,} of {period:,} steps to the next candidate", done / period

    def latest(self) -> str:
        """The plugin's newest event of the last minute, else the verdict on its last candidate."""
        verdict = str(_part(self._report, "gate").get("verdict") or "")
        for event in self._report.get("events") or ():
            if not verdict or (event.get("age_s") or 0) < RECENT_S:
                return f"Latest: {event.get('text', '')}"
            break
        return f"Last candidate: {verdict}" if verdict else ""

    def _more(self, part: str, name: str) -> int:
        """How much a figure has grown in this break."""
        return max(0, _count(self._report, part, name) - _count(self._start, part, name))

    def draw(self, canvas: Canvas) -> None:
        canvas.shade(canvas.area, NIGHT, 120)
        box = Rect(0, 0, 620, 374 if self._report else 120)
        box.center = (canvas.width // 2, (canvas.height - 170) // 2 + 34)
        learns = self.learning
        canvas.panel(box, PANEL, GOOD if learns else EDGE, 14, 246)
        left, width = box.left + 24, box.width - 48
        canvas.text(self.headline(), Rect(left, box.top + 12, width, 34), LARGE, GOLD)
        if self._report:
            canvas.paragraph(self.lesson(), Rect(left, box.top + 52, width, 44), BODY, TEXT)
            self._draw_badge(canvas, Rect(left, box.top + 100, width, 62), learns)
            self._draw_work(canvas, Rect(left, box.top + 162, width, 62))
            self._draw_figures(canvas, Rect(left, box.top + 228, width, 50))
            canvas.paragraph(self.latest(), Rect(left, box.top + 282, width, 38), SMALL, QUIET)
        share = min(1.0, self._age_s / self.length_s)
        canvas.bar(Rect(left, box.bottom - 24, width, 8), share, GOLD)
        ready = "any key goes on" if self._age_s >= SETTLES_S else ""
        line = Rect(left, box.bottom - 50, width, 22)
        canvas.text(f"Round {self._next_round} is next", line, SMALL, QUIET)
        canvas.text(ready, line, SMALL, QUIET, "right")

    def _draw_badge(self, canvas: Canvas, box: Rect, learns: bool) -> None:
        """A lamp for the training window, and below it what holds learning back."""
        glow = mixed(GOOD, TEXT, round(0.5 + 0.5 * math.sin(self._age_s * 9), 1)) if learns else QUIET
        canvas.oval(Rect(box.left, box.top + 6, 13, 13), glow, 255)
        when, reason = split_reason(str(_part(self._report, "window").get("why") or ""))
        words = "Training window open" if learns else "Training window closed"
        inner = Rect(box.left + 22, box.top, box.width - 22, 26)
        canvas.text(f"{words}: {when}" if when else words, inner, BODY, glow)
        if reason:
            canvas.paragraph(reason, Rect(inner.left, inner.bottom, inner.width, box.height - 26), SMALL, QUIET)

    def _draw_work(self, canvas: Canvas, box: Rect) -> None:
        """What the plugin does, what that added, and the progress to the next candidate."""
        canvas.text(self.doing(), Rect(box.left, box.top, box.width * 2 // 3, 26), BODY, TEXT)
        gained = Rect(box.left + box.width * 2 // 3, box.top, box.width - box.width * 2 // 3, 26)
        canvas.text(self.gained(), gained, SMALL, GOOD, "right")
        progress = self.progress()
        if progress is not None:
            words, share = progress
            canvas.bar(Rect(box.left, box.top + 30, box.width, 8), share, GOOD)
            canvas.text(words, Rect(box.left, box.top + 40, box.width, 22), SMALL, QUIET)

    def _draw_figures(self, canvas: Canvas, box: Rect) -> None:
        loss = _part(self._report, "learner").get("loss")
        figures = (
            ("learned", f"{_count(self._report, 'learner', 'steps'):,} steps"),
            ("practised", f"{_count(self._report, 'practice', 'played'):,} battles"),
            ("loss", f"{loss:.4f}" if isinstance(loss, float) else "not yet"),
            ("replay buffer", f"{_count(self._report, 'replay', 'fill'):,}"),
        )
        width = box.width // len(figures)
        for place, (name, value) in enumerate(figures):
            left = box.left + place * width
            canvas.text(value, Rect(left, box.top, width - 8, 28), BODY, TEXT)
            canvas.text(name, Rect(left, box.top + 26, width - 8, 22), SMALL, QUIET)


def split_reason(why: str) -> tuple[str, str]:
    """When the window is open, and the first sentence of what holds learning back; the debug menu has the rest."""
    ends = [at for at in (why.find("; "), why.find(". ")) if at >= 0]
    if not ends:
        return (why, "") if len(why) <= SHORT else ("", why)
    when, reason = why[: min(ends)], why[min(ends) + 2 :]
    first, _, more = reason.partition(". ")
    first = first[:1].upper() + first[1:].rstrip(".") + "."
    return when, f"{first} F1 says more." if more else first


def _part(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One table of the report; empty where it is missing."""
    part = report.get(name)
    return part if isinstance(part, Mapping) else {}


def _count(report: Mapping[str, Any], part: str, name: str) -> int:
    count = _part(report, part).get(name)
    return count if isinstance(count, int) else 0
