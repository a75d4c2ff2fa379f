"""The learning step as slowly and obviously as it can be written: autograd, torch's own Adam, a loop over the rows."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from cornerman.learning.update import Rates, Rows
from cornerman.policy.q_network import NetworkSpec, split
from tests.support.plain_network import PlainSpec

specs = st.builds(
    lambda kind, **sizes: kind(**sizes),
    kind=st.sampled_from([NetworkSpec, NetworkSpec, PlainSpec]),
    observation_size=st.integers(1, 9),
    num_actions=st.integers(1, 7),
    hidden=st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
)


def naive_q(flat: Tensor, spec: NetworkSpec, observation: Tensor) -> Tensor:
    """Q-values `[B, A]` by the arrays' names, as q_network.py describes the network."""
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
    return x @ parts["head.weight"] + parts["head.bias"]


def naive_loss(flat: Tensor, target: Tensor, spec: NetworkSpec, rows: Rows, k: int) -> Tensor:
    """Mean Huber loss of batch k, row by row, reading a next state only where there is one."""
    losses = []
    for i in range(rows.action.shape[1]):
        wanted = float(rows.reward[k, i])
        if float(rows.discount[k, i]) != 0.0:
            following = torch.from_numpy(rows.next_observation[k, i : i + 1])
            online_next = naive_q(flat.detach(), spec, following)[0].tolist()
            best = max(rows.next_action_mask[k, i].nonzero()[0], key=lambda a: online_next[a])
            wanted += float(rows.discount[k, i]) * float(naive_q(target, spec, following)[0, best])
        now = naive_q(flat, spec, torch.from_numpy(rows.observation[k, i : i + 1]))
        error = now[0, rows.action[k, i]] - wanted
        losses.append(torch.nn.functional.huber_loss(error, torch.zeros_like(error)))
    return torch.stack(losses).mean()


def naive_steps(weights: NDArray[np.float64], spec: NetworkSpec, rows: Rows, rates: Rates) -> list[float]:
    """A learning step from every batch on weights `[4, P]`, online and target in place; their losses."""
    online, target = (torch.from_numpy(row.copy()) for row in weights[:2])
    online.requires_grad_()
    optimizer = torch.optim.Adam([online], lr=rates.learning_rate)
    losses = []
    for k in range(len(rows.action)):
        optimizer.zero_grad()
        loss = naive_loss(online, target, spec, rows, k)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([online], rates.gradient_clip)
        optimizer.step()
        target.mul_(1 - rates.target_rate).add_(online.detach(), alpha=rates.target_rate)
        losses.append(float(loss.detach()))
    weights[:2] = [online.detach().numpy(), target.numpy()]
    return losses


def random_rows(
    spec: NetworkSpec, num_steps: int, batch_size: int, random: np.random.Generator, poison: float = np.nan
) -> Rows:
    """Rows in float64 with every kind of end: no discount, one legal action; `poison` stands where nobody may look."""
    shape = (num_steps, batch_size)
    mask = random.random((*shape, spec.num_actions)) < random.choice([0.2, 0.6, 1.0])
    one = ~mask.any(-1) | (random.random(shape) < 0.3)
    mask[one] = np.eye(spec.num_actions, dtype=bool)[random.integers(spec.num_actions, size=int(one.sum()))]
    ended = random.random(shape) < 0.3
    mask[ended & (random.random(shape) < 0.5)] = False
    observation, next_observation = random.normal(size=(2, *shape, spec.observation_size))
    next_observation[ended] = poison
    action, reward = random.integers(spec.num_actions, size=shape), random.normal(0.0, 1.5, shape)
    return Rows(observation, action, reward, np.where(ended, 0.0, 0.97), next_observation, mask)


def random_weights(spec: NetworkSpec, random: np.random.Generator) -> NDArray[np.float64]:
    """Weights `[4, P]` before the first step: two different networks, no moments."""
    weights = np.zeros((4, spec.num_parameters))
    weights[:2] = random.normal(0.0, 0.7, (2, spec.num_parameters))
    return weights


def head_bias(weights: NDArray[np.float64], spec: NetworkSpec, action: int) -> list[NDArray[np.float64]]:
    """The last bias of an action in both networks, as views to write to."""
    return [split(row, spec)["head.bias"][action : action + 1] for row in weights[:2]]  # type: ignore[arg-type]
