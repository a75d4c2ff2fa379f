"""The processes of bulk training: starts them, hands out orders, and replaces one that dies, as often as makes sense.

The parent's thread owns it. Every order says everything that is needed, so a replacement goes on with the same one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from numpy.typing import NDArray

from cornerman.contract import CornermanError
from cornerman.selfplay.worker import Arrays, receive, send, work

MOST_DEATHS = 3
"""So many in a row without one answer between them are no accident."""
GOODBYE_S = 5.0
Answer = tuple[dict[str, NDArray[Any]], dict[str, Any]]


class Hands(Protocol):
    """What obeys orders: processes here, or actors elsewhere."""

    @property
    def replaced(self) -> int:
        """How many were lost and replaced."""

    def order(self, which: int, arrays: Arrays, notes: Mapping[str, Any]) -> None: ...
    def answer(self, which: int, wait_s: float) -> Answer | None: ...
    def close(self) -> None: ...


class PoolError(CornermanError):
    """The processes end again and again; the text says why."""


@dataclass(slots=True)
class _Hand:
    """One process, its pipe and what it is doing."""

    process: BaseProcess
    pipe: Connection
    order: tuple[Arrays, Mapping[str, Any]] | None = None
    deaths: int = 0
    last_words: list[str] = field(default_factory=list)


class WorkerPool:
    """So many processes that obey orders, each one order at a time."""

    def __init__(self, game_name: str, hidden: tuple[int, ...], seed: int, count: int) -> None:
        """`game_name` is what `find_game` understands; it must name the same game in another process."""
        self._game_name, self._hidden, self._seed = game_name, hidden, seed
        self._context = multiprocessing.get_context("spawn")
        self._started = self._replaced = 0
        self._hands = [self._start() for _ in range(count)]

    @property
    def replaced(self) -> int:
        """How many died and were replaced."""
        return self._replaced

    def __len__(self) -> int:
        return len(self._hands)

    @property
    def pids(self) -> list[int]:
        """The processes' ids."""
        return [hand.process.pid or 0 for hand in self._hands]

    def order(self, which: int, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order to one of them; its answer is fetched with `answer`."""
        hand = self._hands[which]
        hand.order = (arrays, notes)
        try:
            send(hand.pipe, arrays, notes)
        except OSError:
            self._replace(which)

    def answer(self, which: int, wait_s: float) -> Answer | None:
        """Its answer if there is one within `wait_s` seconds; PoolError where it cannot be kept alive."""
        hand = self._hands[which]
        try:
            if not hand.pipe.poll(wait_s):
                return None
            arrays, notes = receive(hand.pipe)
        except (EOFError, OSError):
            self._replace(which)
            return None
        if "error" in notes:
            hand.last_words.append(str(notes["error"]))
            return None
        hand.order, hand.deaths = None, 0
        return arrays, notes

    def close(self) -> None:
        """End them all, in order where they listen, else by force."""
        for hand in self._hands:
            hand.pipe.close()
        for hand in self._hands:
            hand.process.join(GOODBYE_S)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()

    def _start(self) -> _Hand:
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._game_name, self._hidden, self._seed, self._started)
        process = self._context.Process(target=work, args=arguments, daemon=True)
        self._started += 1
        process.start()
        theirs.close()  # or its end would never be noticed
        return _Hand(process, ours)

    def _replace(self, which: int) -> None:
        """A new process with the same order in the place of one that is gone."""
        gone = self._hands[which]
        gone.pipe.close()
        gone.process.join(GOODBYE_S)
        self._replaced += 1
        if gone.deaths + 1 >= MOST_DEATHS:
            why = gone.last_words[-1] if gone.last_words else f"exit status {gone.process.exitcode}"
            raise PoolError(f"A process of training ended {MOST_DEATHS} times without one answer: {why}.")
        hand = self._hands[which] = self._start()
        hand.deaths, hand.last_words = gone.deaths + 1, gone.last_words
        if gone.order is not None:
            self.order(which, *gone.order)
