"""A worker that carries out each order at once, on the thread that gives it: every test sees the same sequence."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from cornerman.contract import ContractError, HeadlessGame
from cornerman.search.thought import Due, Thought
from cornerman.selfplay.live_worker import LiveWorker
from cornerman.selfplay.orders import Arrays
from cornerman.selfplay.worker import Sizes, Worker
from cornerman.selfplay.worker_process import Answer, FaultyGameError, WorkerError

FEW = Sizes(batched=16, scalar=4, beside=2, turns=4)


class DirectWorker:
    """As `WorkerProcess`, without a process."""

    def __init__(self, game: HeadlessGame, hidden: tuple[int, ...], seed: int, number: int) -> None:
        self.pid = os.getpid()
        self._new = partial(Worker, game, hidden, seed, number, FEW)
        self._worker: Worker | None = None
        self._answers: deque[Answer | WorkerError] = deque()

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        try:
            self._worker = self._worker or self._new()
            columns, answer = self._worker.obey(arrays, notes)
        except ContractError as error:
            self._answers.append(FaultyGameError(str(error)))
        else:
            self._answers.append((dict(columns), answer))

    def answer(self, wait_s: float) -> Answer | None:
        del wait_s
        answer = self._answers.popleft() if self._answers else None
        if isinstance(answer, WorkerError):
            raise answer
        return answer

    def pause(self, paused: bool) -> None:
        """Nothing goes on between two calls."""

    thought: Thought | None = None
    lost = True  # it does not look ahead

    def know(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """It does not look ahead."""

    def due(self, due: Due) -> None:
        """It does not look ahead."""

    def close(self) -> None:
        self._answers.clear()


def direct_worker(game: object, hidden: tuple[int, ...]) -> LiveWorker | None:
    """A live worker whose orders are carried out at once; None for a game without headless battles."""
    if not isinstance(game, HeadlessGame):
        return None
    headless: HeadlessGame = game
    return LiveWorker(lambda seed, number: DirectWorker(headless, hidden, seed, number))
