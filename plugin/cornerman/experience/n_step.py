"""Transitions to n-step rows, exact at the ends of battles. Belongs to the trainer's thread; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Transition
from cornerman.experience.transitions import fit, pack, unpack

MAX_OPEN_BATTLES = 1024
"""More than these at once are battles whose end was never told: the oldest one's tail is finished early."""


class NStep:
    """Builds rows whose reward is sum(gamma^k r_k) over up to n decisions of one seat (Sutton 1988; Watkins 1989).

    A row's `discount` is gamma^k times the last one's: 0 where the battle ended within it, gamma^k where it goes on or
    was cut off by a limit. It never reaches over a decision that is missing (a jump in `index`).
    """

    def __init__(self, n: int, gamma: float) -> None:
        if n < 1:
            raise ValueError(f"n-step returns need n of at least 1, not {n}")
        self.n = n
        self.gamma = gamma
        self._tails: dict[int, dict[int, list[Transition]]] = {}

    def push(self, transition: Transition) -> list[Transition]:
        """Take in one transition; returns the rows that it completes, oldest first."""
        rows: list[Transition] = []
        if transition.battle_id not in self._tails:
            if len(self._tails) >= MAX_OPEN_BATTLES:
                rows += self.end(next(iter(self._tails)))
            self._tails[transition.battle_id] = {}
        seats = self._tails[transition.battle_id]
        tail = seats.setdefault(transition.seat, [])
        if tail and transition.index != tail[-1].index + 1:
            rows += self._finish(tail)
        tail.append(transition)
        if transition.discount == 0.0:
            rows += self._finish(tail)
        elif len(tail) == self.n:
            rows.append(self._row(tail, 0))
            del tail[0]
        return rows

    def end(self, battle_id: int) -> list[Transition]:
        """The battle is over or abandoned: returns the rows that were still short of n decisions."""
        tails = self._tails.pop(battle_id, {})
        return [row for tail in tails.values() for row in self._finish(tail)]

    def clear(self) -> int:
        """Drop every tail; returns how many transitions were in them."""
        count = sum(len(tail) for seats in self._tails.values() for tail in seats.values())
        self._tails.clear()
        return count

    def state(self, observation_size: int, num_actions: int) -> dict[str, NDArray[Any]]:
        """The tails as columns (rows.pack), in order; rewards also in the double precision they add up in."""
        tails = [row for seats in self._tails.values() for tail in seats.values() for row in tail]
        exact = np.array([row.reward for row in tails], np.float64)
        # Also where a tail is empty: its place decides in which order the battle's last rows come.
        order = [(battle_id, seat) for battle_id, seats in self._tails.items() for seat in seats]
        places = np.array(order, np.int64).reshape(-1, 2)
        return {**pack(tails, observation_size, num_actions), "exact_reward": exact, "order": places}

    def restore(self, state: Mapping[str, NDArray[Any]], observation_size: int, num_actions: int) -> None:
        """Become what `state()` described; ValueError where it does not fit."""
        columns = {name: column for name, column in state.items() if name not in ("exact_reward", "order")}
        misfit = fit(columns, observation_size, num_actions)
        exact = state.get("exact_reward", np.empty(0))
        if misfit or exact.shape != columns["reward"].shape:
            raise ValueError(f"The saved n-step tails do not fit: {misfit or 'their rewards are missing'}.")
        self._tails.clear()
        for battle_id, seat in state.get("order", np.empty((0, 2), np.int64)).tolist():
            self._tails.setdefault(battle_id, {})[seat] = []
        for row, reward in zip(unpack(columns), exact.tolist(), strict=True):
            tail = self._tails.setdefault(row.battle_id, {}).setdefault(row.seat, [])
            tail.append(replace(row, reward=reward))

    def _finish(self, tail: list[Transition]) -> list[Transition]:
        rows = [self._row(tail, start) for start in range(len(tail))]
        tail.clear()
        return rows

    def _row(self, tail: list[Transition], start: int) -> Transition:
        first, last = tail[start], tail[-1]
        reward, scale = 0.0, 1.0
        for transition in tail[start:]:
            reward += scale * transition.reward
            scale *= self.gamma
        return Transition(
            first.observation,
            first.action_mask,
            first.action,
            reward,
            last.next_observation,
            last.next_action_mask,
            scale * last.discount,
            first.battle_id,
            first.seat,
            first.index,
            first.source,
            first.opponent,
            first.version,
        )
