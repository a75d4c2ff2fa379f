"""Both ways to learn on the CPU, and batches of noise."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cornerman.files.packages import importable
from cornerman.learning import compiled, update
from cornerman.learning.update import LearnSteps
from cornerman.policy.q_network import NetworkSpec

WAYS = ["plain", "compiled"]


@cache
def on_cpu(way: str) -> LearnSteps:
    """`update.learn_steps`, or what numba makes of it; the test is skipped where numba is not installed."""
    if way == "plain":
        return update.learn_steps
    if not importable("numba"):
        pytest.skip("numba is not installed")
    folder = compiled.cache_folder(Path())
    return compiled.build(folder.with_name(f"{folder.name}-tests"))  # float64 would break the other one's seal


def noise(num_rows: int, spec: NetworkSpec, seed: int = 0) -> SimpleNamespace:
    """A batch: a third of the actions are illegal, a fifth of the rows are ends."""
    random = np.random.default_rng(seed)
    mask = random.random((num_rows, spec.num_actions)) < 0.7
    mask[:, 0] = True
    return SimpleNamespace(
        observation=random.normal(size=(num_rows, spec.observation_size)).astype(np.float32),
        action=random.integers(0, spec.num_actions, num_rows),
        reward=random.normal(size=num_rows).astype(np.float32),
        discount=np.where(random.random(num_rows) < 0.2, 0.0, 0.95).astype(np.float32),
        next_observation=random.normal(size=(num_rows, spec.observation_size)).astype(np.float32),
        next_action_mask=mask,
    )
