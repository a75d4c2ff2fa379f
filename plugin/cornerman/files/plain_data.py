"""A game's state as bytes and back, for another process of the same game: plain data and numpy arrays, no pickle.

Lists, tuples, sets, dicts with any plain keys, numbers, texts, bytes and arrays come back as they were. ValueError for
anything else: an object of the game's own has no plain form.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

_PLAIN = (str, int, float, bool, type(None))
_KIND = "\0"
"""Key of a dict that stands for something JSON does not have."""


def to_bytes(value: Any) -> bytes:
    """The bytes of a value; ValueError where some part of it is no plain data."""
    return json.dumps(_tagged(value), separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Any:
    """The value that `to_bytes` was given."""
    return json.loads(data, object_hook=_untagged)


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_tagged(each) for each in value]
    if kind is dict:
        if all(type(key) is str for key in value) and _KIND not in value:
            return {key: _tagged(each) for key, each in value.items()}
        return {_KIND: "dict", "of": [[_tagged(key), _tagged(each)] for key, each in value.items()]}
    if kind in (tuple, set, frozenset):
        return {_KIND: kind.__name__, "of": [_tagged(each) for each in value]}
    if kind is bytes:
        return {_KIND: "bytes", "of": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufSU":
        shape = list(value.shape) if isinstance(value, np.ndarray) else None
        return _tagged(value.tobytes()) | {_KIND: "array", "type": value.dtype.str, "shape": shape}
    raise ValueError(f"a state holds {kind.__module__}.{kind.__qualname__}, which is no plain data")


def _untagged(found: dict[str, Any]) -> Any:
    kind = found.get(_KIND)
    if kind is None:
        return found
    if kind == "dict":
        return dict(found["of"])
    if kind == "bytes":
        return base64.b64decode(found["of"])
    if kind == "array":
        array = np.frombuffer(base64.b64decode(found["of"]), found["type"])
        return array[0] if found["shape"] is None else array.reshape(found["shape"]).copy()
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](found["of"])
