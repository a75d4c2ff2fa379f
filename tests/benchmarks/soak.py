"""A soak: the real window at 60 frames a second, learning all the time, battle after battle; does its memory grow?

`make soak` takes 30 minutes (CORNERMAN_SOAK_MINUTES says otherwise); without that variable `make bench` soaks for two.
The growth is the slope of a line through the memory after the first sixth, times its length.
"""

from __future__ import annotations

import gc
import os
import time

import numpy as np

from tests.benchmarks.figures import Figure
from tests.benchmarks.frame import ringside
from tests.benchmarks.loaded_plugin import EVERYTHING, learn, work_done
from tests.benchmarks.work import frame_after

SHORT_MINUTES = 2.0
SAMPLES = 240


def run(repeats: int) -> list[Figure]:
    """One soak, whatever `repeats` says."""
    del repeats
    minutes = float(os.environ.get("CORNERMAN_SOAK_MINUTES", SHORT_MINUTES))
    return soak(60 * minutes, 60 / 1000)


def soak(seconds: float, real_step_s: float) -> list[Figure]:
    """Frames for so long, each moving the battle on by `real_step_s`, with learning, practice and judging."""
    import psutil

    process, sampled = psutil.Process(), list[tuple[float, float]]()
    with ringside(EVERYTHING) as loop:
        loop.begin()
        learn(loop.host, True)
        loop.step_s, next_frame = real_step_s, frame_after(loop, busy=False)
        begun, period = time.perf_counter(), seconds / SAMPLES
        while (now := time.perf_counter() - begun) < seconds:
            next_frame()
            if now >= len(sampled) * period:
                gc.collect()
                processes = [process, *process.children(recursive=True)]
                sampled.append((now, sum(each.memory_info().rss for each in processes) / 2**20))
        work, battles, frames = work_done(loop.host), loop.window.hall.battles, loop.window.frames
    growth = growth_mb(sampled)
    note = (
        f"{seconds / 60:.1f} min, {battles} battles, {work.steps} steps, {work.decisions} practice decisions, "
        f"{work.judged} pairs judged, {frames} frames, {sampled[0][1]:.0f} MB at the start, {sampled[-1][1]:.0f} at "
        "the end, the worker's included"
    )
    return [Figure("soak.growth_mb", growth, "MB", "lower", 1, "", note)]


def growth_mb(sampled: list[tuple[float, float]]) -> float:
    """What the memory after the first sixth grew by, in MB; `sampled` holds seconds and MB."""
    kept = np.array([pair for pair in sampled if pair[0] >= sampled[-1][0] / 6])
    slope = np.polyfit(kept[:, 0], kept[:, 1], 1)[0]
    return float(slope * (kept[-1, 0] - kept[0, 0]))
