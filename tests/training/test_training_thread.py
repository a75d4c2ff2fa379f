"""training_thread.py: when the trainer works and when not, how it fails and hangs, and that it always ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from cornerman.contract import ModelError
from cornerman.training import training_thread
from cornerman.training.training_thread import (
    CONFIRMED_S,
    FAILURE_PERIOD_S,
    FAILURES_ALLOWED,
    STARTING_S,
    STUCK_S,
)
from tests.support.driven_thread import PATIENCE_S, DrivenThread, Work, started
from tests.support.waiting import wait_for


def test_close_window_finishes_only_the_slice_under_way() -> None:
    work = Work(1000)
    with started(work) as trainer:
        for closed in range(1, 4):
            work.inside.clear()
            work.go.clear()
            trainer.open_window()
            assert work.inside.wait(PATIENCE_S)
            done = work.done
            trainer.windows.close_window()
            work.go.set()
            wait_for(lambda done=done: work.done == done + 1)  # type: ignore[misc]
            time.sleep(0.1)
            assert work.done == done + 1, f"close {closed}"


def test_idle_window_is_used_for_practice_only_by_a_game_that_draws() -> None:
    work = Work()
    work.practice = 3
    with started(work) as trainer:
        trainer.open_window()
        assert trainer.settle(PATIENCE_S)
        assert work.practised == 0
        end = time.monotonic() + PATIENCE_S
        while work.done < 3 and time.monotonic() < end:
            trainer.frame(16.0)
            time.sleep(0.01)
        assert (work.practised, work.done) == (3, 3)


@pytest.mark.parametrize(
    "raised", [RuntimeError("out of luck"), SystemExit(2), KeyboardInterrupt(), MemoryError(), FloatingPointError()]
)
def test_slice_that_raises_anything_is_undone_logged_and_counted_and_learning_goes_on(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(3)
    work.raises = [None, raised]
    with started(work) as trainer:
        trainer.open_window()
        assert trainer.settle(PATIENCE_S)
        assert (work.done, len(work.recovered), trainer.metrics.get("failures")) == (3, 1, 1)
        assert str(raised) in trainer.messages[0]
        assert str(raised) in caplog.text
        assert (trainer.alive, trainer.trouble) == (True, "")


def test_hanging_work_is_reported_and_counted_once_without_blaming_the_game() -> None:
    now = [100.0]
    work = Work(1)
    work.go.clear()
    with started(work, "always", clock=lambda: now[0]) as trainer:
        assert work.inside.wait(PATIENCE_S)
        assert trainer.trouble == ""
        trainer.windows.starvation.sentence = "the game is to blame"
        now[0] += 32.0
        for _ in range(3):
            trainer.frame(16.7)
            now[0] += CONFIRMED_S
        assert trainer.trouble.startswith("Learning is stuck: a step has not come back for 35 s.")
        assert not trainer.works
        assert trainer.windows.why == "always", "nobody else is blamed"
        assert trainer.metrics.get("failures") == 1
        assert [sentence[:18] for sentence in trainer.messages] == ["Learning is stuck:"]
        work.go.set()
        wait_for(lambda: trainer.trouble == "")
        assert trainer.works
        now[0] += 100.0
        assert trainer.trouble == "", "nothing is due"


@pytest.mark.parametrize("state", ["idle", "busy", "paused", "after a failure"])
def test_stop_ends_the_thread_in_every_state_and_twice(state: str) -> None:
    work = Work(10**9)
    with started(work) as trainer:
        if state != "idle":
            work.raises = [RuntimeError("once")] if state == "after a failure" else []
            trainer.open_window()
            trainer.pause(state == "paused")
            wait_for(lambda: state != "after a failure" or bool(work.recovered))
        assert trainer.stop(PATIENCE_S)
        assert trainer.stop()
        assert (work.closed, trainer.alive) == (1, False)
    assert DrivenThread(work).stop(), "it never began"


def test_command_runs_between_two_slices_on_the_trainers_thread_and_a_failing_one_is_reported() -> None:
    work, seen = Work(20), list[tuple[int, str]]()
    with started(work) as trainer:
        work.go.clear()
        trainer.open_window()
        assert work.inside.wait(PATIENCE_S)
        for _ in range(FAILURES_ALLOWED + 1):
            trainer.post(lambda: vars()["the note"])
        assert trainer.post(lambda: seen.append((work.done, threading.current_thread().name)))
        work.go.set()
        assert trainer.settle(PATIENCE_S), "it waits for the rest"
        assert (seen, work.done) == ([(1, "cornerman-trainer")], 20)
        assert (work.recovered, trainer.alive) == ([], True)
        assert "the note" in trainer.messages[0]
    assert not trainer.post(work.go.set), "it has ended: somebody else must"
    assert not DrivenThread(Work()).post(work.go.set), "it never began"


def test_stop_runs_waiting_commands_before_saving() -> None:
    work, seen, stopped = Work(1), list[int](), list[bool]()
    with started(work) as trainer:
        work.go.clear()
        trainer.open_window()
        assert work.inside.wait(PATIENCE_S)
        trainer.post(lambda: seen.append(work.closed))
        stopping = threading.Thread(target=lambda: stopped.append(trainer.stop(PATIENCE_S)))
        stopping.start()
        wait_for(lambda: trainer.windows.stop[0] == 1)
        work.go.set()
        stopping.join(PATIENCE_S)
        assert (stopped, seen, work.closed) == ([True], [0], 1)


def test_stop_waits_for_a_command_as_it_does_for_saving() -> None:
    begun, go = threading.Event(), threading.Event()

    def command() -> None:
        begun.set()
        go.wait(PATIENCE_S)

    with started(Work()) as trainer:
        trainer.post(command)
        assert begun.wait(PATIENCE_S)
        threading.Timer(0.3, go.set).start()
        assert trainer.stop(0.05), "it stores battles"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("the disk is full"), "saving at the end failed"),
        (ModelError("It could not be saved (No space left on device)."), "It could not be saved (No space left"),
        (SystemExit(4), "saving at the end failed"),
    ],
)
def test_saving_that_fails_at_the_end_is_logged_and_still_an_end(
    error: BaseException, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    work.at_close = raising(error)
    with started(work) as trainer:
        assert trainer.stop(PATIENCE_S)
    assert says in caplog.text
    assert ("Traceback" in caplog.text) is not isinstance(error, ModelError)


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


class Blocked:
    """What hangs until `go` is set; then it returns what it is given, or raises it."""

    def __init__(self, result: Any = None) -> None:
        self.inside, self.go, self.result = Event(), Event(), result

    def __call__(self) -> Any:
        self.inside.set()
        assert self.go.wait(PATIENCE_S)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ImportError("no module named torch"), "Learning is off, it could not start: no module named torch"),
        (KeyboardInterrupt(), "Learning is off, its thread ended: KeyboardInterrupt()"),
    ],
)
def test_prepare_that_raises_leaves_a_sentence_and_runs_what_was_asked(error: BaseException, why: str) -> None:
    prepare, ran = Blocked(error), list[str]()
    trainer = DrivenThread(prepare)
    assert not trainer.start(0.05)
    assert trainer.alive
    trainer.post(lambda: ran.append(threading.current_thread().name))
    prepare.go.set()
    wait_for(lambda: trainer.trouble == why)
    assert not trainer.settle(PATIENCE_S)
    assert trainer.stop(PATIENCE_S)
    assert ran == ["cornerman-trainer"]


@pytest.mark.parametrize("what", ["command", "recovery", "end"])
def test_hanging_command_recovery_or_end_is_reported(what: str) -> None:
    now, hang, work = [100.0], Blocked(), Work()
    if what == "recovery":
        work.raises, work.at_recovery = [RuntimeError("so that it is undone")], hang
    elif what == "end":
        work.at_close = hang
    with started(work, "always", clock=lambda: now[0]) as trainer:
        trainer.frame(16.7)
        ending = threading.Thread(target=trainer.stop)
        if what == "command":
            trainer.post(hang)
        elif what == "end":
            ending.start()
        assert hang.inside.wait(PATIENCE_S)
        now[0] += STUCK_S + 1.0
        assert trainer.trouble == "", "the process may have slept"
        now[0] += CONFIRMED_S
        assert "Learning is stuck" in trainer.trouble
        hang.go.set()
        if what == "end":
            ending.join()


def test_hanging_start_is_reported_and_stop_does_not_wait_for_it() -> None:
    now, work = [100.0], Work(5)
    prepare = Blocked(work)
    trainer = DrivenThread(prepare, clock=lambda: now[0])
    trainer.windows.open_window()
    assert not trainer.start(0.0)
    assert prepare.inside.wait(PATIENCE_S)
    for seconds in (STARTING_S - 1, 1.0):  # compiling may take long, and the process may have slept
        now[0] += seconds
        assert trainer.trouble == ""
    now[0] += CONFIRMED_S
    assert trainer.trouble == "Learning is stuck: it has not started for 201 s. Start the game anew to learn again."
    ran = list[str]()
    assert trainer.post(lambda: ran.append(threading.current_thread().name))
    assert not trainer.stop(0.05)
    assert (ran, trainer.owns_files) == ([threading.current_thread().name], False)
    prepare.go.set()
    assert trainer.stop(PATIENCE_S)
    assert (work.done, work.closed) == (0, 0)  # the files were left to this thread


def test_settle_waits_for_all_that_was_handed_over_or_gives_up_and_says_no() -> None:
    work = Work(1)
    with started(work) as trainer:
        assert not trainer.settle(PATIENCE_S), "the window is closed"
        work.go.clear()
        trainer.open_window()
        assert not trainer.settle(0.05), "the slice takes longer"
        work.go.set()
        for handed in range(1, 100):
            assert trainer.settle(PATIENCE_S)
            assert (work.todo, work.done) == (0, 3 * handed - 2)
            work.todo += 3
        wait_for(lambda: work.done == 298)  # noticed without being asked
        trainer.pause(True)
        work.todo = 1
        assert not trainer.settle(PATIENCE_S), "it is paused"
        assert work.done == 298
        assert trainer.stop(PATIENCE_S)
        assert not trainer.settle(PATIENCE_S), "it has ended"


def test_failures_ever_longer_apart_switch_learning_off_with_a_sentence_and_the_thread_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests_s = 0.05, 0.2
    monkeypatch.setattr(training_thread, "RESTS_S", rests_s)
    now, work = [0.0], Work(9)
    with started(work, "always", clock=lambda: now[0]) as trainer:
        for failure in range(1, 6):
            now[0] += FAILURE_PERIOD_S / (FAILURES_ALLOWED - 1)
            work.raises.append(RuntimeError("now and then"))
            wait_for(lambda failure=failure: len(work.recovered) == failure)  # type: ignore[misc]
        assert (trainer.settle(PATIENCE_S), trainer.alive) == (True, True), "failures long apart do not"
        now[0] += FAILURE_PERIOD_S
        work.raises, work.recovered, work.todo = [RuntimeError(f"number {i}") for i in range(9)], [], 1
        assert not trainer.settle(PATIENCE_S)
        died = time.monotonic()
        assert trainer.trouble == f"Learning is off, it failed {FAILURES_ALLOWED} times: number 2"
        assert trainer.messages[0] == trainer.dead_because
        wait_for(lambda: not trainer.running)
        first, second, _ = work.recovered
        assert second - first >= rests_s[0]
        assert died - second >= rests_s[1]
        assert (work.todo, work.closed, trainer.alive) == (1, 1, False), "undone before it is saved"
        assert not trainer.settle(PATIENCE_S)


def test_failed_recovery_switches_learning_off() -> None:
    work = Work(1)
    work.raises, work.at_recovery = [RuntimeError("first")], lambda: vars()["and that too"]
    with started(work, "always") as trainer:
        assert not trainer.settle(PATIENCE_S)
        assert "could not be undone: 'and that too'" in trainer.dead_because
        wait_for(lambda: work.closed == 1)
