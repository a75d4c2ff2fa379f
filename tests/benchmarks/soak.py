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
from tests.benchmarks.frame import bench

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
    settings = {"training_window": "always", "warmup_fraction": 0.0, "practice": 5.0, "candidate_period": 300}
    with bench(settings) as subject:
        subject.plugin.trainer.pause(False)
        begun, battles = time.perf_counter(), subject.window.hall.battles
        period = seconds / SAMPLES
        while (now := time.perf_counter() - begun) < seconds:
            subject.play_on(real_step_s)
            if now >= len(sampled) * period:
                gc.collect()
                sampled.append((now, process.memory_info().rss / 2**20))
        report = subject.plugin.report()
        battles = subject.window.hall.battles - battles
    growth = growth_mb(sampled)
    note = (
        f"{seconds / 60:.1f} min, {battles} battles, {report['learner']['steps']} steps, "
        f"{subject.window.frames} frames, {sampled[0][1]:.0f} MB at the start, {sampled[-1][1]:.0f} at the end"
    )
    return [Figure("soak.growth_mb", growth, "MB", "lower", 1, "", note)]


def growth_mb(sampled: list[tuple[float, float]]) -> float:
    """What the memory after the first sixth grew by, in MB; `sampled` holds seconds and MB."""
    kept = np.array([pair for pair in sampled if pair[0] >= sampled[-1][0] / 6])
    slope = np.polyfit(kept[:, 0], kept[:, 1], 1)[0]
    return float(slope * (kept[-1, 0] - kept[0, 0]))
