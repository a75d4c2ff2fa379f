"""Named arrays as the bytes of a safetensors file, checked before they are believed.

The format has no checksum and its own reader maps the file, so: bytes in, header checked by hand (length, names, types,
shapes, every byte used exactly once), then decoded. Nothing here opens a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from cornerman.contract import ModelError
from cornerman.files.atomic import parse_json

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

MAX_HEADER_BYTES = 2**20
MAX_ARRAYS = 4096
MAX_DIMENSIONS = 8
_LENGTH_BYTES = 8

ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "I32": 4,
    "U32": 4,
    "I16": 2,
    "U16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
"""The types that may be stored, by the format's name for them."""
_STORABLE = {np.dtype(name) for name in ("f8", "f4", "i8", "u8", "i4", "u4", "i2", "u2", "i1", "u1", "?")}


def pack(arrays: Arrays, notes: Mapping[str, str] | None = None, what: str = "The file") -> bytes:
    """The bytes of a safetensors file; `notes` are short texts kept in its header.

    ModelError for what `unpack` would refuse, so that nothing is written that cannot be read back.
    """
    tidy = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in tidy.items():
        if array.dtype not in _STORABLE or array.ndim > MAX_DIMENSIONS:
            raise ModelError(f"{what} cannot hold {name!r}: {array.dtype} of {array.ndim} dimensions.")
        _check_finite(name, array, what)
    data = bytes(safetensors.numpy.save(tidy, dict(notes) if notes else None))
    if int.from_bytes(data[:_LENGTH_BYTES], "little") > MAX_HEADER_BYTES or len(tidy) > MAX_ARRAYS:
        raise ModelError(f"{what} has more names and notes than the {MAX_HEADER_BYTES:,} bytes that can be read back.")
    return data


def unpack(data: bytes, what: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and notes; ModelError with a sentence when a byte is out of place or a number is not finite."""
    notes = _check_header(data, what)
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{what} cannot be decoded ({error}).") from error
    for name, array in arrays.items():
        _check_finite(name, array, what)
    return arrays, notes


def digest(arrays: Arrays, notes: Mapping[str, str]) -> str:
    """SHA-256 over names, types, shapes, contents and notes, whatever order they were stored in."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.tobytes())
    for name in sorted(notes):
        sha.update(f"{name}\0{notes[name]}\0".encode())
    return sha.hexdigest()


def _check_finite(name: str, array: NDArray[Any], what: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"{what} holds a number that is not finite, in {name[:80]!r}.")


def _check_header(data: bytes, what: str) -> dict[str, str]:
    """Check what the header claims against the bytes that are there; returns the notes."""
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or length > MAX_HEADER_BYTES or _LENGTH_BYTES + length > len(data):
        raise ModelError(f"{what} is cut off or is no safetensors file ({len(data):,} bytes).")
    header = parse_json(data[_LENGTH_BYTES : _LENGTH_BYTES + length], f"The header of {what[0].lower()}{what[1:]}", 4)
    if not isinstance(header, dict) or len(header) > MAX_ARRAYS:
        raise ModelError(f"{what} has a header that is no list of at most {MAX_ARRAYS} arrays.")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ModelError(f"{what} has notes that are not texts.")
    spans = sorted(_span(name, entry, what) for name, entry in header.items())
    edges = [(0, 0), *spans, (len(data) - _LENGTH_BYTES - length,) * 2]
    if any(before[1] != after[0] for before, after in pairwise(edges)):
        raise ModelError(f"{what} has arrays that overlap, leave gaps or end beyond the file.")
    return notes


def _span(name: str, entry: Any, what: str) -> tuple[int, int]:
    """First and last byte of one array; ModelError when its description does not hold together."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelError(f"{what} describes the array {name[:80]!r} wrongly.")
    shape, span, item_bytes = entry["shape"], entry["data_offsets"], ITEM_BYTES.get(str(entry["dtype"]))
    if item_bytes is None:
        raise ModelError(f"{what} holds the array {name[:80]!r} of a type that is not allowed.")
    if not _sizes(shape, MAX_DIMENSIONS) or not _sizes(span, 2) or len(span) != 2:
        raise ModelError(f"{what} gives the array {name[:80]!r} an impossible shape or place.")
    if span[1] - span[0] != prod(shape) * item_bytes:
        raise ModelError(f"{what} gives the array {name[:80]!r} a place that does not fit its shape.")
    return span[0], span[1]


def _sizes(value: Any, max_length: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= max_length
        and all(type(size) is int and 0 <= size < 2**40 for size in value)
    )
