"""A replay buffer that keeps a copy of its rows on a device, so that batches are picked there and need not be sent.

The same generator draws the same rows as without a device, and a checkpoint holds the same. After a failure of the
device, the same rows come from the arrays here. For one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornerman.contract import Transition
from cornerman.experience.replay_buffer import Batch, ReplayBuffer
from cornerman.experience.transitions import Columns, layout
from cornerman.learning.device import Choice
from cornerman.learning.learner import DEVICE_ERRORS, first_line
from cornerman.policy.q_network import NetworkSpec

HERE = "numpy"
TRIAL_ROWS, REPEATS = 20_000, 5
Measure = Callable[[str, str, NetworkSpec, int], float]


class DeviceReplay(ReplayBuffer):
    """`sample` gives tensors on the device; arrays once the device has failed."""

    def __init__(
        self, capacity: int, observation_size: int, num_actions: int, random: np.random.Generator, device: str
    ) -> None:
        super().__init__(capacity, observation_size, num_actions, random)
        self.device = torch.device(device)
        self.fault = ""
        """Why batches come from here after all, as a sentence; empty while they do not."""
        self._drawn: NDArray[np.int64] = np.zeros(0, np.int64)
        self._there: dict[str, Tensor] = {}
        self._send(0)

    def append(self, row: Transition) -> None:
        super().append(row)
        self._send(1)

    def append_many(self, columns: Columns) -> None:
        super().append_many(columns)
        self._send(len(columns["action"]))

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        super().restore(state)
        self._send(self.capacity)

    def clear(self) -> int:
        count = super().clear()
        self._send(self.capacity)
        return count

    def sample(self, batch_size: int, out: Batch[Any] | None = None) -> Batch[Any]:
        """Rows with replacement, the same ones as the parent would draw; ValueError where nothing is stored."""
        if self.fault or out is not None:
            return super().sample(batch_size, out)
        self._drawn = self.draw(batch_size)
        try:
            at = torch.from_numpy(self._drawn).to(self.device)
            return Batch(*(self._there[name].index_select(0, at) for name in self.drawn))
        except DEVICE_ERRORS as error:
            return self.again(error)

    def again(self, error: Exception) -> Batch[Any]:
        """The batch that was drawn last, from the arrays here; `error` is why the device is left."""
        self._leave(error)
        return Batch(*(column.take(self._drawn, 0) for column in self.drawn.values()))

    def _send(self, count: int) -> None:
        """Copy the newest `count` rows to the device, or all of them where nothing is there yet."""
        if self.fault:
            return
        try:
            if not self._there:
                columns = ((name, torch.from_numpy(column)) for name, column in self.drawn.items())
                self._there = {name: column.to(self.device, copy=True) for name, column in columns}
                return
            stop = self._next if self._next or not count else self.capacity
            count = min(count, self.capacity)
            for start, end in ((max(0, stop - count), stop), (self.capacity + min(0, stop - count), self.capacity)):
                for name, column in self.drawn.items():
                    self._there[name][start:end] = torch.from_numpy(column[start:end]).to(self.device)
        except DEVICE_ERRORS as error:
            self._leave(error)

    def _leave(self, error: Exception) -> None:
        self._there = {}
        self.fault = f"Rows on {self.device.type} failed, so they come from here: {first_line(error)}"


def choose_rows(device: str, spec: NetworkSpec, num_rows: int, measure: Measure | None = None) -> Choice:
    """Where rows to learn from on `device` are picked, `num_rows` at a time: there, or here and then sent."""
    measure = measure or picking_speed
    try:
        timings = {where: measure(where, device, spec, num_rows) for where in (device, HERE)}
    except DEVICE_ERRORS as error:
        why = f"Picking rows on {device} failed in a trial, so they are picked by numpy: {first_line(error)}"
        return Choice(HERE, why)
    fastest = max(timings, key=lambda where: timings[where])
    how = "by numpy and sent" if fastest == HERE else f"on {device}"
    speeds = f"{timings[device]:,.0f} rows a second picked on {device} and {timings[HERE]:,.0f} sent there"
    return Choice(fastest, f"Measured {speeds}, {num_rows} at a time: batches are picked {how}.", timings)


def picking_speed(where: str, device: str, spec: NetworkSpec, num_rows: int) -> float:
    """Rows a second that arrive on `device`, picked `where`; RuntimeError where it fails."""
    sizes, random = (spec.observation_size, spec.num_actions), np.random.default_rng(0)
    here = where == HERE
    ring = ReplayBuffer(TRIAL_ROWS, *sizes, random) if here else DeviceReplay(TRIAL_ROWS, *sizes, random, device)
    ring.append_many({name: np.zeros((TRIAL_ROWS, *shape), kind) for name, (shape, kind) in layout(*sizes).items()})
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        batch: Batch[Any] = ring.sample(num_rows)
        arrived = [torch.as_tensor(column, device=device) for _, column in batch.columns()]
        float(arrived[0][-1].sum())  # waits for the device, which works in order
        seconds.append(time.perf_counter() - start)
    if isinstance(ring, DeviceReplay) and ring.fault:
        raise RuntimeError(ring.fault)
    return num_rows / min(seconds[1:])
