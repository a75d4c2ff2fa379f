"""Bursts of learning steps as CUDA graphs in a stream of their own: recorded once, then one launch for many steps.

A step is some hundred small kernels, and launching one costs the processor more than running it costs the device. A
graph holds fixed addresses, so it works on weights and rows of its own, and every call copies in and out. Written
after torch's notes on CUDA graphs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cornerman.learning.accelerator.td import TensorRows, Weights

log = logging.getLogger("cornerman")

MOST_STEPS = 16
"""The longest burst that is recorded; whoever calls divides into powers of two, so that few are."""
WARM_UPS = 3
"""Runs before the recording, on copies: the first ones allocate and choose kernels, which a graph cannot."""

Burst = Callable[[Weights, TensorRows], Tensor]


@dataclass(frozen=True, slots=True)
class _Recorded:
    graph: Any
    rows: TensorRows
    figures: Tensor  # [K, 4]


class GraphBurst:
    """A burst (td.learn_burst for one network and batch size), recorded for each number of steps.

    `cuda` is torch.cuda. Where nothing can be recorded, bursts run one operation after the other. The trainer's thread.
    """

    def __init__(self, cuda: Any, burst: Burst) -> None:
        self._cuda, self._burst = cuda, burst
        self._stream = cuda.Stream()
        self._weights: Weights | None = None
        self._recorded: dict[int, _Recorded] = {}
        self.refused = ""
        """Why bursts are not recorded here; empty while they are."""

    def __call__(self, weights: Weights, rows: TensorRows) -> Tensor:
        """Change `weights` in place by one step a batch; figures `[K, 4]`."""
        num_steps = rows.action.size(0)
        if not self.refused and num_steps not in self._recorded:
            self._try_to_record(weights, rows)
        recorded = self._recorded.get(num_steps)
        if recorded is None or self._weights is None:
            return self._burst(weights, rows)
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            _copy(weights, self._weights)
            _copy(rows, recorded.rows)
            recorded.graph.replay()
            _copy(self._weights, weights)
            figures = recorded.figures.clone()
        outside.wait_stream(self._stream)
        return figures

    def _try_to_record(self, weights: Weights, rows: TensorRows) -> None:
        try:
            self._record(weights, rows)
        except RuntimeError as error:  # an old driver, a kernel that cannot be recorded
            self.refused = f"Bursts cannot be recorded as CUDA graphs here: {error}"
            log.warning("%s", self.refused)

    def _record(self, weights: Weights, rows: TensorRows) -> None:
        own = self._weights or Weights(*(tensor.clone() for tensor in weights))
        own_rows = TensorRows(*(column.clone() for column in rows))
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                self._burst(own, own_rows)
        outside.wait_stream(self._stream)
        graph = self._cuda.CUDAGraph()
        with self._cuda.graph(graph, stream=self._stream):
            figures = self._burst(own, own_rows)
        self._weights = own
        self._recorded[rows.action.size(0)] = _Recorded(graph, own_rows, figures)


def _copy(source: tuple[Tensor, ...], target: tuple[Tensor, ...]) -> None:
    for there, here in zip(target, source, strict=True):
        there.copy_(here)
