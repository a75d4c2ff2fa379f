"""Figures, rates and events, also with two threads at once."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from cornerman.training.metrics import CURVE_POINTS, Curve, Metrics


def test_figures_are_set_counted_and_read_as_a_copy() -> None:
    metrics = Metrics()
    assert (metrics.get("loss"), metrics.get("loss", 0.5)) == (None, 0.5)
    metrics.set(loss=0.25, steps=3)
    metrics.count("steps", 2)
    metrics.count("failures")
    snapshot = metrics.snapshot()
    assert snapshot == {"loss": 0.25, "steps": 5, "failures": 1} | {
        "curves": {},
        "events": [],
        "notice": "",
        "steps_per_s": None,
        "processing_time": None,
    }
    metrics.set(loss=1.0)
    assert snapshot["loss"] == 0.25


@pytest.mark.parametrize("count", [1, CURVE_POINTS - 1, CURVE_POINTS, 5_000, 100_000])
def test_curve_is_thinned_evenly_and_ends_with_the_newest_point(count: int) -> None:
    curve = Curve()
    for step in range(count):
        curve.add(step, step / 2)
        assert len(curve.points) <= CURVE_POINTS
    steps = [at for at, _ in curve.points]
    assert (steps[0], steps[-1], curve.points[-1][1]) == (0, count - 1, (count - 1) / 2)
    gaps = {later - at for at, later in pairwise(steps[:-1])}
    assert len(gaps) <= 1
    assert len(steps) >= min(count, CURVE_POINTS // 2)


def test_measured_figures_are_set_and_kept_as_curves_until_they_are_forgotten() -> None:
    metrics = Metrics()
    metrics.measured(10, loss=0.5, accuracy=None)
    metrics.measured(20, loss=0.25)
    snapshot = metrics.snapshot()
    assert (snapshot["loss"], snapshot["curves"]) == (0.25, {"loss": [[10, 0.5], [20, 0.25]]})
    metrics.forget()
    assert (metrics.snapshot()["curves"], len(snapshot["curves"]["loss"])) == ({}, 2)


def test_say_makes_a_notice_for_a_minute_an_event_and_a_message(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    metrics = Metrics(clock=lambda: now[0])
    for number in range(60):
        metrics.say(f"sentence {number}")
    assert (metrics.notice, metrics.events()[0]["text"]) == ("sentence 59", "sentence 59")
    assert metrics.messages() == [f"sentence {number}" for number in range(10, 60)]
    assert "sentence 59" in caplog.text
    now[0] += 60.0
    assert metrics.notice == ""


def test_what_judging_waits_for_is_logged_once_whatever_the_numbers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cornerman")
    metrics = Metrics()
    for what in ("it watches 2 more battles first", "it watches 1 more battle first", "", "its play fell"):
        metrics.wait_for(what)
        assert metrics.get("gate_waits") == what
    texts = [event["text"] for event in metrics.events()]
    assert texts == [
        "A new version is not tried yet: its play fell.",
        "A new version is not tried yet: it watches 2 more battles first.",
    ]
    assert len(caplog.records) == 2
    assert metrics.messages() == texts[::-1]


def test_events_are_newest_first_with_their_age_and_bounded() -> None:
    now = [100.0]
    metrics = Metrics(clock=lambda: now[0])
    for number in range(30):
        metrics.event(f"event {number}")
        now[0] += 1.0
    assert metrics.events() == [{"age_s": float(age), "text": f"event {30 - age}"} for age in range(1, 21)]


def test_training_metrics_and_rate_count_work_per_busy_second_over_a_limited_time() -> None:
    metrics = Metrics()
    assert (metrics.rate("steps"), metrics.training(1.0)) == (None, None)
    metrics.set(loss=0.5, accuracy=0.75)
    for _ in range(5):
        metrics.did("steps", 10, 0.02)
    training = metrics.training(123.0)
    assert training is not None
    assert (training.loss, training.accuracy, training.memory_usage) == (0.5, 0.75, 123.0)
    assert training.processing_time == pytest.approx(0.002)
    for count in [1_000_000] * 10 + [100] * 60:  # a long, fast past
        metrics.did("steps", count, 1.0)
    assert (metrics.rate("steps") or 0.0) == pytest.approx(100.0, rel=0.01)


def test_counts_of_two_threads_add_up() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(20_000):
            metrics.count("turns")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.get("turns") == 80_000
