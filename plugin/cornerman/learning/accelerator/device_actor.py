"""Batched decisions of a policy on a device, and the choice between that and numpy by a timing. For one thread.

Weights stay on the device and are sent again for another version only; observations and masks go there, actions come
back. After a failure of the device, the numpy policy decides, from the same call on.
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
from cornerman.learning.learner import DEVICE_ERRORS, first_line
from cornerman.policy.batched_forward import any_legal, choose
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw

NUMPY = "numpy"
CALLS, REPEATS = 10, 4
"""Calls in one timed stretch, and stretches of which the fastest counts, after one to warm up."""

Measure = Callable[[str, NetworkSpec, int], float]


class DeviceActor:
    """`Policy.act_batch` on a device, for the policy that `take` was given last."""

    def __init__(self, spec: NetworkSpec, device: str) -> None:
        self.spec, self.device = spec, torch.device(device)
        self._policy = Policy(spec, np.zeros(spec.num_parameters, np.float32))
        self._weights: Tensor | None = None
        self.fault = ""
        """Why decisions moved from the device to numpy, as a sentence; empty while they did not."""

    @property
    def version(self) -> int:
        """Version of the policy that acts."""
        return self._policy.version

    def take(self, policy: Policy) -> None:
        """Act by `policy` from now on; its weights are sent unless this version's are there already."""
        known = self._weights is not None and policy.version == self._policy.version
        self._policy = policy
        if known or self.fault:
            return
        try:
            self._weights = torch.from_numpy(policy.flat.copy()).to(self.device)
        except DEVICE_ERRORS as error:
            self._leave(error)

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]:
        """A legal action for each observation `[B, F]` under its mask `[B, A]`, as `Policy.act_batch`."""
        if self._policy.indifferent:
            return any_legal(action_masks, random)
        actions = self._best(observations, action_masks)
        if epsilon > 0.0:
            tried = (random.random(len(actions)) < epsilon).nonzero()[0]
            actions[tried] = any_legal(action_masks[tried], random)
        return actions

    def _best(self, observations: Floats, masks: Bools) -> NDArray[np.int64]:
        if self._weights is not None:
            try:
                with torch.no_grad():
                    values = td.forward(self._weights, self.spec, torch.from_numpy(observations).to(self.device))
                    legal = torch.from_numpy(masks).to(self.device)
                    return values.masked_fill(~legal, -torch.inf).argmax(1).cpu().numpy()
            except DEVICE_ERRORS as error:
                self._leave(error)
        return choose(self._policy.q_values_batch(observations), masks)

    def _leave(self, error: Exception) -> None:
        self._weights = None
        self.fault = f"Acting on {self.device.type} failed, so it continues with numpy: {first_line(error)}"


def choose_acting(device: str, spec: NetworkSpec, rows: int, measure: Measure | None = None) -> Choice:
    """Where the present policy acts, `rows` decisions at a time: on `device`, where learning is, or with numpy."""
    measure = measure or acting_speed
    try:
        timings = {where: measure(where, spec, rows) for where in (device, NUMPY)}
    except DEVICE_ERRORS as error:
        return Choice(NUMPY, f"Acting on {device} failed in a trial, so workers act with numpy: {first_line(error)}")
    fastest = max(timings, key=lambda where: timings[where])
    speeds = f"{timings[device]:,.0f} decisions a second on {device} and {timings[NUMPY]:,.0f} with numpy"
    where = "with numpy" if fastest == NUMPY else f"on {device}"
    return Choice(fastest, f"Measured {speeds}, {rows} at a time: workers act {where}.", timings)


def acting_speed(where: str, spec: NetworkSpec, rows: int) -> float:
    """Decisions a second in batches of `rows`, `where` being a device or "numpy"; RuntimeError where it fails."""
    random = np.random.default_rng(0)
    flat = draw(spec, random)
    flat[-1] = 1.0  # a policy that prefers nothing would compute nothing
    policy, masks = Policy(spec, flat, 0), np.ones((rows, spec.num_actions), np.bool_)
    observations = random.normal(size=(rows, spec.observation_size)).astype(np.float32)
    actor = None if where == NUMPY else DeviceActor(spec, where)
    if actor is not None:
        actor.take(policy)
    act, seconds = policy.act_batch if actor is None else actor.act_batch, list[float]()
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        for _ in range(CALLS):
            act(observations, masks, random)
        seconds.append(time.perf_counter() - start)
    if actor is not None and actor.fault:
        raise RuntimeError(actor.fault)
    return CALLS * rows / min(seconds[1:])
