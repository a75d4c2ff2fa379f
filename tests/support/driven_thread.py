"""A training thread that a test drives, and the work that it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import TrainingThread
from cornerman.training.windows.training_windows import TrainingWindows

PATIENCE_S = 30.0
"""Far longer than anything here takes, so that a busy machine fails no test."""


class Work:
    """Counts its slices; each may take a while, wait for `go` or raise."""

    def __init__(self, todo: int = 0, took_s: float = 0.0) -> None:
        self.todo, self.took_s = todo, took_s
        self.done = self.closed = self.practice = self.practised = 0
        self.raises: list[BaseException | None] = []
        self.recovered: list[float] = []  # when
        self.when: list[float] = []  # slices began
        self.threads: set[str] = set()
        self.at_recovery: Callable[[], object] = lambda: None
        self.at_close: Callable[[], object] = lambda: None
        self.inside, self.go = Event(), Event()
        self.go.set()

    def slice(self, budget_s: float, idle: bool = False) -> bool:
        assert budget_s > 0
        if idle and self.practice and not self.todo:
            self.practice -= 1
            self.practised += 1
            self.todo += 1
        self.threads.add(threading.current_thread().name)
        self.inside.set()
        assert self.go.wait(PATIENCE_S)
        if self.raises and (error := self.raises.pop(0)) is not None:
            raise error
        if not self.todo:
            return False
        self.when.append(time.monotonic())
        time.sleep(min(self.took_s, budget_s))
        self.todo -= 1
        self.done += 1
        return True

    def recover(self, error: BaseException) -> None:
        del error
        self.recovered.append(time.monotonic())
        self.at_recovery()

    def close(self) -> None:
        self.closed += 1
        self.at_close()


class DrivenThread(TrainingThread):
    """As the training service drives it."""

    def __init__(
        self,
        work: Work | Callable[[], Work],
        windows: TrainingWindows | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = Metrics()
        prepare = (lambda: work) if isinstance(work, Work) else work
        super().__init__(prepare, self.metrics, windows or TrainingWindows(), clock)

    def open_window(self) -> None:
        self.windows.open_window()
        self.wake()

    def pause(self, paused: bool) -> None:
        self.windows.pause(paused)
        self.wake()

    @property
    def messages(self) -> list[str]:
        """What the player could read, newest first."""
        return [event["text"] for event in self.metrics.events()]


@contextmanager
def started(work: Work | Callable[[], Work], window: str = "between_rounds", **more: Any) -> Iterator[DrivenThread]:
    """A thread that has prepared its work; it is stopped afterwards, and leaves none behind.

    `judged`: whether a trainer that hardly runs is said to starve, as on a busy machine.
    """
    before = set(threading.enumerate())
    judged = more.pop("judged", False)
    windows = TrainingWindows(window, more.pop("learning_time", "thread"), on_processor=lambda: judged)
    thread = DrivenThread(work, windows, **more)
    assert thread.start(PATIENCE_S)
    try:
        yield thread
    finally:
        assert thread.stop(PATIENCE_S)
    assert set(threading.enumerate()) <= before
