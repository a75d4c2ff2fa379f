"""The pool past one machine: the same workers as actors of a Ray cluster (the extra `ray`); the learner stays here.

Ray starts, reaches and counts the machines; nothing of that is made here. Orders and answers are the same arrays and
plain data as between processes. The plugin and the game must be installed, or lie in the working directory, there too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from cornerman.contract import CornermanError
from cornerman.selfplay.games import find_game
from cornerman.selfplay.pool import MOST_DEATHS, Answer, PoolError
from cornerman.selfplay.worker import Arrays, Worker


class RayWorker:
    """A worker as an actor: what it raises comes back to whoever asked."""

    def __init__(self, game_name: str, hidden: tuple[int, ...], seed: int, number: int) -> None:
        self._worker = Worker(find_game(game_name), hidden, seed, number)

    def obey(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        """The answer to one order."""
        return self._worker.obey(arrays, order)

    def pid(self) -> int:
        """The process it runs in."""
        return os.getpid()


@dataclass(slots=True)
class _Hand:
    actor: Any
    order: tuple[Arrays, Mapping[str, Any]] | None = None
    due: Any = None  # the answer to come
    deaths: int = 0
    last_words: list[str] = field(default_factory=list)


class RayPool:
    """So many actors that obey orders, each one order at a time; it is used as a WorkerPool is."""

    def __init__(self, game_name: str, hidden: tuple[int, ...], seed: int, count: int, address: str = "") -> None:
        """`address` of a running cluster, or "" for one of its own on this machine; CornermanError without Ray."""
        try:
            ray: Any = import_module("ray")  # by name: types are checked without it too
        except ImportError as error:
            why = "--engine ray needs Ray, which is not installed (pip install ray)."
            raise CornermanError(why) from error
        self._ray, self._arguments, self._started = ray, (game_name, hidden, seed), 0
        self._own = not ray.is_initialized()
        if self._own:
            handler = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(address=address or "local", log_to_driver=False, include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise CornermanError(f"Ray cannot be reached at {address or 'this machine'}: {error}") from error
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray's own would end this process before it has saved anything
        # An actor takes a whole core only where there are enough of them: the judge is idle most of the time.
        self._kind = ray.remote(num_cpus=0.5)(RayWorker)
        self._replaced = 0
        self._hands = [_Hand(self._start()) for _ in range(count)]

    @property
    def replaced(self) -> int:
        """How many were lost and replaced."""
        return self._replaced

    def __len__(self) -> int:
        return len(self._hands)

    @property
    def pids(self) -> list[int]:
        """The actors' processes, on whichever machine they are."""
        return [int(self._ray.get(hand.actor.pid.remote())) for hand in self._hands]

    def order(self, which: int, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order to one of them; its answer is fetched with `answer`."""
        hand = self._hands[which]
        hand.order = (arrays, notes)
        hand.due = hand.actor.obey.remote(dict(arrays), dict(notes))

    def answer(self, which: int, wait_s: float) -> Answer | None:
        """Its answer if there is one within `wait_s` seconds; PoolError where it cannot be kept alive."""
        hand = self._hands[which]
        if hand.due is None:
            return None
        ready, _ = self._ray.wait([hand.due], timeout=wait_s)
        if not ready:
            return None
        try:
            arrays, notes = self._ray.get(hand.due)
        except self._ray.exceptions.RayError as error:
            self._replace(which, str(error).strip().splitlines()[-1])
            return None
        hand.order, hand.due, hand.deaths = None, None, 0
        return dict(arrays), dict(notes)

    def close(self) -> None:
        """End them all, and the cluster where it is our own."""
        for hand in self._hands:
            self._ray.kill(hand.actor)
        if self._own:
            self._ray.shutdown()

    def _start(self) -> Any:
        self._started += 1
        return self._kind.remote(*self._arguments, self._started - 1)

    def _replace(self, which: int, why: str) -> None:
        """A new actor with the same order in the place of one that is lost."""
        gone = self._hands[which]
        self._replaced += 1
        if gone.deaths + 1 >= MOST_DEATHS:
            raise PoolError(f"A worker on Ray ended {MOST_DEATHS} times without one answer: {why}.")
        self._ray.kill(gone.actor)
        self._hands[which] = _Hand(self._start(), deaths=gone.deaths + 1)
        if gone.order is not None:
            self.order(which, *gone.order)
