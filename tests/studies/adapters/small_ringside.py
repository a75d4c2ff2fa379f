"""Ringside with one small fighter a side: its rules and bots, and few enough states to solve it exactly.

Beside Ringside's features it shows what else its exact solution depends on: the other's mends, and whether the seat
acts last in the last round. As the order changes every round, that is the parity of the rounds left, which a network
does not find in `round / 20`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from game_adapter.ringside.batched.arrays import ONE_MEND
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import OBSERVATION_SIZE, given_lineups
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.encoding import FEATURE_NAMES, encode
from game_adapter.ringside.game import Ringside
from game_adapter.ringside.roster import RosterEntry, rules

MORE = ("enemy 1 mends", "has the last word")

FIGHTERS = (
    RosterEntry("Pip", health=32, attack=9, defense=20, speed=45),
    RosterEntry("Quill", health=26, attack=10, defense=12, speed=60),
    RosterEntry("Rook", health=38, attack=9, defense=35, speed=25),
)


class SmallBattles(VectorBattle):
    """Many battles of one fighter a side."""

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        super().observe(observations[:, :OBSERVATION_SIZE], action_masks)
        other = 1 - self.at_one.astype(np.int64), self.columns
        observations[:, OBSERVATION_SIZE] = self.status[other] // ONE_MEND / self.rules.mend_charges
        observations[:, OBSERVATION_SIZE + 1] = last_word(self.code[other] > self.now, self.rules.rounds - self.round)


def last_word(first: Any, rounds_left: Any) -> Any:
    """Whether who acts acts last in the last round, by whether it is the first of this one and by the rounds after."""
    return first == (rounds_left % 2 == 1)


class SmallRingside(Ringside):
    """Both sides have the same fighter, whose number is the remainder of the battle's seed."""

    name = "small ringside"
    own_fighter = "brawler"
    base_model = None  # type: ignore[assignment]  # Ringside's is no model of this game
    import_name = "tests.studies.adapters.small_ringside:GAME"

    @property
    def feature_names(self) -> Sequence[str]:
        return (*FEATURE_NAMES, *MORE)

    def encode(self, state: Mapping[str, Any], seat: int) -> list[float]:
        other = next(at for at, each in enumerate(state["characters"]) if each["seat"] != seat)
        mends = state["characters"][other]["mends"] / rules().mend_charges
        last = last_word(other in state["order"], rules().rounds - state["round"])
        return [*encode(state, seat), mends, float(last)]

    def new_battle(self, seed: int, shape: str = "1v1") -> Battle:
        fighter = FIGHTERS[seed % len(FIGHTERS)]
        return Battle(([fighter], [fighter]), seed)

    def new_battles(self, num_battles: int, seed: int, shape: str = "1v1") -> SmallBattles:
        return SmallBattles(num_battles, seed, given_lineups([([fighter], [fighter]) for fighter in FIGHTERS]))

    def restore_battles(
        self, states: Sequence[Mapping[str, Any]], seats: Sequence[int], rows: NDArray[Any], seeds: NDArray[Any]
    ) -> SmallBattles:
        battles = super().restore_battles(states, seats, rows, seeds)
        small = SmallBattles(battles.num_battles, 0, battles.lineups)
        small.restore(battles.snapshot())
        return small


GAME = SmallRingside()
