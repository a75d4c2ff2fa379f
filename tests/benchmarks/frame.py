"""What learning flat out costs the frames of the real window, and what the frames leave of the learning.

Ringside's own window on the dummy video driver, watched at 60 frames a second, as its own loop drives it; the same with
its drawing repeated until a frame takes about 11 ms; and the same in a loop that waits busily and lends its wait. Runs
with learning and without take turns, and so do runs of the learner alone. Figures are medians over those pairs.

A frame's interval runs from its beginning, when the clock lets the loop go on, to the next one's, as in `on_frame`.
From picture to picture (`frame.flip_p99_ratio`) it also varies with the game's own work from one frame to the next.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.figures import Figure, interval_of_median, not_measured
from tests.support.paths import PLUGINS

FRAMES, PAIRS = 300, 15
LATE_MS = 20.0
HEAVY_MS = 11.0
ALONE_S = 2.0
SETTINGS = {"training_window": "always", "warmup_fraction": 0.0, "candidate_period": 1_000_000, "practice": 0.0}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of frames."""

    interval_p99_ms: float
    flip_p99_ms: float
    work_mean_ms: float
    late_per_1000: float
    steps_per_s: float


class Bench:
    """The window, and a plugin that has recorded some battles and can be told to learn flat out or not at all."""

    def __init__(self, data: str, settings: Mapping[str, Any]) -> None:
        import pygame

        from game_adapter.host.host import Host
        from game_adapter.ringside.game import RINGSIDE
        from game_adapter.ringside.screens.window import Window

        self._clock = pygame.time.Clock()
        self.host = Host(PLUGINS, data, RINGSIDE, settings)
        self.host.load()
        (self.plugin,) = (plugin.hooks["on_load"].__self__ for plugin in self.host.loaded)
        self.window = Window(self.host, RINGSIDE, Random(1), sound=False, watch="brawler")
        self._setup = self.window.screen.setup
        self.draws_on_ms = 0.0  # more pictures are drawn in every frame until so much of it is over
        self.learn(False)
        self._play_some()

    def _play_some(self) -> None:
        from game_adapter.host.match import Match
        from game_adapter.ringside.game import RINGSIDE

        for number in range(8):
            match = Match(
                self.host,
                RINGSIDE.new_battle(number),
                1000 + number,
                {0: "plugin", 1: "scripted"},
                RINGSIDE.bots["brawler"],
                Random(number),
            )
            while not match.over:
                match.play(match.decide())
                match.start_round()

    @property
    def windows(self) -> Any:
        return self.plugin.trainer.windows

    def learn(self, on: bool) -> None:
        """Flat out: more steps are due than can be done; what came late in the run before is forgotten."""
        from cornerman.training.training_windows import Frames

        self.windows._frames = Frames()
        learn_flat_out(self.plugin, on)

    @property
    def steps(self) -> int:
        return int(self.plugin.training._learner.steps)

    def alone(self) -> float:
        """Steps a second with nothing beside it."""
        self.learn(True)
        first, begun = self.steps, time.perf_counter()
        time.sleep(ALONE_S)
        pace = (self.steps - first) / (time.perf_counter() - begun)
        self.learn(False)
        return pace

    def run(self, learn: bool, busy: bool = False, frames: int = FRAMES) -> Run:
        """So many frames, as `Window.run` drives them."""
        self._begin_again()
        self.learn(learn)
        tick = self._clock.tick_busy_loop if busy else self._clock.tick
        for _ in range(30):
            self._frame(tick, busy)
        first, began = self.steps, time.perf_counter()
        times = np.array([self._frame(tick, busy) for _ in range(frames)])
        pace = (self.steps - first) / (time.perf_counter() - began)
        self.learn(False)
        intervals, flips = (1e3 * np.diff(times[:, column]) for column in (0, 1))
        p99s = [float(np.percentile(lengths, 99)) for lengths in (intervals, flips)]
        work_ms = 1e3 * float(np.mean(times[:, 1] - times[:, 0]))
        return Run(*p99s, work_ms, 1e3 * float(np.mean(intervals > LATE_MS)), pace)

    def _frame(self, tick: Callable[[int], int], busy: bool) -> tuple[float, float]:
        """One turn of `Window.run`'s loop; when its work began and when it ended, in seconds."""
        from game_adapter.ringside.screens.window import FPS, LONGEST_STEP_S

        dt_ms = tick(FPS)
        begun = time.perf_counter()
        self._next_battle()
        while 1e3 * (time.perf_counter() - begun) < self.draws_on_ms:
            self.window.draw()
        self.window.frame(min(dt_ms / 1000, LONGEST_STEP_S), dt_ms)
        ended = time.perf_counter()
        if busy:
            self.host.pump(1e3 / FPS - 1e3 * (ended - begun) - 1.0)
        return begun, ended

    def play_on(self, step_s: float) -> None:
        """One frame at 60 a second that moves the battle on by so much."""
        from game_adapter.ringside.screens.window import FPS

        dt_ms = self._clock.tick(FPS)
        self._next_battle()
        self.window.frame(step_s, dt_ms)

    def _next_battle(self) -> None:
        from game_adapter.ringside.screens.battle_screen import BattleScreen

        if not isinstance(self.window.screen, BattleScreen):
            self._begin_battle()

    def _begin_again(self) -> None:
        """The same battle from its beginning, so that every run draws the same pictures."""
        screen = self.window.screen
        if hasattr(screen, "match"):
            screen.match.abandon()
        self.window.hall.random.seed(1)
        self.plugin._random = np.random.default_rng(1)
        self._begin_battle()

    def _begin_battle(self) -> None:
        from game_adapter.ringside.screens.battle_screen import BattleScreen
        from game_adapter.ringside.screens.title import TitleScreen

        self.window.screen = BattleScreen(self.window.hall, self._setup, TitleScreen)

    def close(self) -> None:
        self.window.close()


def learn_flat_out(plugin: Any, on: bool) -> None:
    """More steps are due than can be done, or none."""
    plugin.trainer.pause(False)
    plugin.trainer.post(lambda: setattr(plugin.training, "_owed", 1e9 if on else 0.0))
    plugin.trainer.pause(not on)
    time.sleep(0.1)


@contextmanager
def bench(settings: Mapping[str, Any] = SETTINGS) -> Iterator[Bench]:
    """The window open on the dummy video driver, in a data folder of its own."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    with tempfile.TemporaryDirectory() as data:
        made = Bench(data, settings)
        try:
            yield made
        finally:
            made.close()


def run(repeats: int) -> list[Figure]:
    """Every figure of the frame; at least 15 pairs, since the work of one and the same run varies by a tenth here."""
    keys = ("frame.interval_p99_ratio", "frame.work_mean_ratio", "frame.late_per_1000", "frame.kept")
    try:
        import pygame  # noqa: F401  (whether it is there)
    except ImportError as error:
        return [not_measured(key, "ratio", "lower", f"{error}; pip install pygame") for key in keys]
    with bench() as subject:
        pairs = max(PAIRS, repeats)
        return [*light(subject, pairs), *heavy(subject, pairs), busy(subject, repeats), run_on(subject)]


def pairs(subject: Bench, repeats: int) -> tuple[list[Run], list[Run], list[float]]:
    """Runs without and with learning and of the learner alone, in turns; the one with learning between the others."""
    without, learning, alone = [], [], []
    for number in range(repeats):
        for what in ("without", "learning", "alone")[:: 1 if number % 2 else -1]:
            if what == "alone":
                alone.append(subject.alone())
            else:
                (learning if what == "learning" else without).append(subject.run(what == "learning"))
    return without, learning, alone


def light(subject: Bench, repeats: int) -> list[Figure]:
    without, learning, alone = pairs(subject, repeats)
    return [*ratios("", without, learning, repeats), kept("frame.kept", learning, alone, repeats)]


def heavy(subject: Bench, repeats: int) -> list[Figure]:
    """The drawing repeated until a frame's work takes about 11 ms, however fast the machine draws just now."""
    for _ in range(2):  # the frame's own work takes less time after so much drawing
        subject.draws_on_ms += HEAVY_MS - subject.run(learn=False).work_mean_ms
    try:
        without, learning, alone = pairs(subject, repeats)
    finally:
        subject.draws_on_ms = 0.0
    return [*ratios("heavy_", without, learning, repeats), kept("frame.kept_heavy", learning, alone, repeats)]


def busy(subject: Bench, repeats: int) -> Figure:
    """A loop that waits with `tick_busy_loop` and lends its wait with `pump`."""
    learning, alone = [], []
    for _ in range(repeats):
        alone.append(subject.alone())
        subject.windows.learning_time = "pump"
        try:
            learning.append(subject.run(learn=True, busy=True))
        finally:
            subject.windows.learning_time = "thread"
    return kept("frame.kept_busy", learning, alone, repeats)


def run_on(subject: Bench, num_windows: int = 100) -> Figure:
    """How long it learns on after a window closes, in mid-frame: so many windows of some frames each."""
    windows, trainer = subject.windows, subject.plugin.trainer
    subject.learn(True)
    trainer.close_window()
    windows.window = "between_rounds"
    windows._run_ons.clear()
    try:
        for number in range(num_windows):
            trainer.open_window()
            for _ in range(6):
                subject._frame(subject._clock.tick, False)
            time.sleep(0.001 * (number % 10))
            trainer.close_window()
            time.sleep(0.05)
            subject._clock.tick()  # or the next frame would seem late
        judged = len(windows._run_ons)
    finally:
        windows.window = "always"
        subject.learn(False)
    note = f"of {judged} windows that closed while it learned"
    return Figure("frame.run_on_p99_ms", windows.run_on_ms, "ms", "lower", 1, "", note)


def ratios(prefix: str, without: list[Run], learning: list[Run], repeats: int) -> list[Figure]:
    """With learning over without, pair by pair, the median."""

    def each(name: str) -> list[float]:
        return [getattr(b, name) / getattr(a, name) for a, b in zip(without, learning, strict=True)]

    def ratio(name: str) -> float:
        return median(each(name))

    def both(name: str) -> str:
        values = [median(getattr(run, name) for run in runs) for runs in (learning, without)]
        low, high = interval_of_median(each(name))
        return f"{low:.3f} to {high:.3f}; {values[0]:.2f} ms with, {values[1]:.2f} ms without"

    late = median(b.late_per_1000 - a.late_per_1000 for a, b in zip(without, learning, strict=True))
    lates = [float(np.mean([run.late_per_1000 for run in runs])) for runs in (learning, without)]
    note = f"{lates[0]:.1f} with, {lates[1]:.1f} without, means over all runs"
    p99, work = f"frame.{prefix}interval_p99_ratio", f"frame.{prefix}work_mean_ratio"
    flip = f"frame.{prefix}flip_p99_ratio"
    return [
        Figure(p99, ratio("interval_p99_ms"), "ratio", "lower", repeats, "", both("interval_p99_ms")),
        Figure(flip, ratio("flip_p99_ms"), "ratio", "lower", repeats, "", both("flip_p99_ms")),
        Figure(work, ratio("work_mean_ms"), "ratio", "lower", repeats, "", both("work_mean_ms")),
        Figure(f"frame.{prefix}late_per_1000", late, "frames", "lower", repeats, "", note),
    ]


def kept(key: str, learning: list[Run], alone: list[float], repeats: int) -> Figure:
    """Steps a second beside the frames over steps a second alone."""
    share = median(run.steps_per_s / pace for run, pace in zip(learning, alone, strict=True))
    paces = f"{median(run.steps_per_s for run in learning):.0f} of {median(alone):.0f} steps/s"
    return Figure(key, share, "share", "higher", repeats, "", paces)
