"""The maths of one learning step over the flat parameter vector of network.py; pure functions, no thread, no I/O.

Every function here runs eagerly and under TorchScript alike (`scripted`), so it keeps to the Python that both
understand: no `from __future__ import annotations`, and constants that come in as default arguments, because
TorchScript reads no module variable. `layers` is always what `split_flat` gives.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple, Optional, TypeVar

import torch
from torch import Tensor

from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec

FIRST_DECAY = 0.9
SECOND_DECAY = 0.999
ADAM_EPSILON = 1e-8
TINY = 1e-30
"""Moments below this are cleared: it is far under Adam's epsilon, and denormal numbers halve the speed."""
CLEAR_PERIOD = 96
"""Learning steps between two clearings of tiny moments."""


class Rows(NamedTuple):
    """K batches of B rows, stacked."""

    observation: Tensor  # [K, B, F]
    action: Tensor  # [K, B] int64
    reward: Tensor  # [K, B]
    discount: Tensor  # [K, B], 0 where the battle ended
    next_observation: Tensor  # [K, B, F], never read where the row is terminal
    next_action_mask: Tensor  # [K, B, A] bool, all False is terminal too


class Weights(NamedTuple):
    """Everything that a learning step changes, each `[P]`; changed in place."""

    online: Tensor
    target: Tensor
    first_moment: Tensor
    second_moment: Tensor


class Shape(NamedTuple):
    """What TorchScript needs to know of a NetworkSpec."""

    sizes: list[int]  # [F, hidden..., A]
    layer_norm: bool  # whether hidden layers have a gain and a shift; without them they are plain relu layers


def shape_of(spec: NetworkSpec) -> Shape:
    """The shape of networks of this spec."""
    layer_norm = any(name.endswith(".gain") for name, _ in spec.arrays())
    return Shape([spec.observation_size, *spec.hidden, spec.num_actions], layer_norm)


def split_flat(flat: Tensor, shape: Shape) -> list[list[Tensor]]:
    """Views into `flat` `[P]`, one list a layer: weight, bias, gain, shift; the head and plain layers have two.

    The first weight is seen with its bias as one more row, for inputs that end in a 1: one product does for both.
    """
    layers: list[list[Tensor]] = []
    start = 0
    for i in range(len(shape.sizes) - 1):
        inputs, units = shape.sizes[i], shape.sizes[i + 1]
        rows = inputs + 1 if i == 0 else inputs
        layer = [flat[start : start + rows * units].view(rows, units)]
        start += inputs * units
        for _ in range(3 if shape.layer_norm and i < len(shape.sizes) - 2 else 1):
            layer.append(flat[start : start + units])
            start += units
        layers.append(layer)
    return layers


def with_ones(observation: Tensor) -> Tensor:
    """Observations `[..., F]` with a 1 after each, `[..., F + 1]`."""
    return torch.nn.functional.pad(observation, [0, 1], value=1.0)


def forward_layers(layers: list[list[Tensor]], x: Tensor, epsilon: float = LAYER_NORM_EPSILON) -> Tensor:
    """Q-values `[B, A]` of inputs `[B, F + 1]`."""
    for i, layer in enumerate(layers):
        x = torch.mm(x, layer[0])
        if i > 0:
            x.add_(layer[1])
        if len(layer) == 4:
            x = torch.native_layer_norm(x, [x.size(1)], layer[2], layer[3], epsilon)[0]
        if i < len(layers) - 1:
            x.relu_()
    return x


def forward(flat: Tensor, shape: Shape, observation: Tensor) -> Tensor:
    """Q-values `[B, A]` of observations `[B, F]` under parameters `flat` `[P]`."""
    return forward_layers(split_flat(flat, shape), with_ones(observation))


def terminal_rows(discount: Tensor, next_action_mask: Tensor) -> Tensor:
    """Rows `[...]` after which nothing follows: the battle ended, or the seat has no legal action `[..., A]` left."""
    return (discount == 0) | ~next_action_mask.any(-1)


def double_q_target(
    reward: Tensor, discount: Tensor, terminal: Tensor, online_next: Tensor, target_next: Tensor, illegal: Tensor
) -> Tensor:
    """What `Q(s, a)` should be, `[B]`: `r + discount * Q_target(s', argmax over legal a' of Q_online(s', a'))`.

    Double Q-learning (van Hasselt et al. 2016, section "Double DQN"); a terminal row is worth its reward. Next
    Q-values `[B, A]` of terminal rows and of illegal actions have no part in it, whatever they hold.
    """
    best = online_next.masked_fill(illegal, -float("inf")).argmax(1, keepdim=True)
    bootstrap = target_next.gather(1, best).squeeze(1).masked_fill_(terminal, 0.0)
    return torch.addcmul(reward, discount, bootstrap)


def huber(td_error: Tensor) -> Tensor:
    """Huber's loss with a threshold of 1, elementwise: squared near 0, linear beyond, so no surprise dominates.

    Its derivative is the TD error clipped to -1..1 (Mnih et al. 2015, methods). Battle returns lie in about -2..2.
    """
    size = td_error.abs()
    return torch.where(size <= 1.0, 0.5 * td_error * td_error, size - 0.5)


def td_error_and_gradient(
    layers: list[list[Tensor]],
    target_layers: list[list[Tensor]],
    gradient_layers: list[list[Tensor]],
    batch: list[Tensor],
    epsilon: float = LAYER_NORM_EPSILON,
) -> Tensor:
    """TD errors `[B]` of one batch; writes the gradient of their mean Huber loss into `gradient_layers`.

    `batch` is one of `columns`: observations above next observations share one forward pass. The gradient is derived
    by hand, layer by layer, with the target held constant; ATen's own kernel does layer normalisation's part.
    """
    both, action = batch[0], batch[1]
    num_rows = action.size(0)
    inputs: list[Tensor] = []
    norms: list[list[Tensor]] = []  # what layer normalisation's backward pass needs of its forward pass
    x = both
    for i, layer in enumerate(layers):
        inputs.append(x[:num_rows])
        x = torch.mm(x, layer[0])
        if i > 0:
            x.add_(layer[1])
        if len(layer) == 4:
            z = x
            x, mean, scale = torch.native_layer_norm(z, [z.size(1)], layer[2], layer[3], epsilon)
            norms.append([z[:num_rows], mean[:num_rows], scale[:num_rows]])
        if i < len(layers) - 1:
            x.relu_()
    target_next = forward_layers(target_layers, both[num_rows:])
    wanted = double_q_target(batch[3], batch[4], batch[5], x[num_rows:], target_next, batch[6])
    td_error = x[:num_rows].gather(1, action).squeeze(1) - wanted

    back = td_error.clamp(-1.0, 1.0).unsqueeze(1) * batch[2]
    for j in range(len(layers)):
        i = len(layers) - 1 - j
        layer, gradients = layers[i], gradient_layers[i]
        if j > 0:
            back = torch.ops.aten.threshold_backward(back, inputs[i + 1], 0)
        if len(layer) == 4:
            z, mean, scale = norms[i]
            back, gain, shift = torch.ops.aten.native_layer_norm_backward(
                back, z, [z.size(1)], mean, scale, layer[2], layer[3], [True, True, True]
            )
            gradients[2].copy_(gain)
            gradients[3].copy_(shift)
        torch.mm(inputs[i].t(), back, out=gradients[0])
        if i > 0:
            torch.sum(back, [0], out=gradients[1])
            back = torch.mm(back, layer[0].t())
    return td_error


def columns(rows: Rows) -> list[list[Tensor]]:
    """What `td_error_and_gradient` reads, per batch: all that does not depend on the weights, computed at once.

    Observations above next observations `[2B, F + 1]`, action `[B, 1]`, 1 / B at the action taken `[B, A]`, reward,
    discount and terminal `[B]`, illegal next actions `[B, A]`.
    """
    action = rows.action.unsqueeze(2)
    share = torch.full_like(rows.reward, 1.0 / rows.reward.size(1)).unsqueeze(2)
    stacked = [
        with_ones(torch.cat([rows.observation, rows.next_observation], 1)),
        action,
        torch.zeros_like(rows.next_action_mask, dtype=rows.reward.dtype).scatter_(2, action, share),
        rows.reward,
        rows.discount,
        terminal_rows(rows.discount, rows.next_action_mask),
        ~rows.next_action_mask,
    ]
    unbound = [column.unbind(0) for column in stacked]
    return [[column[k] for column in unbound] for k in range(rows.reward.size(0))]


def gradient(flat: Tensor, target: Tensor, shape: Shape, rows: Rows) -> tuple[Tensor, Tensor]:
    """The TD errors `[B]` of the first of the K batches and the gradient `[P]` of their mean Huber loss."""
    result = torch.zeros_like(flat)
    td_error = td_error_and_gradient(
        split_flat(flat, shape), split_flat(target, shape), split_flat(result, shape), columns(rows)[0]
    )
    return td_error, result


def clip_gradient(gradient: Tensor, limit: float) -> Tensor:
    """Scale `gradient` `[P]` in place to at most `limit` in length (Pascanu et al. 2013); its squared length before."""
    square = torch.dot(gradient, gradient)
    gradient.mul_(square.rsqrt().mul_(limit).clamp_(max=1.0))
    return square


def adam_rates(
    step: int,
    learning_rate: float,
    first_decay: float = FIRST_DECAY,
    second_decay: float = SECOND_DECAY,
    epsilon: float = ADAM_EPSILON,
) -> tuple[float, float]:
    """Step (negative: downhill) and epsilon of Adam's step number `step`, from 1, with the bias corrections folded in.

    Kingma & Ba 2015, end of section 2: alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t), epsilon likewise.
    """
    correction = float((1.0 - second_decay**step) ** 0.5)
    return -learning_rate * correction / (1.0 - first_decay**step), epsilon * correction


def adam(
    weights: Weights,
    gradient: Tensor,
    rates: list[Tensor],
    first_decay: float = FIRST_DECAY,
    second_decay: float = SECOND_DECAY,
    tiny: float = TINY,
) -> None:
    """Adam's step (Kingma & Ba 2015, algorithm 1) on `weights.online`, in place; `rates` from `adam_rates`."""
    weights.first_moment.lerp_(gradient, 1.0 - first_decay)
    weights.second_moment.mul_(second_decay).addcmul_(gradient, gradient, value=1.0 - second_decay)
    change = weights.second_moment.clamp_min_(tiny).sqrt()  # a root of 0 or of a denormal takes twice as long
    torch.div(weights.first_moment, change.add_(rates[1]), out=change)
    weights.online.addcmul_(change, rates[0])


def clear_tiny(first_moment: Tensor, tiny: float = TINY) -> None:
    """Set elements below `tiny` to 0, in place, before they go denormal."""
    first_moment.copy_(torch.hardshrink(first_moment, tiny))


def clear_when_due(first_moment: Tensor, step: int, period: int = CLEAR_PERIOD) -> None:
    """`clear_tiny` after every 96th step; by the count of steps, so that it does not matter how a burst is divided."""
    if step % period == 0:
        clear_tiny(first_moment)


def learn_burst(
    weights: Weights,
    shape: Shape,
    rows: Rows,
    rates: Tensor,
    gradient_clip: float,
    target_rate: float,
    step: int = 0,
    stop: Optional[Tensor] = None,  # noqa: UP045 - TorchScript does not know the other way to write it
) -> Tensor:
    """K learning steps, in place; `[3, K]`: loss, mean absolute TD error, gradient length before the clip.

    `rates` `[K, 2]` holds `adam_rates` per step, `step` how many were done before. After each step the target network
    moves by `target_rate` towards the online one (Polyak averaging; Lillicrap et al. 2016). Once `stop` `[1]` is not 0
    (any thread may set it) the step under way is the last: K is what was done. Nothing is checked here: a step that
    goes non-finite leaves non-finite figures, and the caller restores its copy.
    """
    flat_gradient = torch.zeros_like(weights.online)
    online, target = split_flat(weights.online, shape), split_flat(weights.target, shape)
    gradients = split_flat(flat_gradient, shape)
    rate_pairs = [[pair[0], pair[1]] for pair in rates.unbind(0)]
    td_errors: list[Tensor] = []
    squares: list[Tensor] = []
    for k, batch in enumerate(columns(rows)):
        td_errors.append(td_error_and_gradient(online, target, gradients, batch))
        squares.append(clip_gradient(flat_gradient, gradient_clip))
        adam(weights, flat_gradient, rate_pairs[k])
        weights.target.lerp_(weights.online, target_rate)
        clear_when_due(weights.first_moment, step + k + 1)
        if stop is not None and int(stop) != 0:
            break
    errors = torch.stack(td_errors)
    return torch.stack([huber(errors).mean(1), errors.abs().mean(1), torch.stack(squares).sqrt_()])


def keep_finite(weights: Weights, kept: Weights, figures: Tensor) -> Tensor:
    """Copy the weights into `kept`, on the CPU, where they and the figures `[3, K]` are finite.

    A sum is finite only where every number is. What comes back is `[5]`, float64 on the CPU: K, whether they were, and
    the means of the three figures. Everything is fetched before `kept` changes: a device lost then leaves it whole.
    """
    online, target, first, second = weights
    sums = torch.stack([figures.sum(), online.sum(), target.sum(), first.sum(), second.sum()])
    finite = bool(torch.isfinite(sums).all())
    told = torch.tensor([float(figures.size(1)), float(finite)], dtype=torch.float64)
    told = torch.cat([told, figures.cpu().double().mean(1)])
    if finite:
        here = [online.cpu(), target.cpu(), first.cpu(), second.cpu()]
        kept.online.copy_(here[0])
        kept.target.copy_(here[1])
        kept.first_moment.copy_(here[2])
        kept.second_moment.copy_(here[3])
    return told


def learn_part(
    weights: Weights,
    kept: Weights,
    shape: Shape,
    rows: Rows,
    span: list[int],  # the first batch, how many at the most, steps done before
    constants: list[float],  # learning rate, gradient clip, target rate
    stop: Optional[Tensor] = None,  # noqa: UP045 - as above
) -> Tensor:
    """`learn_burst` on a part of the rows, and what `keep_finite` tells of it: all that a slice of time needs.

    One call, because every torch operation lets go of Python's interpreter, and beside a busy game it takes up to 5 ms
    to get it back: twenty operations around a burst cost nine tenths of the speed.
    """
    start, stop_at = span[0], span[0] + span[1]
    part = Rows(
        rows.observation[start:stop_at],
        rows.action[start:stop_at],
        rows.reward[start:stop_at],
        rows.discount[start:stop_at],
        rows.next_observation[start:stop_at],
        rows.next_action_mask[start:stop_at],
    )
    rates: list[list[float]] = []
    for k in range(part.action.size(0)):
        rate, epsilon = adam_rates(span[2] + k + 1, constants[0])
        rates.append([rate, epsilon])
    figures = learn_burst(
        weights, shape, part, torch.tensor(rates, device=rows.reward.device), constants[1], constants[2], span[2], stop
    )
    return keep_finite(weights, kept, figures)


Function = TypeVar("Function", bound=Callable[..., Tensor])


def scripted(function: Function) -> Optional[Function]:  # noqa: UP045
    """A function of this file compiled by TorchScript, so that it is one call without the interpreter; None without it.

    TorchScript is deprecated and absent from Python 3.14; the function itself is the equal, slower path.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            compiled: Function = torch.jit.script(function)
    except (AttributeError, RuntimeError, OSError):  # no torch.jit, a refusal to compile, no source to compile from
        return None
    return compiled
