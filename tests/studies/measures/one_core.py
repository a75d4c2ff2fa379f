"""Ringside's window with the whole plugin on one core in 1 GB of address space, as a small computer has them.

python -m tests.studies.measures.one_core FIGURES.json REPEATS [numpy]      the last: without numba
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from cornerman.edge.raspberry_pi import PROFILES
from game_adapter.ringside.game import RINGSIDE
from tests.benchmarks.figures import interval_of_median
from tests.benchmarks.frame import StoodStillError, looking_ahead, pairs, ringside
from tests.benchmarks.loaded_plugin import BATTLES_AHEAD, EVERYTHING, learn, play_battles, report, until
from tests.benchmarks.loaded_plugin import Work as Done
from tests.studies.intervals import Interval, exact
from tests.studies.study import Figure, Unit, Work

ROOT = Path(__file__).resolve().parents[3]
ADDRESS_SPACE = 2**30
"""Bytes, of each process by itself."""


def held(repeats: int) -> dict[str, Any]:
    """Frames with and without learning, practice, judging and look-ahead, and the memory of all processes together."""
    settings = {**PROFILES[1], **EVERYTHING, "rest_when_busy": False}  # for what runs on the other cores
    with ringside(settings) as loop:
        play_battles(loop.host, RINGSIDE, BATTLES_AHEAD)
        learn(loop.host, True)
        until(loop.host, lambda work: min(work.steps, work.decisions, work.judged) > 0)
        found = looking_ahead(pairs(loop, None, repeats, practises=False))
        check([run.work for run in found.with_plugin])
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        memory = [process.memory_info() for process in processes]
        device = report(loop.host)["device_why"]
    both = list(zip(found.with_plugin, found.without, strict=True))
    return {
        "ratios": [run.interval_p99_ms / bare.interval_p99_ms for run, bare in both],
        "with_ms": [run.interval_p99_ms for run, _ in both],
        "without_ms": [bare.interval_p99_ms for _, bare in both],
        "steps_per_s": [run.work.steps / run.seconds for run, _ in both],
        "decisions_per_s": [run.work.decisions / run.seconds for run, _ in both],
        "late_per_1000": [run.late_per_1000 - bare.late_per_1000 for run, bare in both],
        "resident_mb": [each.rss / 2**20 for each in memory],
        "address_space_mb": [each.vms / 2**20 for each in memory],
        "looked_ahead": [run.work.looked_ahead for run, _ in both],
        "why": device,
    }


def check(works: Sequence[Done]) -> None:
    """StoodStillError where something stood still: learning in one of the runs, practice or judging in all of them, as
    of one core the worker gets what is left, maybe little."""
    still = ["learning in one of the runs"] * (not all(work.steps for work in works))
    still += ["practice"] * (not any(work.decisions for work in works))
    still += ["judging"] * (not any(work.judged or work.judging for work in works))
    if still:
        raise StoodStillError(f"these stood still while frames were drawn: {', '.join(still)}; {works}")


def confined(work: Work, repeats: int, learns_with: str) -> Any:
    """`held` in a process of its own."""
    file = work.folder / "figures.json"
    command = [sys.executable, "-m", "tests.studies.measures.one_core", str(file), str(repeats), learns_with]
    subprocess.run(command, check=True, cwd=ROOT)
    return json.loads(file.read_text("utf-8"))


def main(arguments: Sequence[str]) -> int:
    import resource  # Windows has none

    file, repeats, learns_with = arguments
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    if learns_with == "numpy":
        sys.modules["numba"] = None  # type: ignore[assignment]
    Path(file).write_text(json.dumps(held(int(repeats)), indent=1), "utf-8")
    return 0


def median_of(name: str, results: Sequence[Any]) -> Interval:
    values = sorted(results[0][name])
    middle = (values[len(values) // 2] + values[~(len(values) // 2)]) / 2
    return Interval(middle, *interval_of_median(values))


def resident(results: Sequence[Any]) -> Interval:
    return exact(sum(results[0]["resident_mb"]))


def parts(quick: bool) -> tuple[list[Unit], list[Figure]]:
    """Units and figures, a part of tests/studies/edge.py."""
    repeats = 1 if quick else 9
    units, figures = list[Unit](), list[Figure]()
    for suffix, learns_with in (("", "numba"), ("_numpy", "numpy")):
        name = f"one core {learns_with}"
        units.append(Unit(name, confined, {"repeats": repeats, "learns_with": learns_with}))
        ratio = partial(median_of, "ratios")
        figures.append(Figure(f"edge.pi.interval_p99_ratio{suffix}", (name,), ratio, [0], "at most 1.05"))
        figures.append(Figure(f"edge.pi.mb{suffix}", (name,), resident, [0], "at most 350"))
    return units, figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
