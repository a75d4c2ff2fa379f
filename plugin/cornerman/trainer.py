"""The only thread: it gives the training its slices of time while a training window is open.

What is done in a slice is training.py's; here is when, and what happens when it fails. The game's thread calls every
method but `_run` and `_work`; none of them waits for the trainer except `settle` and `stop`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Protocol

from cornerman.metrics import Metrics

log = logging.getLogger("cornerman")

FAILURES_ALLOWED = 3
POLL_S = 0.05  # how soon an open window notices new transitions


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

    def __init__(self, prepare: Callable[[], Work], metrics: Metrics, always_open: bool = False) -> None:
        self._prepare, self._metrics, self._always_open = prepare, metrics, always_open
        self._changed = Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._open = always_open
        self._paused = self._stopping = self._ready = False
        self._asked = self._answered = 0
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
        """Wait until everything handed over before this call is learned from and judged; True when it is."""
        with self._changed:
            if not self.alive:
                return False
            self._asked += 1
            asked = self._asked
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._answered >= asked or bool(self.dead_because), timeout_s)

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
        try:
            work = self._prepare()
        except Exception as error:  # the game goes on without learning, whatever it was
            log.exception("the trainer cannot start")
            self._die(f"learning is off: {error}")
            return
        with self._changed:
            self._ready = True
            self._changed.notify_all()
        failures = 0
        while self._wait_for_work():
            try:
                busy = self._work(work)
                failures = 0 if busy else failures
            except Exception as error:  # one bad step must not end the game; it is logged, counted and undone
                log.exception("a slice of training failed")
                failures += 1
                self._metrics.count("failures")
                if failures >= FAILURES_ALLOWED:
                    self._die(f"learning is off after {failures} failures in a row: {error}")
                    break
                self._metrics.event(f"A learning step failed ({error}); the last good weights are back.")
                work.recover()
                time.sleep(0.1 * 2**failures)
        try:
            work.close()
        except Exception:  # nothing may be raised out of this thread; what was saved before is still there
            log.exception("saving at the end failed")

    def _wait_for_work(self) -> bool:
        """Sleep until there may be something to do; False: stop."""
        with self._changed:
            if not (self._commands or self._stopping or self._asked > self._answered):
                self._changed.wait(POLL_S if self.window_open else None)
            return not self._stopping

    def _work(self, work: Work) -> bool:
        """Commands, then slices until the window closes or nothing is left; True when anything was done."""
        busy = False
        with self._changed:
            asked = self._asked
        while self._commands and not self._stopping:
            self._commands.popleft()()
            busy = True
        while self.window_open and not self._stopping and not self._commands:
            if not work.slice():
                break
            busy = True
        else:
            if self.window_open:
                return busy
        with self._changed:
            self._answered = max(self._answered, asked)
            self._changed.notify_all()
        return busy

    def _die(self, sentence: str) -> None:
        self._metrics.event(sentence)
        with self._changed:
            self.dead_because = sentence
            self._changed.notify_all()
