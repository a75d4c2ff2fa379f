"""The plugin on an emulated 64-bit ARM processor: what it decides there, plays there and learns there.

No Raspberry Pi: Debian's Python for that processor with the wheels that a Pi installs (`make aarch64`), run by qemu.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.contract import Bools, Floats
from tests.studies.adapters.opening import shipped
from tests.studies.intervals import Interval, exact, wilson
from tests.studies.measures.greedy import greedy
from tests.studies.study import Figure, Unit, Work

Recorded = Callable[[Path], tuple[Floats, Bools]]
"""Observations and masks that a unit's folder holds."""
ROOT = Path(__file__).resolve().parents[3]
EMULATED = ROOT / "out" / "aarch64"
COMPILE = """
from pathlib import Path
from cornerman.learning import compiled
way = compiled.ways()[0]
compiled.compile_into(compiled.cache_folder(Path("."), way.name), way.make)
assert not compiled.cpu_steps(Path(".")).why_slow, "what was compiled cannot be used"
"""
"""What the plugin lets a child process do, without its limit of three minutes: emulated it takes longer."""
SETTINGS = {"worker": "thread", "hidden": [32, 32]}
"""Of the learning run: emulated arithmetic is a hundred times as slow, and nobody draws frames beside it."""


def emulated(work: Work, arguments: Sequence[str], packages: str = "plain") -> None:
    """Run the emulated Python in the unit's folder, with the plugin dropped in there."""
    python = EMULATED / "root/usr/bin/python"
    if not python.exists() or not (EMULATED / ".made").exists():
        raise RuntimeError("There is no emulated machine: make aarch64 (needs debootstrap and qemu-aarch64-static).")
    copy = work.folder / "plugins" / "cornerman"
    if not copy.exists():
        shutil.copytree(ROOT / "plugin" / "cornerman", copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join(map(str, (EMULATED / packages, work.folder / "plugins", ROOT)))
    run(work, [str(python), *arguments], PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1", PYTHONSAFEPATH="1")


def run(work: Work, command: Sequence[str], **environment: str) -> None:
    given = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment}
    subprocess.run(command, check=True, cwd=work.folder, env=given)


def decided(recorded: Recorded, work: Work, decisions: int) -> dict[str, Any]:
    """How many greedy actions are the same here and emulated, and the largest difference of a Q-value."""
    asked, here, there = (work.folder / f"{name}.npz" for name in ("asked", "here", "there"))
    observations, masks = recorded(work.folder_of("recorded"))
    np.savez(asked, observations=observations[:decisions], masks=masks[:decisions])
    greedy(shipped(), asked, here)
    emulated(work, ["-m", "tests.studies.measures.greedy", str(asked), str(there)])
    with np.load(here) as ours, np.load(there) as theirs:
        return {
            "equal": int((ours["actions"] == theirs["actions"]).sum()),
            "of": len(ours["actions"]),
            "difference": float(np.abs(ours["values"] - theirs["values"]).max()),
            "machine": str(theirs["machine"]),
            "numpy": str(theirs["numpy"]),
        }


def series(
    work: Work, emulate: bool, battles: int, settings: dict[str, Any], *more: str, packages: str = "plain"
) -> Any:
    """A headless series of Ringside against a brawler: its battles and its summary."""
    folder = work.folder / ("emulated" if emulate else "here")
    data = folder / "data" / "series" / "cornerman"
    data.mkdir(parents=True)
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    (data / "settings.toml").write_text("\n".join(lines) + "\n", "utf-8")
    arguments = ["-m", "game_adapter", "--headless", "--battles", str(battles), "--seed", "1", "--plugins", "plugins"]
    arguments += ["--data", str(folder / "data"), "--json", str(folder / "battles.jsonl"), "--out", str(folder), *more]
    if emulate:
        emulated(work, arguments, packages)
    else:
        run(work, [sys.executable, *arguments], PYTHONPATH=str(ROOT))
    *played, last = map(json.loads, (folder / "battles.jsonl").read_text("utf-8").splitlines())
    return played, last["summary"]


def played(work: Work, battles: int) -> dict[str, Any]:
    """Battles of the shipped model, and how many of them went the same way here."""
    fixed = {"learning": False, "look_ahead": False}
    there, summary = series(work, True, battles, fixed)
    here, _ = series(work, False, battles, fixed)
    same = [
        all(one[key] == other[key] for key in ("winner", "rounds", "version", "seat"))
        for one, other in zip(here, there, strict=True)
    ]
    return {"same": sum(same), "of": battles, "won": summary["won"]}


def learned(work: Work, battles: int, packages: str) -> Any:
    """The summary of a series that begins with an untrained version; with the packages "fast" learning is compiled."""
    if packages == "fast":
        emulated(work, ["-c", COMPILE], packages)
    return series(work, True, battles, SETTINGS, "--from-nothing", packages=packages)[1]


def gain(results: Sequence[Any]) -> Interval:
    """Win rate at the end minus that of the untrained version; the interval is that of their separate battles."""
    [summary] = results
    before, after = summary["untrained"], summary["now"]
    half = 1.96 * sqrt(sum(rate * (1 - rate) for rate in (before, after)) / summary["evaluation_battles"])
    return Interval(after - before, after - before - half, after - before + half)


def share(key: str, results: Sequence[Any]) -> Interval:
    return wilson(results[0][key], results[0]["of"])


def parts(quick: bool, recorded: Recorded) -> tuple[list[Unit], list[Figure]]:
    """Units and figures, a part of tests/studies/edge.py, whose unit "recorded" leaves what `recorded` reads."""
    decisions, battles, long = (100, 2, 4) if quick else (10_000, 20, 100)
    units = [
        Unit("arm decided", partial(decided, recorded), {"decisions": decisions}, ("recorded",)),
        Unit("arm played", played, {"battles": battles}),
        Unit("arm learned", learned, {"battles": long, "packages": "plain"}),
        Unit("arm learned compiled", learned, {"battles": long, "packages": "fast"}),
    ]
    figures = [
        Figure("edge.arm.equal", ("arm decided",), partial(share, "equal"), [0], "1.0"),
        Figure(
            "edge.arm.difference", ("arm decided",), lambda found: exact(found[0]["difference"]), [0], "at most 1e-5"
        ),
        Figure("edge.arm.battles", ("arm played",), partial(share, "same"), [1], "1.0"),
        Figure("edge.arm.gain", ("arm learned",), gain, [1], "above 0.15"),
        Figure("edge.arm.gain_compiled", ("arm learned compiled",), gain, [1], "above 0.15"),
    ]
    return units, figures
