"""The harness of the studies, not their figures: those take hours."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.studies import __main__ as harness
from tests.studies.intervals import Interval, bootstrap, exact, large_t, of_mean, wilson
from tests.studies.study import Figure, Study, Unit, Work, carry_out, first_seeds


def test_wilson_interval_is_the_published_one() -> None:
    assert wilson(81, 263) == pytest.approx((0.308, 0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I, method 3
    assert wilson(0, 20) == pytest.approx((0.0, 0.0, 0.1611), abs=1e-4)


def test_student_t_meets_its_table_and_the_bootstrap_agrees() -> None:
    assert large_t(30) == pytest.approx(2.042, abs=1e-3)
    assert large_t(120) == pytest.approx(1.980, abs=1e-3)
    assert of_mean([1.0, 3.0]) == pytest.approx((2.0, 2.0 - 12.706, 2.0 + 12.706))
    values = np.random.default_rng(0).normal(size=200)
    by_t = of_mean(list(values))
    by_bootstrap = bootstrap(values, lambda rows: rows.mean(1), seed=1)
    assert by_bootstrap == pytest.approx(by_t, abs=0.02)
    assert by_bootstrap == bootstrap(values, lambda rows: rows.mean(1), seed=1)


class Counted:
    """A study of three units whose every run is counted."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.broken = False
        self.games = 10

    def train(self, work: Work, seed: int) -> int:
        self.runs.append(f"train {seed}")
        assert not list(work.folder.iterdir())
        (work.folder / "weights").write_text(str(seed))
        return seed

    def play(self, work: Work, games: int) -> float:
        self.runs.append("play")
        if self.broken:
            raise RuntimeError("no opponent")
        return games * float((work.folder_of("train/2") / "weights").read_text()) + float(work.result("train/1"))

    def study(self, quick: bool = False) -> Study:
        units = [Unit(f"train/{seed}", self.train, {"seed": seed}) for seed in (1, 2)]
        units.append(Unit("play", self.play, {"games": self.games}, needs=("train/1", "train/2")))
        return Study(
            units,
            [
                Figure("made.seeds", ("train/2", "train/1"), lambda found: of_mean(found), (1, 2)),
                Figure("made.score", ("play",), lambda found: exact(found[0]), (1, 2), "at least 0"),
            ],
        )


def figures_of(
    study: Study, root: Path, keys: Sequence[str] = (), processes: int = 1
) -> tuple[dict[str, Interval], list[str]]:
    found: dict[str, Interval] = {}

    def keep(figure: Figure, interval: Interval) -> None:
        assert figure.key not in found
        found[figure.key] = interval

    return found, carry_out(study, root, keep, keys, processes)


def test_carry_out_does_each_unit_once_and_anew_when_its_arguments_change(tmp_path: Path) -> None:
    counted = Counted()
    found, failed = figures_of(counted.study(), tmp_path)
    assert found == {"made.seeds": of_mean([2.0, 1.0]), "made.score": exact(21.0)}
    assert (failed, counted.runs) == ([], ["train 1", "train 2", "play"])
    assert figures_of(counted.study(), tmp_path) == (found, [])
    assert len(counted.runs) == 3
    counted.games = 100
    assert figures_of(counted.study(), tmp_path)[0]["made.score"] == exact(201.0)
    assert counted.runs[3:] == ["play"]
    chosen = Counted()
    found, _ = figures_of(chosen.study(), tmp_path / "chosen", ["made.se"])
    assert (list(found), chosen.runs) == (["made.seeds"], ["train 1", "train 2"]), "only what the figure needs"


def met(work: Work, other: str, seed: int) -> int:
    """Waits until the other unit has begun; its process."""
    until, begun = time.monotonic() + 60.0, work.folder.parent / other
    while not begun.exists():
        if time.monotonic() > until or seed < 0:
            raise TimeoutError(f"{other} never began")
        time.sleep(0.01)
    return os.getpid()


@pytest.mark.filterwarnings("ignore:resource_tracker")  # a test before may have ended this process's children, it too
def test_units_are_done_in_processes_at_a_time_and_one_that_fails_costs_its_own_figure(tmp_path: Path) -> None:
    others = {"left": "right", "right": "left", "alone": "nobody"}
    units = [Unit(of, met, {"other": other, "seed": -(of == "alone")}) for of, other in others.items()]
    figures = [
        Figure("made.processes", ("left", "right"), lambda found: exact(len({os.getpid(), *found})), (1,)),
        Figure("made.alone", ("alone",), lambda found: exact(found[0]), (1,)),
    ]
    found, failed = figures_of(Study(units, figures), tmp_path, processes=2)
    assert found == {"made.processes": exact(3)}, "two processes, none of them this one"
    assert failed == ["alone: TimeoutError: nobody never began"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A subject "made", the only one."""
    counted, module = Counted(), ModuleType("tests.studies.made")
    module.study = counted.study  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(harness, "subjects", lambda: ["made"])
    return counted


def test_figures_go_to_a_flat_file_beside_those_of_other_subjects(
    tmp_path: Path, made: Counted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study.json"
    other = {"value": 1.0, "low": 0.5, "high": 1.5, "seeds": [1], "command": "other"}
    out.write_text(json.dumps({"other.x": other, "made.score": other}))
    arguments = ["made", "--out", str(out), "--work", str(tmp_path / "work")]
    made.broken = True
    assert harness.main(arguments) == 1
    assert sorted(json.loads(out.read_text())) == ["made.seeds", "other.x"], "an old value would pass for a new one"
    assert "failed: play: RuntimeError: no opponent" in capsys.readouterr().out
    made.broken = False
    assert harness.main(arguments) == 0
    figures = json.loads(out.read_text())
    command = "python -m tests.studies made"
    assert figures["made.score"] == {"value": 21.0, "low": 21.0, "high": 21.0, "seeds": [1, 2], "command": command}
    assert figures["other.x"] == other
    assert "must be at least 0" in capsys.readouterr().out
    assert harness.main([*arguments, "--fresh", "--key", "made.seeds"]) == 0
    assert made.runs[-2:] == ["train 1", "train 2"]
    assert "made.score" in json.loads(out.read_text()), "a figure that was not asked for stays"
    monkeypatch.chdir(tmp_path)
    assert harness.main(["--quick"]) == 0
    assert json.loads(Path("study-quick.json").read_text())["made.score"]["command"].endswith("made --quick")


@pytest.mark.parametrize("subject", harness.subjects())
def test_study_has_the_same_figures_quick_and_whole(subject: str) -> None:
    study = import_module(f"tests.studies.{subject}").study
    keys = [figure.key for figure in study(True).figures]
    assert keys == [figure.key for figure in study(False).figures]
    assert len(keys) == len(set(keys)) > 0


def test_first_seeds_leaves_out_units_of_later_ones_and_what_needs_them() -> None:
    def nothing(work: Work, **arguments: int) -> None:
        del work, arguments

    units = [Unit("fixed", nothing)]
    for seed in range(3):
        units += [Unit(f"train {seed}", nothing, {"seed": seed}), Unit(f"play {seed}", nothing, {}, (f"train {seed}",))]
    each = [
        Figure("a", ("fixed",), of_mean, [5]),
        Figure("b", tuple(f"play {seed}" for seed in range(3)), of_mean, [0, 1, 2]),
    ]
    few = first_seeds(Study(units, [*each, Figure("c", ("play 2",), of_mean, [2])]), 2)
    assert [unit.name for unit in few.units] == ["fixed", "train 0", "play 0", "train 1", "play 1"]
    assert [(figure.key, figure.needs, figure.seeds) for figure in few.figures] == [
        ("a", ("fixed",), [5]),
        ("b", ("play 0", "play 1"), [0, 1]),
    ]
