"""Learning steps on the CPU: double Q-learning with Adam over the flat parameter vector of q_network.py.

`learn_steps` is the entry. It runs as plain numpy, and keeps to the subset of numpy that numba compiles: compiled.py
makes one call of it that never holds the interpreter, with the loops of kernels.py in the place of the functions that
are called kernels here. Pure functions; no thread, no I/O. Arrays are float32 (float64 in tests), C-contiguous and
writable.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.policy.products import product
from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec

FIRST_DECAY = 0.9
SECOND_DECAY = 0.999
ADAM_EPSILON = 1e-8
TINY = 1e-30
"""Moments below this are cleared: it is far under Adam's epsilon, and denormal numbers halve the speed."""
MARGIN = 0.1
"""How far an imitated action's Q-value is to lie above those of the other legal actions; returns lie in -1.5 to 1.5."""

Array = NDArray[Any]
Layer = tuple[Array, Array, Array, Array]
"""Views into a flat vector: weight `[inputs, units]`, bias, gain and shift `[units]`; the last two may be empty."""
Memory = tuple[Array, Array, Array, Array]
"""Of one hidden layer: outputs, normalised and gradient `[B, units]`, scale `[B]`. The head has three of Q-values, and
the gradient of their level (`td_gradient`)."""
Layers = list[Layer]
Units = list[Memory]
"""One entry a layer, the head last. The compiled function has no lists, which would need numba's memory manager."""

Sums = tuple[int, int, float, float, float]
"""Steps applied and dropped; sums over those applied of Huber loss, absolute TD error, gradient length (unclipped)."""
LearnSteps = Callable[..., Sums]
"""Called like `learn_steps`."""


class Rows(NamedTuple):
    """K batches of B rows, stacked."""

    observation: Array  # [K, B, F]
    action_mask: Array  # [K, B, A] bool
    action: Array  # [K, B] int64
    reward: Array  # [K, B]
    discount: Array  # [K, B]; 0 where nothing follows: the battle ended, or the seat has no legal action left
    next_observation: Array  # [K, B, F]; where nothing follows it may hold anything
    next_action_mask: Array  # [K, B, A] bool
    weight: Array  # [K, B]; how much the row's action is imitated, 0: not at all; below 0: beside TD on the actions


class Rates(NamedTuple):
    """How far a step goes."""

    learning_rate: float = 1e-3
    gradient_clip: float = 10.0
    target_rate: float = 0.01


def sizes_of(spec: NetworkSpec) -> NDArray[np.int64]:
    """`[F, hidden..., A]`, and at the end 1 where hidden layers have a gain and a shift, else 0."""
    layer_norm = any(name.endswith(".gain") for name, _ in spec.arrays())
    return np.array([spec.observation_size, *spec.hidden, spec.num_actions, layer_norm], np.int64)


def scratch_size(spec: NetworkSpec, batch_size: int) -> int:
    """How many numbers `learn_steps` needs as its `scratch`."""
    units = (*spec.hidden, spec.num_actions)
    return 2 * spec.num_parameters + batch_size * (3 * sum(units) + len(units))


def learn_steps(
    weights: Array,
    sizes: NDArray[np.int64],
    rows: Rows,
    span: tuple[int, int, int],
    rates: Rates,
    stop: NDArray[np.uint8],
    scratch: Array,
) -> Sums:
    """Learning steps on weights `[4, P]` (online, target, first and second moment), in place, one for each batch.

    `span`: the first batch, how many at the most, steps applied before. Once `stop` `[1]` is not 0 (any thread may set
    it) the step under way is the last. A step whose loss or gradient is not finite changes nothing. The gradient's
    length is clipped (Pascanu et al. 2013). `scratch` holds `scratch_size` numbers.
    """
    first, most, steps = span
    batch_size, num_parameters = rows.action.shape[1], weights.shape[1]
    gradient, spare = scratch[:num_parameters], scratch[num_parameters : 2 * num_parameters]
    online, target, gradients = layers_of(weights[0], sizes), layers_of(weights[1], sizes), layers_of(gradient, sizes)
    memory = memory_of(scratch[2 * num_parameters :], sizes, batch_size)
    now, online_next, target_next, levels = units_at(memory, sizes.size - 3)
    dropped, losses, td_errors, lengths = 0, 0.0, 0.0, 0.0
    for k in range(first, first + most):
        forward(online, memory, sizes, rows.next_observation[k], online_next)
        forward(target, memory, sizes, rows.next_observation[k], target_next)
        forward(online, memory, sizes, rows.observation[k], now)
        loss, td_error = td_gradient(rows, k, now, online_next, target_next, levels)
        backward(online, memory, sizes, rows.observation[k], gradients)
        length = square_sum(gradient) ** 0.5
        if np.isfinite(loss) and np.isfinite(length):
            steps += 1
            adam(weights, gradient, spare, adam_rates(steps, length, rates))
            losses += loss
            td_errors += td_error
            lengths += length
        else:
            dropped += 1
        if stop[0] != 0:
            break
    return steps - span[2], dropped, losses, td_errors, lengths


def forward(layers: Layers, memory: Units, sizes: NDArray[np.int64], observation: Array, values: Array) -> None:
    """Q-values of observations `[B, F]` into `values` `[B, A]`; `memory` then holds what `backward` reads."""
    inputs = observation
    last = sizes.size - 3
    for i in range(last):
        weight, bias, gain, shift = layer_at(layers, i)
        outputs, normalised, _, scale = units_at(memory, i)
        linear(inputs, weight, bias, outputs)
        activate(outputs, normalised, scale, gain, shift)
        inputs = outputs
    weight, bias, _, _ = layer_at(layers, last)
    linear(inputs, weight, bias, values)


def backward(layers: Layers, memory: Units, sizes: NDArray[np.int64], observation: Array, gradients: Layers) -> None:
    """Writes the gradient of every parameter into `gradients`, from what `td_gradient` left in the head's memory."""
    last = sizes.size - 3
    back, _, _, levels = units_at(memory, last)
    for i in range(last, 0, -1):
        outputs, normalised, before, scale = units_at(memory, i - 1)
        into, below = layer_at(gradients, i), layer_at(gradients, i - 1)
        linear_gradient(outputs, back, into[0], into[1])
        if i == last:
            level_gradient(outputs, levels, before[0], into[0], into[1])
        linear_back(back, layer_at(layers, i)[0], before)
        activate_back(before, outputs, normalised, scale, layer_at(layers, i - 1)[2], below)
        back = before
    into = layer_at(gradients, 0)
    linear_gradient(observation, back, into[0], into[1])


def adam_rates(step: int, length: float, rates: Rates) -> tuple[float, float, float, float]:
    """What `adam` takes for step number `step`, from 1, and a gradient of this length: its factor that clips it, the
    step (negative: downhill) and epsilon with Adam's bias corrections folded in, and the target network's rate.

    Kingma & Ba 2015, end of section 2: alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t), epsilon likewise.
    """
    correction = (1.0 - SECOND_DECAY ** float(step)) ** 0.5
    rate = -rates.learning_rate * correction / (1.0 - FIRST_DECAY ** float(step))
    return min(1.0, rates.gradient_clip / max(length, TINY)), rate, ADAM_EPSILON * correction, rates.target_rate


# -------------------------------------------------------- the kernels; kernels.py has a loop of the same name for each


def layers_of(flat: Array, sizes: NDArray[np.int64]) -> Layers:
    """Views into `flat` `[P]`, one tuple a layer, the head last."""
    layers = []
    start, last = 0, len(sizes) - 3
    for i in range(last + 1):
        inputs, units = sizes[i], sizes[i + 1]
        normed = units * sizes[-1] if i < last else 0
        bias = start + inputs * units
        gain = bias + units
        shift = gain + normed
        weight = flat[start:bias].reshape(inputs, units)
        layers.append((weight, flat[bias:gain], flat[gain:shift], flat[shift : shift + normed]))
        start = shift + normed
    return layers


def memory_of(scratch: Array, sizes: NDArray[np.int64], num_rows: int) -> Units:
    """Views into `scratch` for a forward and a backward pass over `num_rows` rows, one tuple a layer, the head last."""
    memory = []
    start = 0
    for units in sizes[1:-1]:
        size = num_rows * units
        planes = scratch[start : start + 3 * size].reshape(3, num_rows, units)
        start += 3 * size + num_rows
        memory.append((planes[0], planes[1], planes[2], scratch[start - num_rows : start]))
    return memory


def layer_at(layers: Layers, i: int) -> Layer:
    """Layer `i` of what `layers_of` returned."""
    return layers[i]


def units_at(memory: Units, i: int) -> Memory:
    """The memory of layer `i`, of what `memory_of` returned."""
    return memory[i]


def linear(inputs: Array, weight: Array, bias: Array, out: Array) -> None:
    """`inputs @ weight + bias` into `out` `[B, units]`."""
    product(inputs, weight, out)
    out += bias


def linear_gradient(inputs: Array, back: Array, weight: Array, bias: Array) -> None:
    """Gradients of `linear`'s weight and bias, into `weight` and `bias`; `back` `[B, units]` is that of its result."""
    product(inputs.T, back, weight)
    product(back.T, _filled(len(back), 1.0, back.dtype), bias)  # takes a third of the time of a sum


def level_gradient(outputs: Array, levels: Array, spare: Array, weight: Array, bias: Array) -> None:
    """Add to the gradients of the head's weight and bias what moves all Q-values of row i alike by `levels[i]`.

    Nothing of it reaches the hidden layers, whose `outputs` `[B, U]` are taken as they are; `spare` `[U]` is lost.
    """
    if np.count_nonzero(levels) > 0:
        product(outputs.T, levels, spare)
        weight += spare[:, None]
        bias += np.add.reduce(levels)


def linear_back(back: Array, weight: Array, out: Array) -> None:
    """Gradient of `linear`'s inputs into `out` `[B, inputs]`; `back` `[B, units]` is that of its result."""
    product(back, weight.T, out)


def activate(units: Array, normalised: Array, scale: Array, gain: Array, shift: Array) -> None:
    """`relu(layer_norm(units) * gain + shift)` of units `[B, U]`, in place (Ba et al. 2016); relu alone without gain.

    `normalised` `[B, U]` and `scale` `[B]` (what it was scaled by) are for `activate_back`.
    """
    if gain.size:
        product(units, _filled(gain.size, 1 / gain.size, gain.dtype), scale)
        np.subtract(units, scale[:, None], normalised)
        np.einsum("bu,bu->b", normalised, normalised, out=scale)
        scale[:] = (scale / gain.size + LAYER_NORM_EPSILON) ** -0.5
        normalised *= scale[:, None]
        np.multiply(normalised, gain, units)
        units += shift
        np.maximum(units, 0.0, out=units)
    else:
        normalised.fill(0.0)
        np.maximum(units, normalised, out=units)  # with zeros it takes a third of the time of that with a number


def activate_back(back: Array, units: Array, normalised: Array, scale: Array, gain: Array, gradients: Layer) -> None:
    """From the gradient of `activate`'s results to that of its inputs, `back` `[B, U]`, in place.

    Writes the gradients of gain and shift; `units`, the results, and `normalised` are lost.
    """
    np.greater(units, 0.0, out=units)
    back *= units
    if gain.size:
        np.multiply(back, normalised, units)
        ones, means = _filled(len(back), 1.0, back.dtype), np.empty((2, len(back)), back.dtype)
        for factors, into_gradient, into_mean in zip((units, back), gradients[2:], means, strict=True):
            product(factors.T, ones, into_gradient)
            product(factors, gain, into_mean)
        means /= gain.size
        back *= gain
        back -= means[1][:, None]
        normalised *= means[0][:, None]
        back -= normalised
        back *= scale[:, None]


def td_gradient(
    rows: Rows, k: int, now: Array, online_next: Array, target_next: Array, levels: Array
) -> tuple[float, float]:
    """Mean Huber loss (threshold 1) and mean absolute TD error of batch k, and the whole loss's gradient into `now`.

    `now`, `online_next`, `target_next` `[B, A]`: Q-values of the observation, and of the next one by both networks.
    Double Q-learning (van Hasselt et al. 2016, section "Double DQN"): the online network chooses the best legal action
    of the next state, and the target network values it. Next Q-values of illegal actions, and all of a row after
    which nothing follows, have no part in it, whatever they hold.

    To it comes, times the weight's size, the large-margin loss of deep Q-learning from demonstrations (Hester et al.
    2018, equation 2): max over legal a of (Q(a) + `MARGIN` where a is not the row's action), minus the row's Q-value.
    In a batch with a weight above 0 it alone orders the actions: the TD error is that of the best legal action, and
    its gradient goes into `levels` `[B]`, for all Q-values of the row alike (`level_gradient`); else they are 0.
    """
    action, discount, weight, flat = rows.action[k], rows.discount[k], rows.weight[k], now.reshape(-1)
    starts, count = _starts(*now.shape), len(now)
    chosen = starts + action
    best = starts + np.where(rows.next_action_mask[k], online_next, -np.inf).argmax(1)
    bootstrap = target_next.reshape(-1)[best]
    bootstrap[discount == 0] = 0.0
    values, imitated = flat[chosen], np.count_nonzero(weight) > 0
    in_order = imitated and weight.max() > 0
    if imitated:
        raised = np.where(rows.action_mask[k], now, -np.inf)
        raised.reshape(-1)[chosen] = values
        best_values = raised.max(1)
        raised += MARGIN
        raised.reshape(-1)[chosen] = values
        rival = starts + raised.argmax(1)
    errors = (best_values if in_order else values) - (rows.reward[k] + discount * bootstrap)
    clipped = errors.clip(-1.0, 1.0)
    now.fill(0.0)
    levels[:] = clipped / count if in_order else 0.0
    flat[chosen] = 0.0 if in_order else clipped / count
    if imitated:
        flat[chosen] -= np.abs(weight) / count
        flat[rival] += np.abs(weight) / count
    return float(np.dot(clipped, errors - 0.5 * clipped)) / count, float(np.add.reduce(np.abs(errors))) / count


@lru_cache(64)
def _filled(size: int, value: float, kind: np.dtype[Any]) -> Array:
    """A constant vector for products, made once."""
    return np.full(size, value, kind)


@lru_cache(64)
def _starts(num_rows: int, num_columns: int) -> Array:
    """Where each row of an array `[num_rows, num_columns]` begins, flat; such indices take a fifth of two's time."""
    return np.arange(0, num_rows * num_columns, num_columns)


def square_sum(values: Array) -> float:
    """Sum of the squares of `values` `[P]`."""
    return float(np.dot(values, values))


def adam(weights: Array, gradient: Array, spare: Array, rates: tuple[float, float, float, float]) -> None:
    """Adam's step (Kingma & Ba 2015, algorithm 1) on weights `[4, P]`, in place; then the target network follows.

    `rates` are `adam_rates`; the target network moves towards the online one (Polyak averaging; Lillicrap et al. 2016).
    The gradient and `spare` `[P]` are lost.
    """
    scale, rate, epsilon, target_rate = rates
    online, target, first, second = weights
    np.multiply(gradient, scale * (1.0 - FIRST_DECAY), spare)
    first *= FIRST_DECAY
    first += spare
    first[np.abs(first, spare) < TINY] = 0.0
    gradient *= gradient
    gradient *= scale * scale * (1.0 - SECOND_DECAY)
    gradient += TINY  # keeps the second moment from getting denormal, in a quarter of a maximum's time
    second *= SECOND_DECAY
    second += gradient
    np.sqrt(second, spare)
    spare += epsilon
    np.divide(first, spare, spare)
    spare *= rate
    online += spare
    np.subtract(online, target, spare)
    spare *= target_rate
    target += spare
