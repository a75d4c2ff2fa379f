"""The learner: an online and a target network, and one learning step or a burst of them. No thread, no I/O.

Whoever made a learner is the only thread that calls it (in the plugin: the trainer). It sets no torch option; the
trainer's thread is configured by hardware.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cornerman import td
from cornerman.contract import Floats, ModelError
from cornerman.network import NetworkSpec, draw

CLEAR_PERIOD = 100
"""Learning steps between two clearings of tiny moments."""


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
    dropped: int  # left out because their loss or gradient was not finite
    loss: float  # mean Huber loss; NaN where every step was dropped
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
        target_rate: float = 0.005,
        gradient_clip: float = 10.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.spec = spec
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.target_rate = target_rate
        self.gradient_clip = gradient_clip
        self.device = torch.device(device)
        self.steps = 0
        self.dropped = 0
        self._sizes = td.layer_sizes(spec)
        self._burst = td.scripted_burst() or td.learn_burst
        online = torch.from_numpy(draw(spec, np.random.default_rng(seed))).to(self.device)
        self._weights = td.Weights(online, online.clone(), torch.zeros_like(online), torch.zeros_like(online))
        self._good = td.Weights(*(tensor.clone() for tensor in self._weights))

    @property
    def is_scripted(self) -> bool:
        """Whether a burst is one call without the GIL; where not, the same steps run one operation at a time."""
        return self._burst is not td.learn_burst

    def learn(self, batch: BatchLike) -> Learned:
        """One learning step from a batch of B rows."""
        return self.learn_burst(batch)

    def learn_burst(self, batch: BatchLike) -> Learned:
        """K learning steps in one call, from K * batch_size rows (flat, or stacked as `[K, B, ...]`).

        A step whose loss or gradient is not finite is dropped and counted, and the weights before it stay.
        ValueError where the rows are no multiple of the batch size or do not fit the network.
        """
        rows = self._rows(batch)
        num_steps = rows.action.shape[0]
        with torch.no_grad():
            for tensor, good in zip(self._weights, self._good, strict=True):
                good.copy_(tensor)
            figures = self._run(rows)
            if self._is_finite(figures):
                self.steps += num_steps
            else:
                self._restore_good()
                figures = self._learn_carefully(rows)
            if self.steps // CLEAR_PERIOD != (self.steps - len(figures)) // CLEAR_PERIOD:
                td.clear_tiny(self._weights)
        return self._summary(figures, num_steps)

    def q_values(self, observations: Floats) -> Floats:
        """Q-values `[B, A]` of observations `[B, F]` under the online network."""
        with torch.no_grad():
            rows = torch.as_tensor(np.array(observations, np.float32), device=self.device)
            values: Floats = td.forward(self._weights.online, self._sizes, rows).cpu().numpy()
        return values

    def snapshot(self) -> Floats:
        """A copy of the online parameters, float32 `[P]`."""
        return np.array(self._weights.online.cpu().numpy(), np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that learning continues from, as copies: `restore` of it learns on bit for bit (on a CPU)."""
        arrays: dict[str, NDArray[Any]] = {
            name: np.array(tensor.cpu().numpy()) for name, tensor in self._weights._asdict().items()
        }
        arrays["steps"] = np.array(self.steps, np.int64)
        return arrays

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `state()`; ModelError, and nothing changed, where an array is missing or does not fit."""
        loaded = {name: self._checked(arrays, name) for name in td.Weights._fields}
        steps = int(np.asarray(arrays.get("steps", -1)))
        if steps < 0:
            raise ModelError("The stored learner's count of steps is missing or negative: start over from a version.")
        for name, values in loaded.items():
            getattr(self._weights, name).copy_(torch.from_numpy(values))
        self.steps = steps

    def load(self, flat: Floats) -> None:
        """Start over from parameters `[P]` of a stored version: both networks take them, the moments are cleared."""
        self.restore(
            {
                "online": flat,
                "target": flat,
                "first_moment": np.zeros_like(flat),
                "second_moment": np.zeros_like(flat),
                "steps": np.array(0),
            }
        )

    def _checked(self, arrays: dict[str, NDArray[Any]], name: str) -> Floats:
        values = arrays.get(name)
        size = self.spec.num_parameters
        if values is None or values.shape != (size,) or not np.isfinite(values).all():
            found = "missing" if values is None else f"of shape {values.shape}, or not finite"
            raise ModelError(f"The stored learner's {name!r} is {found}; this network needs {size} finite numbers.")
        return np.array(values, np.float32)

    def _rows(self, batch: BatchLike) -> td.Rows:
        """The batch on the device, as `[K, B, ...]`."""
        size, spec = self.batch_size, self.spec
        shapes = (
            ("observation", torch.float32, (spec.observation_size,)),
            ("action", torch.int64, ()),
            ("reward", torch.float32, ()),
            ("discount", torch.float32, ()),
            ("next_observation", torch.float32, (spec.observation_size,)),
            ("next_action_mask", torch.bool, (spec.num_actions,)),
        )
        try:
            columns = [
                _tensor(getattr(batch, name)).to(self.device, kind).reshape(-1, size, *shape)
                for name, kind, shape in shapes
            ]
        except RuntimeError as error:
            raise ValueError(f"the batch does not divide into steps of {size} rows for {spec}: {error}") from error
        if len({column.shape[0] for column in columns}) != 1 or columns[0].shape[0] == 0:
            raise ValueError(f"the batch's columns hold {[column.shape[0] * size for column in columns]} rows")
        return td.Rows(*columns)

    def _run(self, rows: td.Rows) -> torch.Tensor:
        first = self.steps + 1
        rates = [td.adam_rates(first + k, self.learning_rate) for k in range(rows.action.shape[0])]
        return self._burst(
            self._weights,
            self._sizes,
            rows,
            torch.tensor(rates, device=self.device),
            self.gradient_clip,
            self.target_rate,
        )

    def _learn_carefully(self, rows: td.Rows) -> torch.Tensor:
        """The burst again, one step at a time, keeping only the finite ones; `[applied, 3]`."""
        kept = []
        for k in range(rows.action.shape[0]):
            for tensor, good in zip(self._weights, self._good, strict=True):
                good.copy_(tensor)
            figures = self._run(td.Rows(*(column[k : k + 1] for column in rows)))
            if self._is_finite(figures):
                kept.append(figures)
                self.steps += 1
            else:
                self._restore_good()
                self.dropped += 1
        return torch.cat(kept) if kept else torch.empty(0, 3)

    def _is_finite(self, figures: torch.Tensor) -> bool:
        """Whether all figures `[K, 3]` and the weights after them are finite (a sum is, only where every number is)."""
        sums = torch.stack([figures.sum(), *(tensor.sum() for tensor in self._weights)])
        return bool(torch.isfinite(sums).all())

    def _restore_good(self) -> None:
        for tensor, good in zip(self._weights, self._good, strict=True):
            tensor.copy_(good)

    def _summary(self, figures: torch.Tensor, num_steps: int) -> Learned:
        loss, td_error, norm = figures.double().mean(0).tolist()
        return Learned(len(figures), num_steps - len(figures), loss, td_error, norm)


def _tensor(column: Any) -> torch.Tensor:
    """`column` as a tensor; a read-only array is copied, because a tensor over one could be written through."""
    if isinstance(column, torch.Tensor):
        return column
    array = np.asarray(column)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
