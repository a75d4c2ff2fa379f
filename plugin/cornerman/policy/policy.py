"""The policy: an immutable snapshot of a Q-network that plays with numpy alone.

Built on any thread and never changed; any number of threads may call it at once, because each computes in buffers of
its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from math import exp
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.policy.batched_forward import BatchForward, any_legal, choose
from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec, split

CLEARLY_BAD = 2.0
"""With a temperature, an action whose Q-value is this many temperatures below the best one's is never taken.

At a gap of 2 temperatures an action would have e^-2 = 14 % of the best one's chance: below that a weaker opponent
looks broken rather than weak."""
SMALLEST_GAIN = 1e-6

Doubles = NDArray[np.float64]
QValues = Callable[[Floats], Floats]
"""A playing backend: Q-values `[A]` of one observation `[F]`, float32, valid until the next call."""


class Chance(Protocol):
    """numpy's Generator or the standard library's Random."""

    def random(self) -> float: ...


@runtime_checkable
class Acting(Protocol):
    """Chooses actions from observations: a policy, or a player's model."""

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: np.random.Generator,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int: ...


class Policy:
    """Q-values and decisions of one version; `flat` `[P]` is copied and made read-only.

    ValueError where the parameters do not fit the spec or are not all finite.
    """

    def __init__(self, spec: NetworkSpec, flat: Floats, version: int = -1, shipped: bool = False) -> None:
        """`shipped`: whether the game ships it (`base_model`)."""
        self.spec = spec
        self.version = version
        self.shipped = shipped
        self.flat = _frozen(flat)
        if not np.isfinite(self.flat).all():
            raise ValueError("a policy's parameters must all be finite numbers; these are not")
        arrays = split(self.flat, spec)
        self.indifferent = not (arrays["head.weight"].any() or arrays["head.bias"].any())
        """Whether all Q-values are equal because nothing was learned: then any legal action is drawn."""
        with np.errstate(all="ignore"):  # here and below: a game may have set numpy to raise
            self._layers, self._head = _fold(arrays, spec)
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
        return self._q_values(observation).copy()

    def q_values_batch(self, observations: Floats) -> Floats:
        """Q-values `[B, A]` of observations `[B, F]`."""
        observations = np.asarray(observations, np.float32)
        try:
            forward: BatchForward = self._buffers.forward
        except AttributeError:
            forward = self._buffers.forward = BatchForward(
                [(layer.weight, layer.floor, layer.epsilon) for layer in self._layers], self._head
            )
        with np.errstate(all="ignore"):
            return forward(observations, np.empty((len(observations), self.spec.num_actions), np.float32))

    def act_batch(
        self,
        observations: Floats,
        action_masks: Bools,
        random: np.random.Generator,
        epsilon: float = 0.0,
        temperature: float = 0.0,
    ) -> NDArray[np.int64]:
        """A legal action for each observation `[B, F]` under its mask `[B, A]`, as `act` chooses.

        Every mask must allow an action. The random numbers drawn are not those of `act`.
        """
        if self.indifferent:
            return any_legal(action_masks, random)
        values = self.q_values_batch(observations)
        actions = choose(values, action_masks)
        if temperature > 0.0:
            actions = _softmax_choices(values, actions, action_masks, temperature, random)
        if epsilon > 0.0:
            tried = (random.random(len(actions)) < epsilon).nonzero()[0]
            actions[tried] = any_legal(action_masks[tried], random)
        return actions

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: Chance,
        temperature: float = 0.0,
        epsilon: float = 0.0,
        q_values: QValues | None = None,
    ) -> int:
        """A legal action for one observation `[F]` under a mask `[A]`; ValueError where nothing is legal.

        With chance `epsilon`, or always where the head is all zeros (nothing was learned), any legal action;
        otherwise the best one (the first of equals), or with a temperature above 0 one drawn in proportion to
        exp(Q / temperature) among those that are not `CLEARLY_BAD`. `q_values` computes this policy's Q-values in
        place of numpy.
        """
        legal = np.asarray(action_mask).nonzero()[0]
        if legal.size <= 1:
            if legal.size == 0:
                raise ValueError("the action mask allows no action, so there is nothing to decide")
            return int(legal[0])
        if self.indifferent or (epsilon > 0.0 and random.random() < epsilon):
            return int(legal[int(random.random() * legal.size)])
        values = (q_values or self._q_values)(observation)[legal]
        if temperature <= 0.0:
            return int(legal[values.argmax()])
        return int(legal[_softmax_choice(values.tolist(), temperature, random)])

    def _q_values(self, observation: Floats) -> Floats:
        """Q-values `[A]` in this thread's own buffer: valid until the thread's next call."""
        try:
            return self._forward(observation)
        except (FloatingPointError, RuntimeWarning):  # entering `errstate` each time would take half of the time
            with np.errstate(all="ignore"):
                return self._forward(observation)

    def _forward(self, observation: Floats) -> Floats:
        try:
            inputs, steps, last, out = self._buffers.steps
        except AttributeError:
            rows = [np.ones(size + 1, np.float32) for size in (self.spec.observation_size, *self.spec.hidden)]
            steps = [(layer.row, x, row[:-1]) for layer, x, row in zip(self._layers, rows, rows[1:], strict=False)]
            inputs, last, out = rows[0][:-1], rows[-1], np.empty(self.spec.num_actions, np.float32)
            self._buffers.steps = inputs, steps, last, out
        inputs[:] = observation
        for step, x, row in steps:
            step(x, row)
        last.dot(self._head, out)
        values: Floats = out
        return values


class _Layer:
    """One hidden layer whose weights include all of its normalisation that does not depend on the observation.

    Layer normalisation (Ba et al. 2016) first subtracts the mean over the units; that is linear, so it is folded into
    the weights: W - mean over units. What is left is a scale, and the variance of centred numbers is one dot product.
    A gain is moved behind the relu and into the next layer's weights: relu(g v + c) = |g| relu(sign(g) v + c / |g|),
    with the sign folded into this layer's weights. So is the factor sqrt(units) of the variance's mean. And as
    relu(v + c) = max(v, -c) + c, that last c is `lacking` here and in the next layer's bias. The bias is one more row
    of weights, for an input that is 1.
    """

    __slots__ = ("epsilon", "floor", "lacking", "weight")

    def __init__(self, weight: Doubles, bias: Doubles, gain: Doubles, shift: Doubles) -> None:
        centred = np.vstack([weight - weight.mean(1, keepdims=True), bias - bias.mean()])
        self.weight = _frozen(centred * np.sign(gain))  # [inputs + 1, units]
        self.lacking = shift / (np.abs(gain) * np.sqrt(gain.size))
        self.floor, self.epsilon = _frozen(-self.lacking), LAYER_NORM_EPSILON * gain.size

    def row(self, x: Floats, out: Floats) -> None:
        """The layer's outputs less `lacking`, for one row `[inputs + 1]`, into `out` `[units]`."""
        x.dot(self.weight, out)
        np.multiply(out, (float(out.dot(out)) + self.epsilon) ** -0.5, out)
        np.maximum(out, self.floor, out=out)


def _fold(views: Mapping[str, Floats], spec: NetworkSpec) -> tuple[list[_Layer], Floats]:
    """The hidden layers, and the head's weights with its bias as their last row `[units + 1, A]`."""
    arrays = {name: view.astype(np.float64) for name, view in views.items()}
    layers: list[_Layer] = []
    factor = np.ones((spec.observation_size, 1))  # of the inputs: gains of the layer before that it left out
    lacking = np.zeros(spec.observation_size)  # what the inputs lack, before that factor
    for i, units in enumerate(spec.hidden):
        weight, gain = arrays[f"hidden{i}.weight"] * factor, arrays[f"hidden{i}.gain"]
        bias = arrays[f"hidden{i}.bias"] + lacking @ weight
        # A gain of 0 has no inverse; one this small changes no Q-value within float32.
        gain = np.where(np.abs(gain) < SMALLEST_GAIN, SMALLEST_GAIN, gain)
        layers.append(_Layer(weight, bias, gain, arrays[f"hidden{i}.shift"]))
        factor, lacking = (np.abs(gain) * np.sqrt(units))[:, None], layers[-1].lacking
    head = arrays["head.weight"] * factor
    return layers, _frozen(np.vstack([head, arrays["head.bias"] + lacking @ head]))


def _softmax_choice(values: list[float], temperature: float, random: Chance) -> int:
    """Index into Q-values, drawn by softmax without the clearly bad ones."""
    best = max(values)
    gaps = [(best - value) / temperature for value in values]
    chances = [exp(-gap) if gap < CLEARLY_BAD else 0.0 for gap in gaps]
    point = random.random() * sum(chances)
    for index, chance in enumerate(chances):
        point -= chance
        if point < 0.0:
            return index
    return values.index(best)  # rounding left the point beyond the last one


def _softmax_choices(
    values: Floats, best: NDArray[np.int64], action_masks: Bools, temperature: float, random: np.random.Generator
) -> NDArray[np.int64]:
    """As `_softmax_choice` for Q-values and masks `[B, A]`; `best` `[B]` are the best legal actions."""
    gaps = (np.take_along_axis(values, best[:, None], 1) - values) / np.float32(temperature)
    chances = np.exp(-np.clip(gaps, 0.0, CLEARLY_BAD)) * (gaps < CLEARLY_BAD) * action_masks
    points = random.random((len(best), 1)) * chances.sum(1, keepdims=True, dtype=np.float64)
    drawn = (np.cumsum(chances, 1, np.float64) <= points).sum(1)
    return np.where(drawn < values.shape[1], drawn, best)  # rounding may leave the point beyond the last one


def _frozen(array: object) -> Floats:
    """A float32 copy, C-contiguous, that cannot be written to."""
    copy = np.array(array, np.float32, order="C")
    copy.flags.writeable = False
    return copy
