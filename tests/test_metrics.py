"""Figures, rates and events, also with two threads at once."""

from __future__ import annotations

import threading
import time

import pytest

from cornerman.metrics import Metrics


def test_figures_are_set_counted_and_read_as_a_copy() -> None:
    metrics = Metrics()
    assert (metrics.get("loss"), metrics.get("loss", 0.5)) == (None, 0.5)
    metrics.set(loss=0.25, steps=3)
    metrics.count("steps", 2)
    metrics.count("failures")
    figures = metrics.figures()
    assert figures == {"loss": 0.25, "steps": 5, "failures": 1}
    metrics.set(loss=1.0)
    assert figures["loss"] == 0.25


def test_events_are_newest_first_with_their_age_and_bounded() -> None:
    now = [100.0]
    metrics = Metrics(clock=lambda: now[0])
    for number in range(30):
        metrics.event(f"event {number}")
        now[0] += 1.0
    events = metrics.events()
    assert len(events) == 20
    assert events[0] == {"age_s": 1.0, "text": "event 29"}
    assert [event["age_s"] for event in events] == [float(age) for age in range(1, 21)]


def test_a_rate_is_what_was_done_in_a_busy_second_and_forgets() -> None:
    metrics = Metrics()
    assert metrics.rate("steps") is None
    for _ in range(5):
        with metrics.timed("steps", 10):
            time.sleep(0.02)
    first = metrics.rate("steps")
    assert first is not None
    assert 50 < first <= 500
    metrics._rates["steps"] = (1e9, 2.0)  # a long, fast past
    for _ in range(60):
        with metrics.timed("steps", 1):
            time.sleep(0.001)
            metrics._rates["steps"] = (metrics._rates["steps"][0], 1.5)
    rate = metrics.rate("steps")
    assert rate is not None
    assert rate < 1e3


def test_what_fails_is_not_counted() -> None:
    metrics = Metrics()
    with pytest.raises(RuntimeError), metrics.timed("steps", 10):
        raise RuntimeError
    assert metrics.rate("steps") is None


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


def test_training_metrics_come_with_the_first_burst() -> None:
    metrics = Metrics()
    assert metrics.training(1.0) is None
    with metrics.timed("steps", 4):
        time.sleep(0.004)
    metrics.set(loss=0.5, accuracy=0.75)
    training = metrics.training(123.0)
    assert training is not None
    assert (training.loss, training.accuracy, training.memory_usage) == (0.5, 0.75, 123.0)
    assert 0.001 <= training.processing_time < 0.1
