"""Named arrays as the bytes of a safetensors file, and back.

The format has no checksum (see `seal`), and its own file reader maps the file, so: bytes in, bytes out; nothing here
opens a file. safetensors checks that every array has its bytes and every byte an array; what it does not check is
checked here: bounds of the header, types, and that numbers are finite.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
_STORABLE = {np.dtype(name) for name in ("f8", "f4", "f2", "i8", "u8", "i4", "u4", "i2", "u2", "i1", "u1", "?")}


def pack(arrays: Arrays, notes: Mapping[str, str] | None = None, what: str = "The file") -> bytes:
    """The bytes of a safetensors file; `notes` are short texts kept in its header.

    ModelError for what `unpack` would refuse, so that nothing is written that cannot be read back.
    """
    tidy = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    _check(tidy, what)
    data = bytes(safetensors.numpy.save(tidy, dict(notes) if notes else None))
    if int.from_bytes(data[:_LENGTH_BYTES], "little") > MAX_HEADER_BYTES:
        raise ModelError(f"{what} has more names and notes than the {MAX_HEADER_BYTES:,} bytes that can be read back.")
    return data


def unpack(data: bytes, what: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and notes; ModelError with a sentence when a byte is out of place or a number is not finite."""
    notes = _notes(data, what)
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelError(f"{what} cannot be decoded: it is damaged or cut off ({len(data):,} bytes).") from error
    _check(arrays, what)
    return arrays, notes


def seal(arrays: Arrays, notes: Mapping[str, str], what: str) -> bytes:
    """As `pack`, with a checksum of everything among the notes."""
    return pack(arrays, {**notes, "digest": _digest(arrays, notes)}, what)


def unseal(data: bytes, what: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """What was given to `seal`; ModelError also where the checksum is wrong."""
    arrays, notes = unpack(data, what)
    if notes.pop("digest", "") != _digest(arrays, notes):
        raise ModelError(f"{what} is damaged: its checksum is wrong.")
    return arrays, notes


def _digest(arrays: Arrays, notes: Mapping[str, str]) -> str:
    """SHA-256 over names, types, shapes, contents and notes, whatever order they were stored in."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.tobytes())
    for name in sorted(notes):
        sha.update(f"{name}\0{notes[name]}\0".encode())
    return sha.hexdigest()


def _check(arrays: Arrays, what: str) -> None:
    if len(arrays) > MAX_ARRAYS:
        raise ModelError(f"{what} holds {len(arrays):,} arrays; {MAX_ARRAYS:,} are allowed.")
    for name, array in arrays.items():
        if array.dtype not in _STORABLE or array.ndim > MAX_DIMENSIONS:
            raise ModelError(f"{what} cannot hold {name[:80]!r}: {array.dtype} of {array.ndim} dimensions.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{what} holds a number that is not finite, in {name[:80]!r}.")


def _notes(data: bytes, what: str) -> dict[str, str]:
    """The texts in the header, which safetensors does not give back; its length is bounded first."""
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or length > MAX_HEADER_BYTES or _LENGTH_BYTES + length > len(data):
        raise ModelError(f"{what} is cut off or is no safetensors file ({len(data):,} bytes).")
    header = parse_json(data[_LENGTH_BYTES : _LENGTH_BYTES + length], f"The header of {what[0].lower()}{what[1:]}", 4)
    notes = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ModelError(f"{what} has a header that is no list of arrays with notes that are texts.")
    return notes
