"""How long trainer and worker work on after a window between rounds closes, in mid-frame."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import FPS, FRAME_MS
from tests.benchmarks.figures import Figure, not_measured
from tests.benchmarks.loaded_plugin import BATTLES_AHEAD, EVERYTHING, PATIENCE_S, loaded, play_battles, report, until
from tests.support.slow_game import GAME as SLOW_GAME

REPEATS, WINDOWS = 1, 200
"""Windows a repeat."""


def run(repeats: int) -> list[Figure]:
    """99th percentiles, in Ringside and around slow rules."""
    num_windows, found = repeats * WINDOWS, list[Figure]()
    for suffix, game in (("", RINGSIDE), ("_slow_game", SLOW_GAME)):
        with loaded(game, {**EVERYTHING, "training_window": "between_rounds"}) as host:
            run_ons = close_windows(host, game, num_windows)
            trainer_ms = report(host)["window"]["run_on_ms"]
        key = f"frame.run_on_p99_ms{suffix}"
        found.append(Figure(key, trainer_ms, "ms", "lower", 1, "", f"{num_windows} windows", 8.0))
        key = f"frame.worker_run_on_p99_ms{suffix}"
        if run_ons:
            note = f"{len(run_ons)} windows that closed while it worked"
            found.append(Figure(key, float(np.percentile(run_ons, 99)), "ms", "lower", 1, "", note, 5.0))
        else:
            found.append(not_measured(key, "ms", "lower", "no worker process worked when a window closed"))
    return found


def close_windows(host: Host, game: object, num_windows: int) -> list[float]:
    """Milliseconds that a worker process ran on, for each window that closed while one worked."""
    play_battles(host, game, BATTLES_AHEAD)
    clock, run_ons = pygame.time.Clock(), list[float]()

    def frame() -> None:
        host.on_frame(clock.tick(FPS), FRAME_MS / 2)

    until(host, lambda work: min(work.steps, work.decisions, work.judged) > 0, frame)
    host.on_battle_start(1, {0: "plugin", 1: "scripted"})
    workers = psutil.Process().children(recursive=True)
    number, end = 0, time.monotonic() + PATIENCE_S
    while number < num_windows or (
        (report(host)["window"]["run_on_ms"] is None or not run_ons) and time.monotonic() < end
    ):
        number += 1
        host.on_round_end(1, 1)
        for _ in range(6):
            frame()
        time.sleep(0.001 * (number % 10))
        working = any(at_work(worker) for worker in workers)
        host.on_round_start(1, 1)
        ran_on_ms = until_still(workers)
        if working:
            run_ons.append(ran_on_ms)
        clock.tick()  # or the next frame would seem late
    host.on_battle_end(1, {0: 0, 1: 0}, truncated=True)
    return run_ons


def at_work(process: psutil.Process) -> bool:
    """Whether it computes now; one that has ended, as what compiles does, no longer."""
    try:
        return bool(process.status() == psutil.STATUS_RUNNING)
    except psutil.NoSuchProcess:
        return False


def until_still(workers: list[psutil.Process], still_s: float = 0.03) -> float:
    """Milliseconds from now to the last time at which one of the processes was seen to run."""
    begun = last = time.perf_counter()
    before = ran_ns(workers)
    while (now := time.perf_counter()) - last < still_s:
        time.sleep(0.0002)
        ran = ran_ns(workers)
        if ran != before:
            last, before = now, ran
    return 1e3 * (last - begun)


def ran_ns(workers: list[psutil.Process]) -> int:
    """Processor time of all their threads, from the scheduler's own clock; 0 where the system does not tell it."""
    if not sys.platform.startswith("linux"):
        return 0
    ran = 0
    for worker in workers:
        for thread in Path(f"/proc/{worker.pid}/task").glob("*/schedstat"):
            ran += int(thread.read_text().split()[0])
    return ran
