"""Networks that prefer something: a first draw prefers nothing, so all of them would look alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cornerman.contract import Floats
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw, split


def opinion(spec: NetworkSpec, seed: int) -> Floats:
    """Parameters `[P]` with a head of their own."""
    random = np.random.default_rng(seed)
    flat = draw(spec, random)
    head = split(flat, spec)["head.weight"]
    head[:] = random.normal(0.0, 0.5, head.shape)
    return flat


def valuing(values: Sequence[float], observation_size: int = 1, version: int = -1) -> Policy:
    """A policy whose Q-values are these, whatever it sees."""
    spec = NetworkSpec(observation_size, len(values), ())
    head = {"head.weight": np.zeros((observation_size, len(values))), "head.bias": np.array(values)}
    return Policy.from_arrays(spec, {name: array.astype(np.float32) for name, array in head.items()}, version)
