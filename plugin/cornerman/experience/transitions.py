"""Transitions as columns and back, and what a stored row must satisfy.

The journal, the replay buffer and imported files share this, so that a row means the same everywhere. Pure functions;
any thread may call them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Source, Transition
from cornerman.experience.encoder import LARGEST_FEATURE

Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""One array a field of Transition, all of one length."""

LARGEST_REWARD = 100.0


def layout(observation_size: int, num_actions: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Per column the shape of one row and the type, in the order in which columns are written."""
    return {
        "observation": ((observation_size,), np.dtype("<f4")),
        "action_mask": ((num_actions,), np.dtype("?")),
        "action": ((), np.dtype("<i8")),
        "reward": ((), np.dtype("<f4")),
        "next_observation": ((observation_size,), np.dtype("<f4")),
        "next_action_mask": ((num_actions,), np.dtype("?")),
        "discount": ((), np.dtype("<f4")),
        "battle_id": ((), np.dtype("<i8")),
        "seat": ((), np.dtype("<i2")),
        "index": ((), np.dtype("<i4")),
        "source": ((), np.dtype("i1")),
        "opponent": ((), np.dtype("i1")),
        "version": ((), np.dtype("<i4")),
    }


def pack(rows: Sequence[Transition], observation_size: int, num_actions: int) -> dict[str, NDArray[Any]]:
    """Columns of the rows in their order; ValueError where a row has other sizes."""
    columns = {}
    for name, (shape, dtype) in layout(observation_size, num_actions).items():
        column = np.empty((len(rows), *shape), dtype)
        for at, row in enumerate(rows):
            column[at] = getattr(row, name)
        columns[name] = column
    return columns


def unpack(columns: Columns) -> list[Transition]:
    """The rows of columns, with copies of their own."""
    plain = {name: column.tolist() for name, column in columns.items() if column.ndim == 1}
    return [
        Transition(
            observation=columns["observation"][at].copy(),
            action_mask=columns["action_mask"][at].copy(),
            action=plain["action"][at],
            reward=plain["reward"][at],
            next_observation=columns["next_observation"][at].copy(),
            next_action_mask=columns["next_action_mask"][at].copy(),
            discount=plain["discount"][at],
            battle_id=plain["battle_id"][at],
            seat=plain["seat"][at],
            index=plain["index"][at],
            source=Source(plain["source"][at]),
            opponent=Source(plain["opponent"][at]),
            version=plain["version"][at],
        )
        for at in range(len(plain["action"]))
    ]


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
    """Per reason which rows `[N]` must not be learned from; columns must `fit` first."""
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


def take(columns: Columns, which: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The rows that `which` picks (bool `[N]` or indices), in fresh arrays."""
    return {name: column[which] for name, column in columns.items()}


def _usable(observations: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows are finite and in range; the comparison is False for NaN."""
    return np.asarray((np.abs(observations) <= LARGEST_FEATURE).all(axis=1))
