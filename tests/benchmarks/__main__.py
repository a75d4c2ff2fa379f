"""Runs the benchmarks: a table for people, `bench.json` for machines, and what could not be measured and why.

python -m tests.benchmarks                     every subject
python -m tests.benchmarks record learn        these subjects
python -m tests.benchmarks frame --repeats 1   a quick look: so few repeats say little
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import traceback
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from tests.benchmarks.figures import Figure, not_measured

HARNESS = {"__main__", "figures", "game_loops", "loaded_plugin", "work"}
REPEATS = 7


def subjects() -> list[str]:
    """The subjects there are: one file each."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.name not in HARNESS)


def measure(subject: str, repeats: int | None) -> tuple[list[Figure], bool]:
    """A subject's figures, and whether it came through; without `repeats` as many as the subject needs."""
    found: list[Figure] = []
    try:
        module = import_module(f"tests.benchmarks.{subject}")
        for figure in module.run(repeats or getattr(module, "REPEATS", REPEATS)):
            found.append(figure)  # noqa: PERF402 - what was measured before a failure is kept
    except Exception as error:  # noqa: BLE001 - one subject that fails must not cost the figures of the others
        traceback.print_exc()
        why = f"failed with {type(error).__name__}: {error}"
        return [*found, not_measured(subject, "", "lower", why)], False
    return found, True


def table(figures: list[Figure]) -> str:
    """All figures in columns, notes below their line."""
    width = max(len(figure.key) for figure in figures)
    lines = []
    for figure in figures:
        value = "not measured" if figure.value is None else f"{figure.value:.4g} {figure.unit}"
        wanted = "" if figure.wanted is None else f", wanted {figure.wanted:g}"
        peer = f" against {figure.peer}" if figure.peer else ""
        repeats = f", median of {figure.repeats}" if figure.repeats > 1 else ""
        if figure.interval is not None:
            repeats += f" ({figure.interval[0]:.4g} to {figure.interval[1]:.4g})"
        lines.append(f"{figure.key:{width}}  {value:>16}  {figure.better} is better{wanted}{repeats}{peer}")
        if figure.note:
            lines.append(f"{'':{width}}  {figure.note}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run, print, write; 1 where a subject failed, 2 where one is unknown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="SUBJECT", help=f"one or more of {', '.join(subjects())}")
    parser.add_argument("--repeats", type=int, help=f"interleaved repeats (default: {REPEATS}, more for frame)")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the figures are written")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.only) - set(subjects()))
    if unknown:
        parser.error(f"there is no subject {', '.join(unknown)}; there are {', '.join(subjects())}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load()}", flush=True
    )
    figures, fine = [], True
    for subject in given.only or subjects():
        print(f"measuring {subject} ...", flush=True)
        found, through = measure(subject, given.repeats)
        figures += found
        fine = fine and through
    print(table(figures))
    missing = [figure.key for figure in figures if figure.value is None]
    print(f"{len(figures) - len(missing)} figures in {given.out}; not measured: {', '.join(missing) or 'none'}")
    found_values = {figure.key: figure.as_dict() for figure in figures if figure.value is not None}
    given.out.write_text(json.dumps(found_values, indent=1) + "\n", "utf-8")
    return 0 if fine else 1


def load() -> str:
    """The machine's load when the measuring began: above its cores, the figures are not worth much."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
