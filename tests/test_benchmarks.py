"""The harness, not the figures: a timed test fails when the machine is busy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.benchmarks import __main__ as harness
from tests.benchmarks.figures import (
    Figure,
    interleaved,
    interval_of_median,
    not_measured,
    percentiles,
    seconds_a_call,
)


def subject(monkeypatch: pytest.MonkeyPatch, name: str, run: object) -> None:
    module = ModuleType(f"tests.benchmarks.{name}")
    module.run = run  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_measurements_take_turns_and_the_median_counts() -> None:
    order: list[str] = []
    values = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def measurement(name: str) -> float:
        order.append(name)
        return next(values[name])

    found = interleaved({name: lambda name=name: measurement(name) for name in "ab"}, 3)  # type: ignore[misc]
    assert found == {"a": 2.0, "b": 5.0}
    assert order == ["a", "b"] * 3


def test_a_call_is_measured_over_a_block() -> None:
    calls: list[int] = []
    measure = seconds_a_call(lambda: calls.append(1), seconds=0.01)
    warm = len(calls)
    assert 0 < measure() < 0.01
    assert len(calls) == warm * 6


def test_the_interval_of_a_median_holds_it_in_95_of_100_cases() -> None:
    random = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        low, high = interval_of_median(list(random.exponential(size=15)))
        held.append(low <= np.log(2) <= high)
    assert 0.95 <= np.mean(held) <= 0.98
    assert interval_of_median([3.0, 1.0, 2.0]) == (1.0, 3.0)


def test_percentiles_are_in_microseconds() -> None:
    assert percentiles([0.001, 0.002, 0.003], 50, 100) == pytest.approx([2000.0, 3000.0])


def test_figures_go_to_a_flat_file_and_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [
        Figure("made.ratio", 0.123456, "ratio", "lower", 7, "peer 1.0", "2 us over 16 us"),
        not_measured("made.other", "us", "lower", "peer is not installed"),
    ]
    subject(monkeypatch, "made", lambda repeats: figures)
    subject(monkeypatch, "broken", lambda repeats: 1 / 0)
    monkeypatch.setattr(harness, "subjects", lambda: ["broken", "made"])
    out = tmp_path / "bench.json"
    assert harness.main(["made", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == {
        "made.ratio": {"value": 0.1235, "unit": "ratio", "better": "lower", "repeats": 7, "peer": "peer 1.0"}
    }
    assert harness.main(["--out", str(out)]) == 1  # every subject, one of them broken
    printed = capsys.readouterr().out
    assert "not measured: made.other" in printed
    assert "peer is not installed" in printed
    assert "failed with ZeroDivisionError" in printed
    assert "made.ratio" in json.loads(out.read_text())


def test_an_unknown_subject_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        harness.main(["nonsense"])
    assert caught.value.code == 2
    assert "no subject nonsense; there are" in capsys.readouterr().err


def test_recording_is_a_subject() -> None:
    assert "record" in harness.subjects()
    assert not {"figures", "__main__"} & set(harness.subjects())


def test_the_window_is_driven_and_every_figure_of_a_frame_comes_out() -> None:
    pytest.importorskip("pygame")
    from tests.benchmarks import frame

    with frame.bench() as subject:
        assert subject.plugin.trainer.alive
        without, learning = subject.run(learn=False, frames=30), subject.run(learn=True, frames=30)
        assert without.steps_per_s == 0.0
        assert learning.steps_per_s > 0.0
        subject.windows.learning_time = "pump"
        assert subject.run(learn=True, busy=True, frames=30).steps_per_s > 0.0
        subject.windows.learning_time = "thread"
        run_on = frame.run_on(subject, num_windows=10)
        assert 0.0 < (run_on.value or 0.0) < 1000.0
        judged = int(run_on.note.split()[1])
        assert 3 <= judged <= 10, "of nearly all windows"
    figures = frame.ratios("", [without], [learning], 1)
    assert [figure.key for figure in figures] == [
        "frame.interval_p99_ratio",
        "frame.flip_p99_ratio",
        "frame.work_mean_ratio",
        "frame.late_per_1000",
    ]
    assert all(figure.value is not None for figure in figures)


def test_a_short_soak_finds_no_leak() -> None:
    pytest.importorskip("pygame")
    from tests.benchmarks import soak

    (figure,) = soak.soak(6.0, 0.5)
    assert figure.value is not None
    assert figure.value < 40.0, f"a leak of some MB a second: {figure.note}"


def test_growth_is_the_slope_after_the_first_sixth() -> None:
    from tests.benchmarks import soak

    level = [(float(second), 300.0 - 100.0 * (second < 10)) for second in range(61)]
    assert soak.growth_mb(level) == pytest.approx(0.0, abs=1e-9)
    growing = [(second, 200.0 + 0.5 * second) for second, _ in level]
    assert soak.growth_mb(growing) == pytest.approx(25.0)


def test_no_read_is_torn_by_a_swap() -> None:
    from tests.benchmarks import swap

    torn, swaps = swap.torn_reads(20_000)
    assert torn == 0
    assert swaps > 100
