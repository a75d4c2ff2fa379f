"""A study: units of work that are done once and kept, and the figures that are made of them.

A unit is what a kill may cost: its result is one JSON file, written in one step when the unit is done. It has a folder
of its own, empty when it begins and kept when it is done, for what a result cannot hold (a trained version, a log).
A unit whose arguments have changed since is done anew. The results of a study belong to one process at a time.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cornerman.files.atomic import replace_file
from tests.studies.intervals import Interval

RESULT_FILE = "result.json"


class Work:
    """What a unit may use: its own folder, and the folders and results of the units that it needs."""

    def __init__(self, root: Path, unit: Unit) -> None:
        self.folder = root / unit.name
        self._root, self._needs = root, unit.needs

    def result(self, name: str) -> Any:
        """The result of a unit that this one needs."""
        return stored(self.folder_of(name))["result"]

    def folder_of(self, name: str) -> Path:
        """The folder of a unit that this one needs."""
        if name not in self._needs:
            raise KeyError(f"{name} is not among the units that this one needs: {', '.join(self._needs) or 'none'}")
        return self._root / name


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work: `run(work, **arguments)` returns plain JSON data. `name` is its folder: "connect_four/1"."""

    name: str
    run: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of `study.json`: `summarise` makes it of the results of the units in `needs`, in that order."""

    key: str
    needs: tuple[str, ...]
    summarise: Callable[[Sequence[Any]], Interval]
    seeds: Sequence[int]
    must: str = ""  # for people: "at least 0.9"

    def __post_init__(self) -> None:
        if not self.needs:
            raise ValueError(f"The figure {self.key} is made of no unit.")


@dataclass(frozen=True, slots=True)
class Study:
    """What a subject measures. A unit stands after those it needs."""

    units: Sequence[Unit]
    figures: Sequence[Figure]

    def __post_init__(self) -> None:
        known: set[str] = set()
        for unit in self.units:
            if missing := sorted(set(unit.needs) - known):
                raise ValueError(f"The unit {unit.name} needs {', '.join(missing)}, which does not stand before it.")
            if unit.name in known:
                raise ValueError(f"There are two units {unit.name}.")
            known.add(unit.name)
        for figure in self.figures:
            if missing := sorted(set(figure.needs) - known):
                raise ValueError(f"The figure {figure.key} is made of {', '.join(missing)}, which is no unit.")


def stored(folder: Path) -> dict[str, Any]:
    """What a unit left: {"arguments", "result", "seconds"}; empty where it is not done."""
    try:
        found: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def is_done(root: Path, unit: Unit) -> bool:
    """Whether the unit was done with the arguments that it has now."""
    return bool(stored(root / unit.name).get("arguments") == json.loads(json.dumps(dict(unit.arguments))))


def do(root: Path, unit: Unit) -> None:
    """Do one unit from the start, in an empty folder, and store its result."""
    work = Work(root, unit)
    shutil.rmtree(work.folder, ignore_errors=True)
    work.folder.mkdir(parents=True)
    begun = time.perf_counter()
    result = unit.run(work, **unit.arguments)
    done = {"arguments": dict(unit.arguments), "result": result, "seconds": round(time.perf_counter() - begun, 1)}
    replace_file(work.folder / RESULT_FILE, json.dumps(done, indent=1).encode())


def carry_out(
    study: Study,
    root: Path,
    finished: Callable[[Figure, Interval], None],
    keys: Sequence[str] = (),
    processes: int = 1,
) -> list[str]:
    """Do what is not done, hand over each figure when its units are there; returns what failed, one line each.

    `keys` chooses figures by the beginning of their keys; none: all. A unit that fails costs the figures made of it.
    With more `processes` than one, units that need no other are done that many at a time first.
    """
    pending = [figure for figure in study.figures if not keys or figure.key.startswith(tuple(keys))]
    wanted = with_needs(study, {name for figure in pending for name in figure.needs})
    apart = [unit for unit in study.units if unit.name in wanted and not unit.needs] if processes > 1 else []
    reasons = at_a_time(processes, root, apart) if apart else {}
    done, failed = set[str](), dict[str, str]()
    for unit in study.units:
        if unit.name not in wanted:
            continue
        if broken := [name for name in unit.needs if name in failed]:
            failed[unit.name] = f"{unit.name}: needs {', '.join(broken)}, which failed"
        elif reason := reasons[unit.name] if unit.name in reasons else do_once(root, unit):
            failed[unit.name] = f"{unit.name}: {reason}"
        else:
            done.add(unit.name)
        for figure in [figure for figure in pending if done.issuperset(figure.needs)]:
            pending.remove(figure)
            finished(figure, figure.summarise([stored(root / name)["result"] for name in figure.needs]))
    return list(failed.values())


def at_a_time(processes: int, root: Path, units: Sequence[Unit]) -> dict[str, str]:
    """Do each unit that is not done in one of so many processes; why each failed, or nothing, by name."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return dict(zip([unit.name for unit in units], pool.map(partial(do_once, root), units), strict=True))


def do_once(root: Path, unit: Unit) -> str:
    """Do a unit that is not done; returns why it failed, or nothing."""
    if is_done(root, unit):
        print(f"{unit.name}: done before", flush=True)
        return ""
    print(f"{unit.name} ...", flush=True)
    try:
        do(root, unit)
    except Exception as error:  # noqa: BLE001 - one unit that fails must not cost the figures of the others
        traceback.print_exc(file=sys.stdout)
        return f"{type(error).__name__}: {error}"
    return ""


def first_seeds(study: Study, num_seeds: int) -> Study:
    """The same with the seeds below `num_seeds` alone: fewer units, and figures of those that are left."""
    left: list[Unit] = []
    for unit in study.units:
        if int(unit.arguments.get("seed", 0)) < num_seeds and {each.name for each in left}.issuperset(unit.needs):
            left.append(unit)
    names, figures = {unit.name for unit in left}, list[Figure]()
    for figure in study.figures:
        if names.issuperset(figure.needs):
            figures.append(figure)
        elif needs := tuple(name for name in figure.needs if name in names):
            seeds = [seed for seed in figure.seeds if seed < num_seeds]
            figures.append(replace(figure, needs=needs, seeds=seeds))
    return Study(left, figures)


def seeded(name: str, run: Callable[..., Any], seeds: Sequence[int], /, **arguments: Any) -> list[Unit]:
    """A unit a seed, called "name seed", with the seed among its arguments."""
    return [Unit(f"{name} {seed}", run, {**arguments, "seed": seed}) for seed in seeds]


def names_of(units: Sequence[Unit]) -> tuple[str, ...]:
    """For the needs of what is made of them."""
    return tuple(unit.name for unit in units)


def with_needs(study: Study, names: set[str]) -> set[str]:
    """These units and all that they need."""
    found = set(names)
    for unit in reversed(study.units):
        if unit.name in found:
            found.update(unit.needs)
    return found
