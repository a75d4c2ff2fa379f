"""onnx_file.py: what the checker says, what onnxruntime computes, and what is read back or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.edge.onnx_file import ILLEGAL, from_onnx, notes_of, to_onnx
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
NOTES = {"game": "toy", "version": "3"}


def policy_of(hidden: tuple[int, ...], sizes: tuple[int, int] = (18, 5)) -> Policy:
    spec = NetworkSpec(*sizes, hidden)
    return Policy(spec, np.random.default_rng(7).normal(0.0, 0.4, spec.num_parameters).astype(np.float32))


def run(data: bytes, **inputs: Any) -> Any:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


@pytest.mark.parametrize("hidden", [(), (8,), (128, 128), (16, 8, 4)], ids=str)
def test_file_passes_the_checker_and_gives_the_values_of_the_policy(hidden: tuple[int, ...]) -> None:
    policy, random = policy_of(hidden), np.random.default_rng(1)
    data = to_onnx(policy, NOTES)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    observations = random.random((64, 18), np.float32)
    masks = random.random((64, 5)) < 0.6
    values, wanted = run(data, observation=observations, action_mask=masks), policy.q_values_batch(observations)
    assert np.abs(values - wanted)[masks].max() <= 1e-5
    assert (values[~masks] == np.float32(ILLEGAL)).all()
    fixed = to_onnx(policy, NOTES, batch=1, masked=False)
    onnx.checker.check_model(onnx.load_model_from_string(fixed), full_check=True)
    assert np.abs(run(fixed, observation=observations[:1]) - wanted[:1]).max() <= 1e-5


def test_file_is_read_back_bit_for_bit_with_its_notes() -> None:
    policy = policy_of((8, 4))
    data = to_onnx(policy, NOTES)
    assert data == to_onnx(policy, NOTES)
    assert notes_of(data, "it") == NOTES
    assert from_onnx(data, policy.spec, "it").flat.tobytes() == policy.flat.tobytes()


def test_no_damaged_byte_is_overlooked() -> None:
    policy = policy_of((3,), (4, 2))
    data = to_onnx(policy, NOTES)
    for at, bit in ((at, 1 << at * 5 % 8) for at in range(len(data))):
        damaged = bytearray(data)
        damaged[at] ^= bit
        with pytest.raises(ModelError, match=r"^it .*\.$"):
            from_onnx(bytes(damaged), policy.spec, "it")
    for length in range(0, len(data), 7):
        with pytest.raises(ModelError, match=r"^it .*\.$"):
            from_onnx(data[:length], policy.spec, "it")


def changed(**how: Any) -> bytes:
    """A file of which one thing was changed, sound to every checker."""
    model = onnx.load_model_from_string(to_onnx(policy_of((8,)), NOTES))
    for name, value in how.items():
        if name == "operator":
            model.graph.node[2].op_type = value
        elif name == "extra":
            model.graph.node.append(onnx.helper.make_node(value, ["q_values"], ["more"]))
        elif name == "renamed":
            model.graph.input[0].name = model.graph.node[0].input[0] = value
        elif name == "outside":
            tensor = next(each for each in model.graph.initializer if each.name == "hidden0.weight")
            onnx.external_data_helper.set_external_data(tensor, value)
            tensor.ClearField("raw_data")
        elif name == "infinite":
            tensor = next(each for each in model.graph.initializer if each.name == "head.bias")
            tensor.raw_data = np.full(5, value, "<f4").tobytes()
        elif name == "doubles":
            tensor = next(each for each in model.graph.initializer if each.name == "head.bias")
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(5), "head.bias"))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"operator": "Sigmoid"}, "operators"),
        ({"extra": "Relu"}, "operators"),
        ({"renamed": "other"}, "names"),
        ({"outside": "/etc/passwd"}, "float32 numbers"),
        ({"infinite": np.inf}, "finite"),
        ({"doubles": True}, "float32 numbers"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_other_graphs_are_refused_with_the_reason(how: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        from_onnx(changed(**how), policy_of((8,)).spec, "it")


def test_other_sizes_are_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"hidden0.weight of 162 float32 numbers"):
        from_onnx(to_onnx(policy_of((8,))), NetworkSpec(18, 5, (9,)), "it")


def nested(times: int, tag: bytes, content: bytes) -> bytes:
    """A field of a message so many times."""
    size = len(content)
    return (tag + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + content) * times


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x3a\x00" * 1_000_000,
        b"\x72\x00" * 1_000_000,
        b"\x08\x01" * 1_000_000,
        nested(500, b"\x3a", b"\x2a\x00" * 900),
        nested(500, b"\x72", b"\x08\x01" * 900),
    ],
    ids=["graphs", "notes", "numbers", "tensors of many graphs", "numbers of many notes"],
)
def test_very_many_parts_are_refused_before_they_cost_memory_or_time(bomb: bytes) -> None:
    with pytest.raises(ModelError, match="more than 1,000 parts"):
        notes_of(bomb, "it")
