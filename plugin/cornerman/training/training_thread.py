"""Training thread: runs the training loop in slices while a training window is open, and handles its failures.

The game's thread calls every public method; only `start`, `settle`, `grant` and `stop` wait for the trainer.

When the game ends without calling `stop`, the thread saves and ends too, so the process never hangs. (A daemon thread
would abort the process where it is cut off inside native code.) Work that never returns is reported, and at the end of
the game the exit watchdog ends the process.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread, main_thread
from typing import Protocol

from cornerman.contract import CornermanError
from cornerman.training.exit_watchdog import SAVING_S, ExitWatchdog
from cornerman.training.metrics import Metrics
from cornerman.training.windows.training_windows import TrainingWindows

log = logging.getLogger("cornerman")

FAILURES_ALLOWED, FAILURE_PERIOD_S = 3, 300.0
RESTS_S = (0.2, 1.0)  # after a failure, and after another one soon
STUCK_S, STARTING_S = 30.0, 200.0
"""A slice takes milliseconds, on a machine that others use up seconds; compiling, once, minutes on a small board."""
CONFIRMED_S, STOP_S = 1.0, 1.0  # how long it must seem stuck, as the process may have slept; how long `stop` waits
POLL_S, IDLE_S = 0.05, 0.25  # how soon an open window notices new transitions, and a game's end without `stop`


class LoadingStoppedError(BaseException):
    """The game ends while the trainer loads: the game's thread keeps the files. No fault, so no handler of faults."""


class Work(Protocol):
    """What runs on the trainer's thread."""

    def slice(self, budget_s: float, idle: bool = False) -> bool:
        """Work for about `budget_s` seconds; False: there was nothing to do. `idle`: nobody waits for the end of it, so
        practice may go on where none is due."""

    def recover(self, error: BaseException) -> None:
        """Go back to the last good state after a slice failed with `error`."""

    def close(self) -> None:
        """Save at the end of the game."""


class TrainingThread:
    """The trainer's thread; `prepare` runs first on it, so the accelerator and torch belong to it alone.

    `prepare` calls `take_files` before it touches a file of the player's: until then they are the game's thread's, on
    which `stop` runs what was posted.
    """

    def __init__(
        self,
        prepare: Callable[[], Work],
        metrics: Metrics,
        windows: TrainingWindows | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prepare, self._metrics, self._clock = prepare, metrics, clock
        self.windows = windows or TrainingWindows()
        self._changed = Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = self._ready = self._granted = self._owns_files = False
        self._asked = self._answered = 0
        self._failures: deque[float] = deque(maxlen=FAILURES_ALLOWED)
        self._doing: tuple[float, float] | None = None  # since when something runs, and how long it may take
        self._suspected: tuple[tuple[float, float], float] | None = None  # what seemed stuck, and since when
        self._stuck = self._saving = self._ended = False
        self.dead_because = ""
        self._thread = Thread(target=self._run, name="cornerman-trainer", daemon=False)
        self._watchdog = ExitWatchdog(self._thread, lambda: self._saving)

    # --------------------------------------------------------------------------------------------- the game's thread

    def start(self, wait_s: float) -> bool:
        """Start the thread; True once `prepare` is done, False where it takes longer than `wait_s` (it goes on).

        Where the system gives no thread, learning is off and `dead_because` says why.
        """
        try:
            self._thread.start()
        except (RuntimeError, MemoryError) as error:  # what Python raises where the system gives no more threads
            self._die(f"Learning is off, no thread could be started for it ({error}).")
            return False
        self._watchdog.begin()
        return self.ready(wait_s)

    def ready(self, wait_s: float = 0.0) -> bool:
        """Wait at most `wait_s` until `prepare` is done or has failed; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ready or bool(self.dead_because), wait_s)

    def frame(self, frame_ms: float, slack_ms: float = 0.0) -> None:
        """A frame has been drawn, as `TrainingWindows.frame`."""
        self.windows.frame(frame_ms, slack_ms)
        self._look_whether_stuck()

    def grant(self, seconds: float) -> None:
        """Let the trainer work for `seconds`; the caller sleeps without the GIL meanwhile.

        Returns as soon as nothing is left to do, and at the latest when the time is over, whatever the trainer does.
        Does nothing where the window is closed or the setting learning_time is not pump.
        """
        pumps = self.windows.learning_time == "pump" and self.windows.window_open and self.alive and self._ready
        if not (pumps and self.windows.takes()):
            return
        with self._changed:
            seconds = self.windows.grant(seconds)
            self._granted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._granted, seconds)
            self._granted = False
        self.windows.grant(0.0)

    def wake(self) -> None:
        """Let the trainer check its windows now. Does not wait: where the trainer holds the lock it is awake anyway."""
        if self._changed.acquire(blocking=False):
            try:
                self._changed.notify_all()
            finally:
                self._changed.release()

    def post(self, command: Callable[[], None]) -> bool:
        """Run `command` on the trainer's thread soon, window or not; False where it has ended or never began."""
        with self._changed:
            if self._ended or self._thread.ident is None:
                return False
            self._commands.append(command)
            self._changed.notify_all()
            return True

    def before_files(self, command: Callable[[], None]) -> bool:
        """Run `command` here where the thread loads and has not taken the files yet, which it does only afterwards."""
        with self._changed:
            if loads := self.running and not self._owns_files:
                command()
            return loads

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything recorded before this call is learned from and judged; True when it is, False
        where it takes longer, where the window is closed, or without a trainer."""
        with self._changed:
            if not self.alive:
                return False
            asked = self._asked = self._asked + 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._answered >= asked or bool(self.dead_because), timeout_s)
            answered, self._answered = self._answered >= asked, asked  # in time or not: nobody waits any longer
            return answered and self.windows.window_open

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Ask the thread to end and join it; True when it has ended in time. Safe to call twice.

        A thread that reads or writes files, on a slow disk, has ten seconds. One that does not end in time ends
        after its slice, or with the process. Where it has not taken the files, what was posted runs here.
        """
        with self._changed:
            self._stopping = True
            self.windows.stop[0] = 1  # a slice under way ends after its step
            self._changed.notify_all()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        if self._saving or (self._owns_files and not self._ready):
            self._thread.join(SAVING_S)
        if not self._owns_files:
            self._ended = True
            self._run_commands()
        if self._thread.is_alive():
            self._watchdog.hurry()
            return False
        self._watchdog.end()
        return True

    def _look_whether_stuck(self) -> None:
        """Report and count stuck work once, and do not call it starvation."""
        if why := self.stuck_because:
            self.windows.starvation.sentence = ""
        if why and not self._stuck:
            self._metrics.count("failures")
            self._metrics.event(why)
        self._stuck = bool(why)

    @property
    def alive(self) -> bool:
        """Whether the trainer learns or loads: its thread runs, and learning is not off for good."""
        return self.running and not self.dead_because

    @property
    def works(self) -> bool:
        """Whether the trainer is alive and not stuck: what is sent to it is worked on. Any thread."""
        return self.alive and not self.stuck_because

    @property
    def running(self) -> bool:
        """Whether the thread runs, and so owns its files and its device."""
        return self._thread.is_alive()

    @property
    def owns_files(self) -> bool:
        """Whether the thread runs and has taken the files."""
        return self.running and self._owns_files

    @property
    def stuck_because(self) -> str:
        """A message while work does not return; "" otherwise. Any thread."""
        doing, now = self._doing, self._clock()
        if doing is None or (seconds := now - doing[0]) < doing[1]:
            return ""
        if self._suspected is None or self._suspected[0] != doing:
            self._suspected = doing, now
        if now - self._suspected[1] < CONFIRMED_S:  # the whole process may have slept, and wake up only now
            return ""
        what = "a step has not come back" if self._ready else "it has not started"
        return f"Learning is stuck: {what} for {seconds:.0f} s. Start the game anew to learn again."

    @property
    def trouble(self) -> str:
        """What keeps the trainer from learning and what to do; "" where nothing does. Any thread."""
        starvation = self.windows.starvation.sentence if self.windows.window_open else ""
        return self.dead_because or self.stuck_because or starvation

    # ------------------------------------------------------------------------------------------ the trainer's thread

    def take_files(self) -> None:
        """Own the files from now on; LoadingStoppedError where `stop` has left them to the game's thread."""
        with self._changed:
            self.check_loading()
            self._owns_files = True

    def check_loading(self) -> None:
        """LoadingStoppedError where `stop` was called and the files are not taken; called while loading waits."""
        if self._stopping and not self._owns_files:
            raise LoadingStoppedError

    def _run(self) -> None:
        work: Work | None = None
        try:
            work = self._prepared()
            self.take_files()
            while work is not None and self._turn(work):
                pass
            self._run_commands()  # those posted just before the end
        except LoadingStoppedError:
            self.windows.starvation.thread_ends()
            return
        except BaseException as error:  # whatever ends this thread is reported, and the game goes on
            log.exception("the trainer's thread ends")
            self._die(f"Learning is off, its thread ended: {error!r}")
        self._close(work)
        self.windows.starvation.thread_ends()
        while not self._ended:  # commands posted while it saved
            self._run_commands()
            with self._changed:
                self._ended = not self._commands

    def _turn(self, work: Work) -> bool:
        """Wait for work and do it; False: the thread ends."""
        try:
            if not self._wait_for_work():
                return False
            self._work(work)
        except BaseException as error:  # one bad step must not end the game; it is logged, counted and undone
            log.exception("a slice of training failed")
            return self._undone(work, error)
        return True

    @contextmanager
    def _watched(self, may_take_s: float = STUCK_S) -> Iterator[None]:
        """Report as stuck what does not return within `may_take_s`."""
        self._doing = (self._clock(), may_take_s)
        try:
            yield
        finally:
            self._doing = None

    def _close(self, work: Work | None) -> None:
        self._saving = True
        try:
            if work is not None:
                with self._watched(SAVING_S):
                    work.close()
        except CornermanError as error:  # what was saved before is still there
            log.error("%s", error)
        except BaseException:  # whatever it was, the thread ends here, and the game must not wait for it
            log.exception("saving at the end failed")

    def _prepared(self) -> Work | None:
        try:
            with self._watched(STARTING_S):
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
    def ending(self) -> bool:
        """Whether `stop` was called, or the game ended without calling it."""
        return self._stopping or not main_thread().is_alive()

    def _wait_for_work(self) -> bool:
        """Sleep until there may be work; False: the thread ends."""
        self.windows.look()
        self.windows.starvation.idle()
        with self._changed:
            self._give_back()
            if not (self._commands or self.ending or self._asked > self._answered):
                self._changed.wait(POLL_S if self.windows.window_open else IDLE_S)
            return not self.ending

    def _give_back(self) -> None:
        """End the wait of `grant`; called with the lock held."""
        if self._granted:
            self._granted = False
            self._changed.notify_all()

    def _work(self, work: Work) -> None:
        """Run commands, then slices until the window closes or nothing is left; then end the waits of `settle`."""
        asked = self._asked
        self._run_commands()
        while self.windows.window_open and not self.ending:
            if self._commands:
                return
            if not self._slice(work):
                break
        with self._changed:
            self._answered = max(self._answered, asked)
            self._changed.notify_all()

    def _slice(self, work: Work) -> bool:
        """Run one slice, or sleep shortly where there is no budget now; False: there was nothing to do."""
        windows = self.windows
        windows.look()
        budget_s = windows.budget(hurried=self._asked > self._answered)
        if not budget_s:
            with self._changed:
                if not windows.budget():  # else a grant made in the meantime would end unused
                    self._give_back()
                    self._changed.wait(windows.wait_s)
            return True
        begun = self._clock()
        idle = windows.has_frames and self._asked == self._answered
        with self._watched():
            more = work.slice(budget_s, idle)
        windows.worked(self._clock() - begun, budget_s, more)
        return more

    def _run_commands(self) -> None:
        ends, self._saving = self._saving, True  # most of them write files
        while self._commands:
            try:
                with self._watched():
                    self._commands.popleft()()
            except BaseException as error:  # a failing one is reported, and ends neither the others nor this thread
                log.exception("a command failed")
                self._metrics.event(str(error))
        self._saving = ends

    def _undone(self, work: Work, error: BaseException) -> bool:
        """Undo a failed slice and rest; False where slices fail too often or one cannot be undone."""
        self._metrics.count("failures")
        self._failures.append(now := self._clock())
        recent = [failure for failure in self._failures if now - failure < FAILURE_PERIOD_S]
        try:
            with self._watched():
                work.recover(error)
        except Exception as second:  # no sound state is left to learn from
            log.exception("a failed slice could not be undone")
            self._die(f"Learning is off, a failed step could not be undone: {second}")
            return False
        if len(recent) == FAILURES_ALLOWED:
            self._die(f"Learning is off, it failed {FAILURES_ALLOWED} times: {error}")
            return False
        self._metrics.event(f"A learning step failed ({error}); the last good weights are back.")
        rest_s = RESTS_S[min(len(recent), len(RESTS_S)) - 1]
        for _ in range(round(rest_s / POLL_S)):  # in short waits: a game that ends without `stop` wakes no thread
            with self._changed:
                if self._changed.wait_for(lambda: self.ending, POLL_S):
                    break
        return True

    def _die(self, sentence: str) -> None:
        self._metrics.event(sentence)
        with self._changed:
            self.dead_because = sentence
            self._changed.notify_all()
