"""The trainer's thread: when it works, when it does not, how it fails, and that it always ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from cornerman.contract import ModelError
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import FAILURE_PERIOD_S, FAILURES_ALLOWED, TrainingThread
from cornerman.training.training_windows import TrainingWindows

PATIENCE_S = 10.0
"""Far longer than anything here takes, so that a busy machine fails no test."""


class Pieces:
    """Work that counts: `todo` slices of it, each of which may wait for `go` or raise."""

    def __init__(self, todo: int = 0) -> None:
        self.todo, self.done, self.recovered, self.closed = todo, 0, 0, 0
        self.threads: set[str] = set()
        self.raises: list[Exception | None] = []
        self.recover_raises: Exception | None = None
        self.close_raises: Exception | None = None
        self.practice, self.practised = 0, 0
        self.inside, self.go = Event(), Event()
        self.go.set()

    def slice(self, budget_s: float) -> bool:
        assert budget_s > 0
        self.threads.add(threading.current_thread().name)
        self.inside.set()
        assert self.go.wait(PATIENCE_S)
        if self.raises and (error := self.raises.pop(0)) is not None:
            raise error
        if not self.todo:
            return False
        self.todo -= 1
        self.done += 1
        return True

    def practise_idle(self) -> bool:
        if not self.practice:
            return False
        self.practice -= 1
        self.practised += 1
        self.todo += 1
        return True

    def recover(self, error: BaseException) -> None:
        self.recovered += 1
        if self.recover_raises is not None:
            raise self.recover_raises

    def close(self) -> None:
        self.closed += 1
        if self.close_raises is not None:
            raise self.close_raises


Start = Callable[..., TrainingThread]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts trainers, and afterwards checks that each ends and leaves no thread."""
    before, made = set(threading.enumerate()), []

    def begin(work: Pieces, metrics: Metrics | None = None, **more: object) -> TrainingThread:
        trainer = TrainingThread(lambda: work, metrics or Metrics(), **more)
        made.append(trainer)
        assert trainer.start(PATIENCE_S)
        return trainer

    yield begin
    for trainer in made:
        assert trainer.stop(PATIENCE_S)
    assert set(threading.enumerate()) <= before


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.002)


# ------------------------------------------------------------------------------------------------- windows, settle


def test_nothing_is_done_while_the_window_is_closed(start: Start) -> None:
    work = Pieces(5)
    trainer = start(work)
    assert not trainer.window_open
    time.sleep(0.6)  # two turns of its idle sleep
    assert (work.done, work.inside.is_set()) == (0, False)


def test_in_an_open_window_everything_is_done_on_the_trainers_own_thread(start: Start) -> None:
    work = Pieces(50)
    trainer = start(work)
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    assert (work.done, work.todo) == (50, 0)
    assert work.threads == {"cornerman-trainer"}


def test_after_the_window_closes_only_the_slice_under_way_is_finished(start: Start) -> None:
    work = Pieces(1000)
    trainer = start(work)
    for closed in range(1, 4):
        work.inside.clear()
        work.go.clear()
        trainer.open_window()
        assert work.inside.wait(PATIENCE_S)
        done = work.done
        trainer.close_window()
        work.go.set()
        until(lambda done=done: work.done == done + 1)
        time.sleep(0.1)
        assert work.done == done + 1, f"close {closed}"


def test_an_open_window_notices_by_itself_what_is_handed_over_later(start: Start) -> None:
    work = Pieces()
    trainer = start(work)
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    work.todo = 3
    until(lambda: work.done == 3)


def test_settle_answers_only_after_everything_handed_over_before_it(start: Start) -> None:
    work = Pieces()
    trainer = start(work)
    trainer.open_window()
    for handed in range(1, 200):
        work.todo += 3
        assert trainer.settle(PATIENCE_S)
        assert (work.todo, work.done) == (0, 3 * handed)


def test_settle_gives_up_in_time_and_says_no_where_nothing_can_be_learned(start: Start) -> None:
    work = Pieces(1)
    trainer = start(work)
    assert not trainer.settle(PATIENCE_S), "the window is closed"
    work.go.clear()
    trainer.open_window()
    assert not trainer.settle(0.05), "the slice takes longer"
    work.go.set()
    assert trainer.settle(PATIENCE_S)
    trainer.pause(True)
    work.todo = 1
    assert not trainer.settle(PATIENCE_S), "it is paused"
    assert work.done == 1
    assert trainer.stop()
    assert not trainer.settle(PATIENCE_S), "it has ended"


def test_pause_holds_the_work_in_an_open_window_and_lets_it_go_on(start: Start) -> None:
    work = Pieces(5)
    trainer = start(work)
    trainer.pause(True)
    trainer.open_window()
    assert not trainer.window_open
    time.sleep(0.1)
    assert work.done == 0
    trainer.pause(False)
    until(lambda: work.done == 5)


def test_always_open_needs_no_window_and_closing_changes_nothing(start: Start) -> None:
    work = Pieces(5)
    trainer = start(work, windows=TrainingWindows("always"))
    until(lambda: work.done == 5)
    trainer.close_window()
    work.todo = 5
    until(lambda: work.done == 10)


# --------------------------------------------------------------------------------------------------------- commands


def test_a_command_runs_on_the_trainers_thread_window_or_not(start: Start) -> None:
    trainer, names = start(Pieces()), []
    for opened in (False, True):
        ran = Event()

        def command(ran: Event = ran) -> None:
            names.append(threading.current_thread().name)
            ran.set()

        if opened:
            trainer.open_window()
        trainer.post(command)
        assert ran.wait(PATIENCE_S)
    assert names == ["cornerman-trainer"] * 2


def test_a_command_comes_between_two_slices_and_settle_waits_for_the_rest(start: Start) -> None:
    work = Pieces(20)
    trainer, seen = start(work), []
    work.go.clear()
    trainer.open_window()
    assert work.inside.wait(PATIENCE_S)
    trainer.post(lambda: seen.append(work.done))
    work.go.set()
    assert trainer.settle(PATIENCE_S)
    assert seen == [1]
    assert work.done == 20


def test_a_command_that_raises_is_told_and_costs_no_learning(start: Start) -> None:
    metrics, work, ran = Metrics(), Pieces(1), []
    trainer = start(work, metrics)
    for _ in range(FAILURES_ALLOWED + 1):
        trainer.post(lambda: {}["the note"])
    trainer.post(lambda: ran.append(1))
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    assert (ran, work.done, work.recovered, trainer.alive) == ([1], 1, 0, True)
    assert "the note" in metrics.events()[0]["text"]


def test_what_was_asked_just_before_the_end_still_happens_and_before_saving(start: Start) -> None:
    work, seen = Pieces(), []
    trainer = start(work)
    work.todo = 1
    work.go.clear()
    trainer.open_window()
    assert work.inside.wait(PATIENCE_S)
    trainer.post(lambda: seen.append(work.closed))
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(trainer.stop(PATIENCE_S)))
    stopping.start()
    until(lambda: trainer._stopping)
    work.go.set()
    stopping.join(PATIENCE_S)
    assert (stopped, seen, work.closed) == ([True], [0], 1)


# --------------------------------------------------------------------------------------------------------- failures


def test_a_slice_that_raises_is_undone_logged_and_counted_and_learning_goes_on(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    metrics, work = Metrics(), Pieces(3)
    work.raises = [None, RuntimeError("out of luck")]
    trainer = start(work, metrics)
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    assert (work.done, work.recovered, metrics.get("failures")) == (3, 1, 1)
    assert "out of luck" in metrics.events()[0]["text"]
    assert "out of luck" in caplog.text
    assert trainer.alive


def test_three_failures_switch_learning_off_with_a_sentence_and_the_thread_ends(start: Start) -> None:
    metrics, work = Metrics(), Pieces(9)
    work.raises = [RuntimeError(f"number {i}") for i in range(9)]
    trainer = start(work, metrics)
    trainer.open_window()
    assert not trainer.settle(PATIENCE_S)
    assert trainer.dead_because == "Learning is off, it failed 3 times: number 2"
    assert metrics.events()[0]["text"] == trainer.dead_because
    until(lambda: not trainer._thread.is_alive())
    assert (work.recovered, work.done, work.closed, trainer.alive) == (3, 0, 1, False), "undone before it is saved"
    assert not trainer.settle(PATIENCE_S)


def test_failures_long_apart_never_switch_it_off(start: Start) -> None:
    now = [0.0]
    work = Pieces(1)
    trainer = start(work, clock=lambda: now[0])
    trainer.open_window()
    for failure in range(1, 6):
        now[0] += FAILURE_PERIOD_S / (FAILURES_ALLOWED - 1)
        work.raises.append(RuntimeError("now and then"))
        until(lambda failure=failure: work.recovered == failure)
    assert trainer.settle(PATIENCE_S)
    assert trainer.alive


def test_what_cannot_be_undone_switches_learning_off(start: Start) -> None:
    work = Pieces(1)
    work.raises, work.recover_raises = [RuntimeError("first")], RuntimeError("and that too")
    trainer = start(work)
    trainer.open_window()
    assert not trainer.settle(PATIENCE_S)
    assert "could not be undone: and that too" in trainer.dead_because
    until(lambda: work.closed == 1)


def test_saving_that_fails_at_the_end_is_logged(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    work = Pieces()
    work.close_raises = OSError("the disk is full")
    assert start(work).stop()
    assert "the disk is full" in caplog.text


def test_what_could_not_be_saved_at_the_end_is_a_sentence_alone(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    work = Pieces()
    work.close_raises = ModelError("The state of learning could not be saved (No space left on device).")
    assert start(work).stop()
    assert [record.exc_info for record in caplog.records] == [None]
    assert caplog.messages == [str(work.close_raises)]


def test_prepare_that_raises_leaves_a_sentence_and_still_runs_what_was_asked() -> None:
    let_it_fail, ran = Event(), []

    def prepare() -> Pieces:
        assert let_it_fail.wait(PATIENCE_S)
        raise ImportError("no module named torch")

    trainer = TrainingThread(prepare, Metrics())
    assert not trainer.start(0.05)
    assert trainer.alive
    trainer.post(lambda: ran.append(threading.current_thread().name))
    let_it_fail.set()
    until(lambda: bool(trainer.dead_because))
    assert "no module named torch" in trainer.dead_because
    assert not trainer.settle(PATIENCE_S)
    assert trainer.stop(PATIENCE_S)
    assert ran == ["cornerman-trainer"]


# ---------------------------------------------------------------------------------------------------------- the end


def test_it_stops_in_every_state_within_two_seconds_and_twice(start: Start) -> None:
    never = TrainingThread(Pieces, Metrics())
    assert never.stop()

    def idle(trainer: TrainingThread) -> None:
        del trainer

    def busy(trainer: TrainingThread) -> None:
        trainer.open_window()

    def paused(trainer: TrainingThread) -> None:
        trainer.open_window()
        trainer.pause(True)

    for state in (idle, busy, paused):
        work = Pieces(10**9)
        trainer = start(work)
        state(trainer)
        begun = time.monotonic()
        assert trainer.stop()
        assert trainer.stop()
        assert time.monotonic() - begun < 2.0, state.__name__
        assert (work.closed, trainer.alive) == (1, False)


def test_it_stops_while_it_rests_after_a_failure(start: Start) -> None:
    work = Pieces(1)
    work.raises = [RuntimeError("once")]
    trainer = start(work)
    trainer.open_window()
    until(lambda: work.recovered == 1)
    assert trainer.stop()


def test_stop_says_when_preparing_takes_too_long_and_it_ends_right_after() -> None:
    prepared, work = Event(), Pieces(5)

    def prepare() -> Pieces:
        assert prepared.wait(PATIENCE_S)
        return work

    trainer = TrainingThread(prepare, Metrics(), TrainingWindows("always"))
    assert not trainer.start(0.01)
    assert not trainer.stop(0.05)
    prepared.set()
    assert trainer.stop(PATIENCE_S)
    assert (work.done, work.closed) == (0, 1)


def test_an_idle_window_is_used_for_practice_only_by_a_game_that_draws(start: Start) -> None:
    work = Pieces()
    work.practice = 3
    trainer = start(work)
    trainer.open_window()
    assert trainer.settle(PATIENCE_S)
    assert work.practised == 0
    end = time.monotonic() + PATIENCE_S
    while work.done < 3 and time.monotonic() < end:
        trainer.frame(16.0, 10.0)
        time.sleep(0.01)
    assert (work.practised, work.done) == (3, 3)
