"""Many headless battles behind the batched protocol, for games that offer none of their own: one after the other.

As fast as the game's own rules, and no faster. Owned by one thread; numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Battle, Bools, Bot, ContractError, Floats, HeadlessGame, State
from cornerman.evaluation.arena import MAX_TURNS
from cornerman.experience.encoder import Encoder
from cornerman.experience.rewards import RewardCalculator

Ints = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScalarEnded:
    """What one step ended (`contract.Ended`)."""

    rows: Ints
    outcome: Ints
    standing: Floats
    truncated: Bools


class ScalarBattles:
    """N battles of a game (`contract.Battles`); `battles[r]` is the one in row r, for scripted fighters.

    ContractError where the game breaks its contract. A battle of `max_turns` turns is cut off.
    """

    def __init__(
        self, game: HeadlessGame, encoder: Encoder, num_battles: int, seed: int, max_turns: int = MAX_TURNS
    ) -> None:
        self._game, self._encoder, self._random, self._max_turns = game, encoder, Random(f"battles {seed}"), max_turns
        self.num_battles = num_battles
        self.seeds = [0] * num_battles
        self.battles: list[Battle] = [self._new(row) for row in range(num_battles)]
        self._states: list[State] = [battle.state() for battle in self.battles]
        self._taken: list[list[int]] = [[] for _ in range(num_battles)]  # every action of the battle under way
        self._seat = np.zeros(num_battles, np.int8)
        self._share = RewardCalculator(health_weight=1.0)
        self.standing = np.array([self._standing(state) for state in self._states], np.float32)
        for row, battle in enumerate(self.battles):
            self._seat[row] = self._due(battle)

    @property
    def seat(self) -> NDArray[np.int8]:
        """Whose decision is due, `[N]`."""
        return self._seat

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        """Write what every row's deciding seat sees and may do; DataError where a state cannot be used."""
        for row, (battle, state) in enumerate(zip(self.battles, self._states, strict=True)):
            observations[row] = self._encoder.encode(state, int(self._seat[row]))
            action_masks[row] = self._encoder.mask(battle.action_mask())

    def step(self, actions: Ints) -> ScalarEnded:
        """Apply one legal action a row."""
        rows, outcomes, standings, truncated = [], [], [], []
        for row, action in enumerate(actions.tolist()):
            battle = self.battles[row]
            battle.apply(action)
            self._taken[row].append(action)
            state = battle.state()
            standing = self._standing(state)
            outcome = battle.outcome
            if outcome is not None or len(self._taken[row]) >= self._max_turns:
                rows.append(row)
                outcomes.append(0 if outcome is None else outcome[0])
                standings.append(standing)
                truncated.append(outcome is None)
                battle = self.battles[row] = self._new(row)
                state, self._taken[row] = battle.state(), []
                standing = self._standing(state)
            self._states[row], self.standing[row], self._seat[row] = state, standing, self._due(battle)
        return ScalarEnded(
            np.array(rows, np.int64),
            np.array(outcomes, np.int64),
            np.array(standings, np.float32),
            np.array(truncated, np.bool_),
        )

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Seeds, the actions taken since, and the generator of the seeds to come."""
        _, words, _ = self._random.getstate()
        return {
            "seeds": np.array(self.seeds, np.int64),
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
            self.seeds[row], battle = seed, self._game.new_battle(seed)
            self._taken[row] = [next(actions) for _ in range(lengths[row])]
            for action in self._taken[row]:
                battle.apply(action)
            self.battles[row], self._states[row] = battle, battle.state()
            self.standing[row], self._seat[row] = self._standing(self._states[row]), self._due(battle)
        self._random.setstate((Random.VERSION, tuple(arrays["random"].tolist()), None))

    def _new(self, row: int) -> Battle:
        seed = self.seeds[row] = self._random.getrandbits(48)
        return self._game.new_battle(seed)

    def _standing(self, state: State) -> float:
        """Seat 0's share of health minus the others': the reward for coming from an even nothing to here."""
        sums = self._share.standing(state)
        return self._share.gain({seat: (0.0, full) for seat, (_, full) in sums.items()}, sums, 0)

    @staticmethod
    def _due(battle: Battle) -> int:
        seat = battle.seat
        if seat not in (0, 1):
            raise ContractError(f"the battle asks for seat {seat}; headless battles have seats 0 and 1 until they end")
        return seat


def one_by_one(bot: Bot) -> Callable[[ScalarBattles, Ints, np.random.Generator], Ints]:
    """A scripted fighter for the rows of ScalarBattles."""

    def play(battles: ScalarBattles, rows: Ints, random: np.random.Generator) -> Ints:
        chance = Random(int(random.integers(2**63)))
        return np.array([bot(battles.battles[row], chance) for row in rows.tolist()], np.int64)

    return play
