"""Training service: starts and stops the trainer's thread, passes it time and commands, and reports its status.

The game's thread calls everything here; only `start`, `settle`, `pump` and `stop` wait for the trainer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from cornerman.files.figures_log import FiguresLog
from cornerman.learning.processors import Processors
from cornerman.settings import Settings
from cornerman.training.exit_watchdog import ExitWatchdog
from cornerman.training.machine import Limits
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import TrainingThread
from cornerman.training.windows.frames import FrameTimes
from cornerman.training.windows.training_windows import Reading, TrainingWindows

if TYPE_CHECKING:
    from cornerman.learning.sliced_burst import Flag
    from cornerman.training.training_loop import TrainingLoop

PROGRESS_PERIOD_S = 0.1
BATTLES_BEHIND = 20  # with which learning has not kept up, before it says so
MORE_TIME = "Longer breaks, or settle after a battle, give it more time; so does the setting training_window."
LEAST_FRAME_MS, FRAMES_DOUBTED = 0.1, 100
"""No window is drawn faster: so many of such frames in a row are seconds, as many games count them."""


class TrainingService:
    """Learning in one running game; before `start` nothing is learned and commands run on the calling thread."""

    def __init__(
        self,
        build: Callable[[Flag, Callable[[], None], Callable[[], bool]], TrainingLoop],
        settings: Settings,
        read_machine: Callable[[], Reading],
        metrics: Metrics,
        pause_worker: Callable[[bool], None],
        worker_pid: Callable[[], int | None] = lambda: None,
        data_folder: Path = Path(),
    ) -> None:
        """`build` makes the training loop on the trainer's thread, given the flag that ends its slices early, what it
        calls before it touches the files, and whether the game has drawn a frame or pumped, or ends.

        `pause_worker` pauses the worker while the window is closed and resumes it when it opens. While a trainer runs
        its thread logs figures of machine and training in `data_folder`.
        """
        self._build, self._read_machine, self._metrics = build, read_machine, metrics
        self._processors = Processors(worker_pid)
        self._log = FiguresLog.of(data_folder, settings, metrics.say)
        self._logged_steps = 0
        self.windows = TrainingWindows(
            settings.training_window,
            settings.learning_time,
            Limits(settings.rest_on_battery, settings.rest_when_busy),
            self._look_at_machine,
            on_processor=lambda: metrics.get("device", "cpu") == "cpu",
            pause_worker=pause_worker,
            duty_cycle=settings.duty_cycle,
        )
        self.frames = FrameTimes()
        self.thread: TrainingThread | None = None
        self._loop: TrainingLoop | None = None
        self._start_due = self.draws = False
        self._held_back: deque[str] = deque(maxlen=BATTLES_BEHIND)  # by what, at the last battles' starts
        self._doubted = 0  # frames in a row that are too short

    def start(self, wait_s: float = 0.0, progress: Callable[[str], object] | None = None) -> None:
        """Start the trainer and wait at most `wait_s` until it is ready; a message says why it cannot learn.

        `progress` gets a line about what is loading ten times a second, another one every second, and may return False
        to stop waiting; a message says so where loading goes on without the game. While a previous trainer is still
        ending, and so owns the files and the device, the start is postponed.
        """
        if self.thread is not None and self.running:
            self._start_due = not self.thread.alive
            return
        self._start_due = False
        thread = self.thread = TrainingThread(lambda: self._prepare(thread), self._metrics, self.windows)
        began = time.monotonic()
        thread.start(0.0)
        while not thread.ready(min(PROGRESS_PERIOD_S, wait_s)) and (passed := time.monotonic() - began) < wait_s:
            what, seconds = self._metrics.get("loading", "the trainer"), f", {passed:.0f} s" * (passed >= 1.0)
            if progress and progress(f"loading {what}{seconds} ...") is False:
                break
        if thread.dead_because:
            self._metrics.say(thread.dead_because)
        elif wait_s and not thread.ready():
            self._metrics.event("Learning still loads in the background: you can play meanwhile, and nothing is lost.")
            thread.post(self._say_loaded)

    def _say_loaded(self) -> None:
        """Called on the trainer's thread once nothing is loading any more."""
        if self._loop is not None:
            self._metrics.event("Learning has loaded: it begins with what was played in the meantime.")

    def start_later(self) -> None:
        """Start the trainer at the next battle."""
        self._start_due = True

    def _look_at_machine(self) -> Reading:
        """Called on the trainer's thread, four times a second."""
        self._processors.look()
        reading = self._read_machine()
        if self._log.due:
            self._write_log(reading)
        return reading

    def _write_log(self, reading: Reading) -> None:
        """Add the present figures to the log; none of them says what a player did."""
        metrics, windows = self._metrics, self.windows
        playing = None if self._loop is None else self._loop.candidates.champions.slot.playing()
        steps, before = metrics.get("steps", 0), self._logged_steps
        self._logged_steps = steps
        figures = {
            "source": "game",
            **reading,
            "window_open": windows.window_open,
            "window_share": windows.share,
            "rest": windows.rest or None,
            "steps": steps,
            "steps_per_s": metrics.rate("steps") if steps != before else None,
            "version": None if playing is None else playing.version,
            **{name: metrics.get(name) for name in ("loss", "accuracy", "device")},
        }
        self._log.write(figures, steps)

    def erase_log(self) -> None:
        """Delete the log; called on the thread that owns the files. OSError where it cannot be deleted."""
        self._log.erase()

    def _prepare(self, thread: TrainingThread) -> TrainingLoop:
        self._loop = None  # the loop of an ended thread: its device belongs to that thread
        self._loop = loop = self._build(self.windows.stop, thread.take_files, lambda: self._has_drawn(thread))
        return loop

    def _has_drawn(self, thread: TrainingThread) -> bool:
        """Whether the game has drawn or pumped, or ends; LoadingStoppedError before the files are taken."""
        thread.check_loading()
        return self.draws or thread.ending

    def watch(self, thread: Thread) -> None:
        """End the process with the game although `thread` hangs; a trainer that is saving then has its time."""
        ExitWatchdog(thread, lambda: self.running).begin()

    def stop(self) -> bool:
        """Stop the trainer, which saves its state; False where it did not end in time."""
        ended = self.thread is None or self.thread.stop()
        if ended:
            self._loop = None  # with it ends the process that compiles
        return ended

    @property
    def alive(self) -> bool:
        """Whether a trainer is learning or loading."""
        return self.thread is not None and self.thread.alive

    @property
    def works(self) -> bool:
        """Whether a trainer is alive and not stuck."""
        return self.thread is not None and self.thread.works

    @property
    def running(self) -> bool:
        """Whether a trainer's thread runs, including the time it saves before it ends."""
        return self.thread is not None and self.thread.running

    @property
    def owns_files(self) -> bool:
        """Whether a trainer's thread runs that has taken the files."""
        return self.thread is not None and self.thread.owns_files

    def pause(self, paused: bool) -> None:
        """Switch learning off and on; a slice under way ends after its step or turn."""
        self.windows.pause(paused)
        if self.thread is not None:
            self.thread.wake()

    def call(self, command: Callable[[TrainingLoop | None], None]) -> None:
        """Run a command on the thread that owns the files and the loop, or on this one where there is no trainer.

        The command gets the loop, or None where nothing learns.
        """
        if self.thread is None or not self.thread.post(lambda: command(self._loop)):
            self._loop = None
            command(None)

    def call_owner(self, command: Callable[[TrainingLoop | None], None]) -> None:
        """As `call`; while a trainer is loading, run the command on this thread, which owns the files until then."""
        if self.thread is None or not self.thread.before_files(lambda: command(None)):
            self.call(command)

    def forget_figures(self) -> None:
        """Drop what an ended trainer has left in the report about the player and the learning."""
        self._metrics.forget()

    def settle(self, timeout_s: float) -> bool:
        """Wait at most `timeout_s` until what was recorded is learned from; True where it is, or without a trainer."""
        self.windows.starvation.game_waits = True
        try:
            return self.thread is None or self.thread.settle(timeout_s)
        finally:
            self.windows.starvation.game_waits = False

    def battle_starts(self) -> None:
        """Close the window and start a postponed trainer: a stalled frame does no harm between two battles."""
        self.close_window()
        if self._start_due:
            self.start()
        self._look_whether_behind()

    def _look_whether_behind(self) -> None:
        """Say so where for many battles there was no moment at which all that was recorded was learned."""
        if self.thread is None or not (self.works and self.thread.ready()) or self.windows.paused:
            self._metrics.set(battles_behind=0)
            return
        if not (battles := self._metrics.get("battles_behind", 0)):
            self._held_back.clear()
        self._metrics.count("battles_behind")
        self._held_back.append(self.windows.held_back)
        if battles >= BATTLES_BEHIND:
            why = max(self._held_back, key=self._held_back.count) or MORE_TIME
            self._metrics.say_once("behind", f"Learning has not kept up with the last {battles} battles. {why}")

    def open_window(self) -> None:
        self.windows.open_window()
        if self.thread is not None:
            self.thread.wake()

    def close_window(self) -> None:
        self.windows.close_window()

    def choose(self, choosing: bool) -> None:
        """The player begins to choose, or has chosen."""
        self.windows.choose(choosing)
        if choosing and self.thread is not None:
            self.thread.wake()

    def frame(self, frame_ms: float, slack_ms: float) -> None:
        """A frame has been drawn, `frame_ms` after the one before it and `slack_ms` before the next."""
        self.draws = True
        self._doubted = self._doubted + 1 if 0.0 < frame_ms < LEAST_FRAME_MS else 0
        if self._doubted == FRAMES_DOUBTED:
            given = f"on_frame was given frames of {frame_ms:.3f} ms"
            self._metrics.say(f"{given}: give milliseconds, as pygame's clock.tick returns, not seconds.")
        self.frames.add(frame_ms, self.alive and self.windows.window_open)
        if self.thread is not None:
            self._processors.frame()
            self._log.frame(frame_ms, self.windows.window_open)
            self.thread.frame(frame_ms, slack_ms)

    def pump(self, seconds: float) -> None:
        """Let the trainer work for `seconds`; the caller sleeps meanwhile."""
        self.draws = True
        if self.thread is not None:
            self.thread.grant(seconds)

    def status(self) -> dict[str, Any]:
        """Plain data: `gave_up`: learning is off for good; `works`; `trouble`: why, or what holds it back, or "";
        `window`; `machine`: the newest figures, times of frames and why learning rests."""
        thread, alive = self.thread, self.alive
        trouble = "" if thread is None else thread.trouble
        reading = (alive and self.windows.reading) or self._read_machine()  # the trainer's thread reads it
        reasons = [why for why in (trouble, self.windows.rest * alive) if why]
        window = self.windows.report()
        if thread is None or not alive:
            window |= {"open": False, "why": "learning is off", "share": 0.0, "run_on_ms": None}
        elif not thread.ready():
            what = self._metrics.get("loading", "the trainer")
            window |= {"open": False, "why": f"learning still loads ({what})", "share": 0.0}
        return {
            "gave_up": thread is not None and bool(thread.dead_because),
            "works": self.works,
            "trouble": trouble,
            "window": window,
            "machine": {**reading, "frames": self.frames.report(), "reasons": reasons},
        }
