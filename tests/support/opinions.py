"""Parameters of a network that prefers something: a first draw prefers nothing, so all of them would look alike."""

from __future__ import annotations

import numpy as np

from cornerman.contract import Floats
from cornerman.policy.q_network import NetworkSpec, draw, split


def opinion(spec: NetworkSpec, seed: int) -> Floats:
    """Parameters `[P]` with a head of their own."""
    random = np.random.default_rng(seed)
    flat = draw(spec, random)
    head = split(flat, spec)["head.weight"]
    head[:] = random.normal(0.0, 0.5, head.shape)
    return flat
