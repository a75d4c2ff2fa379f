"""The break between two rounds: Cornerman's training window is open, and the player sees what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from game_adapter.ringside.drawing import Canvas, Rect
from game_adapter.ringside.screens import Hall
from game_adapter.ringside.theme import BODY, EDGE, GOLD, GOOD, LARGE, NIGHT, PANEL, QUIET, SMALL, TEXT, mixed

LENGTH_S = 1.2
SETTLES_S = 0.4
WITHOUT_S = 0.6
"""How long the break is when nobody learns in it."""


class Corner:
    """One break; `done` once it may end. `skip` ends it early, not before it has settled."""

    def __init__(self, hall: Hall, next_round: int) -> None:
        self._hall = hall
        self._next_round = next_round
        self._age_s = 0.0
        self._skipped = False
        self._start = _steps(hall.report())
        self._report: Mapping[str, Any] = hall.report()

    @property
    def learning(self) -> bool:
        """Whether a training window is open."""
        return bool(_part(self._report, "window").get("open", bool(self._report)))

    def headline(self) -> str:
        """What goes on in the corner, as it is."""
        plugin = _part(self._report, "plugin")
        if not self._report:
            return "The corner: a moment's rest"
        if not plugin.get("on", True):
            return "The corner: Cornerman is switched off"
        if not plugin.get("learning", True):
            return "The corner: Cornerman's learning is off"
        if not self.learning:
            return "The corner: Cornerman waits"
        if _steps(self._report) == 0:
            return "The corner: Cornerman is taking notes"
        return "The corner: Cornerman is learning " + "." * (1 + int(self._age_s * 4) % 3)

    @property
    def length_s(self) -> float:
        full = LENGTH_S if self._report else WITHOUT_S
        return full / 2 if self._hall.fast else full

    @property
    def done(self) -> bool:
        return self._age_s >= (SETTLES_S if self._skipped else self.length_s)

    def skip(self) -> None:
        self._skipped = True

    def update(self, dt_s: float) -> None:
        self._age_s += dt_s
        self._report = self._hall.report()

    def draw(self, canvas: Canvas) -> None:
        canvas.shade(canvas.area, NIGHT, 120)
        box = Rect(0, 0, 520, 214 if self._report else 120)
        box.center = (canvas.width // 2, (canvas.height - 170) // 2 + 34)
        learns = self.learning
        canvas.panel(box, PANEL, GOOD if learns else EDGE, 14, 246)
        canvas.text(self.headline(), Rect(box.left + 24, box.top + 14, box.width - 48, 34), LARGE, GOLD)
        if self._report:
            self._draw_badge(canvas, Rect(box.left + 24, box.top + 52, box.width - 48, 26), learns)
            self._draw_figures(canvas, Rect(box.left + 24, box.top + 90, box.width - 48, 76))
        share = min(1.0, self._age_s / self.length_s)
        canvas.bar(Rect(box.left + 24, box.bottom - 24, box.width - 48, 8), share, GOLD)
        ready = "any key goes on" if self._age_s >= SETTLES_S else ""
        line = Rect(box.left + 24, box.bottom - 50, box.width - 48, 22)
        canvas.text(f"Round {self._next_round} is next", line, SMALL, QUIET)
        canvas.text(ready, line, SMALL, QUIET, "right")

    def _draw_badge(self, canvas: Canvas, box: Rect, learns: bool) -> None:
        """A lamp that says whether the training window is open."""
        window = _part(self._report, "window")
        glow = mixed(GOOD, TEXT, round(0.5 + 0.5 * math.sin(self._age_s * 9), 1)) if learns else QUIET
        canvas.oval(Rect(box.left, box.top + 6, 13, 13), glow, 255)
        why = str(window.get("why") or "")
        words = "Training window open" if learns else "Training window closed"
        canvas.text(f"{words}: {why}" if why else words, Rect(box.left + 22, box.top, box.width - 22, 26), BODY, glow)

    def _draw_figures(self, canvas: Canvas, box: Rect) -> None:
        learner, replay = _part(self._report, "learner"), _part(self._report, "replay")
        steps, loss = _steps(self._report), learner.get("loss")
        figures = (
            ("this break", f"+{max(0, steps - self._start):,} steps"),
            ("in all", f"{steps:,} steps"),
            ("loss", f"{loss:.4f}" if isinstance(loss, float) else "not yet"),
            ("remembers", f"{replay.get('fill', 0):,} moves"),
        )
        width = box.width // len(figures)
        for place, (name, value) in enumerate(figures):
            left = box.left + place * width
            canvas.text(value, Rect(left, box.top, width - 8, 28), BODY, TEXT)
            canvas.text(name, Rect(left, box.top + 26, width - 8, 22), SMALL, QUIET)


def _part(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One table of the report; empty where it is missing."""
    part = report.get(name)
    return part if isinstance(part, Mapping) else {}


def _steps(report: Mapping[str, Any]) -> int:
    steps = _part(report, "learner").get("steps")
    return steps if isinstance(steps, int) else 0
