"""Runs the studies: a table for people, `study.json` for machines. What is done is not done again.

python -m tests.studies                     every subject
python -m tests.studies games               this subject
python -m tests.studies games --key games.connect_four
python -m tests.studies adapt --processes 8  eight units at a time
python -m tests.studies games --quick       a smoke test with tiny numbers, in files of its own
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import replace_file
from cornerman.files.folder_lock import FolderLock
from tests.studies.intervals import Interval
from tests.studies.study import Figure, Study, carry_out, first_seeds

HARNESS = {"__main__", "intervals", "study"}


def subjects() -> list[str]:
    """The subjects there are: one file each, with `study(quick: bool) -> Study`."""
    modules = iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in modules if not module.ispkg and module.name not in HARNESS)


class Figures:
    """The file of figures, written anew with every figure; those of other subjects stay in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def add(self, figure: Figure, interval: Interval, command: str) -> None:
        """Print a figure and write it down."""
        value, low, high = (float(f"{number:.4g}") for number in interval)
        self.values[figure.key] = {
            "value": value,
            "low": low,
            "high": high,
            "seeds": list(figure.seeds),
            "command": command,
        }
        must = f"  must be {figure.must}" if figure.must else ""
        print(f"{figure.key:36} {value:>10.4g}  [{low:.4g}, {high:.4g}]{must}", flush=True)
        self._write()

    def drop(self, keys: list[str]) -> None:
        """Forget figures that could not be measured this time: an old value would pass for one of this run."""
        for key in keys:
            self.values.pop(key, None)
        self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, (json.dumps(dict(sorted(self.values.items())), indent=1) + "\n").encode())


def carry_out_subject(subject: str, given: argparse.Namespace, figures: Figures) -> list[str]:
    """All wanted figures of one subject; returns what failed, one line each."""
    study: Study = import_module(f"tests.studies.{subject}").study(given.quick)
    if given.seeds:
        study = first_seeds(study, given.seeds)
    root = given.work / ("quick" if given.quick else "full") / subject
    if given.fresh:
        shutil.rmtree(root, ignore_errors=True)
    command = f"python -m tests.studies {subject}" + (" --quick" if given.quick else "")
    command += f" --seeds {given.seeds}" if given.seeds else ""
    finished: set[str] = set()

    def keep(figure: Figure, interval: Interval) -> None:
        finished.add(figure.key)
        figures.add(figure, interval, command)

    failures = carry_out(study, root, keep, given.key, given.processes)
    wanted = [figure.key for figure in study.figures if figure.key.startswith(tuple(given.key or [""]))]
    figures.drop([key for key in wanted if key not in finished])
    return failures


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line; an unknown subject ends the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.studies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", metavar="SUBJECT", help=f"one or more of {', '.join(subjects())}")
    parser.add_argument("--key", action="append", default=[], help="only figures whose key begins so; may be repeated")
    parser.add_argument("--quick", action="store_true", help="tiny numbers: does every part run?")
    parser.add_argument("--seeds", type=int, metavar="N", help="the first N seeds alone: sooner, with wider intervals")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="units at a time (default: one)")
    parser.add_argument("--fresh", action="store_true", help="forget what these subjects have done")
    parser.add_argument("--work", type=Path, default=Path("out/study"), help="where results of units are kept")
    parser.add_argument("--out", type=Path, help="default: study.json; with --quick: study-quick.json")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.only) - set(subjects())):
        parser.error(f"there is no subject {', '.join(unknown)}; there are {', '.join(subjects()) or 'none'}")
    given.out = given.out or Path("study-quick.json" if given.quick else "study.json")
    return given


def main(arguments: list[str]) -> int:
    """Carry out, print, write; 1 where something failed, 2 where a subject is unknown or the folder is in use."""
    given = parsed(arguments)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    try:
        lock = FolderLock(given.work, "python -m tests.studies")
    except ModelError as error:
        print(error)
        return 2
    try:
        figures, failures = Figures(given.out), []
        for subject in given.only or subjects():
            failures += carry_out_subject(subject, given, figures)
    finally:
        lock.close()
    print("\n".join([f"failed: {failure}" for failure in failures] or [f"figures are in {given.out}"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
