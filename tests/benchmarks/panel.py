"""What the plugin's panel costs a frame: each page open over a whole window of 1920x1080 while the plugin learns, and
closed.

Processor time of the game's thread, so that what it waits for is not counted: what learning beside it costs the frames
is the subject `frame`. `panel.open_ms`: mean over the frames of the dearest page, whose figures change;
`_p99_ms`: the frame in a hundred in which most changed; `panel.turn_ms`: the first picture of a page, once a turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import mean, median

import numpy as np
import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import FPS, FRAME_MS
from tests.benchmarks.figures import Figure, median_figure, seconds_a_call
from tests.benchmarks.loaded_plugin import EVERYTHING, Work, loaded, play_battles, until, work_done

REPEATS = 3
SIZE = (1920, 1080)
PAGES, FRAMES, BATTLES = 6, 240, 6
EVENTS_A_FRAME = 4


def run(repeats: int) -> Iterator[Figure]:
    """The panel open, in about half a minute a repeat, and closed."""
    yield from opened(repeats)
    yield closed(repeats)


def opened(repeats: int) -> list[Figure]:
    """Every page for some seconds while learning and practice go on."""
    means, slowest, turns = list[float](), list[float](), list[float]()
    with loaded(RINGSIDE, EVERYTHING) as host:
        play_battles(host, RINGSIDE, BATTLES, "player")
        until(host, lambda work: work.steps > 0)
        surface = pygame.Surface(SIZE)
        for _ in range(repeats):
            pages = [frames_ms(host, surface, page) for page in range(PAGES)]
            means.append(max(mean(times[1:]) for times in pages))
            slowest.append(max(float(np.percentile(times[1:], 99)) for times in pages))
            turns.append(max(times[0] for times in pages))
    note = f"last repeat, by page: {', '.join(f'{mean(times[1:]):.2f}' for times in pages)}"
    return [
        median_figure("panel.open_ms", means, "ms", "lower", note=note, wanted=1.0),
        median_figure("panel.open_p99_ms", slowest, "ms", "lower"),
        median_figure("panel.turn_ms", turns, "ms", "lower"),
    ]


def frames_ms(host: Host, surface: pygame.Surface, page: int) -> list[float]:
    """Milliseconds of each frame of a page, first the one that turns to it."""
    host.on_event(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_1 + page, mod=0))
    before, clock, times = work_done(host), pygame.time.Clock(), list[float]()
    for _ in range(FRAMES):
        host.on_frame(clock.tick(FPS), FRAME_MS / 2)  # practice goes on after a battle only where frames are drawn
        begun = time.thread_time()
        host.on_draw(surface)
        times.append(1e3 * (time.thread_time() - begun))
    check_busy(page, work_done(host) - before)
    return times


def check_busy(page: int, work: Work) -> None:
    """RuntimeError where nothing was learned or practised while a page was drawn."""
    if not (work.steps and work.decisions):
        raise RuntimeError(f"learning or practice stood still while page {page + 1} was drawn: {work}")


def closed(repeats: int) -> Figure:
    """A frame of a game that gives its events and its picture, with the panel closed."""
    with loaded(RINGSIDE, EVERYTHING, panel_key="F1") as host:
        surface = pygame.Surface(SIZE)
        event = pygame.event.Event(pygame.MOUSEMOTION, pos=(5, 5), rel=(0, 0), buttons=(0, 0, 0))

        def frame() -> None:
            for _ in range(EVENTS_A_FRAME):
                host.on_event(event)
            host.on_draw(surface)

        measure = seconds_a_call(frame)
        times = [1e6 * measure() for _ in range(repeats)]
    note = f"{EVENTS_A_FRAME} events and the call that draws"
    return Figure("panel.closed_us", median(times), "us", "lower", repeats, note=note)
