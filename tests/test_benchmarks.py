"""The harness, not the figures: a timed test fails when the machine is busy."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest

from tests.benchmarks import __main__ as harness
from tests.benchmarks.figures import Figure, interleaved, interval_of_median, not_measured
from tests.benchmarks.loaded_plugin import EVERYTHING, Work


def subject(monkeypatch: pytest.MonkeyPatch, name: str, run: object) -> None:
    module = ModuleType(f"tests.benchmarks.{name}")
    module.run = run  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_interleaved_takes_turns_and_gives_medians() -> None:
    order: list[str] = []
    values = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def measurement(name: str) -> float:
        order.append(name)
        return next(values[name])

    found = interleaved({name: lambda name=name: measurement(name) for name in "ab"}, 3)  # type: ignore[misc]
    assert found == {"a": 2.0, "b": 5.0}
    assert order == ["a", "b"] * 3


def test_interval_of_median_holds_it_in_95_of_100_cases() -> None:
    random = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        low, high = interval_of_median(list(random.exponential(size=15)))
        held.append(low <= np.log(2) <= high)
    assert 0.95 <= np.mean(held) <= 0.98
    assert interval_of_median([3.0, 1.0, 2.0]) == (1.0, 3.0)


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
    assert harness.main(["made", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == {
        "made.ratio": {
            "value": 0.1235,
            "unit": "ratio",
            "better": "lower",
            "repeats": 7,
            "peer": "peer 1.0",
            "wanted": 0.5,
            "interval": [0.1, 0.2],
        }
    }
    assert harness.main(["--out", str(out)]) == 1  # every subject, one of them broken
    printed = capsys.readouterr().out
    for words in ("not measured: made.other", "peer is not installed", "failed with ZeroDivisionError"):
        assert words in printed
    assert set(json.loads(out.read_text())) == {"broken.ratio", "made.ratio"}, "measured before it broke, or after"
    with pytest.raises(SystemExit):
        harness.main(["nonsense"])
    assert "no subject nonsense; there are" in capsys.readouterr().err


def test_subjects_are_the_files_that_measure() -> None:
    assert set(harness.subjects()) == {*KEYS, "soak"}


QUICK_GATE = {"candidate_period": 64, "gate_min_pairs": 2, "gate_max_pairs": 2}
FEW_FRAMES: dict[str, Any] = {"FRAMES": 20, "WARM_UP_FRAMES": 2, "WINDOWS": 4, "ALONE_S": 0.2}
TINY: dict[str, dict[str, Any]] = {
    "decide": {"FRAMES": 2},
    "frame": FEW_FRAMES | {"EVERYTHING": {**EVERYTHING, **QUICK_GATE}, "check_busy": lambda works, practises: None},
    "learn": {},
    "record": {"HOOK_CALLS": 20, "CAPACITY": 300},
    "selfplay": {"NUM_BATTLES": 256, "SECONDS_TOGETHER": 0.1, "PEER_STEPS": 50},
    "start": {},
    "swap": {"SWAPS": 50, "DECISIONS": 1000},
}
"""What each subject is run with here: counts so small that the figures mean nothing, and one may stand still."""
RATIOS = ("interval_p99_ratio", "flip_p99_ratio", "work_mean_ratio", "late_per_1000")
PRACTICE = ("practice.decisions_per_s", "frame.run_on_p99_ms", "frame.worker_run_on_p99_ms")
KEYS: dict[str, set[str]] = {
    "decide": {"decide.vs_bare", "decide.p50_us", "decide.p99_us"},
    "frame": {
        *(f"frame.{name}{suffix}" for name in RATIOS for suffix in ("", "_heavy", "_slow_game")),
        *(f"frame.learning_only.{name}" for name in (*RATIOS, "kept")),
        *(f"frame.kept{suffix}" for suffix in ("", "_heavy", "_busy")),
        *(f"{name}{suffix}" for name in PRACTICE for suffix in ("", "_slow_game")),
    },
    "learn": {"learn.vs_sb3", "learn.numpy_vs_sb3", "learn.vs_tianshou", "learn.default_vs_sb3", "learn.steps_per_s"},
    "record": {
        *(f"record.hook{pace}_us{share}" for pace in ("", "_busy") for share in ("", "_p99")),
        *("record.hook_vs_sb3_add", "record.append_vs_sb3", "record.sample_vs_sb3", "record.sample_vs_cpprb"),
        *("record.check_us", "record.sample_vs_naive", "record.bytes_overhead"),
    },
    "selfplay": {
        *(f"selfplay.{name}" for name in ("decisions_per_s_core", "rules_per_s", "scaling_2", "worker_mb")),
        *(f"selfplay.vs_{peer}" for peer in ("roofline", "pettingzoo", "sb3")),
    },
    "start": {
        *("start.vs_numpy", "start.added_ms", "start.added_mb", "start.torch_imported"),
        *(f"start.{name}" for name in ("learning_cpu_s", "learning_mb", "learning_torch_imported", "worker_mb")),
    },
    "swap": {"swap.pause_us", "swap.torn"},
}
NEEDS_A_PEER = ("sb3", "tianshou", "cpprb", "pettingzoo")


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_subject_gives_all_its_figures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ("learn", "record"):
        pytest.importorskip("torch", reason="the peers' batches are torch's")
    module = import_module(f"tests.benchmarks.{name}")
    for constant, value in TINY[name].items():
        monkeypatch.setattr(module, constant, value)
    figures = {figure.key: figure for figure in module.run(1)}
    assert figures.keys() == KEYS[name]
    for key, figure in figures.items():
        if figure.value is None:
            assert any(word in key for word in NEEDS_A_PEER), figure
            assert figure.note, "it says why"


STILL = Work(0, 0, 0, judging=False)
BUSY = Work(500, 900, 4, judging=False)


def test_check_busy_refuses_runs_in_which_something_stood_still() -> None:
    frame = import_module("tests.benchmarks.frame")
    frame.check_busy([BUSY, replace(STILL, judging=True)], practises=True)  # a judgement may take longer than a run
    frame.check_busy([replace(STILL, steps=500)], practises=False)
    for works, sentence in (
        ([BUSY, STILL], "one of the runs"),
        ([replace(BUSY, judged=0)], "judged"),
        ([replace(BUSY, decisions=0)], "decisions"),
        ([replace(BUSY, steps=0)], "steps"),
    ):
        with pytest.raises(RuntimeError, match=sentence):
            frame.check_busy(works, practises=True)
    with pytest.raises(RuntimeError, match="steps"):
        frame.check_busy([STILL], practises=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the scheduler's clock is read from /proc")
def test_until_still_gives_the_time_until_a_process_stands_still() -> None:
    frame = import_module("tests.benchmarks.frame")
    code = "import sys, time\nsys.stdin.readline()\nend = time.monotonic() + 0.1\nwhile time.monotonic() < end: pass\n"
    with subprocess.Popen([sys.executable, "-c", f"{code}sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        worker = psutil.Process(process.pid)
        while worker.status() != psutil.STATUS_SLEEPING or not frame.ran_ns([worker]):
            time.sleep(0.01)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        assert 90.0 < frame.until_still([worker], still_s=0.2) < 1000.0
        assert frame.until_still([worker]) == 0.0


def test_soak_finds_no_leak_in_seconds() -> None:
    pytest.importorskip("pygame")
    from tests.benchmarks import soak

    (figure,) = soak.soak(6.0, 0.5)
    assert figure.value is not None
    assert figure.value < 40.0, f"a leak of some MB a second: {figure.note}"
