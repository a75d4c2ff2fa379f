"""Where a CUDA graph cannot be recorded, bursts run without. Graphs themselves: test_on_cuda.py."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is what is tested")
cuda_graphs = pytest.importorskip("cornerman.learning.accelerator.cuda_graphs")
td = pytest.importorskip("cornerman.learning.accelerator.td")


def test_burst_runs_without_a_graph_where_recording_fails_once() -> None:
    tried, ran = list[int](), list[int]()

    def refuses() -> None:
        tried.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    def burst(weights: object, rows: object) -> Any:
        ran.append(weights is own)
        return torch.ones(2, 4)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    cuda = SimpleNamespace(
        Stream=lambda: stream, current_stream=lambda: stream, stream=lambda _: nullcontext(), CUDAGraph=refuses
    )
    own = td.Weights(torch.zeros(4, 3), torch.zeros(1))
    rows = td.TensorRows(*(torch.zeros(2, 1) for _ in range(8)))
    graphs = cuda_graphs.GraphBurst(cuda, burst)
    for _ in range(3):
        assert torch.equal(graphs(own, rows), torch.ones(2, 4))
    assert "operation not permitted" in graphs.refused
    assert len(tried) == 1
    assert ran.count(True) == 3
    assert ran.count(False) == cuda_graphs.WARM_UPS, "warm-ups run on copies"
