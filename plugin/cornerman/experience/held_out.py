"""Battles kept out of learning, to judge the value estimate by. Owned by the trainer's thread; numpy only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BattleEnd, Bools, Floats, Transition
from cornerman.experience.transitions import fit, pack, unpack

KEPT_BATTLES = 64
MAX_OPEN = 64
_COLUMNS = ("observation", "action_mask", "action", "outcome", "discounted_return")


@dataclass(frozen=True, slots=True)
class HeldOutBattle:
    """The decisions of one battle, of all its seats, with what came of them."""

    observation: Floats  # [N, F]
    action_mask: Bools  # [N, A]
    action: NDArray[np.int64]  # [N]
    outcome: NDArray[np.int64]  # [N]: 1, 0 or -1 for the seat that decided
    discounted_return: Floats  # [N]: the seat's rewards from that decision on, discounted by gamma a decision


@dataclass(slots=True)
class HeldOutBattles:
    """Keeps a share of the battles, whole; which ones is decided by their id alone."""

    fraction: float
    gamma: float
    battles: deque[HeldOutBattle] = field(default_factory=lambda: deque(maxlen=KEPT_BATTLES))
    _open: dict[int, list[Transition]] = field(default_factory=dict)

    def keeps(self, row: Transition) -> bool:
        """Take the row where its battle is held out; then it must not be learned from."""
        if Random(f"held out {row.battle_id}").random() >= self.fraction:
            return False
        if row.battle_id not in self._open and len(self._open) >= MAX_OPEN:
            self._open.pop(next(iter(self._open)))
        self._open.setdefault(row.battle_id, []).append(row)
        return True

    def end(self, end: BattleEnd) -> None:
        """A battle is over: it counts from now on, unless it was cut off."""
        rows = self._open.pop(end.battle_id, [])
        if not rows or end.truncated:
            return
        outcome = np.array([end.outcome.get(row.seat, 0) for row in rows], np.int64)
        self.battles.append(
            HeldOutBattle(
                np.stack([row.observation for row in rows]),
                np.stack([row.action_mask for row in rows]),
                np.array([row.action for row in rows], np.int64),
                outcome,
                _returns(rows, self.gamma),
            )
        )

    def clear(self) -> None:
        self.battles.clear()
        self._open.clear()

    def state(self, observation_size: int, num_actions: int) -> dict[str, NDArray[Any]]:
        """Every battle's decisions one after another with how many each has, and the rows of the open ones."""
        empty: tuple[NDArray[Any], ...] = (
            np.empty((0, observation_size), np.float32),
            np.empty((0, num_actions), bool),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float32),
        )
        columns = [
            np.concatenate([nothing, *(getattr(battle, name) for battle in self.battles)])
            for name, nothing in zip(_COLUMNS, empty, strict=True)
        ]
        rows = [row for taken in self._open.values() for row in taken]
        opened = {f"open.{name}": column for name, column in pack(rows, observation_size, num_actions).items()}
        return {
            **dict(zip(_COLUMNS, columns, strict=True)),
            **opened,
            "lengths": np.array([len(battle.action) for battle in self.battles], np.int64),
            "open_rewards": np.array([row.reward for row in rows], np.float64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], observation_size: int, num_actions: int) -> None:
        """Become what `state` described; ValueError or KeyError where it does not fit."""
        opened = {name.removeprefix("open."): state[name] for name in state if name.startswith("open.")}
        misfit = fit(opened, observation_size, num_actions)
        ends = np.cumsum(state["lengths"])
        columns = [state[name] for name in _COLUMNS]
        wide = columns[0].shape[1:] == (observation_size,) and columns[1].shape[1:] == (num_actions,)
        if misfit or not wide or any(len(column) != (ends[-1] if len(ends) else 0) for column in columns):
            raise ValueError(f"the held-out battles do not fit ({misfit or 'their sizes differ'})")
        self.clear()
        for start, end in zip([0, *ends[:-1]], ends, strict=False):
            self.battles.append(HeldOutBattle(*(column[start:end].copy() for column in columns)))
        for row, reward in zip(unpack(opened), state["open_rewards"].tolist(), strict=True):
            self._open.setdefault(row.battle_id, []).append(replace(row, reward=reward))


def _returns(rows: list[Transition], gamma: float) -> Floats:
    """What a value estimate foresees, `[N]`: the sum of gamma^k r_k over the seat's decisions from there on."""
    following = dict.fromkeys((row.seat for row in rows), 0.0)
    returns = []
    for row in reversed(rows):
        following[row.seat] = row.reward + gamma * following[row.seat]
        returns.append(following[row.seat])
    return np.array(returns[::-1], np.float32)
