"""Playouts: what comes of an action when a battle is played on from a state, with a model of the player.

The policy decides for its own side and a predictor's chances for everybody else; after some of one's own decisions the
policy's value stands for the rest. Equal seeds meet equal chances, so actions are compared on the same luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Battles, Bools, Ended, Floats, RestorableGame, State
from cornerman.experience.encoder import Encoder
from cornerman.opponent.predictor import Predictor
from cornerman.policy.policy import Policy
from cornerman.search.restored import restored_battles

Ints = NDArray[Any]
Doubles = NDArray[np.float64]
MOST_TURNS = 200
"""Of one playout; beyond them its value is nan."""
_NEVER = np.float32(-1e30)


class Playouts:
    """Plays on from states. One thread at a time."""

    def __init__(
        self,
        game: RestorableGame,
        encoder: Encoder,
        champion: Policy,
        player: Predictor,
        weights: tuple[float, float] = (0.5, 1.0),
        before_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """`weights`: of standing and of the outcome in the rewards that `champion` learned from (settings
        `health_weight` and `outcome_weight`); `before_turn` is called before every turn and may wait."""
        self._game, self.encoder, self.champion, self._player = game, encoder, champion, player
        self._standing_weight, self._outcome_weight = weights
        self._sides, self._before_turn = np.array(encoder.declaration.sides), before_turn

    def values(
        self,
        states: Sequence[State],
        seats: Sequence[int],
        rows: Ints,
        actions: Ints,
        seeds: NDArray[np.uint64],
        own_decisions: int,
        replied: Callable[[Ints, Doubles], None] = lambda playouts, chances: None,
    ) -> Doubles:
        """What comes of `actions[r]` in `states[rows[r]]` for `seats[rows[r]]`, `[N]`: a sum of rewards, and after
        `own_decisions` of the seat's side the champion's value. nan where a playout was cut short.

        `replied` is called with the numbers of playouts `[R]` in which the other side decides for the first time, and
        its chances `[R, A]`.

        FaultyBattleError where the game's code raises.
        """
        battles = restored_battles(self._game, self.encoder, states, seats, rows, seeds)
        run = _Run(battles, np.asarray(seats)[rows], self._sides, self.encoder, seeds, replied)
        for turn in range(MOST_TURNS):
            self._before_turn()
            chosen = actions if turn == 0 else self._choose(run, own_decisions)
            if run.done.all():
                break
            self._end(run, battles.step(chosen))
        return run.values

    def _choose(self, run: _Run, own_decisions: int) -> Ints:
        """An action for every row; rows that have had their own decisions end with the champion's value."""
        run.observe()
        chosen = run.masks.argmax(1)
        mine = ~run.done & run.mine
        rows = mine.nonzero()[0]
        if rows.size:
            run.taken[rows] += 1
            q = np.where(run.masks[rows], self.champion.q_values_batch(run.observations[rows]), _NEVER)
            last = run.taken[rows] > own_decisions
            standing = _of_seat(run.battles.standing[rows], run.seats[rows])
            run.end(rows[last], (q.max(1) + self._standing_weight * standing)[last])
            chosen[rows] = q.argmax(1)
        rows = (~run.done & ~mine).nonzero()[0]
        if rows.size:
            chances = self._player.probabilities(run.observations[rows], run.masks[rows])
            run.reply(rows, chances)
            chances = chances.cumsum(1)
            lots = run.lots()[rows, None] * chances[:, -1:]
            chosen[rows] = (chances <= lots).sum(1)
        return np.asarray(chosen)

    def _end(self, run: _Run, ended: Ended) -> None:
        going = ~run.done[ended.rows]
        rows = ended.rows[going]
        if rows.size:
            own = run.own[rows]
            values = self._outcome_weight * _of_seat(ended.outcome[going], own)
            values = values + self._standing_weight * _of_seat(ended.standing[going], own)
            lost = ended.truncated[going] | getattr(ended, "dropped", ended.truncated)[going]
            run.end(rows, np.where(lost, np.nan, values))


class _Run:
    """N playouts under way."""

    def __init__(
        self,
        battles: Battles,
        own: Ints,
        sides: Ints,
        encoder: Encoder,
        seeds: NDArray[np.uint64],
        replied: Callable[[Ints, Doubles], None],
    ) -> None:
        count = battles.num_battles
        self.battles, self.own, self._sides = battles, own, sides
        self.values = np.full(count, np.nan)
        self.done = np.zeros(count, np.bool_)
        self.taken = np.ones(count, np.int64)  # decisions of one's own, the one that is tried included
        self.observations: Floats = np.zeros((count, encoder.observation_size), np.float32)
        self.masks: Bools = np.zeros((count, encoder.num_actions), np.bool_)
        self.seats: Ints = own
        self.mine: Bools = np.ones(count, np.bool_)
        self._replied, self._first = replied, np.ones(count, np.bool_)
        seen, self._lot = np.unique(seeds, return_inverse=True)
        self._num_lots, self._random = len(seen), np.random.default_rng(int(seen[0]))

    def observe(self) -> None:
        self.battles.observe(self.observations, self.masks)
        self.seats = np.asarray(self.battles.seat)
        self.mine = self._sides[self.seats] == self._sides[self.own]

    def reply(self, rows: Ints, chances: Doubles) -> None:
        """The other side decides in `rows` with these chances `[R, A]`."""
        first = self._first[rows]
        if first.any():
            self._replied(rows[first], chances[first])
            self._first[rows] = False

    def lots(self) -> Doubles:
        """A number of 0 to 1 a row, equal for equal seeds."""
        numbers: Doubles = self._random.random(self._num_lots)[self._lot]
        return numbers

    def end(self, rows: Ints, values: Doubles) -> None:
        self.values[rows] = values
        self.done[rows] = True


def _of_seat(values: Ints, seats: Ints) -> Doubles:
    """Each row's value of a seat, of values for seat 0 `[N]`, whose opposite seat 1's is, or by seat `[N, S]`."""
    if values.ndim == 1:
        return np.asarray(np.where(seats == 0, values, -values), np.float64)
    return np.asarray(values[np.arange(len(values)), seats], np.float64)
