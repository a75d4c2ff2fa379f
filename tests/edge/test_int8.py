"""int8.py and hef_kit.py: what is left of a policy in int8, and what the folder for the compiler holds."""

from __future__ import annotations

import io
import re
from functools import cache

import numpy as np
import pytest

from cornerman.contract import Bools, Floats
from cornerman.edge.hef_kit import hef_kit, hef_name
from cornerman.edge.int8 import FilePlayer, to_int8
from cornerman.edge.onnx_file import notes_of
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw, split
from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters.opening import shipped
from tests.studies.measures.duel import Due, Ints, bot, duel

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
NOTES = {"game": "toy", "version": "3"}


@cache
def seen() -> tuple[Floats, Bools]:
    """Decisions of the shipped model against a bot."""
    rows: list[tuple[Floats, Bools]] = []

    def noted(due: Due) -> Ints:
        rows.append((due.observations, due.masks))
        return shipped().act_batch(due.observations, due.masks, due.random)

    duel(noted, bot(RINGSIDE.batched_bots["brawler"]), 60, 3)
    observations, masks = (np.concatenate(each) for each in zip(*rows, strict=True))
    order = np.random.default_rng(0).permutation(len(masks))
    return observations[order], masks[order]


def test_int8_decides_nearly_as_the_policy_in_a_third_of_the_size() -> None:
    observations, masks = seen()
    made, others = slice(0, 1024), slice(1024, None)
    data = to_int8(shipped(), observations[made], masks[made], NOTES)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    kinds = {each.name: each.data_type for each in onnx.load_model_from_string(data).graph.initializer}
    weights = [kind for name, kind in kinds.items() if name.endswith(".weight_quantized")]
    assert weights == [onnx.TensorProto.INT8] * 3
    assert len(data) < 0.4 * shipped().flat.nbytes
    assert notes_of(data, "it") == NOTES
    player = FilePlayer(data)
    wanted = shipped().act_batch(observations[others], masks[others], np.random.default_rng(0))
    chosen = player.act_batch(observations[others], masks[others], np.random.default_rng(0))
    assert (chosen == wanted).mean() > 0.97, "rounding alone keeps some 95 %"
    assert masks[others][np.arange(len(chosen)), chosen].all()
    assert player.act(observations[1024], masks[1024], np.random.default_rng(0)) == chosen[0]


def test_feature_of_a_small_range_keeps_its_say() -> None:
    spec, random = NetworkSpec(4, 3, (32,)), np.random.default_rng(0)
    ranges = np.array([1.0, 0.01, 0.01, 0.01], np.float32)
    arrays = split(draw(spec, random), spec)
    arrays["hidden0.weight"][:] = random.normal(size=(4, 32)) / ranges[:, None]
    arrays["head.weight"][:] = random.normal(size=(32, 3))
    policy = Policy.from_arrays(spec, arrays)
    observations = (random.random((4000, 4), np.float32) - 0.5) * ranges
    masks = np.ones((4000, 3), np.bool_)
    player = FilePlayer(to_int8(policy, observations[:1000], masks[:1000], {}))
    wanted = policy.act_batch(observations[1000:], masks[1000:], random)
    chosen = player.act_batch(observations[1000:], masks[1000:], random)
    assert (chosen == wanted).mean() > 0.97, "0.84 where all features share one range"


def test_hef_kit_holds_a_static_plain_model_and_names_it_in_every_step() -> None:
    observations = seen()[0][:40]
    files = hef_kit(shipped(), NOTES, observations, "of self-play", "")
    name = f"version_3_{hef_name(shipped())}".removesuffix(".hef")
    assert set(files) == {f"{name}.onnx", "calibration.npy", "README.md"}
    model = onnx.load_model_from_string(files[f"{name}.onnx"])
    onnx.checker.check_model(model, full_check=True)
    assert [each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim] == [1, observations.shape[1]]
    assert not {"LayerNormalization", "Where"} & {node.op_type for node in model.graph.node}
    assert np.array_equal(np.load(io.BytesIO(files["calibration.npy"])), observations)
    text = files["README.md"].decode()
    commands = re.findall(r"^    hailo (.*)$", text, re.MULTILINE)
    assert [line.split()[0] for line in commands] == ["parser", "optimize", "compiler"]
    assert all(name in line for line in commands)
    assert "NOT RUN ON HARDWARE" in text
