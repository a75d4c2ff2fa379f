"""The learner: an online and a target network, and one learning step or a burst of them. No thread, no I/O.

Only the thread that made a learner calls it (in the plugin: the trainer's). It learns on the CPU with the function that
it is given, plain numpy or compiled; torch is imported only where an accelerator was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats, ModelError
from cornerman.learning.update import LearnSteps, Rates, Rows, Sums, learn_steps, scratch_size, sizes_of
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.settings import Settings

if TYPE_CHECKING:
    from cornerman.learning.accelerator.torch_steps import TorchSteps

ARRAYS = ("online", "target", "first_moment", "second_moment")
"""Names of the rows of the weights `[4, P]` in a stored state."""
RATES = Rates()
DEVICE_ERRORS = (RuntimeError, AssertionError, NotImplementedError, ImportError)
"""What torch raises for a device that is full or lost, or that it was built without."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Result of a burst of learning steps; the figures are means over the steps that were applied."""

    steps: int  # applied
    dropped: int  # left out because their loss or gradient was not finite
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
        rates: Rates = RATES,
        seed: int = 0,
        device: str = "cpu",
        on_cpu: LearnSteps = learn_steps,
    ) -> None:
        """`on_cpu`: `update.learn_steps` or the same compiled (compiled.py)."""
        self.spec = spec
        self.batch_size = batch_size
        self.steps = 0
        self.dropped = 0
        self.fault = ""
        """Why learning moved from an accelerator to the CPU, as a sentence; empty while nothing went wrong."""
        self.device = "cpu"
        self._rates, self._on_cpu, self._sizes = rates, on_cpu, sizes_of(spec)
        self._scratch = np.empty(scratch_size(spec, batch_size), np.float32)
        self._weights: Floats = np.zeros((len(ARRAYS), spec.num_parameters), np.float32)
        self._weights[:2] = draw(spec, np.random.default_rng(seed))
        self._accelerator: TorchSteps | None = None
        if device != "cpu":
            self._begin_on(device)

    def learn_burst(self, batch: Any) -> Learned:
        """K learning steps in one call, from K * batch_size rows, as `prepare` and `learn_rows`."""
        return self.learn_rows(self.prepare(batch))

    def learn_rows(
        self, rows: Rows, start: int = 0, most: int | None = None, stop: NDArray[np.uint8] | None = None
    ) -> Learned:
        """Learning steps from prepared rows, from batch `start` on and `most` at the most; all of them without it.

        Once `stop` `[1]` is not 0 (any thread may set it) the step under way is the last. A step whose loss or gradient
        is not finite is dropped and counted, and changes nothing. A failing accelerator is left for the CPU, with the
        weights from before the call (`fault` says why).
        """
        span = (start, rows.action.shape[0] - start if most is None else most, self.steps)
        stop = np.zeros(1, np.uint8) if stop is None else stop
        applied, dropped, *sums = self._learn(rows, span, stop)
        self.steps += applied
        self.dropped += dropped
        return Learned(applied, dropped, *(total / applied if applied else nan for total in sums))

    def snapshot(self) -> Floats:
        """A copy of the online parameters, float32 `[P]`."""
        return np.array(self._weights[0])

    def averaged(self) -> Floats:
        """A copy of the averaged parameters, float32 `[P]`: steadier than the newest, so the gate judges these."""
        return np.array(self._weights[1])

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that learning continues from, as copies: `restore` of it learns on bit for bit (on a CPU)."""
        arrays: dict[str, NDArray[Any]] = dict(zip(ARRAYS, self._weights.copy(), strict=True))
        return {**arrays, "steps": np.array(self.steps, np.int64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue from `state()`; ModelError, and nothing changed, where an array is missing or does not fit."""
        size = self.spec.num_parameters
        for name in ARRAYS:
            values = arrays.get(name)
            if values is None or values.shape != (size,) or not np.isfinite(values).all():
                found = "missing" if values is None else f"of shape {values.shape}, or not finite"
                raise ModelError(f"The stored learner's {name!r} is {found}; this network needs {size} finite numbers.")
        steps = int(np.asarray(arrays.get("steps", -1)))
        if steps < 0:
            raise ModelError("The stored learner's count of steps is missing or negative: start over from a version.")
        self._weights[:] = [arrays[name] for name in ARRAYS]
        self.steps = steps

    def load(self, flat: Floats) -> None:
        """Start over from parameters `[P]` of a stored version: both networks get them, the moments are cleared."""
        zeros = np.zeros_like(flat)
        self.restore({**dict(zip(ARRAYS, (flat, flat, zeros, zeros), strict=True)), "steps": np.array(0)})

    def prepare(self, batch: Any) -> Rows:
        """The batch as `Rows`, ready for `learn_rows`; it has the columns of `Rows`, flat or stacked `[K, B, ...]`.

        Tensors on an accelerator stay there. ValueError where the rows are no multiple of the batch size or do not fit
        the network. What comes back may share the batch's memory: leave it alone until it is learned from.
        """
        spec = self.spec
        here = str(getattr(batch.action, "device", "cpu")) == "cpu"
        kinds = {"action": np.int64, "action_mask": np.bool_, "next_action_mask": np.bool_}
        columns = [getattr(batch, name) for name in Rows._fields]
        if here:
            pairs = zip(Rows._fields, columns, strict=True)
            columns = [np.require(column, kinds.get(name, np.float32), ["C", "A", "W"]) for name, column in pairs]
        rows = Rows(*columns)
        sizes = {rows.observation.shape[-1], rows.next_observation.shape[-1]}
        masks = {rows.action_mask.shape[-1], rows.next_action_mask.shape[-1]}
        if (sizes, masks) != ({spec.observation_size}, {spec.num_actions}):
            raise ValueError(f"the batch's observations or masks do not fit a {spec}")
        axes, num_rows = rows.action.ndim, prod(rows.action.shape)
        wanted = [num_rows * (column.shape[-1] if column.ndim > axes else 1) for column in rows]
        if num_rows == 0 or num_rows % self.batch_size or [prod(column.shape) for column in rows] != wanted:
            raise ValueError(f"{num_rows} rows are not whole steps of {self.batch_size}, or their columns differ")
        if rows.action.min() < 0 or rows.action.max() >= spec.num_actions:
            raise ValueError(f"the batch holds an action outside 0 to {spec.num_actions - 1}")
        ends = rows.next_action_mask.any(-1) & (rows.discount != 0)
        rows = rows._replace(discount=rows.discount * ends)  # nothing follows where no action is legal
        shape = (num_rows // self.batch_size, self.batch_size)
        return Rows(*(column.reshape(*shape, *column.shape[axes:]) for column in rows))

    def _learn(self, rows: Rows, span: tuple[int, int, int], stop: NDArray[np.uint8]) -> Sums:
        """The steps on the accelerator while there is one, else on the CPU."""
        if self._accelerator is not None:
            try:
                return self._accelerator.learn(self._weights, rows, span, stop)
            except DEVICE_ERRORS as error:
                self._leave(error)
        columns: tuple[Any, ...] = rows
        if not isinstance(columns[0], np.ndarray):  # where the device is lost with the rows on it, this raises
            rows = Rows(*(column.cpu().numpy() for column in columns))
        with np.errstate(all="ignore"):  # what the game set numpy to; a step that is not finite is seen at its end
            return self._on_cpu(self._weights, self._sizes, rows, span, self._rates, stop, self._scratch)

    def _begin_on(self, device: str) -> None:
        self.device = device
        try:
            from cornerman.learning.accelerator.torch_steps import TorchSteps

            self._accelerator = TorchSteps(device, self.spec, self._rates)
        except DEVICE_ERRORS as error:
            self._leave(error)

    def _leave(self, error: Exception) -> None:
        self.fault = f"The {self.device} device failed, so learning continues on the CPU: {first_line(error)}"
        self.device, self._accelerator = "cpu", None


def first_line(error: Exception) -> str:
    """What went wrong, in a line; after it torch gives developers advice."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def made_up_rows(spec: NetworkSpec, num_steps: int, batch_size: int) -> Rows:
    """Rows of noise `[K, B, ...]`, for trials and timings of learning steps; nobody is imitated."""
    random, shape = np.random.default_rng(0), (num_steps, batch_size)
    observation, next_observation = random.normal(size=(2, *shape, spec.observation_size)).astype(np.float32)
    following = random.random((*shape, spec.num_actions)) < 0.9
    following[..., 0] = True  # without a legal action the discount would have to be 0
    return Rows(
        observation,
        np.ones((*shape, spec.num_actions), np.bool_),
        random.integers(0, spec.num_actions, shape),
        random.normal(size=shape).astype(np.float32),
        np.where(random.random(shape) < 0.2, 0.0, 0.97).astype(np.float32),
        next_observation,
        following,
        np.zeros(shape, np.float32),
    )


def build_learner(spec: NetworkSpec, settings: Settings, device: str, on_cpu: LearnSteps = learn_steps) -> Learner:
    """A learner with the settings' figures."""
    rates = Rates(settings.learning_rate, settings.gradient_clip, settings.target_rate)
    return Learner(spec, batch_size=settings.batch_size, rates=rates, seed=settings.seed, device=device, on_cpu=on_cpu)
