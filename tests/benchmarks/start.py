"""What the plugin adds to a game's start, in fresh processes, with and without in turns.

The game is the host and the rules without a window; what is added is everything from the plugin's import on, numpy's
and psutil's included. With learning on, the start counts until the first gradient step and the first stretch of
practice are done, and it is a second start: the first one compiles, writes the first version and is not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, median_figure, not_measured
from tests.support.paths import ROOT

GAME = """
import json, sys, time
from random import Random
from game_adapter.host.host import Host
from game_adapter.host.match import Match
from game_adapter.ringside.game import RINGSIDE

def memory_mb(process="self"):
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def done():
    report = host.report("cornerman") or {"learner": {"steps": 1}, "practice": {"decisions": 1}}
    return report["learner"]["steps"], report["practice"]["decisions"]

def first_steps():
    steps, decisions = done()
    for number in range(100):
        match = Match(host, RINGSIDE.new_battle(number), number, {0: "plugin", 1: "scripted"},
                      RINGSIDE.bots["random"], Random(number))
        while not match.over:
            match.play(match.decide())
            match.start_round()
        end = time.perf_counter() + 2.0
        while time.perf_counter() < end:
            host.settle(0.005)
            if all(now > before for now, before in zip(done(), (steps, decisions))):
                return
    sys.exit("nothing was learned or practised")

plugins, data, settings = json.loads(sys.argv[1])
host = Host(plugins, data, RINGSIDE, settings)
before, begun, busy = memory_mb(), time.perf_counter(), time.process_time()
host.load()
if not host.loaded:
    import numpy, psutil
took = 1e3 * (time.perf_counter() - begun)
if settings["learning"]:
    first_steps()
figures = {"ms": took, "cpu_ms": 1e3 * (time.process_time() - busy), "mb": memory_mb() - before}
import psutil
figures["worker_mb"] = sum(memory_mb(child.pid) for child in psutil.Process().children(recursive=True))
print(json.dumps({**figures, "torch": "torch" in sys.modules, "plugins": len(host.loaded)}))
host.quit()
"""
Start = dict[str, float]


def run(repeats: int) -> list[Figure]:
    """Ratios and what is added with learning off; processor time, memory and the worker's memory with learning on."""
    if not sys.platform.startswith("linux"):
        return [not_measured("start.vs_numpy", "ratio", "lower", "memory is read from /proc, which only Linux has")]
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        for learning in (False, True):
            start(data, learning)
        numpy, off, on = [], [], []
        for _ in range(repeats):
            numpy.append(start(data, learning=False, plugins=data / "none"))
            off.append(start(data, learning=False))
            on.append(start(data, learning=True))
    if not all(found["plugins"] for found in off + on):
        raise RuntimeError("the plugin was not loaded")
    return [*without_learning(numpy, off), *with_learning(on)]


def without_learning(numpy: Sequence[Start], off: Sequence[Start]) -> list[Figure]:
    ratios = [ours["ms"] / bare["ms"] for ours, bare in zip(off, numpy, strict=True)]
    note = f"{median_of('ms', off):.0f} ms over {median_of('ms', numpy):.0f} ms"
    return [
        median_figure(
            "start.vs_numpy", ratios, "ratio", "lower", peer="importing numpy and psutil alone", note=note, wanted=2.0
        ),
        median_figure("start.added_ms", column("ms", off), "ms", "lower"),
        median_figure("start.added_mb", column("mb", off), "MB", "lower"),
        Figure("start.torch_imported", max(column("torch", off)), "", "lower", len(off), wanted=0.0),
    ]


def with_learning(on: Sequence[Start]) -> list[Figure]:
    seconds, note = [ms / 1e3 for ms in column("cpu_ms", on)], f"{median_of('ms', on):.0f} ms in the loading screen"
    figures = [
        median_figure("start.learning_cpu_s", seconds, "s", "lower", note=note, wanted=0.8),
        median_figure("start.learning_mb", column("mb", on), "MB", "lower", note="without the worker", wanted=130.0),
        Figure("start.learning_torch_imported", max(column("torch", on)), "", "lower", len(on), wanted=0.0),
    ]
    if max(column("worker_mb", on)) == 0.0:
        return [*figures, not_measured("start.worker_mb", "MB", "lower", "no worker process was started")]
    return [*figures, median_figure("start.worker_mb", column("worker_mb", on), "MB", "lower", wanted=110.0)]


def column(name: str, starts: Sequence[Start]) -> list[float]:
    return [float(found[name]) for found in starts]


def median_of(name: str, starts: Sequence[Start]) -> float:
    return sorted(column(name, starts))[len(starts) // 2]


def start(data: Path, learning: bool, plugins: Path = ROOT / "plugin") -> Start:
    """One start of the game in a fresh process."""
    settings = {"learning": learning, "device": "cpu", "warmup_fraction": 0.0}
    given = json.dumps([str(plugins), str(data / "kept"), settings])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(data / "compiled")}
    command = [sys.executable, "-c", GAME, given]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"a start failed: {done.stderr[-2000:]}")
    found: Start = json.loads(done.stdout)
    return found
