"""Bursts as CUDA graphs, on a stand-in that records addresses as a graph does. Nothing here was run on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from cornerman.learning import td
from cornerman.learning.accelerator.cuda_graphs import MOST_STEPS, GraphBurst
from cornerman.learning.learner import Learner
from cornerman.policy.q_network import NetworkSpec, draw

SPEC = NetworkSpec(6, 4, (8,))
BATCH = 5


class Stream:
    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def wait_stream(self, other: Stream) -> None:
        self.log.append(f"{self.name} waits for {other.name}")


class Graph:
    """What was recorded: a call and the memory its result goes to. Recording runs nothing."""

    def __init__(self) -> None:
        self.arguments: tuple[Any, ...] = ()
        self.result = torch.empty(0)

    def replay(self) -> None:
        self.result.copy_(td.learn_burst(*self.arguments))


class Cuda:
    """torch.cuda's part that is used; `learn` is td.learn_burst while nothing is being recorded."""

    CUDAGraph = Graph

    def __init__(self, refuses: str = "") -> None:
        self.log: list[str] = []
        self.refuses, self.recording, self.recorded = refuses, None, 0
        self._outside = Stream(self.log, "outside")

    def Stream(self) -> Stream:
        return Stream(self.log, "own")

    def current_stream(self) -> Stream:
        return self._outside

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        self.log.append(f"in {stream.name}")
        yield

    @contextmanager
    def graph(self, graph: Graph, stream: Stream) -> Iterator[None]:
        if self.refuses:
            raise RuntimeError(self.refuses)
        self.recording = graph
        yield
        self.recording = None
        self.recorded += 1

    def learn(self, *arguments: Any) -> torch.Tensor:
        if self.recording is None:
            return td.learn_burst(*arguments)
        self.recording.arguments = arguments
        self.recording.result = torch.full((3, arguments[3].size(0)), float("nan"))
        return self.recording.result


def weights(seed: int) -> td.Weights:
    online = torch.from_numpy(draw(SPEC, np.random.default_rng(seed)))
    online[:] += torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, online.shape).astype(np.float32))
    return td.Weights(online, online.clone(), torch.zeros_like(online), torch.zeros_like(online))


def rows(steps: int, seed: int) -> td.Rows:
    random = np.random.default_rng(seed)
    size = (steps, BATCH)
    columns = (
        random.normal(size=(*size, 6)).astype(np.float32),
        random.integers(0, 4, size),
        random.normal(size=size).astype(np.float32),
        np.where(random.random(size) < 0.2, 0, 0.97).astype(np.float32),
        random.normal(size=(*size, 6)).astype(np.float32),
        random.random((*size, 4)) < 0.7,
    )
    return td.Rows(*(torch.from_numpy(column) for column in columns))


def rates(first: int, steps: int) -> torch.Tensor:
    return torch.tensor([td.adam_rates(first + k, 1e-3) for k in range(steps)])


@pytest.mark.parametrize("lengths", [(1,), (4, 4, 4), (13, 16, 2, 13), (40, 1, 31)])
def test_bursts_from_graphs_equal_bursts_without(lengths: tuple[int, ...]) -> None:
    cuda = Cuda()
    burst, shape = GraphBurst(cuda, cuda.learn), td.shape_of(SPEC)
    plain, graphed, at = weights(1), weights(1), 1
    with torch.no_grad():
        for number, steps in enumerate(lengths):
            data = rows(steps, number), rates(at, steps), 10.0, 0.01
            expected = td.learn_burst(plain, shape, *data)
            figures = burst(graphed, shape, *data)
            torch.testing.assert_close(figures, expected, rtol=1e-5, atol=1e-6)
            at += steps
    for one, other in zip(plain, graphed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert cuda.recorded <= MOST_STEPS.bit_length(), "powers of two, each recorded once"


def test_weights_that_were_put_back_or_exchanged_are_learned_on_from() -> None:
    cuda = Cuda()
    burst, shape = GraphBurst(cuda, cuda.learn), td.shape_of(SPEC)
    with torch.no_grad():
        burst(weights(1), shape, rows(4, 0), rates(1, 4), 10.0, 0.01)
        other, expected = weights(2), weights(2)
        burst(other, shape, rows(4, 1), rates(1, 4), 10.0, 0.01)
        td.learn_burst(expected, shape, rows(4, 1), rates(1, 4), 10.0, 0.01)
    torch.testing.assert_close(other.online, expected.online)
    assert cuda.recorded == 1


def test_it_works_in_its_own_stream_and_both_wait_for_each_other() -> None:
    cuda = Cuda()
    burst = GraphBurst(cuda, cuda.learn)
    with torch.no_grad():
        burst(weights(1), td.shape_of(SPEC), rows(2, 0), rates(1, 2), 10.0, 0.01)
        cuda.log.clear()
        burst(weights(1), td.shape_of(SPEC), rows(2, 0), rates(1, 2), 10.0, 0.01)
    assert cuda.log == ["own waits for outside", "in own", "outside waits for own"]


def test_where_nothing_can_be_recorded_it_learns_without_and_asks_no_more() -> None:
    cuda = Cuda(refuses="operation not permitted when stream is capturing")
    burst, mine, expected = GraphBurst(cuda, cuda.learn), weights(1), weights(1)
    with torch.no_grad():
        for number in range(3):
            data = rows(6, number), rates(1 + 6 * number, 6), 10.0, 0.01
            burst(mine, td.shape_of(SPEC), *data)
            td.learn_burst(expected, td.shape_of(SPEC), *data)
    assert "operation not permitted" in burst.refused
    torch.testing.assert_close(mine.online, expected.online)


def test_a_learner_on_cuda_takes_it_and_on_the_cpu_not(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, copy=False, **__: tensor.clone() if copy else tensor)
    assert isinstance(Learner(SPEC, device="cuda")._graphs, GraphBurst)
    assert not isinstance(Learner(SPEC)._graphs, GraphBurst)


def test_a_learner_on_cuda_learns_what_one_on_the_cpu_does_and_stops_between_two_graphs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda, data, stop = Cuda(), rows(13, 1), torch.ones(1, dtype=torch.uint8)
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, copy=False, **__: tensor.clone() if copy else tensor)
    pupil, expected = Learner(SPEC, batch_size=BATCH, device="cuda"), Learner(SPEC, batch_size=BATCH)
    assert pupil._graphs is not None
    pupil._graphs._learn = cuda.learn
    there = pupil.prepare(data)
    assert [pupil.learn_rows(there, at, 13 - at, stop).steps for at in (0, 8, 12)] == [8, 4, 1]
    assert expected.learn_burst(data).steps == pupil.steps == 13
    assert (pupil.fault, cuda.recorded) == ("", 3)
    np.testing.assert_allclose(pupil.snapshot(), expected.snapshot(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pupil.averaged(), expected.averaged(), rtol=1e-5, atol=1e-6)
