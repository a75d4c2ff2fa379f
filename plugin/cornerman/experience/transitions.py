"""Transitions as columns and finished battles as bytes, what a stored one must satisfy, and their n-step returns.

The battle store, the replay buffer and exported files share this, so that a transition means the same everywhere: a
discount of 0 says that the battle ended with it; a battle that was cut off did not end, so its last transitions keep
their discount and bootstrap from the last state.

An n-step return (Sutton 1988; Watkins 1989) runs over up to n decisions of one seat: its reward is sum(gamma^k r_k),
its discount gamma^k times the last one's. It never reaches over a decision that is missing (a jump in `index`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BattleEnd, ModelError, Source, Transition, printable
from cornerman.experience.encoder import LARGEST_FEATURE
from cornerman.files.atomic import parse_json

Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""One array a field of Transition, all of one length."""

LARGEST_REWARD = 100.0
MAX_PLAYER_NAME = 100
"""Characters."""
SCHEMA = 2
_HEAD = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class DataFormat:
    """What must be equal for stored transitions to mean the same."""

    game: str
    game_version: str
    encoder_version: str
    observation_size: int
    num_actions: int
    schema: int = SCHEMA

    def differences(self, other: DataFormat) -> str:
        """What differs, for a person; empty where nothing does."""
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(
            f"{name} {theirs[name]} instead of {mine[name]}" for name in mine if mine[name] != theirs[name]
        )


class StoredBattle(NamedTuple):
    """One finished battle: its transitions are one decision long, in the order recorded."""

    end: BattleEnd
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        """How many transitions it has."""
        return len(self.columns["action"])


def layout(observation_size: int, num_actions: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Per column the shape of one transition and the type, in the order in which columns are written."""
    return {
        "observation": ((observation_size,), np.dtype("<f4")),
        "action_mask": ((num_actions,), np.dtype("?")),
        "action": ((), np.dtype("<i8")),
        "reward": ((), np.dtype("<f4")),
        "next_observation": ((observation_size,), np.dtype("<f4")),
        "next_action_mask": ((num_actions,), np.dtype("?")),
        "discount": ((), np.dtype("<f4")),
        "battle_id": ((), np.dtype("<i8")),
        "seat": ((), np.dtype("<i8")),
        "index": ((), np.dtype("<i4")),
        "source": ((), np.dtype("i1")),
        "opponent": ((), np.dtype("i1")),
        "version": ((), np.dtype("<i4")),
    }


def row_bytes(observation_size: int, num_actions: int) -> int:
    """Bytes of one transition."""
    return sum(dtype.itemsize * int(np.prod(shape)) for shape, dtype in layout(observation_size, num_actions).values())


def pack(rows: Sequence[Transition], observation_size: int, num_actions: int) -> dict[str, NDArray[Any]]:
    """Columns of transitions in their order; ValueError where one has other sizes."""
    columns = {}
    for name, (shape, dtype) in layout(observation_size, num_actions).items():
        column = np.empty((len(rows), *shape), dtype)
        for at, row in enumerate(rows):
            column[at] = getattr(row, name)
        columns[name] = column
    return columns


def unpack(columns: Columns) -> list[Transition]:
    """The transitions of columns, with copies of their own."""
    values = {name: column.tolist() if column.ndim == 1 else map(np.copy, column) for name, column in columns.items()}
    values |= {name: map(Source, values[name]) for name in ("source", "opponent")}
    return [Transition(*row) for row in zip(*(values[field.name] for field in fields(Transition)), strict=True)]


def fit(columns: Columns, observation_size: int, num_actions: int) -> str | None:
    """Why columns have not the declared game's names, shapes and types; None where they have."""
    wanted = layout(observation_size, num_actions)
    if set(columns) != set(wanted):
        return f"the columns are {sorted(columns)}, they must be {sorted(wanted)}"
    length = len(columns["action"]) if columns["action"].ndim else -1
    for name, (shape, dtype) in wanted.items():
        column = columns[name]
        if column.shape != (length, *shape) or column.dtype != dtype:
            return f"column {name} is {column.dtype} {column.shape}, it must be {dtype} {(length, *shape)}"
    return None


def faults(columns: Columns) -> dict[str, NDArray[np.bool_]]:
    """Per reason which transitions `[N]` must not be learned from; columns must `fit` first."""
    observation, following = columns["observation"], columns["next_observation"]
    mask, next_mask = columns["action_mask"], columns["next_action_mask"]
    action, discount, reward = columns["action"], columns["discount"], columns["reward"]
    known = (action >= 0) & (action < mask.shape[1])
    legal = mask[np.arange(len(action)), np.where(known, action, 0)]
    sources = (columns["source"], columns["opponent"])
    return {
        "observation": ~_usable(observation),
        "next observation": ~_usable(following),
        "reward": ~(np.abs(reward) <= LARGEST_REWARD),
        "discount": ~((discount >= 0.0) & (discount <= 1.0)),
        "illegal": ~(known & legal),
        "next mask": (discount > 0.0) & ~next_mask.any(axis=1),
        "source": ~np.logical_and.reduce([(column >= 0) & (column < len(Source)) for column in sources]),
    }


def format_from_dict(value: Any) -> DataFormat:
    """A DataFormat from JSON values; ModelError where they are none."""
    try:
        found = DataFormat(**value)
    except TypeError as error:
        raise ModelError(f"A format of stored battles does not hold what it should ({error}).") from error
    if any(type(got) is not type(wanted) for got, wanted in zip(asdict(found).values(), _FORMAT_TYPES, strict=True)):
        raise ModelError("A format of stored battles holds values of the wrong types.")
    return found


_FORMAT_TYPES = ("", "", "", 0, 0, 0)


def battle_to_bytes(end: BattleEnd, transitions: Sequence[Transition], data_format: DataFormat) -> bytes:
    """One battle: the length of a JSON head, the head, and plain columns; ValueError where a size does not fit."""
    columns = pack(transitions, data_format.observation_size, data_format.num_actions)
    head = json.dumps({**end_as_dict(end), "transitions": len(transitions)}).encode()
    return b"".join([_HEAD.pack(len(head)), head, *(column.tobytes() for column in columns.values())])


def end_of(data: bytes) -> BattleEnd:
    """How a battle ended, of any game, from its bytes or only the first of them; ModelError as `battle_from_bytes`."""
    try:
        (length,) = _HEAD.unpack_from(data)
        return end_from_dict(parse_json(data[_HEAD.size : _HEAD.size + length], "A stored battle's head"))
    except struct.error as error:
        raise ModelError(f"A stored battle does not hold what it should ({error}).") from error


def battle_from_bytes(data: bytes, data_format: DataFormat) -> StoredBattle:
    """One battle in fresh arrays; ModelError where `data` is not what `battle_to_bytes` gives."""
    try:
        (length,) = _HEAD.unpack_from(data)
        head = parse_json(data[_HEAD.size : _HEAD.size + length], "A stored battle's head")
        columns = _columns(data, _HEAD.size + length, int(head["transitions"]), data_format)
        return StoredBattle(end_from_dict(head), dict(columns))
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"A stored battle does not hold what it should ({error}).") from error


def end_as_dict(end: BattleEnd) -> dict[str, Any]:
    """A battle's end as plain JSON values."""
    player = {"player": end.player} if end.player else {}
    return player | {
        "battle_id": int(end.battle_id),
        "outcome": {str(int(seat)): float(result) for seat, result in end.outcome.items()},
        "truncated": bool(end.truncated),
        "seats": {str(int(seat)): int(source) for seat, source in end.seats.items()},
    }


def end_from_dict(head: Mapping[str, Any]) -> BattleEnd:
    """The other way round; ModelError where it is not what `end_as_dict` gives."""
    try:
        seats = {int(seat): Source(source) for seat, source in head["seats"].items()}
        outcome = {int(seat): float(result) for seat, result in head["outcome"].items()}
        end = BattleEnd(int(head["battle_id"]), outcome, bool(head["truncated"]), seats, player=_player(head))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ModelError(f"A stored battle's end does not hold what it should ({error}).") from error
    if not all(-1.0 <= result <= 1.0 for result in outcome.values()):
        raise ModelError(f"A stored battle's outcome must hold numbers from -1 to 1, not {list(outcome.values())}.")
    return end


def _player(head: Mapping[str, Any]) -> str:
    player = head.get("player", "")
    if not isinstance(player, str) or len(player) > MAX_PLAYER_NAME or player != printable(player):
        raise ValueError("the player's name is no short text")
    return player


def take(columns: Columns, which: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The transitions that `which` picks (bool `[N]` or indices), in fresh arrays."""
    return {name: column[which] for name, column in columns.items()}


def _usable(observations: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which observations are finite and in range; the comparison is False for NaN."""
    return np.asarray((np.abs(observations) <= LARGEST_FEATURE).all(axis=1))


def _columns(data: bytes, at: int, count: int, data_format: DataFormat) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, (shape, dtype) in layout(data_format.observation_size, data_format.num_actions).items():
        numbers = count * int(np.prod(shape, dtype=int))
        column = np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype, numbers, at)
        at += column.nbytes
        # Read as bytes first: a bool that is neither 0 nor 1 must not exist, not even in a damaged file.
        yield name, (column != 0 if dtype.kind == "b" else column.copy()).reshape(count, *shape)
    if at != len(data):
        raise ValueError(f"{len(data)} bytes instead of {at}")


# -------------------------------------------------------------------------------------------------- n-step returns


class NStep:
    """Builds n-step transitions as their decisions come; the trainer's thread owns it. The rest are pure functions."""

    def __init__(self, n: int, gamma: float) -> None:
        """ValueError where `n` is below 1."""
        if n < 1:
            raise ValueError(f"n-step returns need n of at least 1, not {n}")
        self.n = n
        self.gamma = gamma
        self._tails: dict[int, dict[int, list[Transition]]] = {}

    def push(self, transition: Transition) -> list[Transition]:
        """Add one transition; returns the n-step transitions that it completes, oldest first."""
        rows: list[Transition] = []
        tail = self._tails.setdefault(transition.battle_id, {}).setdefault(transition.seat, [])
        if tail and transition.index != tail[-1].index + 1:
            rows += self._finish(tail)
        tail.append(transition)
        if transition.discount == 0.0:
            rows += self._finish(tail)
        elif len(tail) == self.n:
            rows.append(self._row(tail, 0))
            del tail[0]
        return rows

    def end(self, battle_id: int) -> list[Transition]:
        """The battle is over or abandoned: returns those that were still short of n decisions."""
        tails = self._tails.pop(battle_id, {})
        return [row for tail in tails.values() for row in self._finish(tail)]

    def clear(self) -> int:
        """Drop every tail; returns how many transitions were in them."""
        count = sum(len(tail) for seats in self._tails.values() for tail in seats.values())
        self._tails.clear()
        return count

    def _finish(self, tail: list[Transition]) -> list[Transition]:
        rows = [self._row(tail, start) for start in range(len(tail))]
        tail.clear()
        return rows

    def _row(self, tail: list[Transition], start: int) -> Transition:
        first, last = tail[start], tail[-1]
        reward, scale = 0.0, 1.0
        for transition in tail[start:]:
            reward += scale * transition.reward
            scale *= self.gamma
        return replace(
            first,
            reward=reward,
            discount=scale * last.discount,
            next_observation=last.next_observation,
            next_action_mask=last.next_action_mask,
        )


def n_step_columns(columns: Columns, n: int, gamma: float) -> dict[str, NDArray[np.generic]]:
    """n-step transitions of many at once, as many as there are, ordered by battle, seat and index.

    Where what follows is not among these transitions, a return is of fewer steps and bootstraps sooner; `discount` says
    how many there were. ValueError where n is below 1.
    """
    if n < 1:
        raise ValueError(f"n-step returns need n of at least 1, not {n}")
    order = np.lexsort((columns["index"], columns["seat"], columns["battle_id"]))
    battle, seat, index = (columns[name][order] for name in ("battle_id", "seat", "index"))
    discount, reward = columns["discount"][order], columns["reward"][order].astype(np.float64)
    followed = np.zeros(len(order), np.bool_)  # by the same seat's next decision, in the next place
    followed[:-1] = (battle[1:] == battle[:-1]) & (seat[1:] == seat[:-1]) & (index[1:] == index[:-1] + 1)
    followed &= discount > 0.0
    last = np.arange(len(order))
    total, scale, goes_on = reward.copy(), np.full(len(order), gamma), np.ones(len(order), np.bool_)
    for _ in range(n - 1):
        goes_on &= followed[last]
        last = last + goes_on
        total += np.where(goes_on, scale * reward[last], 0.0)
        scale = np.where(goes_on, scale * gamma, scale)
    rows = {name: column[order] for name, column in columns.items() if not name.startswith("next_")}
    rows["reward"] = total.astype(np.float32)
    rows["discount"] = (scale * discount[last]).astype(np.float32)
    for name in ("next_observation", "next_action_mask"):
        rows[name] = columns[name][order[last]]
    return {name: rows[name] for name in columns}
