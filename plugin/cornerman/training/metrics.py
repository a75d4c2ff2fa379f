"""Metrics: recent figures, events and the notice of the running plugin.

The trainer's thread writes most of them, the game's thread reads; one short lock.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cornerman.contract import DataError, printable
from cornerman.experience.encoder import described

log = logging.getLogger("cornerman")

NOTICE_S = 60.0
MAX_EVENTS, MAX_MESSAGES = 20, 50
CURVE_POINTS = 200


class Curve:
    """Points of a curve, at most `CURVE_POINTS`, evenly thinned: of many, every second, fourth, eighth, ... is kept."""

    def __init__(self) -> None:
        self._kept: list[list[float]] = []
        self._every = 1
        self._count = 0
        self.points: list[list[float]] = []
        """`[at, value]`, oldest first, the newest always among them; another list after each addition."""

    def add(self, at: float, value: float) -> None:
        point = [at, value]
        if self._count % self._every == 0:
            self._kept.append(point)
        self._count += 1
        self.points = [*self._kept] if self._kept[-1] is point else [*self._kept, point]
        if len(self._kept) == CURVE_POINTS - 1:
            del self._kept[1::2]
            self._every *= 2


@dataclass(frozen=True, slots=True)
class TrainingMetrics:
    """Loss, accuracy, time and memory of the last learning steps."""

    loss: float  # mean Huber loss of the last burst
    accuracy: float | None  # of held-out decisions, how many value estimates have the outcome's sign; None: none yet
    processing_time: float  # seconds of one gradient step, the last burst's mean
    memory_usage: float  # MB of this process


class Metrics:
    """A dictionary of the newest figures, a rate counter, the latest events and the newest notice."""

    def __init__(self, clock: Any = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._figures: dict[str, Any] = {}
        self._curves: dict[str, Curve] = {}
        self._events: deque[tuple[float, str]] = deque(maxlen=MAX_MESSAGES)  # when, and what
        self._rates: dict[str, tuple[float, float]] = {}  # sums of counts and of seconds
        self._notice, self._noticed_at = "", 0.0
        self._said_kinds: set[str] = set()  # of sentences that are said once

    def set(self, **figures: Any) -> None:
        with self._lock:
            self._figures.update(figures)

    def measured(self, at: float, **figures: float | None) -> None:
        """Set figures that curves are drawn of, at that learning step; None leaves a gap."""
        self.set(**figures)
        with self._lock:
            for name, value in figures.items():
                if value is not None:
                    self._curves.setdefault(name, Curve()).add(at, value)

    def count(self, name: str, by: int = 1) -> None:
        with self._lock:
            self._figures[name] = self._figures.get(name, 0) + by

    def get(self, name: str, default: Any = None) -> Any:
        with self._lock:
            return self._figures.get(name, default)

    def forget(self) -> None:
        """Drop what is about the player and what was learned."""
        self.set(fill=0, kept=0, steps=0, loss=None, accuracy=None, gate_score=None, gate_verdict="", gate_waits="")
        with self._lock:
            self._curves.clear()
        self.forget_player()

    def forget_player(self) -> None:
        """Drop what is about the player alone."""
        self.set(player={}, shares=(), unlearned=0)
        self.count("forgotten")
        with self._lock:
            self._figures.pop("chance", None)

    def snapshot(self) -> dict[str, Any]:
        """Every figure, with `events`, `notice`, `steps_per_s`, `processing_time` and `curves`, as plain data."""
        with self._lock:
            figures = dict(self._figures)
            figures["curves"] = {name: curve.points for name, curve in self._curves.items()}
        learned = self.training(figures.get("memory_mb") or 0.0)
        figures["processing_time"] = None if learned is None else learned.processing_time
        return figures | {"events": self.events(), "notice": self.notice, "steps_per_s": self.rate("steps")}

    def unusable(self, error: Exception) -> None:
        """Say why no action was chosen, once a reason."""
        why = str(error) if isinstance(error, DataError) else f"A state could not be read: {described(error)}."
        self.say_once(getattr(error, "reason", type(error).__name__), f"No action was chosen: {why}")

    def event(self, text: str, level: int = logging.INFO) -> None:
        """Add a line for the player, e.g. that a new version plays: an event, a message and a line in the log; made
        printable."""
        text = printable(text)
        log.log(level, "%s", text)
        with self._lock:
            self._events.append((self._clock(), text))

    def say(self, sentence: str) -> None:
        """Add a line that needs the player's attention: the notice too, and a warning in the log."""
        self.notice = sentence
        self.event(sentence, logging.WARNING)

    def say_once(self, kind: str, sentence: str) -> None:
        """`say` the first time of a kind; afterwards the notice alone, which the panel shows as long as it goes on."""
        if kind in self._said_kinds:
            self.notice = sentence
        else:
            self._said_kinds.add(kind)
            self.say(sentence)

    def wait_for(self, what: str) -> None:
        """Show what judging waits for, as "it watches 7 more battles first"; "": nothing.

        An event says so, too, once whatever the numbers are.
        """
        self.set(gate_waits=printable(what))
        kind = re.sub(r"\d+|s\b", "", what)  # "1 battle", "2 battles"
        if what and kind not in self._said_kinds:
            self._said_kinds.add(kind)
            self.event(f"A new version is not tried yet: {what}.")

    def messages(self) -> list[str]:
        """The newest `MAX_MESSAGES` events, oldest first."""
        with self._lock:
            return [text for _, text in self._events]

    @property
    def notice(self) -> str:
        """The newest message that needs attention; "" once it has been shown for `NOTICE_S`."""
        return self._notice if self._clock() - self._noticed_at < NOTICE_S else ""

    @notice.setter
    def notice(self, sentence: str) -> None:
        self._notice, self._noticed_at = printable(sentence), self._clock()

    def training(self, memory_mb: float) -> TrainingMetrics | None:
        """The metrics of the last learning steps; None before the first burst."""
        loss, rate = self.get("loss"), self.rate("steps")
        if loss is None or not rate:
            return None
        return TrainingMetrics(loss, self.get("accuracy"), 1.0 / rate, memory_mb)

    def events(self) -> list[dict[str, Any]]:
        """The newest `MAX_EVENTS`, newest first: `{"age_s": float, "text": str}`."""
        with self._lock:
            newest, now = [*self._events][: -MAX_EVENTS - 1 : -1], self._clock()
        return [{"age_s": now - when, "text": text} for when, text in newest]

    def did(self, name: str, count: int, seconds: float) -> None:
        """Count `count` things done in `seconds`; `rate(name)` gives how many a second over the recent past."""
        with self._lock:
            counts, spent = self._rates.get(name, (0.0, 0.0))
            fade = 0.5 if spent > 1.0 else 1.0  # about the last two busy seconds
            self._rates[name] = (counts * fade + count, spent * fade + seconds)

    def rate(self, name: str) -> float | None:
        """Per busy second; None before the first."""
        with self._lock:
            counts, spent = self._rates.get(name, (0.0, 0.0))
        return counts / spent if spent > 0 else None
