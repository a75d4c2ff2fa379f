"""Checks of the gate: battles of a player against one other opponent.

Many at once where game, player and opponent can, else one after the other; the seeds depend on the opponent, not on the
player. numpy alone; no clock, no files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedGame, Battles, Bools, Bot, ContractError, Ended, Floats, HeadlessGame, Interrupted
from cornerman.evaluation.arena import BattleRecord, Rotations, pair_seed, rotation_turns
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.evaluation.headless import MOST_OPENINGS, Agent, as_bot, new_battle, play_turns, seat_randoms
from cornerman.evaluation.significance import Sample
from cornerman.experience.declaration import Declaration, declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.policy.batched_forward import any_legal

ROWS = 1024
"""Battles at once, after which a check may end early."""
ROTATIONS = 10
"""The same for battles one after the other, in rotations."""
ON_RECORD = 100
"""Battles of a player in a check that a verdict holds, for ratings; all of them would be a large manifest."""
CODE_BATTLES = 4
MIXING = np.uint64(0x9E3779B97F4A7C15)
"""An odd number that spreads bits (Knuth's multiplicative hashing)."""
_NEW, _SEEN, _STEP, _BOT = (
    GameCode(what) for what in ("new_battles", "observing a batch", "a batch's step", "a batched bot")
)
Ints = NDArray[Any]
Sizes = tuple[int, int]


@runtime_checkable
class ActsInBatches(Protocol):
    """A policy."""

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Opponent:
    """Whom a player is checked against: one other agent in all the seats of others, or the bots in turn where the
    plugin may not sit."""

    name: str
    agent: Agent
    elsewhere: Sequence[Bot] = ()  # in turn in the seats where the plugin may not sit; none: the agent there, too


@dataclass(slots=True)
class Series:
    """The battles of one player against one opponent that count, so far."""

    records: list[BattleRecord] = field(default_factory=list)
    repeated: int = 0  # battles that repeated earlier ones

    @property
    def sample(self) -> Sample:
        num, scores = len(self.records), [record.score for record in self.records]
        if not num:
            return Sample(0, 0.5)
        return Sample(num, sum(scores) / num, sum((score - 0.5) ** 2 for score in scores) / num)


class Checks:
    """Plays checks in one game, turn by turn; faulty battles are left out and counted in `faults`."""

    def __init__(self, game: HeadlessGame, encoder: Encoder, seed: int, faults: BattleFaults) -> None:
        self._game, self._encoder, self._seed, self._faults = game, encoder, seed, faults
        self._declared = declaration_of(game)

    def in_batches(self, player: Agent, opponent: Opponent) -> bool:
        """Whether the two can meet in many battles at once."""
        both = self._batched(player), self._batched(opponent.agent)
        return not opponent.elsewhere and all(agent is not None for agent in both)

    def _batched(self, agent: Any) -> Any:
        """What plays for an agent in many battles at once; None where nothing does."""
        game: Any = self._game
        if not isinstance(game, BatchedGame):
            return None
        if isinstance(agent, ActsInBatches):
            return agent
        return next((game.batched_bots.get(name) for name, bot in game.bots.items() if bot is agent), None)

    def play(
        self, player: Agent, opponent: Opponent, most: int, enough: Callable[[Sample], bool]
    ) -> Generator[None, None, Series]:
        """At most `most` battles, fewer once `enough`, which is asked now and then; yields after every turn."""
        declared, series = self._declared, Series()
        rotations = Rotations[list[BattleRecord]](declared.random_opening > 0)
        stretches = self._at_once if self.in_batches(player, opponent) else self._one_by_one
        for stretch in stretches(player, opponent, most):
            for found in stretch or ():
                counted = rotations.add(found, [("", record) for record in found])
                series.records += [record for rotation in counted for record in rotation]
                series.repeated += len(found) - sum(map(len, counted))
            if stretch is not None and enough(series.sample):
                break
            yield
        return series

    def _one_by_one(self, player: Agent, opponent: Opponent, most: int) -> Iterator[list[list[BattleRecord]] | None]:
        """Rotations in stretches of `ROTATIONS`; None after a turn."""
        declared, bot, other = self._declared, as_bot(player, self._encoder), as_bot(opponent.agent, self._encoder)
        stretch: list[list[BattleRecord]] = []
        for index in range(-(-most // len(declared.teams))):
            beside = opponent.elsewhere[index % len(opponent.elsewhere)] if opponent.elsewhere else other
            others = [other if seat in declared.plugin_seats else beside for seat in range(declared.num_seats)]
            found: list[BattleRecord] = []
            try:
                for record in rotation_turns(
                    self._game, pair_seed(self._seed, index, f"check {opponent.name}"), bot, others, declared
                ):
                    if record is not None:
                        found.append(record)
                    yield None
                self._faults.count_whole(len(found))
                stretch.append(found)
            except FaultyBattleError as error:
                self._faults.count(error)
            if len(stretch) == ROTATIONS:
                yield stretch
                stretch = []
        yield stretch

    def _at_once(self, player: Agent, opponent: Opponent, most: int) -> Iterator[list[list[BattleRecord]] | None]:
        """Battles in stretches of `ROWS`, as rotations of one; None after a turn of all."""
        agents, game = (self._batched(player), self._batched(opponent.agent)), self._game
        sizes = self._encoder.observation_size, self._encoder.num_actions
        for number in range(-(-most // ROWS)):
            seed = pair_seed(self._seed, number, f"check {opponent.name}")
            try:
                batch = _Batch(game, agents, seed, self._declared, sizes)
                while batch.playing.any():
                    batch.turn()
                    yield None
            except FaultyBattleError as error:  # all of them are left out: nobody knows which of them are whole
                self._faults.count(error)
                continue
            self._faults.count_whole(len(batch.records))
            yield [[record] for record in batch.records]

    def code(self, opponent: Opponent) -> Generator[None, None, int]:
        """A number for how game and opponent behave: that of other rules or of another bot differs, most likely."""
        bots = [as_bot(opponent.agent, self._encoder)] * self._declared.num_seats
        seen = []
        for number in range(CODE_BATTLES):
            seed = pair_seed(0, number, "code")
            try:
                battle = new_battle(self._game, seed, self._declared)
                for played in play_turns(battle, bots, seat_randoms(seed, len(bots)), self._declared.max_decisions):
                    if played is not None:
                        seen.append((played.turns, played.rounds, sorted(played.outcome.items())))
                    yield
            except FaultyBattleError as error:
                self._faults.count(error)
        return zlib.crc32(repr(seen).encode())


class _Batch:
    """The first battle of every row of a batch: a fixed number of battles, so that short ones do not count for more.

    The rows take the teams of the player in turn. A row goes on after its battle, with any legal action.
    FaultyBattleError where the game's code raises.
    """

    def __init__(self, game: Any, agents: Sequence[Any], seed: int, declared: Declaration, sizes: Sizes) -> None:
        """`agents`: player and opponent; `sizes`: of an observation and of an action mask."""
        with _NEW:
            self._battles: Battles = game.new_battles(ROWS, seed)
        self._agents, self._seed, self._declared = agents, seed, declared
        self._random, self._openings = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
        count, teams = ROWS, declared.teams
        self._begun = 0  # battles that made room for another before they counted
        self.playing = np.ones(count, np.bool_)
        self.records: list[BattleRecord] = []
        self._rows, self._turns = np.arange(count), np.zeros(count, np.int64)
        self._course, self._start = np.zeros(count, np.uint64), np.zeros(count, np.int64)
        self._seat = np.array([team[0] for team in teams])[self._rows % len(teams)]
        self._ours = np.zeros((declared.num_seats, count), np.bool_)
        for number, team in enumerate(teams):
            self._ours[np.array(team)[:, None], self._rows[number :: len(teams)]] = True
        self._observation = np.zeros((count, sizes[0]), np.float32)
        self._mask = np.zeros((count, sizes[1]), np.bool_)

    def turn(self) -> None:
        """One turn of every row; battles that end are added to `records`."""
        with _SEEN:
            self._battles.observe(self._observation, self._mask)
            seat = np.array(self._battles.seat, np.int64)
        for row in (self.playing & (self._turns == 0)).nonzero()[0].tolist():
            self._start[row] = hash(self._observation[row].tobytes())
            self._course[row] = self._start[row].astype(np.uint64)
        actions = self._decisions(self._ours[seat, self._rows])
        self._turns += 1
        self._course = (self._course * MIXING) ^ (actions * self._declared.num_seats + seat + 1).astype(np.uint64)
        with _STEP:
            self._end(self._battles.step(actions))
        for row in (self.playing & (self._turns >= self._declared.max_decisions)).nonzero()[0].tolist():
            self._record(row, 0.0, True)

    def _decisions(self, ours: Bools) -> Ints:
        """An action for every row; `ours`: where the player decides."""
        opening = self._turns < self._declared.random_opening
        actions: Ints = self._mask.argmax(1)
        if opening.any():
            actions[opening] = any_legal(self._mask, self._openings)[opening]
        for agent, mine in zip(self._agents, (ours, ~ours), strict=True):
            rows = (mine & self.playing & ~opening).nonzero()[0]
            if not len(rows):
                continue
            if isinstance(agent, ActsInBatches):
                actions[rows] = agent.act_batch(self._observation[rows], self._mask[rows], self._random)
            else:
                with _BOT:
                    actions[rows] = np.asarray(agent(self._battles, rows, self._random))
        return actions

    def _end(self, ended: Ended) -> None:
        """Take what one turn ended; a battle that its opening ended, or that was dropped, makes room for another."""
        dropped = ended.dropped if isinstance(ended, Interrupted) else np.zeros(len(ended.rows), np.bool_)
        for at, row in enumerate(ended.rows.tolist()):
            if self.playing[row] and not dropped[at] and self._turns[row] > self._declared.random_opening:
                outcome, seat = ended.outcome[at], int(self._seat[row])
                result = outcome[seat] if ended.outcome.ndim == 2 else outcome * (1 - 2 * seat)
                self._record(row, float(result), bool(ended.truncated[at]))
            elif self.playing[row]:
                self._begun += 1
            self._turns[row] = 0
        if self._begun > MOST_OPENINGS * ROWS:
            raise ContractError("battles end in their random opening or are dropped, again and again")

    def _record(self, row: int, result: float, truncated: bool) -> None:
        """Note a battle; its seed is that of the whole batch."""
        self.playing[row] = False
        score, turns, seat = 0.5 if truncated else (result + 1.0) / 2.0, int(self._turns[row]), int(self._seat[row])
        hashes = int(self._start[row]), int(self._course[row]), hash((turns, score))
        opening = self._declared.random_opening
        self.records.append(BattleRecord(self._seed, seat, score, 0, turns, truncated, *hashes, opening))
