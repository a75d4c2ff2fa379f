"""The learner: an online and a target network, and one learning step or a burst of them. No thread, no I/O.

Whoever made a learner is the only thread that calls it (in the plugin: the trainer). It sets no torch option; the
trainer's thread is configured by hardware.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cornerman import td
from cornerman.contract import Floats, ModelError
from cornerman.graph_burst import GraphBurst
from cornerman.network import NetworkSpec, draw, split
from cornerman.settings import Settings

CLEAR_PERIOD = 96
"""Learning steps between two clearings of tiny moments; whole bursts of 16, so that parts of one change nothing."""
HEAD_UNITS = 16
"""The head is padded to a multiple of this many units: a product with 11 columns took four times one with 16."""


class BatchLike(Protocol):
    """What the learner reads of a batch: numpy arrays or torch tensors, any number of rows in front."""

    @property
    def observation(self) -> Any: ...  # [..., F] float32
    @property
    def action(self) -> Any: ...  # [...] int64
    @property
    def reward(self) -> Any: ...  # [...] float32, n-step
    @property
    def discount(self) -> Any: ...  # [...] float32: 0 where the battle ended, else gamma^n
    @property
    def next_observation(self) -> Any: ...  # [..., F] float32
    @property
    def next_action_mask(self) -> Any: ...  # [..., A] bool


@dataclass(frozen=True, slots=True)
class Learned:
    """What a burst of learning steps came to; the figures are means over the steps that were applied."""

    steps: int  # applied
    dropped: int  # left out because their loss, gradient or weights were not finite
    loss: float  # mean Huber loss; NaN where every step was dropped, like the two below
    td_error: float  # mean absolute TD error
    gradient_norm: float  # before the clip


class Learner:
    """Double Q-learning on the flat parameter vector `[P]` with Adam and an averaged target network."""

    def __init__(
        self,
        spec: NetworkSpec,
        *,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        target_rate: float = 0.01,
        gradient_clip: float = 10.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.spec = spec
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.target_rate = target_rate
        self.gradient_clip = gradient_clip
        self.steps = 0
        self.dropped = 0
        self.fault = ""
        """Why learning moved from an accelerator to the CPU, as a sentence; empty while nothing went wrong."""
        padded_actions = -(-spec.num_actions // HEAD_UNITS) * HEAD_UNITS
        self._padded = replace(spec, num_actions=padded_actions)
        self._shape = td.shape_of(self._padded)
        online = torch.from_numpy(_fit(draw(spec, np.random.default_rng(seed)), spec, self._padded))
        self._good = td.Weights(online, online.clone(), torch.zeros_like(online), torch.zeros_like(online))
        self._graphs: GraphBurst | None = None
        self._use(torch.device(device))

    @property
    def is_scripted(self) -> bool:
        """Whether a burst is one call without the GIL; where not, the same steps run one operation at a time."""
        return self._burst is not td.learn_burst

    def warm_up(self) -> None:
        """Run three small bursts on made-up rows and throw them away; learns nothing.

        TorchScript rewrites a function in its first calls, up to 0.1 s each: call this while the game still loads.
        """
        if not self.is_scripted:
            return
        spec = self._padded
        nothing = torch.zeros(2, self.batch_size, device=self.device)
        observation = nothing.unsqueeze(2).expand(-1, -1, spec.observation_size)
        mask = torch.ones(2, self.batch_size, spec.num_actions, dtype=torch.bool, device=self.device)
        rows = td.Rows(observation, nothing.long(), nothing, nothing, observation, mask)
        with torch.no_grad():
            for _ in range(3):
                self._run(rows)
        self._use(self.device)

    def learn(self, batch: BatchLike) -> Learned:
        """One learning step from a batch of B rows."""
        return self.learn_burst(batch)

    def learn_burst(self, batch: BatchLike) -> Learned:
        """K learning steps in one call, from K * batch_size rows (flat, or stacked as `[K, B, ...]`).

        A step whose loss, gradient or weights are not finite is dropped and counted, and the weights before it stay.
        A failing accelerator is left for the CPU, with the weights from before the burst (`fault` says why); a failing
        CPU raises, with those weights too.
        ValueError where the rows are no multiple of the batch size or do not fit the network.
        """
        rows = self._rows(batch)
        started = self.steps
        with torch.no_grad():
            try:
                figures = self._learn(rows)
            except RuntimeError as error:  # out of memory, a lost device: torch raises both as this
                failed, self.steps = self.device.type, started
                self._use(torch.device("cpu"))
                if failed == "cpu":
                    raise
                self.fault = f"The {failed} device failed, so learning goes on on the CPU: {error}"
                figures = self._learn(rows)
        loss, td_error, norm = figures.cpu().double().mean(1).tolist()
        applied = self.steps - started
        return Learned(applied, rows.action.shape[0] - applied, loss, td_error, norm)

    def q_values(self, observations: Floats) -> Floats:
        """Q-values `[B, A]` of observations `[B, F]` under the online network."""
        with torch.no_grad():
            rows = torch.as_tensor(np.array(observations, np.float32), device=self.device)
            padded = td.forward(self._weights.online, self._shape, rows)
            values: Floats = np.array(padded[:, : self.spec.num_actions].cpu().numpy())
        return values

    def snapshot(self) -> Floats:
        """A copy of the online parameters, float32 `[P]`."""
        return _fit(self._good.online.numpy(), self._padded, self.spec)

    def averaged(self) -> Floats:
        """A copy of the averaged parameters, float32 `[P]`: steadier than the newest, so they are put to the gate."""
        return _fit(self._good.target.numpy(), self._padded, self.spec)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that learning continues from, as copies: `restore` of it learns on bit for bit (on a CPU)."""
        arrays: dict[str, NDArray[Any]] = {
            name: _fit(tensor.numpy(), self._padded, self.spec) for name, tensor in self._good._asdict().items()
        }
        arrays["steps"] = np.array(self.steps, np.int64)
        return arrays

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue from `state()`; ModelError, and nothing changed, where an array is missing or does not fit."""
        loaded = [self._checked(arrays, name) for name in td.Weights._fields]
        steps = int(np.asarray(arrays.get("steps", -1)))
        if steps < 0:
            raise ModelError("The stored learner's count of steps is missing or negative: start over from a version.")
        self._good = td.Weights(*(torch.from_numpy(_fit(values, self.spec, self._padded)) for values in loaded))
        self._use(self.device)
        self.steps = steps

    def load(self, flat: Floats) -> None:
        """Start over from parameters `[P]` of a stored version: both networks take them, the moments are cleared."""
        zeros = np.zeros_like(flat)
        names = td.Weights._fields
        arrays = dict(zip(names, (flat, flat, zeros, zeros), strict=True))
        self.restore({**arrays, "steps": np.array(0)})

    def _checked(self, arrays: Mapping[str, NDArray[Any]], name: str) -> Floats:
        values = arrays.get(name)
        size = self.spec.num_parameters
        if values is None or values.shape != (size,) or not np.isfinite(values).all():
            found = "missing" if values is None else f"of shape {values.shape}, or not finite"
            raise ModelError(f"The stored learner's {name!r} is {found}; this network needs {size} finite numbers.")
        return np.asarray(values, np.float32)

    def _use(self, device: torch.device) -> None:
        """Go on with the last good weights on `device`."""
        self.device = device
        self._weights = td.Weights(*(tensor.to(device, copy=True) for tensor in self._good))
        # On accelerators TorchScript would compile kernels anew for every shape, with stalls of seconds.
        if device.type == "cuda":
            self._graphs = self._graphs or GraphBurst(torch.cuda)
        self._burst = (td.scripted_burst() if device.type == "cpu" else self._graphs) or td.learn_burst

    def _rows(self, batch: BatchLike) -> td.Rows:
        """The batch as `[K, B, ...]`, its masks padded to the padded head."""
        spec = self.spec
        observation, action = _column(batch.observation, torch.float32), _column(batch.action, torch.int64)
        next_observation = _column(batch.next_observation, torch.float32)
        mask = _column(batch.next_action_mask, torch.bool)
        if (observation.shape[-1], next_observation.shape[-1], mask.shape[-1]) != (
            spec.observation_size,
            spec.observation_size,
            spec.num_actions,
        ):
            raise ValueError(f"the batch's observations or masks do not fit a {spec}")
        mask = torch.nn.functional.pad(mask, (0, self._padded.num_actions - spec.num_actions))
        reward, discount = _column(batch.reward, torch.float32), _column(batch.discount, torch.float32)
        columns = (observation, action, reward, discount, next_observation, mask)
        num_rows = action.numel()
        wanted = [num_rows * (column.shape[-1] if column.dim() > action.dim() else 1) for column in columns]
        if num_rows == 0 or num_rows % self.batch_size or [column.numel() for column in columns] != wanted:
            raise ValueError(f"{num_rows} rows are not whole steps of {self.batch_size}, or their columns differ")
        if int(action.min()) < 0 or int(action.max()) >= spec.num_actions:
            raise ValueError(f"the batch holds an action outside 0 to {spec.num_actions - 1}")
        shape = (num_rows // self.batch_size, self.batch_size)
        return td.Rows(*(column.reshape(*shape, *column.shape[action.dim() :]) for column in columns))

    def _learn(self, rows: td.Rows) -> torch.Tensor:
        """Run the burst, or where it goes non-finite its finite steps; figures `[3, applied]`."""
        rows = td.Rows(*(column.to(self.device) for column in rows))
        figures = self._run(rows)
        if self._is_finite(figures):
            self._keep(rows.action.shape[0])
            return figures
        kept = [torch.empty(3, 0, device=self.device)]
        for k in range(rows.action.shape[0]):
            self._use(self.device)
            figures = self._run(td.Rows(*(column[k : k + 1] for column in rows)))
            if self._is_finite(figures):
                self._keep(1)
                kept.append(figures)
            else:
                self.dropped += 1
        self._use(self.device)
        return torch.cat(kept, 1)

    def _run(self, rows: td.Rows) -> torch.Tensor:
        rates = [td.adam_rates(self.steps + 1 + k, self.learning_rate) for k in range(rows.action.shape[0])]
        return self._burst(
            self._weights,
            self._shape,
            rows,
            torch.tensor(rates, device=self.device),
            self.gradient_clip,
            self.target_rate,
        )

    def _keep(self, num_steps: int) -> None:
        """Count the steps and make the weights after them the last good ones, on the host."""
        before, self.steps = self.steps, self.steps + num_steps
        if before // CLEAR_PERIOD != self.steps // CLEAR_PERIOD:
            td.clear_tiny(self._weights.first_moment)
        self._good = td.Weights(*(tensor.to("cpu", copy=True) for tensor in self._weights))

    def _is_finite(self, figures: torch.Tensor) -> bool:
        """Whether the figures `[3, K]` and the weights after them are finite: a sum is, only where every number is."""
        sums = torch.stack([figures.sum(), *(tensor.sum() for tensor in self._weights)])
        return bool(torch.isfinite(sums).all())


def _column(column: Any, kind: torch.dtype) -> torch.Tensor:
    """`column` as a tensor; a read-only array is copied, because a tensor over one could be written through."""
    if isinstance(column, torch.Tensor):
        return column.to(kind)
    array = np.asarray(column)
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(kind)


def _fit(flat: Floats, spec: NetworkSpec, wanted: NetworkSpec) -> Floats:
    """The parameters of `spec` in the layout of `wanted`, which differs in the number of actions only; a copy."""
    fitted = np.zeros(wanted.num_parameters, np.float32)
    arrays = split(flat, spec)
    for name, view in split(fitted, wanted).items():
        part = tuple(slice(0, min(a, b)) for a, b in zip(view.shape, arrays[name].shape, strict=True))
        view[part] = arrays[name][part]
    return fitted


def build_learner(spec: NetworkSpec, settings: Settings, device: str) -> Learner:
    """A learner with the settings' figures."""
    return Learner(
        spec,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        target_rate=settings.target_rate,
        gradient_clip=settings.gradient_clip,
        seed=settings.seed,
        device=device,
    )
