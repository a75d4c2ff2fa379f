"""A trainer that gets no time is noticed, from its own thread and from the game's, and what to do about it is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from cornerman.training.windows.starvation import NO_SIGN_S, NOTHING_GRANTED_S, Starvation, clock_of_this_thread
from tests.support.windows import Clock, windows


@pytest.mark.parametrize("settles", [False, True])
def test_thread_without_processor_time_is_starved_until_it_gets_some(settles: bool) -> None:
    processor = Clock()
    mine, now = Starvation("thread", thread_time=processor), 0.0
    mine.game_waits = settles
    for share, starved in ((0.9, False), (0.02, True), (0.5, False)):
        for _ in range(300):
            mine.begins(now)
            now += 0.01
            processor.now += 0.01 * share
            mine.worked(now)
        assert bool(mine.sentence) is starved, share
        if starved:
            wanted = "other programs take the processor." if settles else "or set learning_time to pump and call"
            assert "(2%)" in mine.sentence
            assert wanted in mine.sentence
            assert ("clock.tick" in mine.sentence) is not settles, "a game that waits in settle keeps nothing to itself"


def test_sleep_of_the_whole_process_is_not_starvation() -> None:
    processor = Clock()
    mine, now = Starvation("thread", lambda: True, processor, lambda: processor), 0.0
    for number in range(300):
        mine.begins(now)
        now += 14.0 if number % 50 == 25 else 0.01
        processor.now += 0.009
        mine.worked(now)
    mine.begins(now)
    for frame in range(120):
        mine.seen_from_game(now + NO_SIGN_S + frame / 60 + (3600.0 if frame > 30 else 0.0))
        processor.now += 0.9 / 60
    assert mine.sentence == ""


def seen(mine: Starvation, seconds: float, processor: Clock, share: float, start: float = 0.0) -> str:
    """What a game of 60 frames a second makes of a step that goes on for so long and takes a share of a processor."""
    for frame in range(1, int(60 * seconds) + 1):
        processor.now += share / 60
        mine.seen_from_game(start + frame / 60)
    return mine.sentence


@pytest.mark.parametrize(("share", "starves"), [(0.0, True), (0.05, True), (0.5, False), (1.0, False)])
def test_frame_notices_a_trainer_without_progress(share: float, starves: bool) -> None:
    processor = Clock()
    mine = Starvation("thread", lambda: True, processor, lambda: processor)
    mine.begins(0.0)
    assert seen(mine, NO_SIGN_S, processor, share) == ""
    assert bool(seen(mine, 2.0, processor, share, NO_SIGN_S)) is starves, "a long step that computes is no starvation"
    if starves:
        assert f"({share:.0%})" in mine.sentence
        assert "busy loop" in mine.sentence
        assert seen(mine, 2.0, processor, 0.9, 10.0) == ""


def test_frames_of_the_thread_reach_starvation() -> None:
    mine, clock = windows("always")
    mine.starvation = Starvation("thread", lambda: True, clock, lambda: lambda: 0.0)
    mine.budget()
    for _ in range(60 * 4):
        assert mine.why == "always" or clock.now > 100 + NO_SIGN_S
        clock.now += 1 / 60
        mine.frame(16.7)
    assert "busy loop" in mine.why


def test_game_that_never_calls_pump_is_told_what_to_call() -> None:
    mine, clock = windows(learning_time="pump")
    mine.open_window()
    while clock.now < 100 + NOTHING_GRANTED_S:
        assert mine.budget() == 0.0
        assert mine.why == "between rounds"
        clock.now += 0.05
    clock.now += 0.1
    mine.budget()
    assert "pump(budget_ms)" in mine.why
    mine.grant(0.01)
    assert mine.budget() > 0.0
    assert mine.why == "between rounds"


@pytest.mark.parametrize(
    ("way", "on_processor", "idle"), [("pump", True, False), ("thread", True, True), ("thread", False, False)]
)
def test_trainer_that_waits_for_time_or_a_device_or_is_idle_is_not_starved(
    way: str, on_processor: bool, idle: bool
) -> None:
    processor = Clock()
    mine = Starvation(way, lambda: on_processor, processor, lambda: processor)
    for now in range(0, -100, -1):
        mine.begins(now - 0.9)
        processor.now += 0.9 * idle
        mine.worked(now)
        if idle:
            mine.idle()
    assert mine.sentence == "" or way == "pump"
    mine.sentence = ""
    assert seen(mine, 10.0, processor, 0.0) == ""


def test_frame_reads_the_processor_time_of_a_real_thread() -> None:
    clocks: list[Callable[[], float]] = []
    worked, go = threading.Event(), threading.Event()

    def work() -> None:
        clocks.append(clock_of_this_thread())
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        worked.set()
        assert go.wait(10.0)

    thread = threading.Thread(target=work)
    thread.start()
    assert worked.wait(10.0)
    spent = clocks[0]()
    go.set()
    thread.join()
    assert spent >= 0.05 or not hasattr(time, "pthread_getcpuclockid")
