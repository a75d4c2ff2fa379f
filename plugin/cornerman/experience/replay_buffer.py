"""Replay buffer: transitions in preallocated numpy columns, sampled uniformly; and the pair that is learned from.

All of it belongs to the trainer's thread: nothing is locked. Nothing here opens files.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import SettingsError, Transition
from cornerman.experience.transitions import Columns, fit, layout, row_bytes, unpack

log = logging.getLogger("cornerman")

Values = TypeVar("Values")
Arrays = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Batch(Generic[Values]):
    """Transitions to learn from, as numpy arrays or torch tensors."""

    observation: Values  # float32 [B, F]
    action_mask: Values  # bool [B, A]
    action: Values  # int64 [B]
    reward: Values  # float32 [B], n-step
    discount: Values  # float32 [B], 0 at an end, gamma^n elsewhere
    next_observation: Values  # float32 [B, F]
    next_action_mask: Values  # bool [B, A]
    weight: Values  # float32 [B], how much the action is imitated, as in update.Rows

    def columns(self) -> list[tuple[str, Values]]:
        """Names and values, in order."""
        return [(column.name, getattr(self, column.name)) for column in fields(self)]

    def part(self, start: int, stop: int) -> Batch[Any]:
        """Views of the rows from `start` up to `stop`."""
        return Batch(*(values[start:stop] for _, values in self.columns()))  # type: ignore[index]  # arrays or tensors


def empty_batch(batch_size: int, observation_size: int, num_actions: int) -> Batch[Arrays]:
    """Fresh, uninitialised arrays for one batch."""
    columns = {**layout(observation_size, num_actions), "weight": ((), np.dtype("<f4"))}
    return Batch(*(np.empty((batch_size, *columns[c.name][0]), columns[c.name][1]) for c in fields(Batch)))


def batch_for(device: str, batch_size: int, observation_size: int, num_actions: int) -> Batch[Arrays]:
    """Fresh arrays for one batch to learn from on `device`: pinned for CUDA, where there is such memory."""
    batch = empty_batch(batch_size, observation_size, num_actions)
    if device != "cuda":
        return batch
    from torch import from_numpy  # here and not above: torch is for accelerators

    try:
        return Batch(*(from_numpy(values).pin_memory().numpy() for _, values in batch.columns()))
    except (RuntimeError, AssertionError) as error:  # then it takes a little longer to get there
        log.info("No pinned memory: %s", error)
        return batch


class ReplayBuffer:
    """The newest transitions up to `capacity`; a sample is drawn uniformly with replacement."""

    def __init__(self, capacity: int, observation_size: int, num_actions: int, random: np.random.Generator) -> None:
        """Takes all its memory at once and none in mid-game; SettingsError where that cannot fit the machine."""
        if capacity < 1:
            raise SettingsError(f"A replay buffer needs a capacity of at least 1; {capacity} was asked for.")
        self.capacity = capacity
        self.observation_size = observation_size
        self.num_actions = num_actions
        self.size = 0
        self._next = 0
        self._random = random
        shapes = layout(observation_size, num_actions)
        refuse_impossible(capacity, row_bytes(observation_size, num_actions))
        self._columns = {name: np.empty((capacity, *shape), dtype) for name, (shape, dtype) in shapes.items()}
        for column in self._columns.values():
            column.fill(0)  # zeros() would leave the pages to be taken one by one, as rows come in
        columns = self._columns
        self.weight = np.zeros(capacity, np.float32)
        """How much each row's action is imitated, by place; 0 until `weigh`. Not stored."""
        self.drawn = {f.name: columns.get(f.name, self.weight) for f in fields(Batch)}
        """The columns of a batch, by place, in its order."""
        self._observation, self._next_observation = columns["observation"], columns["next_observation"]
        self._action_mask, self._next_action_mask = columns["action_mask"], columns["next_action_mask"]
        # The same bytes: putting one number through a memoryview takes half as long as through an array.
        names = ("action", "reward", "discount", "battle_id", "seat", "index", "source", "opponent", "version")
        self._numbers: tuple[Any, ...] = (*(columns[name].data for name in names), self.weight.data)

    def __len__(self) -> int:
        return self.size

    def append(self, row: Transition) -> None:
        """Store one transition in the place of the oldest; ValueError where its sizes do not fit."""
        at = self._next
        self._observation[at] = row.observation
        self._action_mask[at] = row.action_mask
        self._next_observation[at] = row.next_observation
        self._next_action_mask[at] = row.next_action_mask
        action, reward, discount, battle_id, seat, index, source, opponent, version, weight = self._numbers
        action[at] = row.action
        reward[at] = row.reward
        discount[at] = row.discount
        battle_id[at] = row.battle_id
        seat[at] = row.seat
        index[at] = row.index
        source[at] = row.source
        opponent[at] = row.opponent
        version[at] = row.version
        weight[at] = 0.0
        self.drawn["action"][at] = row.action
        at += 1
        if at > self.size:
            self.size = at
        self._next = 0 if at == self.capacity else at

    def append_many(self, columns: Columns) -> None:
        """Store transitions given as columns, as if appended one by one; ValueError where they do not fit."""
        misfit = fit(columns, self.observation_size, self.num_actions)
        if misfit:
            raise ValueError(f"These transitions cannot be stored: {misfit}.")
        count = len(columns["action"])
        kept = min(count, self.capacity)
        first = (self._next + count - kept) % self.capacity
        straight = min(kept, self.capacity - first)
        for name, column in (*self._columns.items(), ("action", self.drawn["action"])):
            rows = columns[name][count - kept :]
            column[first : first + straight] = rows[:straight]
            column[: kept - straight] = rows[straight:]
        self.size = min(self.capacity, self.size + count)
        self._next = (self._next + count) % self.capacity

    def sample(self, batch_size: int, out: Batch[Arrays] | None = None) -> Batch[Arrays]:
        """Draw transitions with replacement into `out` or fresh arrays; ValueError where nothing is stored."""
        at = self.draw(batch_size)
        if out is None:
            out = empty_batch(batch_size, self.observation_size, self.num_actions)
        for name, column in out.columns():
            np.take(self.drawn[name], at, 0, column, "clip")  # straight into `out`; the default mode copies once more
        return out

    def draw(self, shape: int | tuple[int, int]) -> Arrays:
        """Places of transitions, drawn uniformly with replacement; ValueError where nothing is stored."""
        if not self.size:
            raise ValueError("Nothing is stored yet, so nothing can be sampled.")
        return self._random.integers(0, self.size, shape)

    def take(self, places: Arrays, out: Batch[Arrays], part: slice) -> None:
        """Copy from places `[K, P]` into that part of each of the K batches that lie one below the other."""
        for name, column in out.columns():
            rows = column.reshape(len(places), -1, *column.shape[1:])
            rows[:, part] = np.take(self.drawn[name], places, 0, mode="clip")

    def weigh(self, weights: Callable[[Columns], Arrays], actions: Callable[[Columns], Arrays] | None = None) -> None:
        """Set how much each row's action is imitated, and which action is learned from in its place, if another:
        functions of the columns by place, `[capacity]` each."""
        self.weight[:] = weights(self._columns)
        self.drawn["action"] = self._columns["action"] if actions is None else actions(self._columns)

    def columns(self) -> dict[str, Arrays]:
        """Copies of everything stored, oldest first."""
        order = (np.arange(self.size) + (self._next if self.size == self.capacity else 0)) % self.capacity
        return {name: column[order] for name, column in self._columns.items()}

    def rows(self) -> list[Transition]:
        """Everything stored, oldest first."""
        return unpack(self.columns())

    def clear(self) -> int:
        """Erase everything, in memory as well; returns how many transitions there were."""
        count, self.size, self._next = self.size, 0, 0
        for column in (*self._columns.values(), self.weight):
            column[:] = 0
        return count

    def state(self) -> dict[str, Arrays]:
        """Everything that `restore` needs to go on exactly: rows in their places and the random generator."""
        state = {name: column[: self.size].copy() for name, column in self._columns.items()}
        state["next"] = np.array([self._next, self.capacity], np.int64)
        generator = json.dumps(self._random.bit_generator.state, default=np.ndarray.tolist)
        state["random"] = np.frombuffer(generator.encode(), np.uint8)
        return state

    def restore(self, state: Mapping[str, Arrays]) -> None:
        """Become what `state()` described; ValueError where it does not fit, and then nothing has changed."""
        columns = {name: state[name] for name in self._columns if name in state}
        misfit = fit(columns, self.observation_size, self.num_actions)
        if misfit or "next" not in state or "random" not in state:
            raise ValueError(f"The saved replay buffer does not fit: {misfit or 'its order is missing'}.")
        place, capacity = (int(number) for number in state["next"])
        if capacity != self.capacity:
            raise ValueError(f"The saved replay buffer has a capacity of {capacity}, this one of {self.capacity}.")
        self._random.bit_generator.state = json.loads(state["random"].tobytes())
        self.size = len(columns["action"])
        self._next = place
        for name, column in self._columns.items():
            column[: self.size] = columns[name]


class ReplayBuffers:
    """A buffer for battles with the player and one for self-play: neither pushes the transitions of the other out."""

    def __init__(self, player: ReplayBuffer, selfplay: ReplayBuffer) -> None:
        self.player = player
        self.selfplay = selfplay

    def __len__(self) -> int:
        return self.player.size + self.selfplay.size

    def sample_many(self, num_bursts: int, burst: tuple[int, int], out: Batch[Arrays]) -> None:
        """Draw bursts of `(steps, batch_size)` batches, one below the other in `out`; ValueError where none is stored.

        Each batch holds transitions of both buffers in proportion to their sizes. Two bursts at once are the same rows
        as one after the other. A column of all of them is copied in one go, which takes a sixth of the time of single
        batches and lets go of the interpreter meanwhile.
        """
        num_steps, batch_size = burst
        from_player = round(batch_size * self.player.size / (len(self) or 1))
        parts = [(self.player, slice(0, from_player)), (self.selfplay, slice(from_player, batch_size))]
        used = [(buffer, part, (num_steps, part.stop - part.start)) for buffer, part in parts if part.start < part.stop]
        places: list[list[Arrays]] = [[] for _ in used]
        for _ in range(num_bursts):
            for (buffer, _, shape), drawn in zip(used, places, strict=True):
                drawn.append(buffer.draw(shape))
        for (buffer, part, _), drawn in zip(used, places, strict=True):
            buffer.take(np.concatenate(drawn), out, part)


def free_memory_bytes() -> int | None:
    """Bytes of memory that are free; None where the system does not say."""
    try:
        import psutil  # here and not above: playing needs no psutil

        return int(psutil.virtual_memory().available)
    except Exception:  # noqa: BLE001 - psutil may raise anything, e.g. where /proc is hidden
        return None


def refuse_impossible(capacity: int, row_bytes: int) -> None:
    """SettingsError with both figures where that many rows cannot fit the memory that is free."""
    needed, free = capacity * row_bytes, free_memory_bytes()
    if free is not None and needed > free:
        raise SettingsError(
            f"A replay buffer of {capacity} rows needs {needed / 2**20:.0f} MiB and {free / 2**20:.0f} MiB are free; "
            "lower the replay capacity."
        )
