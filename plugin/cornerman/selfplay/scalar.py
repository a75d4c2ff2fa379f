"""Many headless battles behind the batched protocol, for games that offer none of their own: one after the other.

As fast as the game's own rules, and no faster. A faulty battle (evaluation/faults.py) is dropped and another one begins
in its row. Owned by one thread; numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Battle, Bools, Bot, ContractError, Floats, HeadlessGame, State
from cornerman.evaluation.arena import MAX_TURNS, apply_action, decide, new_battle, outcome_of, seat_due
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.experience.encoder import Encoder
from cornerman.experience.rewards import RewardCalculator

Ints = NDArray[Any]
_OUTCOME, _STATE = GameCode("the outcome"), GameCode("reading the state")


@dataclass(frozen=True, slots=True)
class ScalarEnded:
    """What one step ended (`contract.Interrupted`)."""

    rows: Ints
    outcome: Ints
    standing: Floats
    truncated: Bools
    dropped: Bools
    final_observation: Floats


class ScalarBattles:
    """N battles of a game (`contract.Battles`); `battles[r]` is the one in row r, for bots.

    ContractError once most battles were faulty. A battle of `max_turns` turns is cut off.
    """

    def __init__(
        self, game: HeadlessGame, encoder: Encoder, num_battles: int, seed: int, max_turns: int = MAX_TURNS
    ) -> None:
        self._game, self._encoder, self._random, self._max_turns = game, encoder, Random(f"battles {seed}"), max_turns
        self.num_battles, self.faults = num_battles, BattleFaults()
        self._reward = RewardCalculator(health_weight=1.0, declared=encoder.declaration)
        self._seeds, self._battles = [0] * num_battles, list[Battle]()
        self._taken: list[list[int]] = [[] for _ in range(num_battles)]  # every action of the battle under way
        self._failed: dict[int, FaultyBattleError] = {}  # by row, what a bot raised in this turn
        self._seat = np.zeros(num_battles, np.int8)
        self._observation = np.zeros((num_battles, encoder.observation_size), np.float32)
        self._mask = np.zeros((num_battles, encoder.num_actions), np.bool_)
        self.standing = np.zeros(num_battles, np.float32)
        for row in range(num_battles):
            self._battles.append(self._begin(row))

    @property
    def seat(self) -> NDArray[np.int8]:
        """Whose decision is due, `[N]`."""
        return self._seat

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        """Write what the seats to decide see and may do."""
        observations[:], action_masks[:] = self._observation, self._mask

    def ask(self, row: int, bot: Bot, random: Random) -> int:
        """The bot's action in a row; -1, and the battle is dropped by the next step, where the bot raises."""
        try:
            return decide(bot, self._battles[row], random)
        except FaultyBattleError as error:
            self._failed[row] = error
            return -1

    def step(self, actions: Ints) -> ScalarEnded:
        """Apply one legal action a row."""
        ended = [self._apply(row, action) for row, action in enumerate(actions.tolist())]
        rows = [row for row, end in enumerate(ended) if end is not None]
        ends = [end for end in ended if end is not None]
        finals = np.zeros((2, len(rows), self._observation.shape[1]), np.float32)
        for at, end in enumerate(ends):
            if end.final is not None:
                finals[:, at] = end.final
        for row in rows:
            self._battles[row] = self._begin(row)
        return ScalarEnded(
            np.array(rows, np.int64),
            np.array([end.outcome for end in ends], np.int64),
            np.array([end.standing for end in ends], np.float32),
            np.array([end.final is not None for end in ends], np.bool_),
            np.array([end.dropped for end in ends], np.bool_),
            finals,
        )

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Seeds, the actions taken since, and the generator of the seeds to come."""
        _, words, _ = self._random.getstate()
        return {
            "seeds": np.array(self._seeds, np.int64),
            "lengths": np.array([len(taken) for taken in self._taken], np.int64),
            "actions": np.array([action for taken in self._taken for action in taken], np.int64),
            "random": np.array(words, np.uint32),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Play the same actions again from the same seeds; ValueError where the snapshot is of another batch."""
        lengths = arrays["lengths"].tolist()
        if len(lengths) != self.num_battles or sum(lengths) != len(arrays["actions"]):
            raise ValueError(f"a snapshot of {len(lengths)} battles does not fit {self.num_battles}")
        actions = iter(arrays["actions"].tolist())
        for row, seed in enumerate(arrays["seeds"].tolist()):
            self._seeds[row], battle = seed, new_battle(self._game, seed)
            self._taken[row] = [next(actions) for _ in range(lengths[row])]
            for action in self._taken[row]:
                battle.apply(action)
            self._battles[row] = battle
            self._read(row, battle)
        self._random.setstate((Random.VERSION, tuple(arrays["random"].tolist()), None))

    def _begin(self, row: int) -> Battle:
        """A new battle in a row; one that is faulty from the start is dropped for another."""
        while True:
            seed = self._seeds[row] = self._random.getrandbits(48)
            self._taken[row] = []
            try:
                battle = new_battle(self._game, seed)
                self._read(row, battle)
            except FaultyBattleError as error:
                self.faults.count(error)
            else:
                return battle

    def _apply(self, row: int, action: int) -> _End | None:
        """Apply an action in a row; how its battle ended, or None where it goes on."""
        battle, taken = self._battles[row], self._taken[row]
        taken.append(action)
        try:
            if row in self._failed:
                raise self._failed.pop(row)
            apply_action(battle, action)
            with _OUTCOME:
                outcome = outcome_of(battle)
            if outcome is None and len(taken) < self._max_turns:
                self._read(row, battle)
                return None
            with _STATE:
                state = battle.state()
                seen = np.stack([self._encoder.encode(state, seat) for seat in (0, 1)])
                standing = self._standing(state)
        except FaultyBattleError as error:
            self.faults.count(error)
            return _End(dropped=True)
        self.faults.count_whole()
        return _End(0, standing, seen) if outcome is None else _End(outcome[0], standing)

    def _read(self, row: int, battle: Battle) -> None:
        """Read whose decision is due in a row, and what that seat sees and may do."""
        with _STATE:
            seat, state = seat_due(battle), battle.state()
            if seat is None:
                raise ContractError("the battle has an outcome before anything was decided in it")
            self._observation[row] = self._encoder.encode(state, seat)
            self._mask[row] = self._encoder.mask(battle.action_mask())
            self._seat[row], self.standing[row] = seat, self._standing(state)

    def _standing(self, state: State) -> float:
        """Seat 0's share of health minus the others': the reward for coming from an even nothing to here."""
        sums = self._reward.standing(state)
        return self._reward.gain({seat: (0.0, full) for seat, (_, full) in sums.items()}, sums, 0)


@dataclass(frozen=True, slots=True)
class _End:
    """How the battle of one row ended; `final` is what either seat saw where it was cut off, `[2, F]`."""

    outcome: int = 0
    standing: float = 0.0
    final: Floats | None = None
    dropped: bool = False


def one_by_one(bot: Bot) -> Callable[[ScalarBattles, Ints, np.random.Generator], Ints]:
    """A bot for the rows of ScalarBattles."""

    def play(battles: ScalarBattles, rows: Ints, random: np.random.Generator) -> Ints:
        chance = Random(int(random.integers(2**63)))
        return np.array([battles.ask(row, bot, chance) for row in rows.tolist()], np.int64)

    return play
