"""Battles that go on from given states, many at once: the game's own batch of them, or one after the other.

The game's code runs here; what it raises is a FaultyBattleError. numpy alone, one thread at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import (
    BatchedRestorableGame,
    Battle,
    Battles,
    Bools,
    ContractError,
    Floats,
    RestorableGame,
    State,
)
from cornerman.evaluation.faults import FaultyBattleError, GameCode
from cornerman.evaluation.headless import ScalarRows, apply_action, in_turn, outcome_of
from cornerman.experience.encoder import Encoder

Ints = NDArray[Any]
SLOW_RESTORE_S = 0.01
_RESTORING, _STATE = GameCode("restore"), GameCode("reading the state of a restored battle")
_OUTCOME, _RESTORING_MANY = GameCode("the outcome of a restored battle"), GameCode("restore_battles")


def restored_battles(
    game: RestorableGame, encoder: Encoder, states: Sequence[State], seats: Sequence[int], rows: Ints, seeds: Ints
) -> Battles:
    """N battles (`contract.BatchedRestorableGame.restore_battles`); FaultyBattleError where the game's code raises."""
    if isinstance(game, BatchedRestorableGame):
        with _RESTORING_MANY:
            return game.restore_battles(states, seats, rows, seeds)
    return _OneByOne(game, encoder, states, seats, rows, seeds)


def slow_restore(game: RestorableGame, state: State, seat: int) -> str:
    """How long `restore` takes, in words, where that is too long; FaultyBattleError where it raises."""
    if isinstance(game, BatchedRestorableGame):
        return ""
    fastest = np.inf
    for seed in range(3):
        begun = time.perf_counter()
        with _RESTORING:
            game.restore(state, seat, Random(seed))
        fastest = min(fastest, time.perf_counter() - begun)
    slow = f"restore takes {1e3 * fastest:.0f} ms, and a decision needs some 40 of them"
    return slow if fastest >= SLOW_RESTORE_S else ""


@dataclass(frozen=True, slots=True)
class _Ended:
    rows: Ints
    outcome: Floats  # [E, S]
    standing: Floats  # [E, S]
    truncated: Bools


class _OneByOne(ScalarRows):
    """N battles of a game without batches (`contract.Battles`, but that a row whose battle is over stays as it is)."""

    def __init__(
        self,
        game: RestorableGame,
        encoder: Encoder,
        states: Sequence[State],
        seats: Sequence[int],
        rows: Ints,
        seeds: Ints,
    ) -> None:
        super().__init__(encoder, len(rows), _STATE)
        self._battles: list[Battle | None] = []
        for row, (which, seed) in enumerate(zip(rows.tolist(), seeds.tolist(), strict=True)):
            with _RESTORING:
                battle = _checked(game.restore(states[which], seats[which], Random(seed)), seats[which])
            self._battles.append(battle)
            self._read(row, battle)

    def step(self, actions: Ints) -> _Ended:
        """Apply one legal action in every row whose battle goes on."""
        ends = [(row, end) for row, action in enumerate(actions.tolist()) if (end := self._apply(row, action))]
        outcomes = np.array([end for _, end in ends], np.float32).reshape(-1, self._num_seats)
        rows = np.array([row for row, _ in ends], np.int64)
        return _Ended(rows, outcomes, self.standing[rows], np.zeros(len(rows), np.bool_))

    def _apply(self, row: int, action: int) -> list[float] | None:
        """Apply an action in a row; the outcome by seat where that has ended its battle."""
        battle = self._battles[row]
        if battle is None:
            return None
        try:
            apply_action(battle, action)
        except FaultyBattleError as error:
            raise FaultyBattleError(error.reason, f"in a battle that restore gave, {error}") from error
        with _OUTCOME:
            outcome = outcome_of(battle, self._num_seats)
        if outcome is None:
            self._read(row, battle)
            return None
        self._battles[row] = None
        with _STATE:
            self.standing[row] = self._standing(battle.state(), range(self._num_seats))
        return list(outcome.values())


def _checked(restored: Any, seat: int) -> Battle:
    """What `restore` gave; ContractError where that is no battle in which `seat` decides."""
    if restored is None:
        raise ContractError("it gave None instead of a battle")
    battle = in_turn(restored)
    if battle.seat != seat:
        raise ContractError(f"seat {battle.seat} decides in the battle that it gave, and seat {seat} has to")
    return battle
