"""Both ways to learn on the CPU, and rows, weights and networks of noise for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from cornerman.files.packages import importable
from cornerman.learning import compiled, update, with_numba
from cornerman.learning.learner import Learner
from cornerman.learning.update import LearnSteps, Rates, Rows, Sums
from cornerman.policy.q_network import NetworkSpec, split
from tests.support.plain_network import PlainSpec

WAYS = ["plain", "compiled"]


specs = st.builds(
    lambda kind, **sizes: kind(**sizes),
    kind=st.sampled_from([NetworkSpec, NetworkSpec, PlainSpec]),
    observation_size=st.integers(1, 9),
    num_actions=st.integers(1, 7),
    hidden=st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
)


@cache
def on_cpu(way: str, kind: str = "float32") -> LearnSteps:
    """`update.learn_steps`, or the same compiled: for "float32" as the plugin does, for "float64" as numba does in this
    process; skips the test without numba."""
    if way == "plain":
        return update.learn_steps
    if not importable("numba"):
        pytest.skip("numba is not installed")
    if kind == "float32":
        return compiled.cpu_steps(Path()).learn
    folder = compiled.cache_folder(Path(), "numba")
    return with_numba.build(folder.with_name(f"{folder.name}-{kind}"))  # in the other one it would break the seal


def noise(num_rows: int, spec: NetworkSpec, seed: int = 0) -> SimpleNamespace:
    """A batch: a third of the actions are illegal, a fifth of the rows are ends."""
    random = np.random.default_rng(seed)
    mask = random.random((num_rows, spec.num_actions)) < 0.7
    mask[:, 0] = True
    return SimpleNamespace(
        observation=random.normal(size=(num_rows, spec.observation_size)).astype(np.float32),
        action_mask=np.ones((num_rows, spec.num_actions), np.bool_),
        action=random.integers(0, spec.num_actions, num_rows),
        reward=random.normal(size=num_rows).astype(np.float32),
        discount=np.where(random.random(num_rows) < 0.2, 0.0, 0.95).astype(np.float32),
        next_observation=random.normal(size=(num_rows, spec.observation_size)).astype(np.float32),
        next_action_mask=mask,
        weight=random.choice([0.0, 0.5], num_rows).astype(np.float32),
    )


def same_state(found: Learner, wanted: Learner) -> None:
    """Both learn on from the same place, bit for bit."""
    arrays = found.state()
    for name, array in wanted.state().items():
        assert np.array_equal(arrays[name], array), name


def random_rows(
    spec: NetworkSpec, num_steps: int, batch_size: int, random: np.random.Generator, poison: float = np.nan
) -> Rows:
    """Rows in float64 with every kind of end: no discount, one legal action; `poison` stands where nobody may look."""
    shape = (num_steps, batch_size)
    mask = random.random((*shape, spec.num_actions)) < random.choice([0.2, 0.6, 1.0])
    one = ~mask.any(-1) | (random.random(shape) < 0.3)
    mask[one] = np.eye(spec.num_actions, dtype=bool)[random.integers(spec.num_actions, size=int(one.sum()))]
    ended = random.random(shape) < 0.3
    mask[ended & (random.random(shape) < 0.5)] = False
    observation, next_observation = random.normal(size=(2, *shape, spec.observation_size))
    next_observation[ended] = poison
    action, reward = random.integers(spec.num_actions, size=shape), random.normal(0.0, 1.5, shape)
    legal = (random.random((*shape, spec.num_actions)) < 0.7) | np.eye(spec.num_actions, dtype=bool)[action]
    discount, weight = np.where(ended, 0.0, 0.97), random.choice([0.0, 0.5, 2.0], shape) * random.choice([-1.0, 1.0])
    return Rows(observation, legal, action, reward, discount, next_observation, mask, weight)


def random_weights(spec: NetworkSpec, random: np.random.Generator) -> NDArray[np.float64]:
    """Weights `[4, P]` before the first step: two different networks, no moments."""
    weights = np.zeros((4, spec.num_parameters))
    weights[:2] = random.normal(0.0, 0.7, (2, spec.num_parameters))
    return weights


def head_bias(weights: NDArray[Any], spec: NetworkSpec, action: int) -> list[NDArray[Any]]:
    """The last bias of an action in both networks, as views to write to."""
    return [split(row, spec)["head.bias"][action : action + 1] for row in weights[:2]]


def run(
    learn: LearnSteps,
    weights: NDArray[Any],
    spec: NetworkSpec,
    rows: Rows,
    rates: Rates,
    steps: int = 0,
    stop: int = 0,
) -> Sums:
    """All batches of `rows`, in the precision of the weights; the scratch memory is full of what was there before."""
    rows = Rows(*(c.astype(weights.dtype) if c.dtype.kind == "f" else c for c in rows))
    scratch = np.full(update.scratch_size(spec, rows.action.shape[1]), np.nan, weights.dtype)
    span = (0, len(rows.action), steps)
    with np.errstate(all="ignore"):
        return learn(weights, update.sizes_of(spec), rows, span, rates, np.full(1, stop, np.uint8), scratch)
