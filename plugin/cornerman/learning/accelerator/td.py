"""The learning step of update.py in torch, with autograd: for accelerators, and the reference that tests compare with.

Pure functions, no thread, no I/O. Nothing here waits for the device: a step that is not finite is left out there.
"""

from __future__ import annotations

from math import log, prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from cornerman.learning.update import ADAM_EPSILON, FIRST_DECAY, MARGIN, SECOND_DECAY, TINY, Rates
from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec


class TensorRows(NamedTuple):
    """As `update.Rows`."""

    observation: Tensor
    action_mask: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    next_observation: Tensor
    next_action_mask: Tensor
    weight: Tensor


class Weights(NamedTuple):
    """Everything that a learning step changes, in place."""

    parameters: Tensor  # [4, P]: online, target, first and second moment
    steps: Tensor  # [1], applied so far


def forward(flat: Tensor, spec: NetworkSpec, observation: Tensor) -> Tensor:
    """Q-values `[B, A]` of observations `[B, F]` under parameters `flat` `[P]`."""
    return torch.addmm(*into_head(flat, spec, observation))


def into_head(flat: Tensor, spec: NetworkSpec, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What `torch.addmm` makes Q-values of: the head's bias, its inputs `[B, U]` and its weight."""
    parts = torch.split(flat, [prod(shape) for _, shape in spec.arrays()])
    named = {name: part.view(shape) for part, (name, shape) in zip(parts, spec.arrays(), strict=True)}
    x = observation
    for i, units in enumerate(spec.hidden):
        x = torch.addmm(named[f"hidden{i}.bias"], x, named[f"hidden{i}.weight"])
        if f"hidden{i}.gain" in named:
            gain, shift = named[f"hidden{i}.gain"], named[f"hidden{i}.shift"]
            x = functional.layer_norm(x, [units], gain, shift, LAYER_NORM_EPSILON)
        x = x.relu()
    return named["head.bias"], x, named["head.weight"]


def td_errors(online: Tensor, target: Tensor, spec: NetworkSpec, batch: TensorRows) -> tuple[Tensor, Tensor]:
    """TD errors and the large-margin loss of imitation, both `[B]`, of one batch, with gradients towards the Q-values
    of the observation (update.td_gradient)."""
    with torch.no_grad():
        values = forward(online, spec, batch.next_observation)
        best = values.masked_fill(~batch.next_action_mask, -torch.inf).argmax(1, keepdim=True)
        following = forward(target, spec, batch.next_observation).gather(1, best).squeeze(1)
        wanted = batch.reward + batch.discount * following.masked_fill(batch.discount == 0, 0.0)
    bias, x, weight = into_head(online, spec, batch.observation)
    now, level = torch.addmm(bias, x, weight), torch.addmm(bias, x.detach(), weight).sum(1)  # of the head alone
    own = now.gather(1, batch.action.unsqueeze(1))
    legal = now.masked_fill(~batch.action_mask, -torch.inf).scatter(1, batch.action.unsqueeze(1), own)
    raised = (legal + MARGIN).scatter(1, batch.action.unsqueeze(1), own)
    own, best = own.squeeze(1), legal.detach().max(1).values
    value = torch.where((batch.weight > 0).any(), best + level - level.detach(), own)
    return value - wanted, batch.weight.abs() * (raised.max(1).values - own)


def learn_step(weights: Weights, spec: NetworkSpec, batch: TensorRows, rates: Rates) -> Tensor:
    """One learning step, in place; `[4]`: 1 where it was applied, Huber loss, mean absolute TD error, gradient length.

    All four are 0, and nothing changes, where the loss or the gradient is not finite.
    """
    online, target, first, second = weights.parameters
    with torch.enable_grad():
        leaf = online.detach().requires_grad_()
        errors, imitation = td_errors(leaf, target, spec, batch)
        loss = functional.huber_loss(errors, torch.zeros_like(errors))
        (gradient,) = torch.autograd.grad(loss + imitation.mean(), leaf)
    length = gradient.norm()
    applied = torch.isfinite(loss) & torch.isfinite(length)
    steps = weights.steps + applied
    gradient = gradient * (rates.gradient_clip / length.clamp_min(TINY)).clamp_max(1.0)
    first = torch.lerp(first, gradient, 1.0 - FIRST_DECAY)
    second = (SECOND_DECAY * second + (1.0 - SECOND_DECAY) * gradient.square()).clamp_min(TINY)
    # Bias corrections as in update.adam_rates; 1 - decay^step loses half its digits in float32, expm1 does not.
    first_left, second_left = (-torch.expm1(steps * log(decay)) for decay in (FIRST_DECAY, SECOND_DECAY))
    correction = second_left.sqrt()
    change = first / first_left * correction / (second.sqrt() + ADAM_EPSILON * correction)
    online = online - rates.learning_rate * change
    after = torch.stack([online, torch.lerp(target, online, rates.target_rate), first, second])
    weights.parameters.copy_(torch.where(applied, after, weights.parameters))
    weights.steps.copy_(steps)
    figures = torch.stack([applied.to(loss.dtype), loss.detach(), errors.detach().abs().mean(), length])
    return torch.where(applied, figures, torch.zeros_like(figures))


def learn_burst(weights: Weights, spec: NetworkSpec, rows: TensorRows, rates: Rates) -> Tensor:
    """A learning step for each of the K batches, in place; figures `[K, 4]` of `learn_step`."""
    batches = zip(*(column.unbind(0) for column in rows), strict=True)
    return torch.stack([learn_step(weights, spec, TensorRows(*batch), rates) for batch in batches])
