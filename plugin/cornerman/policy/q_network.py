"""The Q-network's shape: sizes, the place of each array in the flat parameter vector, and initial parameters.

A LayerNorm MLP: per hidden layer `relu(layer_norm(x W + b) * gain + shift)`, then a linear head of `[A]` Q-values.
numpy alone; the learning step is in learning/update.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from cornerman.contract import Floats

LAYER_NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Sizes of one Q-network; two policies with equal specs have interchangeable parameters."""

    observation_size: int  # F
    num_actions: int  # A
    hidden: tuple[int, ...] = (128, 128)

    def arrays(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names and shapes in the order in which they lie in the flat vector; weights are `[inputs, outputs]`."""
        width = self.observation_size
        for i, units in enumerate(self.hidden):
            yield f"hidden{i}.weight", (width, units)
            yield f"hidden{i}.bias", (units,)
            yield f"hidden{i}.gain", (units,)
            yield f"hidden{i}.shift", (units,)
            width = units
        yield "head.weight", (width, self.num_actions)
        yield "head.bias", (self.num_actions,)

    @property
    def num_parameters(self) -> int:
        return sum(prod(shape) for _, shape in self.arrays())


def split(flat: Floats, spec: NetworkSpec) -> dict[str, Floats]:
    """Views into `flat` `[P]` by name; ValueError when the length does not fit the spec."""
    if flat.shape != (spec.num_parameters,):
        raise ValueError(f"a {spec} has {spec.num_parameters} parameters, these are {flat.shape}")
    views, start = {}, 0
    for name, shape in spec.arrays():
        stop = start + prod(shape)
        views[name] = flat[start:stop].reshape(shape)
        start = stop
    return views


def draw(spec: NetworkSpec, random: np.random.Generator) -> Floats:
    """Initial parameters `[P]`: He-normal weights (He et al. 2015, section 2.2), gains 1, the rest 0.

    The head is 0, and so is every Q-value: a network that has learned nothing prefers no action (see `Policy.act`).
    """
    flat = np.zeros(spec.num_parameters, np.float32)
    for name, view in split(flat, spec).items():
        if name.endswith(".gain"):
            view[:] = 1.0
        elif name.endswith(".weight") and not name.startswith("head."):
            view[:] = random.normal(0.0, sqrt(2.0 / view.shape[0]), view.shape)
    return flat
