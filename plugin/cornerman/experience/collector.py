"""The original design's direct call, for a game that wants no hooks: one state, one action, one next state, one reward.

    from cornerman.experience.collector import DataCollector

    collector = DataCollector(num_actions=3)
    state = {
        "round": 1,
        "characters": [
            {"name": "Ada", "health": 60, "maxHealth": 100, "attack": 40, "defense": 20, "speed": 35},
            {"name": "Bo", "health": 80, "maxHealth": 80, "attack": 30, "defense": 25, "speed": 30},
        ],
    }
    next_state = {**state, "round": 2}
    collector.collect_transition(state, action=1, next_state=next_state, reward=0.5)
    batch = collector.buffer.sample(1)

Every transition is checked like a recorded one; what cannot be used is counted and explained, never raised. Belongs to
the thread that collects. No torch here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from cornerman.contract import DataError, SettingsError, Source, State, Transition
from cornerman.experience.encoder import (
    StateProcessor,
    checked_mask,
    described,
    legal_action,
    number,
    shown,
)
from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.experience.transitions import LARGEST_REWARD

CAPACITY, GAMMA = 10_000, 0.99


class DataCollector:
    """Keeps the last `capacity` transitions in `buffer`, ready to be sampled and learned from.

    The observation is the 18 standard numbers in state order. Samples are drawn by the fixed seed 0.
    """

    def __init__(self, num_actions: int, capacity: int = CAPACITY) -> None:
        """SettingsError: wrong numbers."""
        given: object = num_actions
        if not (isinstance(given, int | np.integer) and given >= 1):
            raise SettingsError(f"num_actions must be a whole number of at least 1, not {shown(num_actions)}.")
        self._processor = StateProcessor()
        self._num_actions = num_actions
        self.buffer = ReplayBuffer(capacity, self._processor.size, num_actions, np.random.default_rng(0))
        self.collected = 0
        self.rejected: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def collect_transition(
        self,
        state: State,
        action: Any,
        next_state: State,
        reward: float,
        done: bool = False,
        masks: tuple[Sequence[bool], Sequence[bool]] | None = None,
    ) -> bool:
        """Store one transition; False where it was set aside. The action is an index or has `to_index()`.

        `done`: the battle ended with it. `masks`: what was allowed in `state` and in `next_state`; all without it.
        """
        try:
            row = self._row(state, action, next_state, reward, done, masks)
        except DataError as error:
            self._reject(error)
            return False
        except Exception as error:  # noqa: BLE001 - the game's own objects may raise anything when they are read
            self._reject(DataError("error", f"Reading a transition failed with {described(error)}."))
            return False
        self.buffer.append(row)
        self.collected += 1
        return True

    def _row(
        self,
        state: State,
        action: Any,
        next_state: State,
        reward: float,
        done: bool,
        masks: tuple[Sequence[bool], Sequence[bool]] | None,
    ) -> Transition:
        every = np.ones(self._num_actions, np.bool_)
        mask = every if masks is None else checked_mask(masks[0], self._num_actions)
        next_mask = np.zeros_like(every) if done else every
        if masks is not None and not done:
            next_mask = checked_mask(masks[1], self._num_actions)
        as_float = number(reward, "The reward")
        if abs(as_float) > LARGEST_REWARD:
            raise DataError("reward", f"The reward {shown(reward)} is too large; scale it to about -1 to 1.")
        observation, following = self._processor.process(state), self._processor.process(next_state)
        return Transition(
            observation=observation,
            action_mask=mask,
            action=legal_action(as_index(action.to_index()) if hasattr(action, "to_index") else action, mask),
            reward=as_float,
            next_observation=np.zeros_like(following) if done else following,
            next_action_mask=next_mask,
            discount=0.0 if done else GAMMA,
            battle_id=-1,
            seat=0,
            index=self.collected % 2**31,
            source=Source.UNKNOWN,
            opponent=Source.UNKNOWN,
            version=-1,
        )

    def _reject(self, error: DataError) -> None:
        self.rejected[error.reason] += 1
        self.examples[error.reason] = str(error)
