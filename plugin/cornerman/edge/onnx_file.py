"""ONNX file of a policy: built from its weights, and read back without running anything in it.

    observation [N, F] float32 -> Gemm, LayerNormalization, Relu for each hidden layer -> Gemm -> q_values [N, A]
    action_mask [N, A] bool    -> Where -> masked_values [N, A] float32

A file is believed where building it again from what was read gives the same bytes, so it can hold no other operator,
name, size or type, and no damaged byte: the last note is the SHA-256 of all the others and of the graph. Needs the
package onnx, which is imported where it is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import LAYER_NORM_EPSILON, NetworkSpec

OBSERVATION, ACTION_MASK, Q_VALUES, MASKED_VALUES = "observation", "action_mask", "q_values", "masked_values"
ILLEGAL = -1e30
"""The value of an action that the mask forbids: finite, so that no runtime makes NaN of it."""
DIGEST = "sha256"
OPSET, PLAIN_OPSET, IR_VERSION = 17, 13, 8
"""The first operator set with LayerNormalization, one without, and a file format that old runtimes read."""

MOST_FIELDS = 1_000
"""In all parts of a file that are read; ours have 313 at most."""

_Nodes = list[tuple[str, list[str], str, dict[str, Any]]]
"""Operator, inputs, output and attributes of each node."""


def to_onnx(
    policy: Policy,
    notes: Mapping[str, str] | None = None,
    batch: int | None = None,
    masked: bool = True,
    plain: bool = False,
) -> bytes:
    """The file of a policy; the same policy and notes give the same bytes. ModelError without the package onnx.

    `notes` become the file's metadata. `batch` fixes N, for compilers that want static shapes. Not `masked`: without
    the mask and with the output `q_values`, for chips that cannot choose. `plain`: layer normalisation in single steps.
    """
    onnx = package("onnx")
    tensor, value, node = onnx.helper.make_tensor, onnx.helper.make_tensor_value_info, onnx.helper.make_node
    rows, number = batch or "N", onnx.TensorProto.FLOAT
    layers = _layers(policy.spec, plain)
    arrays = policy.to_arrays() | (_CONSTANTS if plain else {})
    weights = [
        tensor(name, number, array.shape, array.astype("<f4").tobytes(), raw=True) for name, array in arrays.items()
    ]
    nodes = [node(kind, each, [out], name=out, **more) for kind, each, out, more in layers]
    actions = [rows, policy.spec.num_actions]
    inputs, output = [value(OBSERVATION, number, [rows, policy.spec.observation_size])], Q_VALUES
    if masked:
        inputs.append(value(ACTION_MASK, onnx.TensorProto.BOOL, actions))
        weights.append(tensor("illegal", number, (), np.array(ILLEGAL, "<f4").tobytes(), raw=True))
        output = MASKED_VALUES
        nodes.append(node("Where", [ACTION_MASK, Q_VALUES, "illegal"], [output], name=output))
    graph = onnx.helper.make_graph(nodes, "policy", inputs, [value(output, number, actions)], weights)
    model = onnx.ModelProto(ir_version=IR_VERSION, producer_name="cornerman", graph=graph)
    model.opset_import.add(domain="", version=PLAIN_OPSET if plain else OPSET)
    for key, text in (notes or {}).items():
        model.metadata_props.add(key=key, value=text)
    model.metadata_props.add(key=DIGEST, value=hashlib.sha256(_bytes(model)).hexdigest())
    return _bytes(model)


def notes_of(data: bytes, what: str) -> dict[str, str]:
    """The metadata of a file, not yet checked, without the digest; ModelError where the bytes are no ONNX file."""
    return _read(data, what)[0]


def from_onnx(data: bytes, spec: NetworkSpec, what: str) -> Policy:
    """The policy in the bytes of a file with the metadata `notes_of(data)`; nothing in it is executed.

    ModelError with a sentence where the file is not, byte for byte, what `to_onnx` writes for such a network.
    """
    notes, found = _read(data, what)
    arrays: dict[str, Floats] = {}
    for name, shape in spec.arrays():
        numbers = found.get(name, b"")
        if len(numbers) != 4 * prod(shape):
            raise ModelError(f"{what} has no {name} of {prod(shape):,} float32 numbers, which its own sizes ask for.")
        arrays[name] = np.frombuffer(numbers, "<f4").reshape(shape)
    try:
        policy = Policy.from_arrays(spec, arrays)
    except ValueError as error:
        raise ModelError(f"{what} cannot be used: {error}.") from error
    if to_onnx(policy, notes) != data:
        raise ModelError(
            f"{what} is damaged, or was changed or written by another program: its operators, names, sizes, types and "
            "checksum are not those that Cornerman writes. Export it again."
        )
    return policy


def package(name: str) -> Any:
    """An imported package of the extra `onnx`; ModelError with what to install."""
    try:
        return import_module(name)
    except ImportError as error:
        why = f"ONNX files need the package {name}, which is not here: pip install onnx onnxruntime"
        raise ModelError(why) from error


_CONSTANTS = {"two": np.array(2.0, np.float32), "epsilon": np.array(LAYER_NORM_EPSILON, np.float32)}


def _layers(spec: NetworkSpec, plain: bool) -> _Nodes:
    """Everything up to the Q-values."""
    nodes: _Nodes = []
    x = OBSERVATION
    for i in range(len(spec.hidden)):
        h = f"hidden{i}"
        nodes.append(("Gemm", [x, f"{h}.weight", f"{h}.bias"], f"{h}.linear", {}))
        scaled = [f"{h}.linear", f"{h}.gain", f"{h}.shift"]
        normalised = ("LayerNormalization", scaled, f"{h}.normed", {"axis": -1, "epsilon": LAYER_NORM_EPSILON})
        nodes += _steps(h) if plain else [normalised]
        nodes.append(("Relu", [f"{h}.normed"], x := f"{h}.out", {}))
    nodes.append(("Gemm", [x, "head.weight", "head.bias"], Q_VALUES, {}))
    return nodes


def _steps(h: str) -> _Nodes:
    """Layer normalisation as compilers know it from before there was an operator for it."""
    mean: dict[str, Any] = {"axes": [-1]}
    return [
        ("ReduceMean", [f"{h}.linear"], f"{h}.mean", mean),
        ("Sub", [f"{h}.linear", f"{h}.mean"], f"{h}.centred", {}),
        ("Pow", [f"{h}.centred", "two"], f"{h}.squared", {}),
        ("ReduceMean", [f"{h}.squared"], f"{h}.variance", mean),
        ("Add", [f"{h}.variance", "epsilon"], f"{h}.positive", {}),
        ("Sqrt", [f"{h}.positive"], f"{h}.deviation", {}),
        ("Div", [f"{h}.centred", f"{h}.deviation"], f"{h}.scaled", {}),
        ("Mul", [f"{h}.scaled", f"{h}.gain"], f"{h}.gained", {}),
        ("Add", [f"{h}.gained", f"{h}.shift"], f"{h}.normed", {}),
    ]


def _read(data: bytes, what: str) -> tuple[dict[str, str], dict[str, memoryview]]:
    """Notes without the digest, and the bytes of every tensor by name, in place.

    Not by the protobuf library: it makes 160 bytes of an empty tensor of 2, so that a hostile file would cost
    gigabytes. Numbers of fields are those of onnx.proto.
    """
    notes, found, empty = dict[str, str](), dict[str, memoryview](), memoryview(b"")
    left = iter(range(MOST_FIELDS))
    try:
        for number, content in _fields(memoryview(data), left):
            if number == 14:  # metadata_props
                note = dict(_fields(content, left))
                notes[str(note.get(1, b""), "utf-8")] = str(note.get(2, b""), "utf-8")
            elif number == 7:  # graph
                for part, tensor in _fields(content, left):
                    if part == 5:  # initializer
                        named = dict(_fields(tensor, left))
                        found[str(named.get(8, b""), "utf-8")] = named.get(9, empty)  # name, raw_data
    except (ValueError, IndexError) as error:
        raise ModelError(f"{what} is no ONNX file, or a damaged one ({str(error)[:80]}).") from error
    notes.pop(DIGEST, None)
    return notes, found


def _fields(message: memoryview, left: Iterator[int]) -> Iterator[tuple[int, memoryview]]:
    """Numbers and contents of a message's fields; numbers in them are left out. ValueError or IndexError where it is
    none, or has more fields than there are `left` of the whole file's."""
    at = 0
    while at < len(message):
        if next(left, None) is None:
            raise ValueError(f"it has more than {MOST_FIELDS:,} parts")
        key, at = _varint(message, at)
        if key & 7 not in (0, 2):
            raise ValueError(f"there is no field of type {key & 7} in one")
        value, at = _varint(message, at)
        if key & 7 == 2:
            content, at = message[at : at + value], at + value
            if len(content) != value:
                raise ValueError(f"it ends {value - len(content):,} bytes early")
            yield key >> 3, content


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number and where it ends: 7 bits a byte, the lowest first."""
    value = 0
    for shift in range(0, 64, 7):
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise ValueError("a number is too long")


def _bytes(model: Any) -> bytes:
    data: bytes = model.SerializeToString(deterministic=True)
    return data
