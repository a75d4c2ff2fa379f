"""A policy that acts for whole batches on a device, and the choice between it and numpy, made by a timing.

Weights stay on the device and are sent again only for another version; up go observations and masks, down come actions.
Whatever the device refuses is decided by the numpy policy in the same call, from then on. For one thread. It was tested
with torch's "cpu" as the device; it was not run on a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornerman.contract import Bools, Floats
from cornerman.learning.accelerator import td
from cornerman.learning.device import Choice
from cornerman.policy.batched_forward import any_legal
from cornerman.policy.policy import CLEARLY_BAD, Policy
from cornerman.policy.q_network import NetworkSpec, draw

NUMPY = "numpy"
BROKEN = (RuntimeError, AssertionError, NotImplementedError)
"""What torch raises for a device that is full, lost, or was never there."""
CALLS, REPEATS = 10, 4
"""How often a timing acts at a stretch, and how many stretches it takes the best of, after one to warm up."""

Measure = Callable[[str, NetworkSpec, int], float]


class DeviceActor:
    """Decides as `Policy.act_batch` does; `take` says by which policy, once before the first decision."""

    def __init__(self, spec: NetworkSpec, device: str) -> None:
        self.spec, self.device = spec, torch.device(device)

        self._policy = Policy(spec, np.zeros(spec.num_parameters, np.float32))
        self._weights: Tensor | None = None
        self.fault = ""
        """Why it acts with numpy after all, as a sentence; empty while it does not."""

    @property
    def version(self) -> int:
        """Of the policy that acts."""
        return self._policy.version

    def take(self, policy: Policy) -> None:
        """Act by `policy` from now on; its weights go to the device unless it is the version that is there."""
        known = self._weights is not None and policy.version == self._policy.version
        self._policy = policy
        if known or self.fault:
            return
        try:
            self._weights = torch.from_numpy(policy.flat.copy()).to(self.device)
        except BROKEN as error:
            self._leave(error)

    def act_batch(
        self,
        observations: Floats,
        action_masks: Bools,
        random: np.random.Generator,
        epsilon: float = 0.0,
        temperature: float = 0.0,
    ) -> NDArray[np.int64]:
        """A legal action for each observation `[B, F]` under its mask `[B, A]`, which must allow something.

        With chance `epsilon` any legal one; else the best one, or with a temperature one drawn as `Policy.act` does.
        """
        if self._policy.indifferent:
            return any_legal(action_masks, random)
        noise = random.gumbel(size=action_masks.shape).astype(np.float32) if temperature > 0.0 else None
        actions = self._chosen(observations, action_masks, noise, temperature)
        if epsilon > 0.0:
            tried = (random.random(len(actions)) < epsilon).nonzero()[0]
            actions[tried] = any_legal(action_masks[tried], random)
        return actions

    def _chosen(
        self, observations: Floats, masks: Bools, noise: Floats | None, temperature: float
    ) -> NDArray[np.int64]:
        if self._weights is not None and not self.fault:
            try:
                with torch.no_grad():
                    values = td.forward(self._weights, self.spec, torch.from_numpy(observations).to(self.device))
                    return best(values, torch.from_numpy(masks).to(self.device), noise, temperature).cpu().numpy()
            except BROKEN as error:
                self._leave(error)
        values = torch.from_numpy(self._policy.q_values_batch(observations))
        return best(values, torch.from_numpy(masks), noise, temperature).numpy()

    def _leave(self, error: Exception) -> None:
        self._weights = None
        self.fault = f"Acting on {self.device.type} failed, so it goes on with numpy: {str(error).splitlines()[0]}"


def best(values: Tensor, masks: Tensor, noise: Floats | None, temperature: float) -> Tensor:
    """The best legal action of each row `[B]` under Q-values and masks `[B, A]`; with Gumbel noise one drawn.

    The largest of value / temperature + Gumbel noise is distributed as the softmax (Gumbel 1954; Maddison et al. 2014).
    """
    values = values.masked_fill(~masks, float("-inf"))
    if noise is None:
        return values.argmax(1)
    gaps = (values - values.max(1, keepdim=True).values) / temperature
    lots = gaps + torch.from_numpy(noise).to(values.device)
    return lots.masked_fill(gaps <= -CLEARLY_BAD, float("-inf")).argmax(1)


def choose_acting(device: str, spec: NetworkSpec, rows: int, measure: Measure | None = None) -> Choice:
    """Where the present policy acts, `rows` decisions at a time: on `device`, where learning is, or with numpy."""
    measure = measure or acting_speed
    try:
        timings = {device: measure(device, spec, rows), NUMPY: measure(NUMPY, spec, rows)}
    except BROKEN as error:
        return Choice(NUMPY, f"Acting on {device} failed in a trial, so it acts with numpy: {error}")
    fastest = max(timings, key=lambda where: timings[where])
    speeds = f"{timings[device]:,.0f} decisions a second on {device} and {timings[NUMPY]:,.0f} with numpy"
    return Choice(fastest, f"Measured {speeds}, {rows} at a time: it acts {_where(fastest)}.", timings)


def _where(device: str) -> str:
    return "with numpy" if device == NUMPY else f"on {device}"


def acting_speed(where: str, spec: NetworkSpec, rows: int) -> float:
    """Decisions a second in batches of `rows`, `where` being a device or "numpy"; RuntimeError where it fails."""
    random = np.random.default_rng(0)
    flat = draw(spec, random)
    flat[-1] = 1.0  # one that prefers something: a policy that does not need not compute anything
    policy, masks = Policy(spec, flat, 0), np.ones((rows, spec.num_actions), np.bool_)
    observations = random.normal(size=(rows, spec.observation_size)).astype(np.float32)
    actor: DeviceActor | None = None
    if where != NUMPY:
        actor = DeviceActor(spec, where)
        actor.take(policy)
    act = policy.act_batch if actor is None else actor.act_batch
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        for _ in range(CALLS):
            act(observations, masks, random)
        seconds.append(time.perf_counter() - start)
    if actor is not None and actor.fault:
        raise RuntimeError(actor.fault)
    return CALLS * rows / min(seconds[1:])
