"""The learning step as slowly and obviously as it can be written: autograd, torch's own Adam, a loop over the rows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornerman.learning.update import MARGIN, Rates, Rows
from cornerman.policy.q_network import NetworkSpec


def naive_q(flat: Tensor, spec: NetworkSpec, observation: Tensor, of_head: bool = False) -> Tensor:
    """Q-values `[B, A]` by the arrays' names, as q_network.py describes the network; `of_head`: with gradients of the
    last layer alone."""
    parts, start = {}, 0
    for name, shape in spec.arrays():
        size = int(np.prod(shape))
        parts[name] = flat[start : start + size].reshape(shape)
        start += size
    x = observation
    for i in range(len(spec.hidden)):
        z = x @ parts[f"hidden{i}.weight"] + parts[f"hidden{i}.bias"]
        if f"hidden{i}.gain" in parts:
            centred = z - z.mean(1, keepdim=True)
            z = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
            z = z * parts[f"hidden{i}.gain"] + parts[f"hidden{i}.shift"]
        x = z.clamp_min(0.0)
    return (x.detach() if of_head else x) @ parts["head.weight"] + parts["head.bias"]


def naive_loss(flat: Tensor, target: Tensor, spec: NetworkSpec, rows: Rows, k: int) -> tuple[Tensor, Tensor]:
    """Mean Huber and mean imitation loss of batch k, row by row, reading a next state only where there is one."""
    losses, imitation = [], []
    for i in range(rows.action.shape[1]):
        wanted = float(rows.reward[k, i])
        if float(rows.discount[k, i]) != 0.0:
            following = torch.from_numpy(rows.next_observation[k, i : i + 1])
            online_next = naive_q(flat.detach(), spec, following)[0].tolist()
            best = max(rows.next_action_mask[k, i].nonzero()[0], key=lambda a: online_next[a])
            wanted += float(rows.discount[k, i]) * float(naive_q(target, spec, following)[0, best])
        here = torch.from_numpy(rows.observation[k, i : i + 1])
        now, level = naive_q(flat, spec, here), naive_q(flat, spec, here, of_head=True).sum()
        own, others = rows.action[k, i], rows.action_mask[k, i].nonzero()[0]
        error = now[0, own] - wanted
        if (rows.weight[k] > 0).any():  # of the best legal action, and all are moved alike
            error = now[0, others].max().detach() - wanted + level - level.detach()
        losses.append(torch.nn.functional.huber_loss(error, torch.zeros_like(error)))
        raised = torch.stack([now[0, a] + (MARGIN if a != own else 0.0) for a in others])
        imitation.append(abs(float(rows.weight[k, i])) * (raised.max() - now[0, own]))
    return torch.stack(losses).mean(), torch.stack(imitation).mean()


def naive_steps(weights: NDArray[np.float64], spec: NetworkSpec, rows: Rows, rates: Rates) -> list[float]:
    """A learning step from every batch on weights `[4, P]`, online and target in place; their losses."""
    online, target = (torch.from_numpy(row.copy()) for row in weights[:2])
    online.requires_grad_()
    optimizer = torch.optim.Adam([online], lr=rates.learning_rate)
    losses = []
    for k in range(len(rows.action)):
        optimizer.zero_grad()
        loss, imitation = naive_loss(online, target, spec, rows, k)
        (loss + imitation).backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_([online], rates.gradient_clip)
        optimizer.step()
        target.mul_(1 - rates.target_rate).add_(online.detach(), alpha=rates.target_rate)
        losses.append(float(loss.detach()))
    weights[:2] = [online.detach().numpy(), target.numpy()]
    return losses
