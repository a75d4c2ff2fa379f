"""The learner: an online and a target network, and one learning step or a burst of them. No thread, no I/O.

Whoever made a learner is the only thread that calls it (in the plugin: the trainer). It sets no torch option; the
trainer's thread is configured by hardware.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cornerman.contract import Floats, ModelError
from cornerman.learning import td
from cornerman.learning.accelerator.cuda_graphs import GraphBurst
from cornerman.policy.q_network import NetworkSpec, draw, split
from cornerman.settings import Settings

log = logging.getLogger("cornerman")

HEAD_UNITS = 16
"""The head is padded to a multiple of this many units: a product with 11 columns took four times one with 16."""
TRIALS = 3
"""TorchScript rewrites a function in its first calls, up to 0.1 s each; only after so many of them it is relied on."""
DEVICE_ERRORS = (RuntimeError, AssertionError)
"""What torch raises for a device that is full or lost, or that it was built without."""

LearnPart = Callable[..., torch.Tensor]
"""Called like `td.learn_part`."""


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
        self._trials, self._script_runs = TRIALS, True
        self._use(torch.device(device))

    @property
    def is_scripted(self) -> bool:
        """Whether a burst is one call without the GIL; where not, the same steps run one operation at a time."""
        return self._learn_part not in (td.learn_part, self._graph_part)

    def warm_up(self) -> None:
        """Run three small bursts on made-up rows and throw them away; learns nothing.

        They are TorchScript's slow first calls, and show whether it runs at all: call this while the game still loads.
        """
        if not self.is_scripted:
            return
        spec, before = self._padded, self.state()
        nothing = torch.zeros(2, self.batch_size, device=self.device)
        observation = nothing.unsqueeze(2).expand(-1, -1, spec.observation_size)
        mask = torch.ones(2, self.batch_size, spec.num_actions, dtype=torch.bool, device=self.device)
        rows = td.Rows(observation, nothing.long(), nothing, nothing, observation, mask)
        for _ in range(TRIALS):
            self._run(rows, 0, 2, torch.zeros(1, dtype=torch.uint8))
        self.restore(before)

    def learn(self, batch: BatchLike) -> Learned:
        """One learning step from a batch of B rows."""
        return self.learn_burst(batch)

    def learn_burst(self, batch: BatchLike) -> Learned:
        """K learning steps in one call, from K * batch_size rows (flat, or stacked as `[K, B, ...]`).

        As `learn_rows`; ValueError where the rows are no multiple of the batch size or do not fit the network.
        """
        return self.learn_rows(self.prepare(batch))

    def learn_rows(
        self, rows: td.Rows, start: int = 0, most: int | None = None, stop: torch.Tensor | None = None
    ) -> Learned:
        """Learning steps from prepared rows, from batch `start` on and `most` at the most; all of them without it.

        Once `stop` `[1]` is not 0 (any thread may set it) the step under way is the last. A step whose loss, gradient
        or weights are not finite is dropped and counted, and the weights before it stay. A failing accelerator is left
        for the CPU, with the weights from before the call (`fault` says why); a failing CPU raises, with those weights
        too.
        """
        most = rows.action.shape[0] - start if most is None else most
        try:
            return self._learn(rows, start, most, stop)
        except DEVICE_ERRORS as error:
            failed = self.device
            self._use(torch.device("cpu"))
            if failed.type == "cpu":
                raise
            self._blame(failed, error)
        return self._learn(rows, start, most, stop)

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
        """Go on with the last good weights on `device`, or on the CPU where it fails; a failing CPU raises."""
        try:
            weights = td.Weights(*(tensor.to(device, copy=True) for tensor in self._good))
            if device.type == "cuda":
                self._graphs = self._graphs or GraphBurst(torch.cuda)
        except DEVICE_ERRORS as error:
            if device.type == "cpu":
                raise
            self._blame(device, error)
            self._use(torch.device("cpu"))
            return
        self.device, self._weights = device, weights
        # On accelerators TorchScript would compile kernels anew for every shape, with stalls of seconds.
        self._learn_part: LearnPart
        if self._graphs is not None and device.type == "cuda":
            self._learn_part = self._graph_part
        else:
            compiles = device.type == "cpu" and self._script_runs
            self._learn_part = (td.scripted(td.learn_part) if compiles else None) or td.learn_part

    def _blame(self, device: torch.device, error: Exception) -> None:
        """Say in `fault` why learning left `device`. After its first line torch gives developers advice."""
        reason = str(error).partition("\n")[0] or type(error).__name__
        self.fault = f"The {device.type} device failed, so learning goes on on the CPU: {reason}"

    def prepare(self, batch: BatchLike) -> td.Rows:
        """The batch as tensors `[K, B, ...]`, its masks padded to the padded head, ready for `learn_rows`.

        Tensors on an accelerator stay there. ValueError where the rows are no multiple of the batch size or do not fit
        the network. What comes back may share the batch's memory: leave it alone until it is learned from.
        """
        spec, padded = self.spec, self._padded.num_actions
        observation, action = _column(batch.observation, np.float32), _column(batch.action, np.int64)
        following, legal = _column(batch.next_observation, np.float32), _column(batch.next_action_mask, np.bool_)
        reward, discount = _column(batch.reward, np.float32), _column(batch.discount, np.float32)
        sizes = (spec.observation_size, spec.observation_size, spec.num_actions)
        if (observation.shape[-1], following.shape[-1], legal.shape[-1]) != sizes:
            raise ValueError(f"the batch's observations or masks do not fit a {spec}")
        columns = (observation, action, reward, discount, following, legal)
        num_rows = prod(action.shape)
        wanted = [num_rows * (column.shape[-1] if column.ndim > action.ndim else 1) for column in columns]
        if num_rows == 0 or num_rows % self.batch_size or [prod(column.shape) for column in columns] != wanted:
            raise ValueError(f"{num_rows} rows are not whole steps of {self.batch_size}, or their columns differ")
        if action.min() < 0 or action.max() >= spec.num_actions:
            raise ValueError(f"the batch holds an action outside 0 to {spec.num_actions - 1}")
        columns = (*columns[:-1], _padded(legal, padded))
        shape = (num_rows // self.batch_size, self.batch_size)
        return td.Rows(*(torch.as_tensor(column.reshape(*shape, *column.shape[action.ndim :])) for column in columns))

    def _learn(self, rows: td.Rows, start: int, most: int, stop: torch.Tensor | None) -> Learned:
        """Run the steps, or where they go non-finite the finite ones of them."""
        done, finite, *means = self._run(rows, start, most, stop)
        if finite:
            self.steps += int(done)
            return Learned(int(done), 0, *means)
        before = _copies(self._good), self.steps, self.dropped
        try:
            return self._one_by_one(rows, start, int(done))
        except DEVICE_ERRORS:  # whoever learns these rows again must not learn the first of them twice
            self._good, self.steps, self.dropped = before
            raise

    def _one_by_one(self, rows: td.Rows, start: int, count: int) -> Learned:
        """The same steps, each of them alone, without those that go non-finite."""
        applied, kept = 0, list[list[float]]()
        for k in range(count):
            self._use(self.device)
            _, finite, *means = self._run(rows, start + k, 1, None)
            if finite:
                self.steps += 1
                applied += 1
                kept.append(means)
            else:
                self.dropped += 1
        self._use(self.device)
        loss, td_error, norm = np.mean(kept, 0).tolist() if kept else [float("nan")] * 3
        return Learned(applied, count - applied, loss, td_error, norm)

    def _run(self, rows: td.Rows, start: int, most: int, stop: torch.Tensor | None) -> list[float]:
        """What `td.learn_part` tells; where the weights after it are finite, they are the last good ones now."""
        constants = [self.learning_rate, self.gradient_clip, self.target_rate]
        if {self.device.type, rows.action.device.type} != {"cpu"}:
            there = self.device.type == "cuda"  # on the way back nobody would wait until the rows have arrived
            rows = td.Rows(*(column[start : start + most].to(self.device, non_blocking=there) for column in rows))
            start = 0
        with torch.no_grad():
            told = self._call(self._shape, rows, [start, most, self.steps], constants, stop)
        figures: list[float] = told.tolist()
        return figures

    def _call(self, *arguments: Any) -> torch.Tensor:
        """The learn part on the weights; where one of TorchScript's trials raises, the eager way from then on."""
        if not (self._trials and self.is_scripted):
            return self._learn_part(self._weights, self._good, *arguments)
        before = _copies(self._good)
        try:
            told = self._learn_part(self._weights, self._good, *arguments)
        except Exception:  # whatever a broken TorchScript raises: the eager way is equal
            log.warning("TorchScript does not run here, so learning takes the slower way without it", exc_info=True)
            self._trials, self._script_runs, self._good = 0, False, before
            self._use(self.device)
            return self._learn_part(self._weights, self._good, *arguments)
        self._trials -= 1
        return told

    def _graph_part(
        self,
        weights: td.Weights,
        kept: td.Weights,
        shape: td.Shape,
        rows: td.Rows,
        span: list[int],
        constants: list[float],
        stop: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """`td.learn_part` by CUDA graphs, on rows that begin where the span does."""
        assert self._graphs is not None
        (_, most, step), (learning_rate, clip, target_rate) = span, constants
        rates = [td.adam_rates(step + 1 + k, learning_rate) for k in range(most)]
        rate_pairs = torch.tensor(rates, device=rows.action.device)
        figures = self._graphs(weights, shape, rows, rate_pairs, clip, target_rate, stop)
        return td.keep_finite(weights, kept, figures)


def _copies(weights: td.Weights) -> td.Weights:
    return td.Weights(*(tensor.clone() for tensor in weights))


def _column(column: Any, kind: Any) -> Any:
    """`column` as an array, or as the tensor it is where it lies on an accelerator.

    A read-only array is copied, because a tensor over it could be written through. In numpy, because most torch
    operations let go of the interpreter, which takes long to get back beside a busy game.
    """
    if isinstance(column, torch.Tensor) and column.device.type != "cpu":
        return column.to(torch.from_numpy(np.empty(0, kind)).dtype)
    array = np.asarray(column, kind)
    return array if array.flags.writeable else array.copy()


def _padded(legal: Any, units: int) -> Any:
    """Masks `[..., A]`, arrays or tensors, with illegal actions after them, `[..., units]`."""
    if isinstance(legal, torch.Tensor):
        return torch.nn.functional.pad(legal, (0, units - legal.shape[-1]))
    padded = np.zeros((*legal.shape[:-1], units), np.bool_)
    padded[..., : legal.shape[-1]] = legal
    return padded


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
