"""The workers' answers in a fixed order, so that how fast each of them is does not decide what comes after what.

At any moment it can say from which states the workers would give the coming answers once more: that is what a
checkpoint holds. Owned by the process that learns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.selfplay.orders import PRESENT, Order
from cornerman.selfplay.pool import WorkerPool
from cornerman.selfplay.worker_process import Answer

WAIT_S = 0.2
"""How long it waits for an answer before it returns without one."""


class RoundRobin:
    """The first `count` workers of a pool, each of them always with an order to collect."""

    def __init__(self, pool: WorkerPool, count: int) -> None:
        self._pool, self._count = pool, count
        self._orders: list[Order | None] = [None] * count
        self._held: dict[int, Answer] = {}  # fetched early, to be taken in turn
        self._next = 0

    def begin(self, order: Callable[[], Order]) -> None:
        """Give an order to every worker that has none."""
        for which, given in enumerate(self._orders):
            if given is None:
                self._send(which, order())

    def take(self, order: Callable[[], Order]) -> Answer | None:
        """The next worker's answer, for which it gets another order; None where it is not there yet."""
        which = self._next
        answer = self._held.pop(which, None) or self._pool.answer(which, WAIT_S)
        if answer is not None:
            self._send(which, order())
            self._next = (which + 1) % self._count
        return answer

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The orders under way, whose turn it is, and each worker's state when it got its order.

        Waits for the answers that are due and keeps them for `take`.
        """
        everyone = range(self._count)
        for which in everyone:
            if which not in self._held:
                self._held[which] = self._wait(which)
        for which in everyone:
            self._pool.order(which, {}, {"kind": "state"})
        arrays: dict[str, NDArray[Any]] = {}
        notes: list[Mapping[str, Any]] = []
        for which, order in enumerate(self._orders):
            assert order is not None, "every worker has an order"
            state, _ = self._wait(which)
            arrays |= {f"{name}.{which}": array for name, array in state.items()}
            # Of the present policy every worker may have other weights; a version's are the same for all.
            arrays |= {f"{PRESENT}.{which}" if name == PRESENT else f"met.{name}": a for name, a in order[0].items()}
            notes.append(order[1])
        # Beside the arrays, for the header of a file has less room than a hundred workers may need.
        arrays["orders"] = np.frombuffer(json.dumps(notes).encode(), np.uint8)
        return arrays, {"next": self._next, "count": self._count}

    def restore(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> list[str]:
        """Let the workers go on where `state` was taken; sentences about those whose battles begin anew instead."""
        orders = json.loads(arrays["orders"].tobytes())[: self._count]
        sentences = []
        for which in range(len(orders)):
            if f"state.{which}" in arrays:
                self._pool.order(which, {"state": arrays[f"state.{which}"]}, {"kind": "restore"})
        for which, order in enumerate(orders):
            problem = "this game's battles cannot be stored"
            if f"state.{which}" in arrays:
                problem = self._wait(which)[1]["problem"]
            if problem:
                sentences.append(f"The battles of worker {which} begin anew: {problem}.")
            met = {name: arrays[f"met.{name}"] for name in order["versions"] if name != PRESENT}
            self._send(which, ({PRESENT: arrays[f"{PRESENT}.{which}"], **met}, order))
        if notes["count"] != self._count:
            before = f"{self._count} workers instead of {notes['count']}"
            sentences.append(f"Training goes on with {before}, so not with the same battles.")
        self._next = int(notes["next"]) % self._count
        return sentences

    def _send(self, which: int, order: Order) -> None:
        self._orders[which] = order
        self._pool.order(which, *order)

    def _wait(self, which: int) -> Answer:
        """Its answer; PoolError where the worker cannot be kept alive."""
        while True:
            answer = self._pool.answer(which, WAIT_S)
            if answer is not None:
                return answer
