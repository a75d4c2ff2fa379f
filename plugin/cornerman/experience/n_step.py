"""n-step returns (Sutton 1988; Watkins 1989), one transition at a time or many at once; exact at the ends of battles.

A return runs over up to n decisions of one seat: its reward is sum(gamma^k r_k), its discount gamma^k times the last
one's, so 0 where the battle ended within it, and gamma^k where it goes on or was cut off by a limit. It never reaches
over a decision that is missing (a jump in `index`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Transition
from cornerman.experience.transitions import Columns


class NStep:
    """Builds n-step transitions as their decisions come. Owned by the trainer's thread."""

    def __init__(self, n: int, gamma: float) -> None:
        """ValueError where `n` is below 1."""
        if n < 1:
            raise ValueError(f"n-step returns need n of at least 1, not {n}")
        self.n = n
        self.gamma = gamma
        self._tails: dict[int, dict[int, list[Transition]]] = {}

    def push(self, transition: Transition) -> list[Transition]:
        """Add one transition; returns the n-step transitions that it completes, oldest first."""
        rows: list[Transition] = []
        tail = self._tails.setdefault(transition.battle_id, {}).setdefault(transition.seat, [])
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
        """The battle is over or abandoned: returns those that were still short of n decisions."""
        tails = self._tails.pop(battle_id, {})
        return [row for tail in tails.values() for row in self._finish(tail)]

    def clear(self) -> int:
        """Drop every tail; returns how many transitions were in them."""
        count = sum(len(tail) for seats in self._tails.values() for tail in seats.values())
        self._tails.clear()
        return count

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


def n_step_columns(columns: Columns, n: int, gamma: float) -> dict[str, NDArray[np.generic]]:
    """n-step transitions of many at once, as many as there are, ordered by battle, seat and index.

    Where what follows is not among these transitions, a return is of fewer steps and bootstraps sooner; `discount` says
    how many there were. ValueError where n is below 1.
    """
    if n < 1:
        raise ValueError(f"n-step returns need n of at least 1, not {n}")
    order = np.lexsort((columns["index"], columns["seat"], columns["battle_id"]))
    battle, seat, index = (columns[name][order] for name in ("battle_id", "seat", "index"))
    discount, reward = columns["discount"][order], columns["reward"][order].astype(np.float64)
    followed = np.zeros(len(order), np.bool_)  # by the same seat's next decision, in the next place
    followed[:-1] = (battle[1:] == battle[:-1]) & (seat[1:] == seat[:-1]) & (index[1:] == index[:-1] + 1)
    followed &= discount > 0.0
    last = np.arange(len(order))
    total, scale, goes_on = reward.copy(), np.full(len(order), gamma), np.ones(len(order), np.bool_)
    for _ in range(n - 1):
        goes_on &= followed[last]
        last = last + goes_on
        total += np.where(goes_on, scale * reward[last], 0.0)
        scale = np.where(goes_on, scale * gamma, scale)
    rows = {name: column[order] for name, column in columns.items() if not name.startswith("next_")}
    rows["reward"] = total.astype(np.float32)
    rows["discount"] = (scale * discount[last]).astype(np.float32)
    for name in ("next_observation", "next_action_mask"):
        rows[name] = columns[name][order[last]]
    return {name: rows[name] for name in columns}
