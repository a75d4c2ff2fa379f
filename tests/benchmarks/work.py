"""Frames of a game's loop one by one, and how much longer their work takes beside something than without it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import truediv
from statistics import geometric_mean
from typing import Any
from unittest.mock import patch

import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.screens.window import FPS, FRAME_MS
from tests.benchmarks.game_loops import GameLoop

PUMP_MARGIN_MS = 1.0
COMPUTES = """
import os, numpy
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
game, numbers = os.getppid(), numpy.ones((256, 256), numpy.float32)
while os.getppid() == game:
    numbers @ numbers
"""
"""One process that computes, in the idle class of Linux, until its parent ends."""


def frame_after(loop: GameLoop, busy: bool) -> Callable[[], tuple[float, float]]:
    """What waits for the next frame's time and draws it: when its work began and ended, in seconds."""
    clock = pygame.time.Clock()
    tick = clock.tick_busy_loop if busy else clock.tick

    def next_frame() -> tuple[float, float]:
        dt_ms = tick(FPS)
        begun = time.perf_counter()
        ended = loop.frame(dt_ms)
        if busy:
            loop.host.pump(FRAME_MS - 1e3 * (ended - begun) - PUMP_MARGIN_MS)
        return begun, ended

    return next_frame


@contextmanager
def unheeded(host: Host) -> Iterator[None]:
    """The plugin is asked for its decisions, but the game's own fighter decides, so that every battle is the same."""
    asked = host.choose_action

    def choose_action(*args: Any, **named: Any) -> None:
        asked(*args, **named)

    with patch.object(host, "choose_action", choose_action):
        yield


@contextmanager
def computing() -> Iterator[Callable[[bool], None]]:
    """A switch for `COMPUTES`."""
    computes = subprocess.Popen([sys.executable, "-c", COMPUTES])

    def switch(on: bool) -> None:
        computes.send_signal(signal.SIGCONT if on else signal.SIGSTOP)

    try:
        yield switch
    finally:
        computes.kill()
        computes.wait()


def work_ratio(
    begin: Callable[[], object],
    next_frame: Callable[[], tuple[float, float]],
    switch: Callable[[bool], object],
    num_blocks: int,
    num_frames: tuple[int, int],
) -> float:
    """Mean work of a frame with something switched on over without: blocks in turns, as on, off, off, on, on, off.

    Then the same frames once more, with on and off exchanged; the geometric mean over the blocks, so that it is 1 also
    where one time the machine was faster. `switch` does not wait: the frame after it would be late, and learning would
    give way to it. `num_frames`: of a block, those before that do not count and those that do.
    """
    work, (settling, counted) = {True: [0.0] * num_blocks, False: [0.0] * num_blocks}, num_frames
    for on_first in (True, False):
        begin()
        for block in range(num_blocks):
            on = ((block + 1) // 2 % 2 == 0) == on_first
            switch(on)
            for at in range(settling + counted):
                begun, ended = next_frame()
                work[on][block] += (ended - begun) * (at >= settling)
    return geometric_mean(map(truediv, work[True], work[False]))
