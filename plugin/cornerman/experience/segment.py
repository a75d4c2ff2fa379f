"""How the journal's files are written: checksummed frames one after another, and finished battles inside them.

A frame is a mark, the length and the CRC-32 of its payload, and the payload. The first frame of a file is a JSON header
that says whose rows follow; every other one is a battle: a JSON head and then plain binary columns (rows.layout). No
pickle. Pure functions; the files themselves belong to the journal.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.transitions import layout, pack
from cornerman.files.atomic import parse_json

SCHEMA = 1
MAX_FRAME_BYTES = 32 * 2**20
_MARK = b"CMB\n"
_FRAME = struct.Struct("<4sII")
_HEAD = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Header:
    """What must be equal for rows to mean the same; written first in every file."""

    game: str
    game_version: str
    encoder_version: str
    observation_size: int
    num_actions: int
    schema: int = SCHEMA

    def differences(self, other: Header) -> str:
        """What differs, for a person; empty where nothing does."""
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(
            f"{name} {theirs[name]} instead of {mine[name]}" for name in mine if mine[name] != theirs[name]
        )


class StoredBattle(NamedTuple):
    """One finished battle as it lies in the journal: its rows are one decision long, in the order recorded."""

    end: BattleEnd
    columns: dict[str, NDArray[Any]]


class Scan(NamedTuple):
    """What a file's bytes hold: payloads of whole frames, where the last one ends, and bytes lost before it."""

    payloads: list[bytes]
    good_end: int
    lost_bytes: int


def frame(payload: bytes) -> bytes:
    """The bytes of one frame; ValueError where it is too large to be read again."""
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a battle of {len(payload):,} bytes is more than the {MAX_FRAME_BYTES:,} that are read again")
    return _FRAME.pack(_MARK, len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes) -> Scan:
    """All whole frames of a file. Damage in the middle is skipped up to the next frame that checks out."""
    payloads: list[bytes] = []
    at = good_end = lost = 0
    while at < len(data):
        payload = _frame_at(data, at)
        if payload is None:
            at = data.find(_MARK, at + 1)
            if at < 0:
                break
            continue
        lost += at - good_end
        payloads.append(payload)
        at = good_end = at + _FRAME.size + len(payload)
    return Scan(payloads, good_end, lost)


def write_header(header: Header) -> bytes:
    """The first frame of a file."""
    return frame(json.dumps(asdict(header)).encode())


def read_header(payload: bytes) -> Header:
    """The header from the first payload; ModelError where it is none."""
    return header_from_dict(parse_json(payload, "A journal's header"))


def header_from_dict(value: Any) -> Header:
    """The header from JSON values; ModelError where it is none."""
    try:
        header = Header(**value)
    except TypeError as error:
        raise ModelError(f"A journal's header does not hold what it should ({error}).") from error
    kinds = {name: type(kind) for name, kind in asdict(header).items()}
    wanted = {"game": str, "game_version": str, "encoder_version": str}
    if kinds != {name: wanted.get(name, int) for name in kinds}:
        raise ModelError("A journal's header holds values of the wrong types.")
    return header


def write_battle(end: BattleEnd, rows: Sequence[Transition], header: Header) -> bytes:
    """One battle as a frame; ValueError where a row has other sizes than the header says."""
    columns = pack(rows, header.observation_size, header.num_actions)
    encoded = json.dumps({**end_as_dict(end), "rows": len(rows)}).encode()
    return frame(b"".join([_HEAD.pack(len(encoded)), encoded, *(column.tobytes() for column in columns.values())]))


def read_battle(payload: bytes, header: Header) -> StoredBattle:
    """One battle from its payload, in fresh arrays; ModelError where it is not what `write_battle` writes."""
    try:
        (length,) = _HEAD.unpack_from(payload)
        head = parse_json(payload[_HEAD.size : _HEAD.size + length], "A stored battle's head")
        return StoredBattle(
            end_from_dict(head), dict(_columns(payload, _HEAD.size + length, int(head["rows"]), header))
        )
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"A stored battle does not hold what it should ({error}).") from error


def end_as_dict(end: BattleEnd) -> dict[str, Any]:
    """A battle's end as plain JSON values."""
    return {
        "battle_id": int(end.battle_id),
        "outcome": {str(int(seat)): int(result) for seat, result in end.outcome.items()},
        "truncated": bool(end.truncated),
        "seats": {str(int(seat)): int(source) for seat, source in end.seats.items()},
    }


def end_from_dict(head: Mapping[str, Any]) -> BattleEnd:
    """The other way round; ModelError where it is not what `end_as_dict` gives."""
    try:
        seats = {int(seat): Source(source) for seat, source in head["seats"].items()}
        outcome = {int(seat): int(result) for seat, result in head["outcome"].items()}
        end = BattleEnd(int(head["battle_id"]), outcome, bool(head["truncated"]), seats)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ModelError(f"A stored battle's end does not hold what it should ({error}).") from error
    if not set(outcome.values()) <= {-1, 0, 1}:
        raise ModelError(f"A stored battle's outcome must hold 1, 0 and -1, not {sorted(set(outcome.values()))}.")
    return end


def _columns(payload: bytes, at: int, count: int, header: Header) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, (shape, dtype) in layout(header.observation_size, header.num_actions).items():
        numbers = count * int(np.prod(shape, dtype=int))
        column = np.frombuffer(payload, np.uint8 if dtype.kind == "b" else dtype, numbers, at)
        at += column.nbytes
        # Read as bytes first: a bool that is neither 0 nor 1 must not exist, not even in a damaged file.
        yield name, (column != 0 if dtype.kind == "b" else column.copy()).reshape(count, *shape)
    if at != len(payload):
        raise ValueError(f"{len(payload)} bytes instead of {at}")


def _frame_at(data: bytes, at: int) -> bytes | None:
    if at + _FRAME.size > len(data):
        return None
    mark, length, checksum = _FRAME.unpack_from(data, at)
    start = at + _FRAME.size
    if mark != _MARK or length > MAX_FRAME_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == checksum else None
