"""The worker beside a running game, for practice and judging: a process or, where the settings ask for it, a thread.

One order at a time. The trainer's thread starts, orders and closes it; the game's thread pauses it when a training
window closes.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from cornerman.contract import ContractError, Game, HeadlessGame
from cornerman.policy.policy import Policy
from cornerman.search.thought import Due, Knowledge, Thought
from cornerman.selfplay.games import import_name
from cornerman.selfplay.orders import Arrays, Order, in_turn
from cornerman.selfplay.pool import AnyWorker, WorkerPool
from cornerman.selfplay.worker_process import Answer, FaultyGameError, Turnstile, WorkerError, WorkerProcess
from cornerman.settings import Settings

if TYPE_CHECKING:
    from cornerman.selfplay.league import Opponents

YIELD_PERIOD_S, YIELD_S = 0.0005, 1e-6
"""How often a worker on a thread lets the game's thread have the interpreter, and for how long at the least."""
ENDING_S = 2.0
JUDGING_SHARE = 0.5


class PausableWorker(AnyWorker, Protocol):
    """A worker on this machine."""

    def pause(self, paused: bool) -> None: ...
    def know(self, arrays: Arrays, notes: Mapping[str, Any]) -> None: ...
    def due(self, due: Due) -> None: ...
    @property
    def thought(self) -> Thought | None: ...
    @property
    def lost(self) -> bool:
        """Whether it has ended, or never looks ahead."""


class LiveWorker:
    """Owns the worker of one game."""

    def __init__(self, start: Callable[[int, int], PausableWorker]) -> None:
        """`start` is given a seed and the number of the worker, another one after each that was lost."""
        self._new, self._seed = start, 0
        self._pool: WorkerPool | None = None
        self._worker: PausableWorker | None = None
        self._paused = False
        self._knowledge: Knowledge | None = None
        self._known: Policy | None = None
        self.busy = False
        """Whether an order is being carried out, or its answer was not taken yet."""

    # -------------------------------------------------------------------------------------------------- any thread

    def pause(self, paused: bool) -> None:
        """Pause the worker, or let it go on; never waits."""
        self._paused = paused
        worker = self._worker
        if worker is not None:
            worker.pause(paused)

    def due(self, due: Due) -> None:
        """Look ahead for a decision that comes up; never waits. ValueError for a state that is no plain data."""
        worker = self._worker
        if worker is not None:
            worker.due(due)

    @property
    def knows(self) -> Policy | None:
        """The champion that the worker looks ahead with; None: it knows none, or there is no worker now."""
        worker = self._worker
        return None if worker is None or worker.lost else self._known

    @property
    def thought(self) -> Thought | None:
        """The newest answer to a decision that was due."""
        worker = self._worker
        return None if worker is None else worker.thought

    # ------------------------------------------------------------------------------------------ the trainer's thread

    def start(self, seed: int) -> None:
        """Start the worker, whose battles `seed` decides; WorkerError where this machine or program cannot."""
        self._seed = seed
        self._pool = WorkerPool(self._started, 1)

    def _started(self, number: int) -> PausableWorker:
        self._worker = worker = self._new(self._seed, number)
        worker.pause(self._paused)
        if self._knowledge is not None:
            _tell(worker, self._knowledge)
        return worker

    def know(self, champion: Policy, known: Knowledge) -> None:
        """Look ahead with this champion and this knowledge (`thought.knowledge`) from now on."""
        self._knowledge, worker = known, self._worker
        if worker is not None:
            _tell(worker, known)
        self._known = champion

    @property
    def pid(self) -> int | None:
        """The worker's process; None before it was started, and after it was closed."""
        return None if self._pool is None else self._pool.pids[0]

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order; ValueError while another one is under way, PoolError where no worker stays alive."""
        if self._pool is None or self.busy:
            raise ValueError("the worker is not started, or carries out another order")
        self.busy = True
        self._pool.order(0, arrays, notes)

    def answer(self, wait_s: float) -> Answer | None:
        """The answer, once it is there; None after `wait_s` seconds. PoolError where no worker stays alive."""
        if self._pool is None or not self.busy:
            return None
        answer = self._pool.answer(0, wait_s)
        self.busy = answer is None
        return answer

    def close(self) -> None:
        """End the worker; an order under way is dropped. Safe to call twice."""
        pool, self._pool, self._worker, self.busy, self._known = self._pool, None, None, False, None
        if pool is not None:
            pool.close()


def _tell(worker: PausableWorker, known: Knowledge) -> None:
    with suppress(WorkerError):  # it has ended: the next order finds that out and starts another, which gets it
        worker.know(*known)


def live_worker(game: Game, settings: Settings, hidden: tuple[int, ...]) -> LiveWorker | None:
    """The worker for a game, not started yet; None where there are no headless battles or nothing to play them for."""
    if not isinstance(game, HeadlessGame) or settings.worker == "off":
        return None
    name = import_name(game)

    def in_a_process(seed: int, number: int) -> PausableWorker:
        if not name:
            raise WorkerError(
                "no other process can import this game: give it an import_name, such as 'mygame.rules:GAME', or set "
                'worker = "thread", which costs frames'
            )
        return WorkerProcess(name, {"hidden": hidden, "seed": seed, "number": number})

    def on_a_thread(seed: int, number: int) -> PausableWorker:
        return WorkerThread(game, hidden, seed, number)

    return LiveWorker(on_a_thread if settings.worker == "thread" else in_a_process)


class Practice:
    """Keeps the worker busy: each order is a stretch of self-play, while battles are due, and a part of the judging of
    a candidate, while one is judged.

    Which order comes next depends on what was due and on the answers before, never on how fast anything is; how far the
    judging gets in one depends on a clock only beside a game that draws, where the two share the time.
    """

    def __init__(self, worker: LiveWorker, opponents: Opponents, settings: Settings) -> None:
        self.due = 0.0
        """Battles of self-play still to play; below 0 where a stretch held more than were due."""
        self._worker, self._opponents, self._settings = worker, opponents, settings
        self._dropped = self.failed = False

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._worker.busy

    def order(
        self, present: Policy, steps: int, champions: Sequence[Policy], judging: Order | None, evenly: bool
    ) -> None:
        """Give the worker its next order, if anything is due: to collect with `present` after so many learning steps,
        against `champions` and bots, and to carry out `judging` (`evenly`: for half as long as collecting took, and
        for longer where `duty_cycle` makes the worker wait for the trainer's next order)."""
        orders = [] if judging is None else [judging]
        if self.due > 0.0:
            orders.insert(0, self._opponents.order(present.flat, steps, champions, self._settings))
        if orders:
            self._worker.order(*in_turn(orders, evenly * JUDGING_SHARE / self._settings.duty_cycle))

    def answer(self, wait_s: float) -> Answer | None:
        """The worker's answer; None where there is none within `wait_s` seconds, or `drop` made it worthless."""
        answer = self._worker.answer(wait_s)
        if answer is None or self._dropped:
            self._dropped = self._dropped and self._worker.busy
            return None
        notes = answer[1]
        if "battles" in notes:
            self.due -= max(1, notes["battles"])  # a stretch in which no battle ended counts, too
            self._opponents.count(notes)
        return answer

    def drop(self) -> None:
        """Nothing is due, and the answer to come is not wanted any more."""
        self.due, self._dropped = 0.0, self._worker.busy

    def fail(self) -> None:
        """Give up: no worker stays alive."""
        self.failed = True
        self._worker.close()

    def close(self) -> None:
        """End the worker."""
        self._worker.close()


class WorkerThread:
    """A worker on a thread of the game's process, for games that no other process can import.

    It holds the interpreter while it plays, so frames come later: measured, an interval p99 of 1.14 to 1.16 times. It
    does not look ahead, which would be done while frames are drawn.
    """

    thought: Thought | None = None
    lost = True  # as far as look-ahead goes

    def __init__(self, game: HeadlessGame, hidden: tuple[int, ...], seed: int, number: int) -> None:
        self._game, self._options = game, (hidden, seed, number)
        self._turnstile, self._closed, self._yielded = Turnstile(), False, time.perf_counter()
        self._orders: queue.SimpleQueue[tuple[Arrays, Mapping[str, Any]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="cornerman-worker", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return os.getpid()

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order; its answer comes through `answer`."""
        self._orders.put((arrays, notes))

    def answer(self, wait_s: float) -> Answer | None:
        """The oldest answer not yet taken; None after `wait_s` seconds. WorkerError where an order failed."""
        try:
            answer = self._answers.get(timeout=max(wait_s, 1e-6))
        except queue.Empty:
            return None
        if isinstance(answer, Exception):
            if isinstance(answer, ContractError):
                raise FaultyGameError(str(answer)) from answer
            raise WorkerError(f"{type(answer).__name__}: {answer}") from answer
        return answer

    def pause(self, paused: bool) -> None:
        self._turnstile.pause(paused)

    def know(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Nothing: it does not look ahead."""

    def due(self, due: Due) -> None:
        """Nothing: it does not look ahead."""

    def close(self) -> None:
        """End the thread before its next turn."""
        self._closed = True
        self._turnstile.pause(False)
        self._orders.put(None)
        self._thread.join(ENDING_S)

    def _before_turn(self) -> None:
        self._turnstile()
        if self._closed:
            raise _Closed
        if time.perf_counter() - self._yielded > YIELD_PERIOD_S:
            time.sleep(YIELD_S)
            self._yielded = time.perf_counter()

    def _run(self) -> None:
        # Imported here, because a game with its worker in another process, or with learning off, needs none of it.
        from cornerman.selfplay.worker import LIVE, Worker

        try:
            hidden, seed, number = self._options
            worker = Worker(self._game, hidden, seed, number, LIVE, self._before_turn)
            while (order := self._orders.get()) is not None:
                arrays, notes = worker.obey(*order)
                self._answers.put((dict(arrays), notes))
        except _Closed:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the trainer's thread is given it as the answer
            self._answers.put(error)


class _Closed(BaseException):
    """Unwinds the worker's thread from the middle of an order; no boundary to the game's code may catch it."""
