"""The learning step in torch: the same as the one on the CPU, in float64; a step that is not finite is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cornerman.learning import update
from cornerman.learning.update import Rates, Rows
from cornerman.policy.q_network import NetworkSpec
from tests.support.learning import random_rows, random_weights, specs

torch = pytest.importorskip("torch", reason="torch is what is tested")
td = pytest.importorskip("cornerman.learning.accelerator.td")
naive = pytest.importorskip("tests.support.naive_learning")


def in_torch(weights: NDArray[Any], rows: Rows) -> tuple[Any, Any]:
    parameters, steps = torch.from_numpy(weights.copy()), torch.zeros(1, dtype=torch.float64)
    return td.Weights(parameters, steps), td.TensorRows(*(torch.from_numpy(column) for column in rows))


@settings(max_examples=40, deadline=None)
@given(spec=specs, batch_size=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_bursts_equal_those_on_the_cpu(spec: NetworkSpec, batch_size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, weights = random_rows(spec, 5, batch_size, random), random_weights(spec, random)
    rows.reward[2, 0] = random.choice([0.0, np.nan, np.inf])
    there, their_rows = in_torch(weights, rows)
    figures = td.learn_burst(there, spec, their_rows, Rates(0.01, 0.5, 0.05))
    scratch = np.empty(update.scratch_size(spec, batch_size))
    with np.errstate(all="ignore"):
        applied, dropped, *sums = update.learn_steps(
            weights, update.sizes_of(spec), rows, (0, 5, 0), Rates(0.01, 0.5, 0.05), np.zeros(1, np.uint8), scratch
        )
    assert (applied, dropped) == (5, 0) if np.isfinite(rows.reward[2, 0]) else (4, 1)
    assert figures.sum(0).tolist() == pytest.approx([applied, *sums], rel=1e-6)
    assert there.steps.tolist() == [applied]
    np.testing.assert_allclose(there.parameters.numpy()[:2], weights[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(there.parameters.numpy()[2:], weights[2:], rtol=1e-6, atol=1e-12)


def test_forward_pass_equals_the_named_network() -> None:
    spec, random = NetworkSpec(6, 4, (9, 5, 3)), np.random.default_rng(3)
    flat = torch.from_numpy(random_weights(spec, random)[0])
    observations = torch.from_numpy(random.normal(size=(7, 6)))
    torch.testing.assert_close(td.forward(flat, spec, observations), naive.naive_q(flat, spec, observations))
