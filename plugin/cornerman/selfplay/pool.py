"""Workers in order: hands out orders, fetches answers, and replaces a worker that is lost, as often as makes sense.

One thread owns the pool. Every order says everything that is needed, so a replacement goes on with the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cornerman.contract import CornermanError
from cornerman.selfplay.worker_process import Answer, Arrays, FaultyGameError, WorkerError

MOST_DEATHS = 3
"""So many in a row without one answer between them are no accident."""
LAST_WORDS_S = 1.0


class AnyWorker(Protocol):
    """A worker somewhere: a process here, or an actor of a cluster. WorkerError where it is lost."""

    @property
    def pid(self) -> int: ...
    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None: ...
    def answer(self, wait_s: float) -> Answer | None: ...
    def close(self) -> None: ...


class PoolError(CornermanError):
    """The workers end again and again; the text says why."""


@dataclass(slots=True)
class _Place:
    """A worker, the order that it carries out, and how many in its place were lost since the last answer."""

    worker: AnyWorker
    order: tuple[Arrays, Mapping[str, Any]] | None = None
    deaths: int = 0


class WorkerPool:
    """A fixed number of workers, each with at most one order at a time."""

    def __init__(self, start: Callable[[int], AnyWorker], count: int) -> None:
        """`start` is given the worker's number, another one for every worker, replacements included."""
        self._start, self._started = start, 0
        self.replaced = 0
        """How many were lost and replaced."""
        self._places = [_Place(self._next()) for _ in range(count)]

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers, on whichever machine they are."""
        return [place.worker.pid for place in self._places]

    def order(self, which: int, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order to a worker; its answer is fetched with `answer`. PoolError where none can be kept alive."""
        place = self._places[which]
        place.order = (arrays, notes)
        try:
            place.worker.order(arrays, notes)
        except WorkerError as error:
            self._replace(which, _last_words(place.worker, error))

    def answer(self, which: int, wait_s: float) -> Answer | None:
        """The worker's answer if there is one within `wait_s` seconds; PoolError where none can be kept alive."""
        place = self._places[which]
        try:
            answer = place.worker.answer(wait_s)
        except FaultyGameError as error:
            raise PoolError(str(error)) from error
        except WorkerError as error:
            self._replace(which, str(error))
            return None
        if answer is not None:
            place.order, place.deaths = None, 0
        return answer

    def close(self) -> None:
        """End every worker; orders under way are dropped."""
        for place in self._places:
            place.worker.close()

    def _next(self) -> AnyWorker:
        self._started += 1
        return self._start(self._started - 1)

    def _replace(self, which: int, why: str) -> None:
        """Start a worker with the same order in the place of one that is lost."""
        place = self._places[which]
        place.worker.close()
        self.replaced += 1
        place.deaths += 1
        if place.deaths >= MOST_DEATHS:
            raise PoolError(f"A worker ended {MOST_DEATHS} times without one answer: {why}.")
        place.worker = self._next()
        if place.order is not None:
            self.order(which, *place.order)


def _last_words(worker: AnyWorker, error: WorkerError) -> str:
    """Why a worker took no order: in its own words where it sent an error before it ended."""
    try:
        worker.answer(LAST_WORDS_S)
    except WorkerError as known:
        return str(known)
    return str(error)
