"""The maths of one learning step over the flat parameter vector of network.py; pure functions, no thread, no I/O.

Every function here runs eagerly and under TorchScript alike (`scripted_burst`), so it keeps to the Python that both
understand: no `from __future__ import annotations`, shapes as `list[int]`, and constants that come in as default
arguments, because TorchScript reads no module variable. `sizes` is always `[F, hidden..., A]`.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cornerman.network import LAYER_NORM_EPSILON, NetworkSpec

FIRST_DECAY = 0.9
SECOND_DECAY = 0.999
ADAM_EPSILON = 1e-8
TINY = 1e-30
"""Moments below this are cleared: far under what Adam's epsilon lets through, and denormals halve the speed."""


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


def layer_sizes(spec: NetworkSpec) -> list[int]:
    """`[F, hidden..., A]`."""
    return [spec.observation_size, *spec.hidden, spec.num_actions]


def split_flat(flat: Tensor, sizes: list[int]) -> list[Tensor]:
    """Views into `flat` `[P]`: weight, bias, gain, shift per hidden layer, then the head's weight and bias."""
    views: list[Tensor] = []
    start = 0
    for i in range(len(sizes) - 1):
        inputs, units = sizes[i], sizes[i + 1]
        views.append(flat[start : start + inputs * units].view(inputs, units))
        start += inputs * units
        vectors = 1 if i == len(sizes) - 2 else 3
        for _ in range(vectors):
            views.append(flat[start : start + units])
            start += units
    return views


def forward_views(views: list[Tensor], observation: Tensor, epsilon: float = LAYER_NORM_EPSILON) -> Tensor:
    """Q-values `[B, A]` of observations `[B, F]`, by the views of `split_flat`."""
    x = observation
    for i in range(len(views) // 4):
        z = torch.addmm(views[4 * i + 1], x, views[4 * i])
        x = torch.layer_norm(z, [z.size(1)], views[4 * i + 2], views[4 * i + 3], epsilon).relu_()
    return torch.addmm(views[-1], x, views[-2])


def forward(flat: Tensor, sizes: list[int], observation: Tensor) -> Tensor:
    """Q-values `[B, A]` of observations `[B, F]` under parameters `flat` `[P]`."""
    return forward_views(split_flat(flat, sizes), observation)


def double_q_target(
    reward: Tensor, discount: Tensor, online_next: Tensor, target_next: Tensor, next_action_mask: Tensor
) -> Tensor:
    """What `Q(s, a)` should be, `[B]`: `r + discount * Q_target(s', argmax over legal a' of Q_online(s', a'))`.

    Double Q-learning (van Hasselt et al. 2016, section "Double DQN"). A row with discount 0 or without a legal next
    action is terminal: its next Q-values `[B, A]` are not used, whatever they hold. Illegal actions' never are.
    """
    terminal = (discount == 0) | ~next_action_mask.any(1)
    best = online_next.masked_fill(~next_action_mask, -float("inf")).argmax(1, keepdim=True)
    bootstrap = target_next.gather(1, best).squeeze(1)
    return reward + (discount * bootstrap).masked_fill(terminal, 0.0)


def huber(td_error: Tensor) -> Tensor:
    """Huber's loss with a threshold of 1, `[B]`: squared near 0, linear beyond, so one surprise cannot dominate.

    Its derivative is the TD error clipped to -1..1 (Mnih et al. 2015, methods). Battle returns lie in about -2..2.
    """
    size = td_error.abs()
    return torch.where(size <= 1.0, 0.5 * td_error * td_error, size - 0.5)


def loss_and_gradient(
    views: list[Tensor],
    target_views: list[Tensor],
    gradient_views: list[Tensor],
    rows: list[Tensor],
    epsilon: float = LAYER_NORM_EPSILON,
) -> tuple[Tensor, Tensor]:
    """Mean Huber loss and mean absolute TD error of one batch; writes the loss's gradient into `gradient_views`.

    `rows` is observation above next observation `[2B, F]`, action, reward, discount, next action mask: one forward
    pass serves both states. The gradient is derived by hand, layer by layer; the target is held constant.
    """
    both, action, reward, discount, next_action_mask = rows[0], rows[1], rows[2], rows[3], rows[4]
    num_rows = action.size(0)
    num_hidden = len(views) // 4
    inputs: list[Tensor] = [both[:num_rows]]
    sums: list[Tensor] = []
    means: list[Tensor] = []
    scales: list[Tensor] = []
    x = both
    for i in range(num_hidden):
        z = torch.addmm(views[4 * i + 1], x, views[4 * i])
        x, mean, scale = torch.native_layer_norm(z, [z.size(1)], views[4 * i + 2], views[4 * i + 3], epsilon)
        x = x.relu_()
        inputs.append(x[:num_rows])
        sums.append(z[:num_rows])
        means.append(mean[:num_rows])
        scales.append(scale[:num_rows])
    q = torch.addmm(views[-1], x, views[-2])
    wanted = double_q_target(
        reward, discount, q[num_rows:], forward_views(target_views, both[num_rows:]), next_action_mask
    )
    column = action.unsqueeze(1)
    td_error = q[:num_rows].gather(1, column).squeeze(1) - wanted

    slope = torch.zeros_like(q[:num_rows]).scatter_(1, column, (td_error.clamp(-1.0, 1.0) / num_rows).unsqueeze(1))
    torch.mm(inputs[-1].t(), slope, out=gradient_views[-2])
    torch.sum(slope, [0], out=gradient_views[-1])
    back = torch.mm(slope, views[-2].t())
    for j in range(num_hidden):
        i = num_hidden - 1 - j
        back = back.mul_(inputs[i + 1] > 0)
        back, gain, shift = torch.ops.aten.native_layer_norm_backward(
            back, sums[i], [back.size(1)], means[i], scales[i], views[4 * i + 2], views[4 * i + 3], [True, True, True]
        )
        gradient_views[4 * i + 2].copy_(gain)
        gradient_views[4 * i + 3].copy_(shift)
        torch.mm(inputs[i].t(), back, out=gradient_views[4 * i])
        torch.sum(back, [0], out=gradient_views[4 * i + 1])
        if i > 0:
            back = torch.mm(back, views[4 * i].t())
    return huber(td_error).mean(), td_error.abs().mean()


def gradient(flat: Tensor, target: Tensor, sizes: list[int], rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of the first of the K batches, its gradient `[P]` and its mean absolute TD error."""
    result = torch.zeros_like(flat)
    both = torch.cat([rows.observation[0], rows.next_observation[0]], 0)
    columns = [both, rows.action[0], rows.reward[0], rows.discount[0], rows.next_action_mask[0]]
    loss, td_error = loss_and_gradient(
        split_flat(flat, sizes), split_flat(target, sizes), split_flat(result, sizes), columns
    )
    return loss, result, td_error


def clip_gradient(gradient: Tensor, limit: float) -> Tensor:
    """Scale `gradient` `[P]` in place to at most `limit` in length (Pascanu et al. 2013); its length before."""
    length = torch.dot(gradient, gradient).sqrt_()
    gradient.mul_((limit / (length + 1e-6)).clamp_(max=1.0))
    return length


def adam_rates(step: int, learning_rate: float) -> tuple[float, float]:
    """Step size and epsilon of Adam's step number `step`, from 1, with the bias corrections folded in.

    Kingma & Ba 2015, end of section 2: alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t), epsilon likewise.
    """
    correction = float((1.0 - SECOND_DECAY**step) ** 0.5)
    return learning_rate * correction / (1.0 - FIRST_DECAY**step), ADAM_EPSILON * correction


def adam(
    weights: Weights,
    gradient: Tensor,
    rates: Tensor,
    first_decay: float = FIRST_DECAY,
    second_decay: float = SECOND_DECAY,
) -> None:
    """Adam's step (Kingma & Ba 2015, algorithm 1) on `weights.online`, in place; `rates` `[2]` from `adam_rates`."""
    weights.first_moment.lerp_(gradient, 1.0 - first_decay)
    weights.second_moment.mul_(second_decay).addcmul_(gradient, gradient, value=1.0 - second_decay)
    change = weights.second_moment.sqrt().add_(rates[1])
    torch.div(weights.first_moment, change, out=change)
    weights.online.sub_(change.mul_(rates[0]))


def clear_tiny(weights: Weights, tiny: float = TINY) -> None:
    """Set moments below `TINY` to 0, before they go denormal and slow every step down."""
    weights.first_moment.copy_(torch.hardshrink(weights.first_moment, tiny))
    weights.second_moment.copy_(torch.hardshrink(weights.second_moment, tiny))


def learn_burst(
    weights: Weights, sizes: list[int], rows: Rows, rates: Tensor, gradient_clip: float, target_rate: float
) -> Tensor:
    """K learning steps, in place; `[K, 3]`: loss, mean absolute TD error, gradient length before the clip.

    `rates` `[K, 2]` holds `adam_rates` per step. After each step the target network moves by `target_rate` towards
    the online one (Polyak averaging; Lillicrap et al. 2016). Nothing is checked here: a step that goes non-finite
    leaves non-finite figures in every later line, and the caller restores its copy.
    """
    online_views = split_flat(weights.online, sizes)
    target_views = split_flat(weights.target, sizes)
    flat_gradient = torch.zeros_like(weights.online)
    gradient_views = split_flat(flat_gradient, sizes)
    both = torch.cat([rows.observation, rows.next_observation], 1)
    figures: list[Tensor] = []
    for k in range(both.size(0)):
        columns = [both[k], rows.action[k], rows.reward[k], rows.discount[k], rows.next_action_mask[k]]
        loss, td_error = loss_and_gradient(online_views, target_views, gradient_views, columns)
        length = clip_gradient(flat_gradient, gradient_clip)
        adam(weights, flat_gradient, rates[k])
        weights.target.lerp_(weights.online, target_rate)
        figures.append(torch.stack([loss, td_error, length]))
    return torch.stack(figures)


Burst = Callable[[Weights, list[int], Rows, Tensor, float, float], Tensor]


def scripted_burst() -> Burst | None:
    """`learn_burst` compiled by TorchScript, so that a burst is one call that holds no GIL; None where torch has none.

    TorchScript is deprecated and absent from Python 3.14; `learn_burst` itself is the equal, slower path.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            scripted: Burst = torch.jit.script(learn_burst)
    except (AttributeError, RuntimeError, OSError):  # no torch.jit, a refusal to compile, no source to compile from
        return None
    return scripted
