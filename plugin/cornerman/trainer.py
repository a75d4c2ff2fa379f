"""The only thread: it gives the training its slices of time while a training window is open.

What is done in a slice is training.py's; here is when, and what happens when it fails. The game's thread calls every
method above the line; none of them waits for the trainer except `start`, `settle` and `stop`.

A game that ends without calling `stop` is noticed: the thread then saves and ends too, so the process never hangs. (A
daemon thread would abort the process where it is cut off inside torch.)
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread, main_thread
from typing import Protocol

from cornerman.metrics import Metrics

log = logging.getLogger("cornerman")

FAILURES_ALLOWED, FAILURE_PERIOD_S = 3, 300.0
REST_S = 0.2  # after a failure
POLL_S = 0.05  # how soon an open window notices new transitions
IDLE_S = 0.25  # how soon it notices that the game ended without telling


class Work(Protocol):
    """What the trainer gives its time to; every call is made on the trainer's thread."""

    def slice(self) -> bool:
        """Do one short piece of work (a few milliseconds); False: there was nothing to do."""

    def recover(self) -> None:
        """Go back to the last good state after a slice failed."""

    def close(self) -> None:
        """Save what must outlast the game."""


class Trainer:
    """Owns the thread. `prepare` runs first on it, so the accelerator and torch belong to it alone."""

    def __init__(
        self,
        prepare: Callable[[], Work],
        metrics: Metrics,
        always_open: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prepare, self._metrics, self._always_open, self._clock = prepare, metrics, always_open, clock
        self._changed = Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._open = always_open
        self._paused = self._stopping = self._ready = False
        self._asked = self._answered = 0
        self._failures: deque[float] = deque(maxlen=FAILURES_ALLOWED)
        self.dead_because = ""
        self._thread = Thread(target=self._run, name="cornerman-trainer", daemon=False)

    # --------------------------------------------------------------------------------------------- the game's thread

    def start(self, wait_s: float) -> bool:
        """Start the thread; True once `prepare` is done, False when it takes longer than `wait_s` (it goes on)."""
        self._thread.start()
        with self._changed:
            return self._changed.wait_for(lambda: self._ready or bool(self.dead_because), wait_s)

    def open_window(self) -> None:
        self._set(open_now=True)

    def close_window(self) -> None:
        self._set(open_now=self._always_open)

    def pause(self, paused: bool) -> None:
        """Learning off and on; a running slice is finished."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def _set(self, open_now: bool) -> None:
        with self._changed:
            self._open = open_now
            self._changed.notify_all()

    def post(self, command: Callable[[], None]) -> None:
        """Run `command` on the trainer's thread, soon, window or not."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify_all()

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything handed over before this call is learned from and judged; True when it is.

        False where it takes longer, where the window is closed, so that nothing is learned, or without a trainer.
        """
        with self._changed:
            if not self.alive:
                return False
            self._asked += 1
            asked = self._asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._answered >= asked or bool(self.dead_because), timeout_s)
            return self._answered >= asked and self.window_open

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Ask the thread to end and join it; True when it has ended in time. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self.dead_because

    @property
    def window_open(self) -> bool:
        return self._open and not self._paused

    # ------------------------------------------------------------------------------------------ the trainer's thread

    def _run(self) -> None:
        work = self._prepared()
        while work is not None and self._wait_for_work():
            try:
                self._work(work)
            except Exception as error:  # one bad step must not end the game; it is logged, counted and undone
                log.exception("a slice of training failed")
                if not self._undone(work, error):
                    break
        self._run_commands()  # what was asked for just before the end still happens
        try:
            if work is not None:
                work.close()
        except Exception:  # nothing may be raised out of this thread; what was saved before is still there
            log.exception("saving at the end failed")

    def _prepared(self) -> Work | None:
        try:
            work = self._prepare()
        except Exception as error:  # the game goes on without learning, whatever it was
            log.exception("the trainer cannot start")
            self._die(f"Learning is off, it could not start: {error}")
            return None
        with self._changed:
            self._ready = True
            self._changed.notify_all()
        return work

    @property
    def _ending(self) -> bool:
        """The game asked for the end, or ended without asking: then nothing would ever wake this thread again."""
        return self._stopping or not main_thread().is_alive()

    def _wait_for_work(self) -> bool:
        """Sleep until there may be something to do; False: stop."""
        with self._changed:
            if not (self._commands or self._ending or self._asked > self._answered):
                self._changed.wait(POLL_S if self.window_open else IDLE_S)
            return not self._ending

    def _work(self, work: Work) -> None:
        """Commands, then slices until the window closes or nothing is left; then whoever waits in `settle` hears."""
        with self._changed:
            asked = self._asked
        self._run_commands()
        while self.window_open and not self._ending:
            if self._commands:
                return
            if not work.slice():
                break
        with self._changed:
            self._answered = max(self._answered, asked)
            self._changed.notify_all()

    def _run_commands(self) -> None:
        while self._commands:
            try:
                self._commands.popleft()()
            except Exception as error:  # a command that fails is told, and ends neither the others nor this thread
                log.exception("a command failed")
                self._metrics.event(str(error))

    def _undone(self, work: Work, error: Exception) -> bool:
        """Go back to before a failed slice; False where it fails too often or cannot be undone."""
        self._metrics.count("failures")
        self._failures.append(self._clock())
        if len(self._failures) == FAILURES_ALLOWED and self._failures[-1] - self._failures[0] < FAILURE_PERIOD_S:
            self._die(f"Learning is off, it failed {FAILURES_ALLOWED} times: {error}")
            return False
        try:
            work.recover()
        except Exception as second:  # there is nothing good left to learn on from
            log.exception("a failed slice could not be undone")
            self._die(f"Learning is off, a failed step could not be undone: {second}")
            return False
        self._metrics.event(f"A learning step failed ({error}); the last good weights are back.")
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, REST_S)
        return True

    def _die(self, sentence: str) -> None:
        self._metrics.event(sentence)
        with self._changed:
            self.dead_because = sentence
            self._changed.notify_all()
