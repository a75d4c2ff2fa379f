"""A policy's Q-values for many observations at once, for bulk self-play: as few passes over memory as numpy allows.

Built from a policy's folded layers and owned by one thread, because its buffers are its own. What it saves: a layer's
bias is one more row of weights, met by a column of ones; relu(v + c) = max(v, -c) + c, and the last c goes into the
next layer's bias; the head is padded, since a product with 16 columns takes less time than one with 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats

BLOCK = 1024
"""Rows that are taken through all layers at once: their numbers stay in the cache."""
_ALIGNED = 16
"""Floats in a line of the cache: rows begin on one."""


class Layer(Protocol):
    """A hidden layer of a policy: centred weights with the bias as their last row `[inputs + 1, units]`."""

    @property
    def weight(self) -> Floats: ...
    @property
    def batch_shift(self) -> Floats:
        """What is added before the relu, `[units]`."""

    @property
    def batch_epsilon(self) -> float | None:
        """Added to a row's sum of squares before it is scaled by its root; None: the row is not scaled."""


class BatchForward:
    """Q-values of batches of one policy."""

    def __init__(self, layers: Sequence[Layer], head: Floats) -> None:
        inputs = [layer.weight.shape[0] for layer in layers] + [head.shape[0]]  # each with the one for the bias
        carried = np.zeros(inputs[0] - 1)  # what the layer before left for this one's bias
        self._layers: list[tuple[Floats, Floats, np.float32 | None]] = []
        for layer in layers:
            shift = layer.batch_shift
            epsilon = None if layer.batch_epsilon is None else np.float32(layer.batch_epsilon)
            self._layers.append((_carrying(layer.weight, carried), np.asarray(-shift, np.float32), epsilon))
            carried = shift.astype(np.float64)
        padded = np.zeros((head.shape[0], _whole(head.shape[1])), np.float32)
        padded[:, : head.shape[1]] = _carrying(head, carried)
        self._head, self._num_actions = padded, head.shape[1]
        self._values = np.empty((BLOCK, padded.shape[1]), np.float32)
        self._rows = [_with_ones(BLOCK, size) for size in inputs]

    def __call__(self, observations: Floats, out: Floats) -> Floats:
        """Q-values of observations `[B, F]` into `out` `[B, A]`."""
        for start in range(0, len(observations), BLOCK):
            stop = min(start + BLOCK, len(observations))
            count = stop - start
            rows = self._rows[0][:count]
            rows[:, :-1] = observations[start:stop]
            for (weight, floor, epsilon), following in zip(self._layers, self._rows[1:], strict=True):
                units = following[:count, :-1]
                np.matmul(rows, weight, out=units)
                if epsilon is not None:
                    scale = np.einsum("bu,bu->b", units, units)
                    scale += epsilon
                    np.sqrt(scale, out=scale)
                    np.divide(np.float32(1.0), scale, out=scale)
                    np.multiply(units, scale[:, None], out=units)
                np.maximum(units, floor, out=units)
                rows = following[:count]
            np.matmul(rows, self._head, out=self._values[:count])
            out[start:stop] = self._values[:count, : self._num_actions]
        return out


def choose(values: Floats, action_masks: NDArray[np.bool_]) -> NDArray[Any]:
    """The best legal action of each row `[B]` under Q-values and masks `[B, A]`, the first of equals."""
    allowed = np.subtract(action_masks, np.float32(1.0), dtype=np.float32)
    allowed *= np.float32(1e30)
    allowed += values
    return np.asarray(allowed.argmax(1))


def any_legal(action_masks: NDArray[np.bool_], random: np.random.Generator) -> NDArray[Any]:
    """A legal action of each row `[B]`, all equally likely."""
    lots = random.random(action_masks.shape, np.float32)
    lots += np.float32(1e-9)
    lots *= action_masks
    return np.asarray(lots.argmax(1))


def _carrying(weight: Floats, carried: NDArray[np.float64]) -> Floats:
    """Weights `[inputs + 1, outputs]` whose bias takes in `carried` `[inputs]`, added to every input."""
    changed = weight.astype(np.float64)
    changed[-1] += carried @ changed[:-1]
    return np.ascontiguousarray(changed, np.float32)


def _with_ones(rows: int, size: int) -> Floats:
    """Memory for `[rows, size]` whose last column is 1 and whose rows begin on a line of the cache."""
    memory = np.zeros((rows, _whole(size)), np.float32)
    memory[:, size - 1] = 1.0
    return memory[:, :size]


def _whole(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
