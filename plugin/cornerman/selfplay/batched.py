"""Bulk self-play: many headless battles at once, a player for every seat of them, and transitions as columns.

What a transition is, is what the recorder says: one decision of a seat to the same seat's next decision, rewards of all
turns between, the outcome at the end. Owned by one thread; numpy only, so that workers start quickly and stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedRival, Battles, Bools, Floats, ResumableBattles, Source
from cornerman.experience.transitions import layout

Ints = NDArray[Any]


@runtime_checkable
class ActingInBatches(Protocol):
    """A policy, or what acts as one on a device."""

    @property
    def version(self) -> int: ...
    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Player:
    """Who may take seats: a policy that explores by `epsilon`, or a scripted fighter for batches."""

    name: str
    plays: ActingInBatches | BatchedRival
    epsilon: float = 0.0

    @property
    def version(self) -> int:
        return self.plays.version if isinstance(self.plays, ActingInBatches) else -1

    @property
    def source(self) -> Source:
        return Source.PLUGIN if isinstance(self.plays, ActingInBatches) else Source.SCRIPTED


@dataclass(slots=True)
class Tally:
    """How the first of two players fared against the second, over battles that ended."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def battles(self) -> int:
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """Mean score, a draw counting one half; one half before any battle."""
        return (self.wins + self.draws / 2) / self.battles if self.battles else 0.5


@dataclass(slots=True)
class Collected:
    """What a stretch of self-play gave; the columns are views that the next stretch overwrites."""

    columns: Mapping[str, Ints]  # rows.layout, every continuing transition first, then those that end a battle
    decisions: int
    battles: int
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)


class SelfPlay:
    """Plays a batch of battles on and on, `turns` turns in every row at a time.

    Memory: `num_bytes(...)`. Rows of the stretch are numbered through: first the decisions of either seat that were
    open when it began, then those of every turn.
    """

    def __init__(
        self,
        battles: Battles,
        observation_size: int,
        num_actions: int,
        random: np.random.Generator,
        turns: int = 16,
        health_weight: float = 0.5,
        outcome_weight: float = 1.0,
    ) -> None:
        self.battles, self.turns, self._random = battles, turns, random
        self._health_weight, self._outcome_weight = np.float32(health_weight), np.float32(outcome_weight)
        count = self._count = battles.num_battles
        self._everyone = np.arange(count)
        rows = (turns + 2) * count
        self._observation = np.zeros((rows, observation_size), np.float32)
        self._mask = np.zeros((rows, num_actions), np.bool_)
        self._action = np.zeros(rows, np.int64)
        self._standing = np.zeros(rows, np.float32)
        self._seat = np.zeros(rows, np.int16)
        self._index = np.zeros(rows, np.int32)
        self._battle = np.zeros(rows, np.int64)
        self._source = np.zeros(rows, np.int8)
        self._opponent = np.zeros(rows, np.int8)
        self._version = np.zeros(rows, np.int32)
        self._before = np.zeros((turns, count), np.int64)  # the same seat's decision before this one, or -1
        self._open = np.full((2, count), -1, np.int64)  # by seat: its decision whose consequences are not all known
        self._decided = np.zeros((2, count), np.int32)  # by seat: its decisions in this battle
        self._battle_id = np.arange(count, dtype=np.int64)
        self._next_id = count
        size = rows + count
        self._out = {
            name: np.zeros((size, *shape), kind)
            for name, (shape, kind) in layout(observation_size, num_actions).items()
        }
        self._numbers: dict[str, Ints] = {
            "action": self._action,
            "battle_id": self._battle,
            "seat": self._seat,
            "index": self._index,
            "source": self._source,
            "opponent": self._opponent,
            "version": self._version,
        }
        self._players: list[Player] = []
        self._policies: list[ActingInBatches | None] = []
        self._seats = np.zeros((2, count), np.int16)

    @property
    def num_bytes(self) -> int:
        """Bytes of everything that was allocated here."""
        arrays = (self._observation, self._mask, self._action, self._standing, self._before, *self._out.values())
        return sum(array.nbytes for array in arrays)

    def seat(self, players: Sequence[Player], seats: Ints) -> None:
        """Who plays from the next turn on: `seats` `[2, N]` are indices into `players`, for seat 0 and seat 1.

        Battles under way go on with them, and are counted for those who sit there at the end.
        """
        if seats.shape != self._seats.shape or seats.min() < 0 or seats.max() >= len(players):
            raise ValueError(f"seats must be indices of the {len(players)} players, of shape {self._seats.shape}")
        self._players, self._seats = list(players), seats.astype(np.int16)
        # Asked once here: to ask whether something keeps a protocol takes 8 us, and every turn needs to know of each.
        self._policies = [player.plays if isinstance(player.plays, ActingInBatches) else None for player in players]
        names = [player.name for player in players]
        self._codes = np.array([player.source for player in players], np.int8)
        self._versions = np.array([player.version for player in players], np.int32)
        self._pairs = [(first, second) for first in names for second in names]

    def snapshot(self) -> dict[str, Ints] | None:
        """Copies of what the next stretch goes on from, generator and players apart; None where the game's battles
        cannot be stored."""
        if not isinstance(self.battles, ResumableBattles):
            return None
        arrays = {name: values[: 2 * self._count].copy() for name, values in self._carried().items()}
        arrays |= {f"battles.{name}": values for name, values in self.battles.snapshot().items()}
        arrays |= {"open": self._open.copy(), "decided": self._decided.copy(), "current": self._battle_id.copy()}
        return {**arrays, "next": np.array(self._next_id, np.int64)}

    def restore(self, arrays: Mapping[str, Ints]) -> None:
        """Go on exactly where `snapshot` was taken; ValueError where it does not fit."""
        if not isinstance(self.battles, ResumableBattles):
            raise ValueError("the game's battles cannot be stored")
        into: dict[str, Ints] = {name: values[: 2 * self._count] for name, values in self._carried().items()}
        into |= {"open": self._open, "decided": self._decided, "current": self._battle_id}
        for name, values in into.items():
            if name not in arrays or arrays[name].shape != values.shape:
                raise ValueError(f"what was stored of self-play has no {name!r} of shape {values.shape}")
        self.battles.restore(
            {name.removeprefix("battles."): values for name, values in arrays.items() if name.startswith("battles.")}
        )
        for name, values in into.items():
            values[:] = arrays[name]
        self._next_id = int(arrays["next"])

    def collect(self, before_turn: Callable[[], None] = lambda: None) -> Collected:
        """Play on, and return what became known; `before_turn` is called before every turn, and may wait."""
        count, everyone = self._count, self._everyone
        ends: list[tuple[Ints, Ints, Floats]] = []  # decisions, their rewards by outcome, and the standing at the end
        tallies: dict[tuple[str, str], Tally] = {}
        num_battles = 0
        for turn in range(self.turns):
            before_turn()
            start = (turn + 2) * count
            now = slice(start, start + count)
            observation, mask = self._observation[now], self._mask[now]
            self.battles.observe(observation, mask)
            seat = self._seat[now]
            seat[:] = self.battles.seat
            at = seat * count + everyone
            self._standing[now] = self.battles.standing
            self._battle[now] = self._battle_id
            actions = self._action[now] = self._act(now, at, observation, mask)
            self._before[turn] = self._open.reshape(-1).take(at)
            self._open.reshape(-1)[at] = everyone + start
            decided = self._decided.reshape(-1)
            numbers = self._index[now] = decided.take(at)
            decided[at] = numbers + 1
            ended = self.battles.step(actions)
            if len(ended.rows):
                num_battles += len(ended.rows)
                self._end(ended, ends, tallies)
        columns = self._columns(ends)
        self._carry()
        return Collected(columns, self.turns * count, num_battles, tallies)

    def _act(self, now: slice, at: Ints, observation: Floats, mask: Bools) -> Ints:
        """Everyone's action, player by player; and note who decided, and against whom."""
        if len(self._players) == 1:
            self._source[now] = self._opponent[now] = self._codes[0]
            self._version[now] = self._versions[0]
            return self._of(0, self._everyone, observation, mask)
        who = self._seats.reshape(-1).take(at)
        opposite = self._seats[::-1].reshape(-1).take(at)
        self._source[now], self._opponent[now] = self._codes.take(who), self._codes.take(opposite)
        self._version[now] = self._versions.take(who)
        actions = np.zeros(self._count, np.int64)
        for number in range(len(self._players)):
            rows = (who == number).nonzero()[0]
            if len(rows):
                actions[rows] = self._of(number, rows, observation[rows], mask[rows])
        return actions

    def _of(self, number: int, rows: Ints, observation: Floats, mask: Bools) -> Ints:
        player, policy = self._players[number], self._policies[number]
        if policy is not None:
            return policy.act_batch(observation, mask, self._random, player.epsilon)
        scripted: Any = player.plays
        return np.asarray(scripted(self.battles, rows, self._random))

    def _end(self, ended: Any, ends: list[tuple[Ints, Ints, Floats]], tallies: dict[tuple[str, str], Tally]) -> None:
        """Close what was open in the rows whose battle is over; what was cut off is not told at all."""
        rows, outcome = ended.rows, ended.outcome
        for seat, result in ((0, outcome), (1, -outcome)):
            decision = self._open[seat, rows]
            told = (decision >= 0) & ~ended.truncated
            ends.append((decision[told], result[told], ended.standing[told]))
        self._open[:, rows] = -1
        self._decided[:, rows] = 0
        self._battle_id[rows] = self._next_id + np.arange(len(rows))
        self._next_id += len(rows)
        pair = self._seats[0, rows].astype(np.int64) * len(self._players) + self._seats[1, rows]
        counts = np.bincount(pair * 3 + outcome + 1, minlength=3 * len(self._pairs))
        for number in np.unique(pair).tolist():
            tally = tallies.setdefault(self._pairs[number], Tally())
            losses, draws, wins = counts[3 * number : 3 * number + 3].tolist()
            tally.wins, tally.draws, tally.losses = tally.wins + wins, tally.draws + draws, tally.losses + losses

    def _columns(self, ends: list[tuple[Ints, Ints, Floats]]) -> dict[str, Ints]:
        """The transitions of this stretch, gathered into the prepared columns."""
        before = self._before.reshape(-1)
        following = (before >= 0).nonzero()[0]
        first = before.take(following)
        following += 2 * self._count
        last = np.concatenate([part[0] for part in ends]) if ends else np.zeros(0, np.int64)
        going, total = len(first), len(first) + len(last)
        out = {name: column[:total] for name, column in self._out.items()}
        which = np.concatenate([first, last])
        seen: tuple[tuple[str, Ints], ...] = (("observation", self._observation), ("action_mask", self._mask))
        for name, source in seen:
            np.take(source, which, 0, out[name], "clip")
            np.take(source, following, 0, out[f"next_{name}"][:going], "clip")
            out[f"next_{name}"][going:] = 0
        for name, values in self._numbers.items():
            np.take(values, which, 0, out[name], "clip")
        out["discount"][:going], out["discount"][going:] = 1.0, 0.0
        reward = out["reward"]
        np.take(self._standing, following, 0, reward[:going], "clip")
        if ends:
            reward[going:] = np.concatenate([part[2] for part in ends])
        reward -= self._standing.take(which)
        reward *= self._health_weight
        reward *= 1 - 2 * out["seat"]  # what seat 0 gains seat 1 loses
        if ends:
            reward[going:] += self._outcome_weight * np.concatenate([part[1] for part in ends])
        return out

    def _carry(self) -> None:
        """Keep the decisions that are still open in front, where the next stretch looks for them."""
        count = self._count
        everything = self._carried().values()
        for seat in (0, 1):
            rows = self._open[seat]
            kept = (rows >= 0).nonzero()[0]
            source, target = rows[kept], kept + seat * count
            for values in everything:
                values[target] = values[source]
            rows[kept] = target

    def _carried(self) -> dict[str, Ints]:
        """What is kept of an open decision, by name; its place is one of the first 2 N."""
        return {
            "observation": self._observation,
            "mask": self._mask,
            "standing": self._standing,
            **self._numbers,
        }
