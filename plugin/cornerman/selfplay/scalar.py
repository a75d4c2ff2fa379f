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

from cornerman.contract import Battle, Bools, Bot, Floats, HeadlessGame
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.evaluation.headless import ScalarRows, apply_action, decide, new_battle, outcome_of
from cornerman.experience.encoder import Encoder
from cornerman.selfplay.batched import PLAYED

Ints = NDArray[Any]
_OUTCOME, _STATE = GameCode("the outcome"), GameCode("reading the state")


@dataclass(frozen=True, slots=True)
class ScalarEnded:
    """What one step ended (`contract.Interrupted`)."""

    rows: Ints
    outcome: Floats  # [E, S]
    standing: Floats  # [E, S]
    truncated: Bools
    dropped: Bools
    final_observation: Floats


class ScalarBattles(ScalarRows):
    """N battles of a game (`contract.Battles`); `ask` asks a bot in a row.

    ContractError once most battles were faulty.
    """

    def __init__(self, game: HeadlessGame, encoder: Encoder, num_battles: int, seed: int) -> None:
        super().__init__(encoder, num_battles, _STATE)
        self._game, self._declared, self._random = game, encoder.declaration, Random(f"battles {seed}")
        self.faults = BattleFaults()
        self._seeds, self._battles = [0] * num_battles, list[Battle]()
        self._taken: list[list[int]] = [[] for _ in range(num_battles)]  # every action of the battle under way
        self._failed: dict[int, FaultyBattleError] = {}  # by row, what a bot raised in this turn
        for row in range(num_battles):
            self._battles.append(self._begin(row))

    def ask(self, row: int, bot: Bot, random: Random) -> int:
        """The bot's action in a row, or PLAYED; -1, and the next step drops the battle, where the bot raises."""
        try:
            action = decide(bot, self._battles[row], random)
            return PLAYED if action is None else action
        except FaultyBattleError as error:
            self._failed[row] = error
            return -1

    def step(self, actions: Ints) -> ScalarEnded:
        """Apply one legal action a row; none where it is PLAYED."""
        ended = [self._apply(row, action) for row, action in enumerate(actions.tolist())]
        rows = [row for row, end in enumerate(ended) if end is not None]
        ends = [end for end in ended if end is not None]
        finals = np.zeros((self._num_seats, len(rows), self._observation.shape[1]), np.float32)
        for at, end in enumerate(ends):
            if end.final is not None:
                finals[:, at] = end.final
        for row in rows:
            self._battles[row] = self._begin(row)
        return ScalarEnded(
            np.array(rows, np.int64),
            np.array([end.outcome for end in ends], np.float32).reshape(-1, self._num_seats),
            np.array([end.standing for end in ends], np.float32).reshape(-1, self._num_seats),
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
        if PLAYED in arrays["actions"]:
            raise ValueError("the turns that a bot plays by itself cannot be played again")
        actions = iter(arrays["actions"].tolist())
        for row, seed in enumerate(arrays["seeds"].tolist()):
            self._seeds[row], battle = seed, new_battle(self._game, seed, self._declared)
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
                battle = new_battle(self._game, seed, self._declared)
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
            if action != PLAYED:
                apply_action(battle, action)
            with _OUTCOME:
                outcome = outcome_of(battle, self._num_seats)
            if outcome is None and len(taken) < self._declared.max_decisions:
                self._read(row, battle)
                return None
            with _STATE:
                state, seats = battle.state(), range(self._num_seats)
                standing = self._standing(state, seats)
                final = None if outcome else np.stack([self._encoder.encode(state, seat) for seat in seats])
        except FaultyBattleError as error:
            self.faults.count(error)
            return _End([0.0] * self._num_seats, [0.0] * self._num_seats, dropped=True)
        self.faults.count_whole()
        return _End([0.0] * self._num_seats if outcome is None else list(outcome.values()), standing, final)


@dataclass(frozen=True, slots=True)
class _End:
    """How the battle of one row ended, by seat; `final` is what each saw where it was cut off, `[S, F]`."""

    outcome: list[float]
    standing: list[float]
    final: Floats | None = None
    dropped: bool = False


def one_by_one(bot: Bot) -> Callable[[ScalarBattles, Ints, np.random.Generator], Ints]:
    """A bot for the rows of ScalarBattles."""

    def play(battles: ScalarBattles, rows: Ints, random: np.random.Generator) -> Ints:
        chance = Random(int(random.integers(2**63)))
        return np.array([battles.ask(row, bot, chance) for row in rows.tolist()], np.int64)

    return play
