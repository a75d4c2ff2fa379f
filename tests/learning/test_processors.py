"""Processors: trainer and worker keep off one of two processors while the game needs most of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import get_native_id
from time import thread_time

import pytest

from cornerman.learning.processors import Interruptible, Processors, only_one, processor_time
from tests.support.dropped_plugins import run_python
from tests.support.waiting import in_a_thread


class Machine:
    """Time and processor time of the game's thread, and what was allowed to whom."""

    def __init__(self, num_processors: int) -> None:
        self.now = self.used = 0.0
        self.worker_pid = 77
        self.allowed: list[tuple[int, set[int]]] = []
        self.processors = Processors(
            lambda: self.worker_pid,
            lambda: set(range(num_processors)),
            lambda process, processors: self.allowed.append((process, processors)),
            lambda: self.now,
            lambda: self.used,
        )

    def frames(self, work_ms: float, count: int = 300) -> None:
        for _ in range(count):
            self.now += 1 / 60
            self.used += work_ms / 1e3
            self.processors.frame()
            self.processors.look()


def test_trainer_and_worker_share_one_of_two_processors_while_frames_are_heavy() -> None:
    machine = Machine(2)
    machine.frames(2.5)
    assert machine.allowed == []
    machine.frames(11.0)
    assert machine.allowed == [(0, {1}), (77, {1})], "once, and not in every frame"
    machine.frames(7.5)
    assert len(machine.allowed) == 2, "between the two bounds nothing changes"
    machine.frames(2.5)
    assert machine.allowed[2:] == [(0, {0, 1}), (77, {0, 1})]


@pytest.mark.parametrize("num_processors", [0, 1, 4])
def test_all_processors_are_used_where_there_are_not_two(num_processors: int) -> None:
    machine = Machine(num_processors)
    machine.frames(16.0)
    assert machine.allowed == []


def test_new_trainer_thread_and_new_worker_keep_off_the_games_processor_like_those_before() -> None:
    machine = Machine(2)
    machine.frames(11.0)
    machine.allowed.clear()
    machine.processors.look()
    in_a_thread(machine.processors.look)  # the system lets a new thread run on both
    assert machine.allowed == [(0, {1}), (77, {1})]
    machine.frames(2.5)
    machine.allowed.clear()
    machine.worker_pid = 78
    machine.frames(2.5)
    assert machine.allowed == [], "a new one may use both already"
    machine.frames(11.0)
    machine.worker_pid = 79
    machine.frames(11.0)
    assert machine.allowed == [(0, {1}), (78, {1}), (0, {1}), (79, {1})]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have a scheduling class on Linux only")
def test_interruptible_function_runs_in_the_idle_class_and_its_caller_does_not() -> None:
    def scheduled(divisor: int) -> tuple[int, float]:
        return os.sched_getscheduler(get_native_id()), 1 / divisor

    function = Interruptible(scheduled)
    assert function(2) == (os.SCHED_IDLE, 0.5)
    assert os.sched_getscheduler(get_native_id()) != os.SCHED_IDLE
    with pytest.raises(ZeroDivisionError):
        function(0)


def test_processor_time_of_interruptible_calls_is_their_callers() -> None:
    def computes() -> None:
        while thread_time() < 0.05:
            pass

    before = processor_time()
    Interruptible(computes)()
    assert processor_time() - before >= 0.05, "or a trainer on a single core would seem to get no time"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are kept to processors on Linux only")
def test_trainer_kept_to_one_of_several_processors_is_not_alone_with_the_game() -> None:
    before = os.sched_getaffinity(0)

    def kept_to_one() -> bool:
        os.sched_setaffinity(0, {min(before)})
        return only_one()

    assert in_a_thread(kept_to_one) == (len(before) == 1)


def test_interruptible_function_goes_on_in_a_game_that_ends_without_telling(tmp_path: Path) -> None:
    code = (
        "import time\nfrom threading import Thread\nfrom cornerman.learning.processors import Interruptible\n"
        "called = Interruptible(lambda at: time.sleep(0.01) or at)\n"
        "Thread(target=lambda: print([called(at) for at in range(40)][-1])).start()\ntime.sleep(0.1)"
    )
    assert run_python(tmp_path, code) == "39\n", "a thread that outlives the main thread learns and saves"
