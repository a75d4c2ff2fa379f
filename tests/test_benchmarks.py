"""The harness, not the figures: a timed test fails when the machine is busy."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.benchmarks import __main__ as harness
from tests.benchmarks.figures import Figure, interval_of_median, not_measured
from tests.benchmarks.loaded_plugin import EVERYTHING


def subject(monkeypatch: pytest.MonkeyPatch, name: str, run: object) -> None:
    module = ModuleType(f"tests.benchmarks.{name}")
    module.run = run  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_main_writes_a_flat_file_and_names_what_is_missing_or_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [
        Figure("made.ratio", 0.123456, "ratio", "lower", 7, "peer 1.0", "2 us over 16 us", 0.5, (0.1, 0.2)),
        not_measured("made.other", "us", "lower", "peer is not installed"),
    ]
    subject(monkeypatch, "made", lambda repeats: figures)
    subject(monkeypatch, "broken", lambda repeats: (Figure("broken.ratio", 1 / x, "", "lower", 1) for x in (1, 0)))
    monkeypatch.setattr(harness, "subjects", lambda: ["broken", "made"])
    out = tmp_path / "bench.json"
    assert harness.main(["--out", str(out)]) == 1
    printed = capsys.readouterr().out
    for words in ("not measured: broken, made.other", "peer is not installed", "failed with ZeroDivisionError"):
        assert words in printed
    found = json.loads(out.read_text())
    assert set(found) == {"broken.ratio", "made.ratio"}, "measured before it broke, or after"
    assert (found["made.ratio"]["value"], found["made.ratio"]["interval"]) == (0.1235, [0.1, 0.2])
    assert interval_of_median([3.0, 1.0, 2.0]) == (1.0, 3.0)


TINY: dict[str, dict[str, Any]] = {
    "accelerator": {"LEARNING": [((8,), 4)], "PICKING": [4]},
    "backends": {"NETWORKS": {"": (8,), ".wide": (16,)}, "BLOCKS": 1},
    "decide": {"FRAMES": 2},
    "frame": {
        "FRAMES": 20,
        "WARM_UP_FRAMES": 2,
        "BLOCKS": 2,
        "BLOCK_FRAMES": 10,
        "ALONE_S": 0.2,
        "EVERYTHING": {**EVERYTHING, "candidate_period": 64, "gate_min_pairs": 2, "gate_max_pairs": 2},
        "check_busy": lambda works, practises: None,
        "looking_ahead": lambda found: found,
    },
    "learn": {},
    "panel": {"FRAMES": 3, "PAGES": 2, "check_busy": lambda page, work: None},
    "record": {"HOOK_CALLS": 20, "CAPACITY": 300},
    "run_on": {"WINDOWS": 4},
    "selfplay": {"NUM_BATTLES": 256, "SECONDS_TOGETHER": 0.1, "PEER_STEPS": 50},
    "start": {},
    "swap": {"SWAPS": 50, "DECISIONS": 1000},
    "think": {"DECISIONS": 3, "BATTLES": 2},
}
"""What each subject is run with here: counts so small that the figures mean nothing, and one may stand still."""
LONG = ("frame", "panel", "run_on", "start")


@pytest.mark.filterwarnings("ignore:The old environment creation API:DeprecationWarning")  # of the peer PettingZoo
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in TINY])
def test_subject_gives_its_figures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(harness.subjects()) == {*TINY, "soak"}
    if name in ("learn", "record"):
        pytest.importorskip("torch", reason="the peers' batches are torch's")
    module = import_module(f"tests.benchmarks.{name}")
    for constant, value in TINY[name].items():
        monkeypatch.setattr(module, constant, value)
    figures = list(module.run(1))
    keys = [figure.key for figure in figures]
    assert len(keys) == len(set(keys)) > 1
    for figure in figures:
        assert figure.value is not None or figure.note, f"{figure.key}: it says why"


@pytest.mark.long
def test_soak_finds_no_leak_in_seconds() -> None:
    pytest.importorskip("pygame")
    from tests.benchmarks import soak

    (figure,) = soak.soak(6.0, 0.5)
    assert figure.value is not None
    assert figure.value < 40.0, f"a leak of some MB a second: {figure.note}"
