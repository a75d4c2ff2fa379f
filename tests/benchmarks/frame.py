"""What the whole plugin costs the frames of a game, and what the frames leave of the learning.

Settings as shipped, the window always open; learning, practice and judging all busy, a model of the player that learns
from battles just played, and look-ahead for every decision against the player; frames at 60 a second on SDL's dummy
driver. Without a suffix: Ringside's window. `_heavy`: the same with 11 ms of work in every frame, for which one and the
same battle is played: the plugin decides as ever, but the own fighter's actions are taken. `_busy`: the same as without
a suffix in a loop that waits busily and gives its wait through `pump`. `_slow_game`: a bare pygame loop around slow
rules.
`_panel`: Ringside's window with the panel drawn over 1920x1080 besides, page after page, against the same without panel
and learning. `frame.learning_only.*`: Ringside's window without practice and judging. `frame.control.*`: no learning at
all, beside a process of the lowest priority that multiplies matrices: what any work in the background costs here, also
with 11 ms of work a frame (`_heavy`).

Runs with and without take turns, and so do runs of the learner alone; figures are medians over those pairs. In
Ringside's window mean work is taken from blocks of 0.4 seconds instead, which take turns within a battle that is played
twice, so that both draw the same pictures: how fast a machine is changes by a tenth within seconds. The plugin decides
there as ever, but the own fighter's actions are taken. `frame.itself.*`: the same with nothing switched. A frame's
interval runs from its beginning, when the clock lets the loop go on, to the next one's, as in `on_frame`. From picture
to picture (`flip_p99_ratio`) it also varies with the game's own work from one frame to the next.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from typing import Any

import numpy as np
import pygame
from numpy.typing import NDArray

from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import FPS
from tests.benchmarks.figures import Figure, median_figure
from tests.benchmarks.game_loops import PANEL_SIZE, BareLoop, GameLoop, RingsideLoop
from tests.benchmarks.loaded_plugin import (
    BATTLES_AHEAD,
    EVERYTHING,
    LEARNING_ONLY,
    Work,
    learn,
    loaded,
    play_battles,
    switch_learning,
    until,
    work_done,
)
from tests.benchmarks.work import computing, frame_after, unheeded, work_ratio
from tests.support.slow_game import GAME as SLOW_GAME

REPEATS = 15
"""Pairs: the work of one and the same run varies by a tenth on a shared machine."""
FRAMES, WARM_UP_FRAMES = 300, 30
LATE_MS = 20.0
HEAVY_MS = 11.0
ALONE_S = 2.0
BLOCKS, BLOCK_FRAMES, SETTLING_FRAMES = 24, 18, 6
"""Of mean work: blocks that take turns, frames of a block that count, and before them. With as much in six blocks of a
second a repeat differed from the next by 0.05 to 0.1 against itself, with these by 0.025."""
PLAYERS_BATTLES = 1
"""Battles of the player before each run of five seconds, from which the model of the player learns in it: more than
anybody plays. After three a run was of little else."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of frames."""

    interval_p99_ms: float
    flip_p99_ms: float
    work_mean_ms: float
    late_per_1000: float
    seconds: float
    work: Work


@dataclass(frozen=True, slots=True)
class Pairs:
    """Runs with and without, in turns, and the steps a second of the learner alone."""

    with_plugin: list[Run]
    without: list[Run]
    alone: list[float]


class StoodStillError(RuntimeError):
    """Something that the figures should be measured beside did nothing."""


def run(repeats: int) -> Iterator[Figure]:
    """Every figure of the frame, in 90 seconds or so a pair; ExceptionGroup at the end where something stood still."""
    still: list[StoodStillError] = []
    with ringside(LEARNING_ONLY) as learner:
        for section in (light_and_heavy, busy, learning_only):
            yield from measured(section(learner, repeats), still)
    yield from measured(slow(repeats), still)
    if still:
        raise ExceptionGroup("not all was measured beside everything", still)


def measured(section: Iterator[Figure], still: list[StoodStillError]) -> Iterator[Figure]:
    """The figures of a section until something stood still, which is noted in `still`."""
    try:
        yield from section
    except StoodStillError as error:
        still.append(error)


def light_and_heavy(learner: RingsideLoop, repeats: int) -> Iterator[Figure]:
    """Ringside's window, then with as many more pictures a frame as bring its mean work to about 11 ms."""
    with ringside(EVERYTHING) as loop:
        found = looking_ahead(pairs(loop, learner, repeats))
        yield from (*ratios("", found, wanted=True), kept("", found, 0.85), practised("", found))
        yield work_in_turns("frame", loop, partial(switch_learning, loop.host), repeats, 1.03)
        yield work_in_turns("frame.itself", loop, lambda on: None, repeats)
        yield from beside_computing("", loop, repeats)
        found = looking_ahead(pairs(loop, learner, repeats, panel=pygame.Surface(PANEL_SIZE)))
        yield from ratios("_panel", found, wanted=True)
        with unheeded(loop.host):
            loop.step_s = 1 / FPS
            draw_more(loop, HEAVY_MS)
            found = looking_ahead(pairs(loop, learner, repeats))
            yield from (*ratios("_heavy", found, wanted=True), kept("_heavy", found, 0.65))
            yield from beside_computing("_heavy", loop, repeats)


def busy(learner: RingsideLoop, repeats: int) -> Iterator[Figure]:
    """A loop that waits busily and gives its wait through `pump`."""
    with ringside({**EVERYTHING, "learning_time": "pump"}) as loop:
        yield kept("_busy", pairs(loop, learner, repeats, busy=True), 0.5)


def learning_only(learner: RingsideLoop, repeats: int) -> Iterator[Figure]:
    """Without practice and judging."""
    found = pairs(learner, learner, repeats, practises=False)
    yield from ratios("", found, prefix="frame.learning_only")
    yield kept("", found, None, "frame.learning_only")


def slow(repeats: int) -> Iterator[Figure]:
    """The bare loop around slow rules."""
    with loaded(SLOW_GAME, EVERYTHING) as host:
        learn(host, False)
        found = pairs(BareLoop(host), None, repeats)
        yield from (*ratios("_slow_game", found, wanted=True), practised("_slow_game", found))


@contextmanager
def ringside(settings: Mapping[str, Any]) -> Iterator[RingsideLoop]:
    """Ringside's window with the plugin loaded, and learning off."""
    with loaded(RINGSIDE, settings) as host:
        learn(host, False)
        yield RingsideLoop(host)


# ---------------------------------------------------------------------------------------------------------------- runs


def pairs(
    loop: GameLoop,
    learner: GameLoop | None,
    repeats: int,
    busy: bool = False,
    practises: bool = True,
    panel: pygame.Surface | None = None,
) -> Pairs:
    """Runs with, without and of the learner alone; StoodStillError where nothing was learned, practised or judged."""
    found = Pairs([], [], [])
    if practises:
        learn(loop.host, True)
        until(loop.host, lambda work: min(work.steps, work.decisions, work.judged) > 0, frame_after(loop, busy))
    for number in range(repeats):
        for what in ("without", "with", "alone")[:: 1 if number % 2 else -1]:
            if what == "alone" and learner is not None:
                found.alone.append(alone(learner.host))
            elif what == "without" and not busy:
                found.without.append(frames(loop, False, busy))
            elif what == "with":
                if not practises:
                    play_battles(loop.host, RINGSIDE, BATTLES_AHEAD)
                elif learner is not None:
                    play_battles(loop.host, RINGSIDE, PLAYERS_BATTLES, "player")
                if isinstance(loop, RingsideLoop):
                    loop.window.panel = panel
                found.with_plugin.append(frames(loop, True, busy))
                if isinstance(loop, RingsideLoop):
                    loop.window.panel = None
    check_busy([run.work for run in found.with_plugin], practises)
    return found


def beside_computing(suffix: str, loop: RingsideLoop, repeats: int) -> Iterator[Figure]:
    """Without learning, alone and beside one process that computes; nothing where that is no Linux."""
    if not sys.platform.startswith("linux"):
        return
    found = Pairs([], [], [])
    with computing() as compute:
        for _ in range(repeats):
            for on, runs in ((False, found.without), (True, found.with_plugin)):
                compute(on)
                runs.append(frames(loop, False, False))
        yield from ratios(suffix, found, prefix="frame.control")
        if not suffix:
            yield work_in_turns("frame.control", loop, compute, repeats)


def work_in_turns(
    prefix: str, loop: RingsideLoop, switch: Callable[[bool], object], repeats: int, wanted: float | None = None
) -> Figure:
    """Mean work of a frame with what `switch` switches on over without it, over the same frames of the same battle."""
    next_frame, loop.step_s, each, before = frame_after(loop, False), 1 / FPS, [], work_done(loop.host)
    for _ in range(repeats):
        if wanted is not None:
            play_battles(loop.host, RINGSIDE, 1, "player")  # or learning about the player would take all of the repeat
        with unheeded(loop.host):
            each.append(work_ratio(loop.begin, next_frame, switch, BLOCKS, (SETTLING_FRAMES, BLOCK_FRAMES)))
    switch(False)
    loop.step_s, work = None, work_done(loop.host) - before
    note = f"{2 * BLOCKS} blocks of {BLOCK_FRAMES} frames each, {work.steps} steps, {work.decisions} practice decisions"
    return median_figure(f"{prefix}.work_mean_ratio", each, "ratio", "lower", note=note, wanted=wanted)


def draw_more(loop: RingsideLoop, work_ms: float) -> None:
    """Give each frame of the battle as many more pictures as bring its work, without learning, nearest to `work_ms`.

    A number and not a time, so that what learning costs the drawing counts; for each frame, since what the game draws
    by itself differs by more than what is left of a frame. Only where each battle is the same (`unheeded`, `step_s`).
    """
    own = np.median([works(loop) for _ in range(3)], axis=0)
    loop.more_pictures = [3] * len(own)
    picture = float(np.median(works(loop) - own)) / 3
    loop.more_pictures = [max(0, round((work_ms - ms) / picture)) for ms in own]


def works(loop: RingsideLoop) -> NDArray[np.float64]:
    """Milliseconds of each frame's work, without learning."""
    loop.begin()
    next_frame = frame_after(loop, False)
    return 1e3 * np.array([np.diff(next_frame())[0] for _ in range(WARM_UP_FRAMES + FRAMES)])


def looking_ahead(found: Pairs) -> Pairs:
    """The same; StoodStillError where no decision was taken by look-ahead in half of the runs."""
    if median(run.work.looked_ahead for run in found.with_plugin) == 0:
        raise StoodStillError("look-ahead took no decision while frames were drawn")
    return found


def check_busy(works: list[Work], practises: bool) -> None:
    """StoodStillError where the runs with the plugin do not show what it costs, since something stood still.

    A candidate under judgement counts as judged: its checks against bots are thousands of battles and no pairs, and one
    order holds practice and a part of the judging, so both go on or neither.
    """
    still = [name for name in ("steps", "decisions") if not sum(getattr(work, name) for work in works)]
    still += ["judged"] * (not any(work.judged or work.judging for work in works))
    if not practises:
        still = [name for name in still if name == "steps"]
    elif not all(work.decisions or work.judged or work.judging for work in works):
        still.append("practice and judging in one of the runs")
    if still:
        raise StoodStillError(f"these stood still while frames were drawn: {', '.join(still)}; {works}")


def frames(loop: GameLoop, with_plugin: bool, busy: bool) -> Run:
    """So many frames of the same battle."""
    loop.begin()
    learn(loop.host, with_plugin)
    next_frame = frame_after(loop, busy)
    for _ in range(WARM_UP_FRAMES):
        next_frame()
    before, began = work_done(loop.host), time.perf_counter()
    times = np.array([next_frame() for _ in range(FRAMES)])
    seconds, work = time.perf_counter() - began, work_done(loop.host) - before
    learn(loop.host, False)
    intervals, flips = (1e3 * np.diff(times[:, column]) for column in (0, 1))
    interval_p99, flip_p99 = (float(np.percentile(lengths, 99)) for lengths in (intervals, flips))
    work_ms = 1e3 * float(np.mean(times[:, 1] - times[:, 0]))
    return Run(interval_p99, flip_p99, work_ms, 1e3 * float(np.mean(intervals > LATE_MS)), seconds, work)


def alone(host: Host) -> float:
    """Steps a second of the learner with nothing beside it."""
    play_battles(host, RINGSIDE, BATTLES_AHEAD)
    learn(host, True)
    before, begun = work_done(host), time.perf_counter()
    until(host, lambda work: work.steps > before.steps, lambda: time.sleep(ALONE_S))
    pace = (work_done(host) - before).steps / (time.perf_counter() - begun)
    learn(host, False)
    return pace


# ------------------------------------------------------------------------------------------------------------- figures


def ratios(suffix: str, found: Pairs, wanted: bool = False, prefix: str = "frame") -> list[Figure]:
    """With the plugin over without, pair by pair; late frames with minus without."""
    both = list(zip(found.with_plugin, found.without, strict=True))
    if not both:
        return []

    def ratio(key: str, name: str, at_most: float | None) -> Figure:
        each = [getattr(run, name) / getattr(bare, name) for run, bare in both]
        ours, theirs = (median(getattr(run, name) for run in runs) for runs in (found.with_plugin, found.without))
        note = f"{ours:.2f} ms with, {theirs:.2f} ms without"
        return median_figure(f"{prefix}.{key}{suffix}", each, "ratio", "lower", note=note, wanted=at_most)

    late = [run.late_per_1000 - bare.late_per_1000 for run, bare in both]
    lates = [mean(run.late_per_1000 for run in runs) for runs in (found.with_plugin, found.without)]
    note = f"means over all runs: {lates[0]:.1f} with, {lates[1]:.1f} without"
    most = 0.5 if wanted else None
    return [
        ratio("interval_p99_ratio", "interval_p99_ms", 1.02 if wanted else None),
        ratio("flip_p99_ratio", "flip_p99_ms", None),
        *([ratio("work_mean_ratio", "work_mean_ms", None)] if suffix or prefix == "frame.learning_only" else []),
        median_figure(f"{prefix}.late_per_1000{suffix}", late, "frames", "lower", note=note, wanted=most),
    ]


def kept(suffix: str, found: Pairs, wanted: float | None, prefix: str = "frame") -> Figure:
    """Steps a second beside the frames and everything else, over steps a second of the learner alone."""
    paces = [run.work.steps / run.seconds for run in found.with_plugin]
    shares = [pace / most for pace, most in zip(paces, found.alone, strict=True)]
    note = f"{median(paces):.0f} of {median(found.alone):.0f} steps/s"
    return median_figure(f"{prefix}.kept{suffix}", shares, "share", "higher", note=note, wanted=wanted)


def practised(suffix: str, found: Pairs) -> Figure:
    """Practice decisions a second while frames are drawn and the learner and the gate want their time too."""
    paces = [run.work.decisions / run.seconds for run in found.with_plugin]
    judged = sum(run.work.judged for run in found.with_plugin)
    note = f"beside {judged} pairs judged in {sum(run.seconds for run in found.with_plugin):.0f} s"
    return median_figure(f"practice.decisions_per_s{suffix}", paces, "1/s", "higher", note=note)
