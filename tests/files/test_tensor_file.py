"""Tensor file: what is packed comes back, and no bytes whatever make it raise anything but ModelError."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from cornerman.contract import ModelError
from cornerman.files.tensor_file import Arrays, pack, seal, unpack, unseal

TYPES = [np.float16, np.float32, np.float64, np.int64, np.uint64, np.int32, np.uint32, np.uint8, np.bool_]

some_arrays = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
        lambda name: name != "__metadata__"
    ),
    st.sampled_from(TYPES).flatmap(
        lambda kind: arrays_of.arrays(
            kind,
            arrays_of.array_shapes(min_dims=0, max_dims=3, max_side=4),
            elements={"allow_nan": False, "allow_infinity": False} if np.dtype(kind).kind == "f" else None,
        )
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=60)
@given(some_arrays, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_arrays_and_notes_come_back(arrays: Arrays, notes: dict[str, str]) -> None:
    found, found_notes = unseal(seal(arrays, notes, "It"), "It")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
    assert found_notes == notes


def with_header(header: object, body: bytes = b"\0" * 16) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype: object = "F32", shape: object = (4,), span: object = (0, 16)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": span}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut off"),
        (b"\xff" * 8, "cut off"),
        ((2**20 + 1).to_bytes(8, "little") + b" " * (2**20 + 1), "cut off"),
        (with_header(b"{"), "is damaged: line 1 breaks off"),
        (with_header([1]), "no list of"),
        (with_header({"a": 3}), "decoded"),
        (with_header({"a": entry(dtype="BF16", shape=[8])}), "cannot"),
        (with_header({"a": entry(shape=[2**41])}), "decoded"),
        (with_header({"a": entry(shape=[1] * 8 + [4])}), "9 dimensions"),
        (with_header({"a": entry(), "b": entry()}), "decoded"),
        (with_header({str(at): entry(shape=[0], span=[0, 0]) for at in range(4097)}, b""), "4,097 arrays"),
        (with_header({"__metadata__": {"a": 1}, "a": entry()}), "notes that are texts"),
        (with_header({"__metadata__": "x", "a": entry()}), "notes that are texts"),
        (with_header({"a": entry()}, np.array([0, np.nan, 0, 0], np.float32).tobytes()), "not finite"),
        (with_header({"a": entry("F64", [2])}, np.array([0, np.inf]).tobytes()), "not finite"),
    ],
)
def test_hostile_headers_are_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        unpack(data, "It")


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_give_arrays_or_a_sentence(data: bytes, framed: bool) -> None:
    try:
        unpack(with_header(data) if framed else data, "It")
    except ModelError as error:
        refusal = str(error)
        assert "It" in refusal or "it" in refusal


@pytest.mark.parametrize(
    ("arrays", "notes"),
    [
        ({"a": np.zeros(3, np.complex64)}, {}),
        ({"a": np.array(["text"])}, {}),
        ({"a": np.zeros((1,) * 9, np.float32)}, {}),
        ({"a": np.array([np.nan])}, {}),
        ({"a": np.zeros(3)}, {"long": "x" * 2**20}),
        ({str(at): np.zeros(1) for at in range(4097)}, {}),
    ],
    ids=["complex", "text", "dimensions", "not finite", "long note", "many"],
)
def test_nothing_is_packed_that_could_not_be_read_back(arrays: Arrays, notes: dict[str, str]) -> None:
    with pytest.raises(ModelError):
        pack(arrays, notes, "It")


def test_arrays_in_any_order_of_bytes_in_memory_come_back() -> None:
    array = np.arange(24.0).reshape(4, 6)
    found, _ = unpack(pack({"turned": array.T, "cut": array[::2, 1::3]}), "It")
    assert (found["turned"] == array.T).all()
    assert (found["cut"] == array[::2, 1::3]).all()
