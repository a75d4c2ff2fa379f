"""Playing backends: what one decision takes with numpy and with onnxruntime, for the default network and wider ones.

A decision is `Policy.act` with the backend that the game's thread asks for, for one observation of 50 numbers and 11
actions, masked arg-max included. Hailo is not measured: it was not run on hardware.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from cornerman.edge.backends import PlayingBackends, builders
from cornerman.files.packages import version_of
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.benchmarks.figures import Figure, median_figure, not_measured, seconds_a_call
from tests.support.opinions import opinion

OBSERVATION_SIZE, NUM_ACTIONS = 50, 11
NETWORKS: dict[str, tuple[int, ...]] = {"": (128, 128), ".512": (512, 512), ".1024": (1024, 1024)}
"""What is added to the key, and the hidden layers; "" is the network that games play with."""

BLOCK_S, BLOCKS = 0.005, 21
"""In turn, and the quickest of each counts: so short that some are not interrupted on a busy machine either."""


def run(repeats: int) -> list[Figure]:
    """Numpy's time over onnxruntime's, measured in turn."""
    return [over_onnxruntime(name, hidden, repeats) for name, hidden in NETWORKS.items()]


def over_onnxruntime(name: str, hidden: tuple[int, ...], repeats: int) -> Figure:
    """Of networks with such hidden layers."""
    key, random = f"backends.numpy_vs_onnx{name}", np.random.default_rng(2)
    spec = NetworkSpec(OBSERVATION_SIZE, NUM_ACTIONS, hidden)
    policy = Policy(spec, opinion(spec, 0))
    problems: list[str] = []
    playing = [
        PlayingBackends(wanted, policy, builders(Path()), problems.append, lambda **figures: None)
        for wanted in ("numpy", "onnxruntime")
    ]
    if playing[1].of(policy) is None:  # then numpy would be timed twice
        why = problems[0] if problems else "onnxruntime was not ready in time"
        return not_measured(key, "ratio", "lower", why, "onnxruntime")
    observation, mask = random.normal(size=OBSERVATION_SIZE).astype(np.float32), np.arange(NUM_ACTIONS) != 3

    def decide(backends: PlayingBackends) -> None:
        policy.act(observation, mask, random, q_values=backends.of(policy))

    measures = [seconds_a_call(partial(decide, each), BLOCK_S) for each in playing]
    blocks = [[[1e6 * measure() for measure in measures] for _ in range(BLOCKS)] for _ in range(repeats)]
    pairs = [[min(column) for column in zip(*block, strict=True)] for block in blocks]
    ratios = [numpy_us / onnx_us for numpy_us, onnx_us in pairs]
    numpy_us, onnx_us = (median(column) for column in zip(*pairs, strict=True))
    layers, peer = " and ".join(map(str, hidden)), f"onnxruntime {version_of('onnxruntime')}"
    note = f"layers of {layers}: {numpy_us:.2f} us by numpy, {onnx_us:.2f} us by onnxruntime"
    return median_figure(key, ratios, "ratio", "lower", peer=peer, note=note, wanted=None if name else 1.0)
