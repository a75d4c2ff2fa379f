"""A burst of learning steps as CUDA graphs in a stream of their own: recorded once, then one launch for many steps.

A step is about forty small kernels, and launching one costs the processor more than it costs the device to run it. A
graph holds fixed addresses, so it works on weights and rows of its own, and every call copies in and out. Only powers
of two are recorded; a burst of 13 steps is 8, 4 and 1. Written after torch's notes on CUDA graphs; the logic is tested
with a stand-in, it was not run on a GPU.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cornerman.learning import td

log = logging.getLogger("cornerman")

MOST_STEPS = 16
WARM_UPS = 3
"""Runs before the recording, on copies: the first ones allocate and choose kernels, which a graph cannot."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    graph: Any
    rows: td.Rows
    rates: Tensor
    figures: Tensor  # [3, K]


class GraphBurst:
    """Called like `td.learn_burst`; for one network and batch size. Where nothing can be recorded it runs eagerly.

    `cuda` is torch.cuda. The trainer's thread only.
    """

    def __init__(self, cuda: Any, learn: Callable[..., Tensor] = td.learn_burst) -> None:
        self._cuda, self._learn = cuda, learn
        self._stream = cuda.Stream()
        self._weights: td.Weights | None = None
        self._recorded: dict[int, _Recorded] = {}
        self.refused = ""
        """Why bursts are not recorded here; empty while they are."""

    def __call__(
        self,
        weights: td.Weights,
        shape: td.Shape,
        rows: td.Rows,
        rates: Tensor,
        gradient_clip: float,
        target_rate: float,
        stop: Tensor | None = None,
    ) -> Tensor:
        """As `td.learn_burst`: changes `weights` in place and gives `[3, K]` figures; looks at `stop` now and then."""
        constants = (gradient_clip, target_rate)
        figures, at = list[Tensor](), 0
        while at < rates.size(0) and not (figures and stop is not None and int(stop)):
            steps = _largest_power(rates.size(0) - at)
            part = td.Rows(*(column[at : at + steps] for column in rows))
            figures.append(self._part(weights, shape, part, rates[at : at + steps], constants))
            at += steps
        return torch.cat(figures, 1)

    def _part(
        self, weights: td.Weights, shape: td.Shape, rows: td.Rows, rates: Tensor, constants: tuple[float, float]
    ) -> Tensor:
        if not self.refused and rates.size(0) not in self._recorded:
            self._try_to_record(weights, shape, rows, rates, constants)
        recorded = self._recorded.get(rates.size(0))
        if recorded is None or self._weights is None:
            return self._learn(weights, shape, rows, rates, *constants)
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            _copy(weights, self._weights)
            _copy(rows, recorded.rows)
            recorded.rates.copy_(rates)
            recorded.graph.replay()
            _copy(self._weights, weights)
            figures = recorded.figures.clone()
        outside.wait_stream(self._stream)
        return figures

    def _try_to_record(
        self, weights: td.Weights, shape: td.Shape, rows: td.Rows, rates: Tensor, constants: tuple[float, float]
    ) -> None:
        try:
            self._record(weights, shape, rows, rates, constants)
        except RuntimeError as error:  # an old driver, a kernel that cannot be recorded: it learns without
            self.refused = f"Bursts cannot be recorded as CUDA graphs here: {error}"
            log.warning("%s", self.refused)

    def _record(
        self, weights: td.Weights, shape: td.Shape, rows: td.Rows, rates: Tensor, constants: tuple[float, float]
    ) -> None:
        own = self._weights or td.Weights(*(tensor.clone() for tensor in weights))
        own_rows, own_rates = td.Rows(*(column.clone() for column in rows)), rates.clone()
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                self._learn(own, shape, own_rows, own_rates, *constants)
        outside.wait_stream(self._stream)
        graph = self._cuda.CUDAGraph()
        with self._cuda.graph(graph, stream=self._stream):
            figures = self._learn(own, shape, own_rows, own_rates, *constants)
        self._weights = own
        self._recorded[rates.size(0)] = _Recorded(graph, own_rows, own_rates, figures)


def _largest_power(steps: int) -> int:
    return min(MOST_STEPS, 1 << (steps.bit_length() - 1))


def _copy(source: tuple[Tensor, ...], target: tuple[Tensor, ...]) -> None:
    for there, here in zip(target, source, strict=True):
        there.copy_(here)
