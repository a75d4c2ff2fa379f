"""The policy: an immutable snapshot of a Q-network that plays with numpy alone, and the slot it is swapped in.

A policy is built on any thread and never changes; any number of threads may ask it at once, because the buffers that
one decision computes in belong to the calling thread. Nothing here imports torch.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from cornerman.contract import Bools, Floats
from cornerman.network import LAYER_NORM_EPSILON, NetworkSpec, split

CLEARLY_BAD = 2.0
"""With a temperature, an action that is worth this many temperatures less than the best one is never taken.

At a gap of 2 temperatures an action would have e^-2 = 14 % of the best one's chance: below that a weaker opponent
looks broken rather than weak."""


class Policy:
    """Q-values and decisions of one version; `flat` `[P]` is copied and frozen."""

    def __init__(self, spec: NetworkSpec, flat: Floats, version: int = -1) -> None:
        self.spec = spec
        self.version = version
        self.flat = _frozen(flat)
        self._layers = [_Layer(split(self.flat, spec), i, units) for i, units in enumerate(spec.hidden)]
        arrays = split(self.flat, spec)
        self._head_weight, self._head_bias = arrays["head.weight"], arrays["head.bias"]
        self._buffers = threading.local()

    @classmethod
    def from_arrays(cls, spec: NetworkSpec, arrays: Mapping[str, Floats], version: int = -1) -> Policy:
        """From arrays by the names of `NetworkSpec.arrays`; ValueError where one is missing, extra or misshapen."""
        wanted = dict(spec.arrays())
        if set(arrays) != set(wanted):
            raise ValueError(f"the arrays {sorted(set(arrays) ^ set(wanted))} are missing or not of a {spec}")
        for name, shape in wanted.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}, a {spec} needs {shape}")
        return cls(spec, np.concatenate([np.ravel(arrays[name]) for name in wanted]), version)

    def to_arrays(self) -> dict[str, Floats]:
        """Read-only views by the names of `NetworkSpec.arrays`."""
        return split(self.flat, self.spec)

    def q_values(self, observation: Floats) -> Floats:
        """Q-values `[A]` of one observation `[F]`; a new array."""
        values: Floats = self._q_values(observation).copy()
        return values

    def q_values_batch(self, observations: Floats) -> Floats:
        """Q-values `[B, A]` of observations `[B, F]`."""
        x = np.asarray(observations, np.float32)
        for layer in self._layers:
            x = layer.batch(x)
        values: Floats = x @ self._head_weight + self._head_bias
        return values

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: np.random.Generator,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int:
        """A legal action for one observation `[F]` under a mask `[A]`; ValueError where nothing is legal.

        With chance `epsilon` any legal action; otherwise the best one (the first of equals), or with a temperature
        above 0 one drawn in proportion to exp(Q / temperature) among those that are not `CLEARLY_BAD`.
        """
        legal = np.flatnonzero(action_mask)
        if legal.size <= 1:
            if legal.size == 0:
                raise ValueError("the action mask allows no action, so there is nothing to decide")
            return int(legal[0])
        if epsilon > 0.0 and random.random() < epsilon:
            return int(legal[random.integers(legal.size)])
        values = self._q_values(observation)[legal]
        if temperature <= 0.0:
            return int(legal[values.argmax()])
        return int(legal[_softmax_choice(values, temperature, random)])

    def _q_values(self, observation: Floats) -> Floats:
        """Q-values `[A]` in this thread's own buffer: valid until the thread's next call."""
        try:
            buffers: list[Floats] = self._buffers.rows
        except AttributeError:
            buffers = self._buffers.rows = [np.empty(n, np.float32) for n in (*self.spec.hidden, self.spec.num_actions)]
        x = observation
        for layer, out in zip(self._layers, buffers, strict=False):
            layer.row(x, out)
            x = out
        out = buffers[-1]
        np.dot(x, self._head_weight, out)
        np.add(out, self._head_bias, out)
        return out


class _Layer:
    """One hidden layer with what can be computed beforehand folded in.

    Layer normalisation (Ba et al. 2016) first subtracts the mean over the units. That is linear, so it is folded into
    the weights and the bias: W - mean over outputs, b - mean. What is left is a scale by 1 / sqrt(variance + epsilon),
    and the variance of centred numbers is one dot product.
    """

    __slots__ = ("bias", "gain", "scaled_epsilon", "shift", "weight")

    def __init__(self, arrays: Mapping[str, Floats], index: int, units: int) -> None:
        name = f"hidden{index}"
        weight = arrays[f"{name}.weight"].astype(np.float64)
        bias = arrays[f"{name}.bias"].astype(np.float64)
        self.weight = _frozen(weight - weight.mean(1, keepdims=True))
        self.bias = _frozen(bias - bias.mean())
        self.gain = _frozen(arrays[f"{name}.gain"] * np.sqrt(np.float64(units)))
        self.shift = arrays[f"{name}.shift"]
        self.scaled_epsilon = LAYER_NORM_EPSILON * units

    def row(self, x: Floats, out: Floats) -> None:
        """`relu(layer_norm(x W + b))` of one row, into `out`."""
        np.dot(x, self.weight, out)
        np.add(out, self.bias, out)
        scale = (float(np.dot(out, out)) + self.scaled_epsilon) ** -0.5
        np.multiply(out, scale, out)
        np.multiply(out, self.gain, out)
        np.add(out, self.shift, out)
        np.maximum(out, 0.0, out=out)

    def batch(self, x: Floats) -> Floats:
        """The same for rows `[B, inputs]`."""
        z = x @ self.weight
        z += self.bias
        squares = np.einsum("bu,bu->b", z, z)
        z *= ((squares + self.scaled_epsilon) ** -0.5)[:, None].astype(np.float32)
        z *= self.gain
        z += self.shift
        np.maximum(z, 0.0, out=z)
        return z


class PolicySlot:
    """What plays now: read `current` on any thread; `swap` is one reference assignment, by the trainer's thread."""

    __slots__ = ("_pair",)

    def __init__(self, policy: Policy | None = None) -> None:
        self._pair: tuple[Policy | None, Policy | None] = (policy, None)

    @property
    def current(self) -> Policy | None:
        """The policy that plays; None where none does yet."""
        return self._pair[0]

    @property
    def previous(self) -> Policy | None:
        """What played before the last swap, for rolling back."""
        return self._pair[1]

    def swap(self, policy: Policy | None) -> None:
        """Let `policy` play from the next decision on; decisions under way end with the one they began with."""
        self._pair = (policy, self._pair[0])


def _softmax_choice(values: Floats, temperature: float, random: np.random.Generator) -> int:
    """Index into Q-values `[n]`, drawn by softmax with what is clearly bad cut."""
    gaps = (values.astype(np.float64) - float(values.max())) / temperature
    chances = np.where(gaps > -CLEARLY_BAD, np.exp(gaps), 0.0)
    edges = np.cumsum(chances)
    index = int(np.searchsorted(edges, random.random() * edges[-1], side="right"))
    return min(index, int(np.flatnonzero(chances)[-1]))  # rounding may reach the last edge


def _frozen(array: object) -> Floats:
    """A float32 copy, C-contiguous, that cannot be written to."""
    copy = np.array(array, np.float32, order="C")
    copy.flags.writeable = False
    return copy
