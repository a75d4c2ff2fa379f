"""Bulk self-play: many headless battles at once, agents for every seat of them, and transitions as columns.

A transition is what the recorder makes of the same battle: one decision of a seat to the same seat's next decision,
rewards of all turns between, the outcome at the end; where a battle was cut off it bootstraps from the last state.
Owned by one thread; numpy only, so that workers start quickly and stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import (
    BatchedBot,
    Battles,
    Bools,
    ContractError,
    Ended,
    Floats,
    Interrupted,
    ResumableBattles,
    Source,
)
from cornerman.experience.declaration import STANDARD, Declaration
from cornerman.experience.transitions import layout

Ints = NDArray[Any]
PLAYED = -2
"""In place of an action: a bot has played its turn by itself, and nothing is learned from that decision."""


@runtime_checkable
class ActingInBatches(Protocol):
    """A policy, or what acts as one on a device."""

    @property
    def version(self) -> int: ...
    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class BatchedAgent:
    """Who may take seats: a policy that explores by `epsilon`, or a bot for batches."""

    name: str
    plays: ActingInBatches | BatchedBot
    epsilon: float = 0.0

    @property
    def version(self) -> int:
        return self.plays.version if isinstance(self.plays, ActingInBatches) else -1

    @property
    def source(self) -> Source:
        return Source.PLUGIN if isinstance(self.plays, ActingInBatches) else Source.SCRIPTED


@dataclass(slots=True)
class Tally:
    """How the first of two agents fared against the second on all other sides, over battles that ended."""

    wins: int = 0
    draws: int = 0
    losses: int = 0
    outcome: float = 0.0  # sums over all battles, of the first agent's outcome and of its square
    squares: float = 0.0

    @property
    def battles(self) -> int:
        return self.wins + self.draws + self.losses


@dataclass(slots=True)
class Collected:
    """The result of one stretch of self-play; the columns are views that the next stretch overwrites."""

    columns: Mapping[str, Ints]  # transitions.layout, every continuing transition first, then those that end a battle
    decisions: int
    battles: int
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)


class _Last(NamedTuple):
    """The last decisions of one seat in battles that ended in one turn, K of them."""

    decision: Ints  # rows of the stretch [K]
    result: Floats  # how the seat fared [K]; 0 where the battle was cut off
    standing: Floats  # at the end [K]
    truncated: Bools  # [K]
    final: Floats  # what the seat saw in the last state of those that were cut off [C, F]


class SelfPlay:
    """Plays a batch of battles on and on, `turns` turns in every row at a time.

    Decisions of the stretch are numbered through: first those of either seat that were open when it began, then those
    of every turn.
    """

    def __init__(
        self,
        battles: Battles,
        observation_size: int,
        num_actions: int,
        random: np.random.Generator,
        turns: int = 16,
        declared: Declaration = STANDARD,
    ) -> None:
        self.battles, self.turns, self._random, self._declared = battles, turns, random, declared
        self.health_weight, self.outcome_weight, self.gamma = 0.5, 1.0, 0.99
        """Of the rewards, as in the settings; they hold from the next stretch on. `gamma` for a game's own standing."""
        seats = self._num_seats = declared.num_seats
        count = self._count = battles.num_battles
        self._everyone = np.arange(count)
        columns, rows = layout(observation_size, num_actions), (turns + seats) * count
        self._out = {name: np.zeros((rows + count, *shape), kind) for name, (shape, kind) in columns.items()}
        derived = {"reward", "next_observation", "next_action_mask", "discount"}
        self._decisions: dict[str, Ints] = {
            name: np.zeros((rows, *shape), kind) for name, (shape, kind) in columns.items() if name not in derived
        }
        self._decisions["standing"] = np.zeros(rows, np.float32)
        self._before = np.zeros((turns, count), np.int64)  # the same seat's decision before this one, or -1
        self._open = np.full((seats, count), -1, np.int64)  # by seat: its decision whose consequences are not all known
        self._decided = np.zeros((seats, count), np.int32)  # by seat: its decisions in this battle
        self._battle_id = np.arange(count, dtype=np.int64)
        self._next_id = count
        self._agents: list[BatchedAgent] = []
        self._policies: list[ActingInBatches | None] = []
        self._seats = np.zeros((seats, count), np.int16)

    def seat(self, agents: Sequence[BatchedAgent], seats: Ints) -> None:
        """Who plays from the next turn on: `seats` `[S, N]` are indices into `agents`, by seat.

        Battles under way go on with them, and are counted for those who sit there at the end.
        """
        if seats.shape != self._seats.shape or seats.min() < 0 or seats.max() >= len(agents):
            raise ValueError(f"seats must be indices of the {len(agents)} agents, of shape {self._seats.shape}")
        self._agents, self._seats = list(agents), seats.astype(np.int16)
        # Asked once here: to ask whether something keeps a protocol takes 8 us, and every turn needs to know of each.
        self._policies = [agent.plays if isinstance(agent.plays, ActingInBatches) else None for agent in agents]
        names = [agent.name for agent in agents]
        self._codes = np.array([agent.source for agent in agents], np.int8)
        self._versions = np.array([agent.version for agent in agents], np.int32)
        self._pairs = [(first, second) for first in names for second in names]
        self._opponents = self._opposite()
        self._lone, self._against = np.full(self._count, -1), np.zeros(self._count, np.int64)
        sides = np.array(self._declared.sides)
        for seat in self._declared.plugin_seats:  # a bot alone in another seat is not who is measured
            side = sides[seat]
            team, others = self._seats[sides == side], self._seats[sides != side]
            if len(others):
                meets = (team == team[0]).all(0) & (others == others[0]).all(0) & (self._lone < 0)
                self._lone[meets], self._against[meets] = seat, others[0, meets]

    def _opposite(self) -> Ints:
        """Who sits opposite each seat, by `Source`, `[S, N]`: the one kind of all seats of other sides, or UNKNOWN."""
        kinds, sides = self._codes[self._seats], np.array(self._declared.sides)
        opposite = np.full_like(kinds, Source.UNKNOWN)
        for seat in range(self._num_seats):
            others = kinds[sides != sides[seat]]
            if len(others):
                opposite[seat] = np.where((others == others[0]).all(0), others[0], Source.UNKNOWN)
        return opposite

    def snapshot(self) -> dict[str, Ints] | None:
        """Copies of what the next stretch goes on from, generator and agents apart; None where the game's battles
        cannot be stored."""
        if not isinstance(self.battles, ResumableBattles):
            return None
        arrays = {name: values.copy() for name, values in self._kept().items()}
        arrays |= {f"battles.{name}": values for name, values in self.battles.snapshot().items()}
        return {**arrays, "next": np.array(self._next_id, np.int64)}

    def restore(self, arrays: Mapping[str, Ints]) -> None:
        """Go on exactly where `snapshot` was taken; ValueError where it does not fit."""
        if not isinstance(self.battles, ResumableBattles):
            raise ValueError("the game's battles cannot be stored")
        into = self._kept()
        for name, values in into.items():
            if name not in arrays or arrays[name].shape != values.shape:
                raise ValueError(f"what was stored of self-play has no {name!r} of shape {values.shape}")
        self.battles.restore(
            {name.removeprefix("battles."): values for name, values in arrays.items() if name.startswith("battles.")}
        )
        for name, values in into.items():
            values[:] = arrays[name]
        self._next_id = int(arrays["next"])

    def _kept(self) -> dict[str, Ints]:
        """What is kept between two stretches: views of the open decisions, which are in the first S N rows."""
        opened = {name: values[: self._num_seats * self._count] for name, values in self._decisions.items()}
        return opened | {"open": self._open, "decided": self._decided, "current": self._battle_id}

    def collect(self, before_turn: Callable[[], None] = lambda: None) -> Collected:
        """Play one stretch and return what became known; `before_turn` is called before every turn, and may wait."""
        ends: list[_Last] = []
        tallies: dict[tuple[str, str], Tally] = {}
        num_battles = 0
        for turn in range(self.turns):
            before_turn()
            ended = self._play_turn(turn)
            if len(ended.rows):
                num_battles += self._end(ended, ends, tallies)
        columns = self._columns(ends)
        self._carry()
        return Collected(columns, self.turns * self._count, num_battles, tallies)

    def _play_turn(self, turn: int) -> Ended:
        """Note the decision due in every row, and apply it."""
        start = (turn + self._num_seats) * self._count
        now = slice(start, start + self._count)
        decisions = self._decisions
        observation, mask = decisions["observation"][now], decisions["action_mask"][now]
        self.battles.observe(observation, mask)
        seat = decisions["seat"][now]
        seat[:] = self.battles.seat
        at = seat * self._count + self._everyone
        standing = self.battles.standing
        decisions["standing"][now] = standing[self._everyone, seat] if standing.ndim == 2 else standing * (1 - 2 * seat)
        decisions["battle_id"][now] = self._battle_id
        actions = decisions["action"][now] = self._act(now, at, observation, mask)
        self._before[turn] = self._open.reshape(-1).take(at)
        self._open.reshape(-1)[at] = np.where(actions == PLAYED, -1, self._everyone + start)
        decided = self._decided.reshape(-1)
        numbers = decisions["index"][now] = decided.take(at)
        decided[at] = numbers + 1
        return self.battles.step(actions)

    def _act(self, now: slice, at: Ints, observation: Floats, mask: Bools) -> Ints:
        """The action of every row, agent by agent; notes who decided, and the opponent."""
        source, opponent = self._decisions["source"], self._decisions["opponent"]
        if len(self._agents) == 1:
            source[now], opponent[now] = self._codes[0], self._opponents.reshape(-1).take(at)
            self._decisions["version"][now] = self._versions[0]
            return self._actions_of(0, self._everyone, observation, mask)
        who = self._seats.reshape(-1).take(at)
        source[now], opponent[now] = self._codes.take(who), self._opponents.reshape(-1).take(at)
        self._decisions["version"][now] = self._versions.take(who)
        actions = np.zeros(self._count, np.int64)
        for number in range(len(self._agents)):
            rows = (who == number).nonzero()[0]
            if len(rows):
                actions[rows] = self._actions_of(number, rows, observation[rows], mask[rows])
        return actions

    def _actions_of(self, number: int, rows: Ints, observation: Floats, mask: Bools) -> Ints:
        agent, policy = self._agents[number], self._policies[number]
        if policy is not None:
            return policy.act_batch(observation, mask, self._random, agent.epsilon)
        bot: Any = agent.plays
        return np.asarray(bot(self.battles, rows, self._random))

    def _end(self, ended: Ended, ends: list[_Last], tallies: dict[tuple[str, str], Tally]) -> int:
        """Close what was open in the rows whose battle is over; gives how many battles count."""
        rows, outcome, standing, truncated = ended.rows, ended.outcome, ended.standing, ended.truncated
        interrupted = ended if isinstance(ended, Interrupted) else None
        if interrupted is None and truncated.any():
            raise ContractError("a batch cut battles off without final_observation, see contract.Interrupted")
        counted = np.ones(len(rows), np.bool_) if interrupted is None else ~interrupted.dropped
        for seat in range(self._num_seats):
            decision = self._open[seat, rows]
            known = (decision >= 0) & counted
            cut = truncated[known]
            final = self._decisions["observation"][:0]
            if interrupted is not None:
                final = interrupted.final_observation[seat][known][cut]
            result, stood = np.where(cut, 0, _of_seat(outcome, seat)[known]), _of_seat(standing, seat)[known]
            ends.append(_Last(decision[known], result, stood, cut, final))
        self._open[:, rows] = -1
        self._decided[:, rows] = 0
        self._battle_id[rows] = self._next_id + np.arange(len(rows))
        self._next_id += len(rows)
        told = counted & ~truncated & (self._lone[rows] >= 0)
        self._tally(rows[told], outcome[told], tallies)
        return int(counted.sum())

    def _tally(self, rows: Ints, outcome: Ints, tallies: dict[tuple[str, str], Tally]) -> None:
        """Count battles for the one agent who meets another on all other sides."""
        lone = self._lone[rows]
        pair = self._seats[lone, rows].astype(np.int64) * len(self._agents) + self._against[rows]
        results = outcome[np.arange(len(rows)), lone] if outcome.ndim == 2 else outcome
        counts = np.bincount(pair * 3 + np.sign(results).astype(np.int64) + 1, minlength=3 * len(self._pairs))
        for number in np.unique(pair).tolist():
            tally = tallies.setdefault(self._pairs[number], Tally())
            losses, draws, wins = counts[3 * number : 3 * number + 3].tolist()
            tally.wins, tally.draws, tally.losses = tally.wins + wins, tally.draws + draws, tally.losses + losses
            found = results[pair == number]
            tally.outcome, tally.squares = tally.outcome + float(found.sum()), tally.squares + float(found @ found)

    def _columns(self, ends: list[_Last]) -> dict[str, Ints]:
        """The transitions of this stretch, gathered into the prepared columns."""
        decisions, before = self._decisions, self._before.reshape(-1)
        following = (before >= 0).nonzero()[0]
        first = before.take(following)
        following += self._num_seats * self._count
        last = np.concatenate([end.decision for end in ends]) if ends else np.zeros(0, np.int64)
        going, which = len(first), np.concatenate([first, last])
        out = {name: column[: len(which)] for name, column in self._out.items()}
        for name in decisions.keys() & out.keys():
            np.take(decisions[name], which, 0, out[name], "clip")
        for name in ("observation", "action_mask"):
            np.take(decisions[name], following, 0, out[f"next_{name}"][:going], "clip")
            out[f"next_{name}"][going:] = 0
        out["discount"][:going], out["discount"][going:] = 1.0, 0.0
        reward = out["reward"]
        np.take(decisions["standing"], following, 0, reward[:going], "clip")
        if ends:
            reward[going:] = np.concatenate([end.standing for end in ends])
        if self._declared.standing is not None:  # a potential: 0 at the end
            reward *= np.float32(self.gamma)
            reward[going:] *= np.concatenate([end.truncated for end in ends]) if ends else 1.0
        reward -= decisions["standing"].take(which)
        reward *= np.float32(self.health_weight)
        if ends:
            reward[going:] += np.float32(self.outcome_weight) * np.concatenate([end.result for end in ends])
            self._bootstrap(out, going, ends)
        return out

    def _bootstrap(self, out: Mapping[str, Ints], going: int, ends: list[_Last]) -> None:
        """Let the last decisions of battles that were cut off lead to the last state."""
        places = going + np.concatenate([end.truncated for end in ends]).nonzero()[0]
        out["discount"][places] = 1.0
        out["next_observation"][places] = np.concatenate([end.final for end in ends])
        # What a seat could do in the last state is not known; its last mask stands in for it, as in the recorder.
        out["next_action_mask"][places] = out["action_mask"][places]

    def _carry(self) -> None:
        """Keep the decisions that are still open in front, where the next stretch looks for them."""
        for seat in range(self._num_seats):
            rows = self._open[seat]
            kept = (rows >= 0).nonzero()[0]
            source, target = rows[kept], kept + seat * self._count
            for values in self._decisions.values():
                values[target] = values[source]
            rows[kept] = target


def _of_seat(values: Ints, seat: int) -> Ints:
    """How one seat fares, of values by seat `[E, S]`, or of seat 0's `[E]` where seat 1 fares the other way round."""
    if values.ndim == 2:
        return np.asarray(values[:, seat])
    return -values if seat else values
