"""int8 of a policy: static quantisation on recorded observations, with onnxruntime's quantiser.

Before it the weights are made to lose little. One scale a layer must fit all of its inputs: so every feature is spread
over it, from its least value to its largest, and activations are smoothed. And weights are rounded one input at a time,
each rounding error made good by the inputs that follow. Figures: docs/measurements.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.edge.onnx_file import ACTION_MASK, OBSERVATION, package, to_onnx
from cornerman.edge.onnx_session import session_of
from cornerman.policy.policy import Chance, Policy
from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec

LARGEST = 127
SMOOTHING = 0.6
"""How much of the spread of activations goes into the weights (Xiao et al. 2023, SmoothQuant, equation 4)."""
CLOSE = 0.1
"""Difference of two values from which on they are hardly closer; returns span 3."""
LEAST_REACH = 0.01
"""Of the largest reach of a layer's units."""
LEAST_SHARE = 1e-4
"""Of a bias: the least reach of its weights."""
DAMPING = 0.01
"""Of the Hessian's diagonal (Frantar et al. 2023, GPTQ, section 3.3)."""

_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
"""Tells the quantiser that the graph needs none of its preparations."""

Doubles = NDArray[np.float64]


def to_int8(policy: Policy, observations: Floats, masks: Bools, notes: Mapping[str, str]) -> bytes:
    """The int8 file of a policy, quantised on observations `[N, F]` and masks `[N, A]`; inputs and output as in
    `to_onnx`. ModelError without the packages onnx and onnxruntime."""
    quantization, onnx = package("onnxruntime.quantization"), package("onnx")
    spread = Spread.of(observations)
    rounded, scales = _rounded(
        spread.policy(policy), spread.inputs(observations), _importance(policy, observations, masks)
    )
    given = iter([{OBSERVATION: observations, ACTION_MASK: masks}])
    zero = np.array(0, np.int8)
    overrides = {
        name: [{"axis": 1, "scale": np.float32(scale), "zero_point": zero} for scale in each]
        for name, each in scales.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "int8.onnx")
        quantization.quantize_static(
            spread.before(onnx.load_model_from_string(to_onnx(rounded, _PREPARED)), onnx),
            path,
            _reader(quantization, given),
            per_channel=True,
            op_types_to_quantize=["Gemm"],
            extra_options={"TensorQuantOverrides": overrides, "OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        model = onnx.load_model_from_string(path.read_bytes())
    del model.metadata_props[:]
    for key, text in notes.items():
        model.metadata_props.add(key=key, value=text)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


@dataclass(frozen=True, slots=True)
class Spread:
    """Features from -1 to 1, the least and the largest value seen, so that 8 bits tell as much of each."""

    middle: Floats  # [F]
    reach: Floats  # [F]; 1 for a feature that never changed

    @classmethod
    def of(cls, observations: Floats) -> Spread:
        low, high = observations.min(0), observations.max(0)
        reach = np.where(high > low, (high - low) / 2.0, 1.0)
        return cls(((low + high) / 2.0).astype(np.float32), reach.astype(np.float32))

    def inputs(self, observations: Floats) -> Floats:
        return (observations - self.middle) / self.reach

    def policy(self, policy: Policy) -> Policy:
        """The same policy for such inputs."""
        arrays = policy.to_arrays()
        first = "hidden0" if policy.spec.hidden else "head"
        weight = arrays[f"{first}.weight"].astype(np.float64)
        arrays[f"{first}.bias"] = (arrays[f"{first}.bias"] + self.middle @ weight).astype(np.float32)
        arrays[f"{first}.weight"] = (weight * self.reach[:, None]).astype(np.float32)
        return Policy.from_arrays(policy.spec, arrays)

    def before(self, model: Any, onnx: Any) -> Any:
        """The model of such a policy, for observations as they are."""
        graph, spread = model.graph, f"{OBSERVATION}.spread"
        for node in graph.node:
            node.input[:] = [spread if name == OBSERVATION else name for name in node.input]
        for name, values in (("middle", self.middle), ("reach", self.reach)):
            graph.initializer.append(onnx.numpy_helper.from_array(values, f"{OBSERVATION}.{name}"))
        steps = (
            ("Div", f"{OBSERVATION}.centred", "reach", spread),
            ("Sub", OBSERVATION, "middle", f"{OBSERVATION}.centred"),
        )
        for kind, given, by, out in steps:
            graph.node.insert(0, onnx.helper.make_node(kind, [given, f"{OBSERVATION}.{by}"], [out], name=out))
        return model


class FilePlayer:
    """Plays by the numbers of an ONNX file, always the best legal action; one thread may use it at a time."""

    def __init__(self, data: bytes) -> None:
        """As `session_of`."""
        self._session = session_of(data)

    def values(self, observations: Floats, action_masks: Bools) -> Floats:
        """Masked values `[B, A]` of observations `[B, F]`."""
        values: Floats = self._session.run(None, {OBSERVATION: observations, ACTION_MASK: action_masks})[0]
        return values

    def act(
        self, observation: Floats, action_mask: Bools, random: Chance, temperature: float = 0.0, epsilon: float = 0.0
    ) -> int:
        """As `Policy.act`, without chance."""
        return int(self.values(observation[None], np.asarray(action_mask)[None]).argmax())

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]:
        """As `Policy.act_batch`, without chance."""
        actions: NDArray[np.int64] = self.values(observations, action_masks).argmax(1)
        return actions


def _importance(policy: Policy, observations: Floats, masks: Bools) -> Doubles:
    """How much an error counts in each decision `[N]`: most where the two best actions are close."""
    values = np.sort(np.where(masks, policy.q_values_batch(observations), -np.inf), 1).astype(np.float64)
    ahead = values[:, -1] - values[:, -2] if values.shape[1] > 1 else np.full(len(values), np.inf)
    importance: Doubles = 1.0 / np.sqrt(ahead + CLOSE)
    return importance


def _rounded(policy: Policy, observations: Floats, importance: Doubles) -> tuple[Policy, dict[str, Doubles]]:
    """The policy with every weight on the grid of its output's scale, and those scales by the weights' names."""
    arrays = {name: array.astype(np.float64) for name, array in policy.to_arrays().items()}
    scales: dict[str, Doubles] = {}
    x, spec = observations.astype(np.float64), policy.spec
    for layer in [f"hidden{i}" for i in range(len(spec.hidden))] + ["head"]:
        weight, bias = arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]
        if layer != "head":  # layer normalisation takes the mean over units away, so it need not be represented
            weight, bias = weight - weight.mean(1, keepdims=True), bias - bias.mean()
        least = np.abs(bias) * LEAST_SHARE  # biases are stored in steps of weights: 32 bits must hold them
        scale = np.maximum(np.abs(weight).max(0), np.maximum(least, 1e-12)) / LARGEST
        arrays[f"{layer}.weight"], scales[f"{layer}.weight"] = _round(weight, x * importance[:, None], scale), scale
        arrays[f"{layer}.bias"] = bias
        if layer != "head":
            linear = x @ weight + bias
            normed = linear / np.sqrt((linear**2).mean(1, keepdims=True) + LAYER_NORM_EPSILON)
            x = _smooth(arrays, layer, _next(layer, spec), normed)
    return Policy.from_arrays(spec, {name: array.astype(np.float32) for name, array in arrays.items()}), scales


def _next(layer: str, spec: NetworkSpec) -> str:
    number = int(layer.removeprefix("hidden")) + 1
    return f"hidden{number}" if number < len(spec.hidden) else "head"


def _smooth(arrays: dict[str, Doubles], layer: str, after: str, normed: Doubles) -> Doubles:
    """Divide each unit of a layer and multiply its weights in the next one, so that both spread less; its outputs."""
    gain, shift, weight = arrays[f"{layer}.gain"], arrays[f"{layer}.shift"], arrays[f"{after}.weight"]
    outputs: Doubles = np.maximum(normed * gain + shift, 0.0)
    reach = np.abs(weight - weight.mean(1, keepdims=True)).max(1)
    by: Doubles = _floored(outputs.max(0)) ** SMOOTHING / _floored(reach) ** (1.0 - SMOOTHING)
    by /= np.exp(np.log(by).mean())
    arrays[f"{layer}.gain"], arrays[f"{layer}.shift"] = gain / by, shift / by
    arrays[f"{after}.weight"] = weight * by[:, None]
    return outputs / by


def _floored(reaches: Doubles) -> Doubles:
    """At least `LEAST_REACH` of the largest: a unit that hardly acted would stretch all scales once it does."""
    floored: Doubles = np.maximum(reaches, max(LEAST_REACH * float(reaches.max()), 1e-6))
    return floored


def _round(weight: Doubles, x: Doubles, scale: Doubles) -> Doubles:
    """Weights `[I, O]` on a grid of 255 steps of `scale` `[O]`, for inputs `[N, I]`.

    GPTQ: the error of each input's weights is taken up by those of the inputs not yet rounded, by the Hessian x^T x.
    """
    hessian = x.T @ x
    hessian += DAMPING * max(np.trace(hessian) / len(hessian), 1e-12) * np.eye(len(hessian))
    order = np.argsort(-np.diag(hessian))
    factor = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    left, rounded = weight[order], np.empty_like(weight)
    for at, row in enumerate(order):
        rounded[row] = np.clip(np.round(left[at] / scale), -LARGEST, LARGEST) * scale
        left[at + 1 :] -= np.outer(factor[at, at + 1 :], (left[at] - rounded[row]) / factor[at, at])
    return rounded


def _reader(quantization: Any, given: Iterator[Mapping[str, Any]]) -> Any:
    """What the quantiser asks for observations."""

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # a package that may be missing
        def get_next(self) -> Mapping[str, Any] | None:
            return next(given, None)

    return Reader()
