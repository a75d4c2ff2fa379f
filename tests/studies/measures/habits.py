"""Players with one habit: Ringside's shipped model at its best, with the habit laid over it.

A player decides from what its seat sees alone, so its probabilities are known: it is the best model of itself that
there can be. With chance `strength` it keeps to its habit, which says what it would do at all; else it plays as the
shipped model. The strengths are set so that each wins 30 to 50 % against the shipped model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.policy.policy import Policy
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS, SLOTS
from tests.studies.adapters.opening import encoder, shipped

Allowed = Callable[["Seen"], Bools]
HEAVIES, MENDS = slice(HEAVY, GUARD), slice(MEND, CHARGE)
_LAST_ROUND = 20


class Seen:
    """What B deciding seats see `[B, F]`, by name; every battle has two fighters a side."""

    def __init__(self, observations: Floats, action_masks: Bools) -> None:
        self.masks = action_masks
        self._columns = observations.T
        self._place = {name: at for at, name in enumerate(encoder().feature_names)}
        self.round = np.rint(self["round"] * _LAST_ROUND).astype(np.int64)
        self.acts = np.array([self[f"ally {slot} acts"] for slot in (1, 2)]).argmax(0)
        """The slot of the fighter that acts, `[B]`."""
        shares = self["slot 1 health"], self["slot 2 health"]
        self.health = np.where(self.acts == 0, *shares)
        """Its share of health, `[B]`."""
        self.lowest = np.minimum(*(np.where(share > 0, share, 1.0) for share in shares))
        """The lowest share of health of an own fighter that stands, `[B]`."""

    def __getitem__(self, feature: str) -> Floats:
        return np.asarray(self._columns[self._place[feature]])

    @property
    def everything(self) -> Bools:
        return self.masks.copy()

    def only(self, *actions: int | slice, where: Bools) -> Bools:
        """Nothing but these actions in some rows."""
        kept = np.zeros(NUM_ACTIONS, np.bool_)
        for action in actions:
            kept[action] = True
        return np.asarray(self.masks & (kept | ~where[:, None]))

    def without(self, *actions: int | slice) -> Bools:
        """Anything but these actions."""
        allowed = self.everything
        for action in actions:
            allowed[:, action] = False
        return allowed

    def at_one(self, slot: NDArray[np.int64]) -> Bools:
        """Blows at nobody but the enemy in that slot `[B]`; what is no blow as ever."""
        allowed = self.everything
        aimed = np.arange(SLOTS) == slot[:, None]
        allowed[:, :HEAVY] &= aimed
        allowed[:, HEAVY:GUARD] &= aimed
        return allowed


def never_charges(seen: Seen) -> Bools:
    return seen.without(CHARGE)


def panics(seen: Seen) -> Bools:
    """Guards or mends where one of its fighters is below half health."""
    return seen.only(GUARD, MENDS, where=seen.lowest < 0.5)


def first_in_line(seen: Seen) -> Bools:
    """Hits the first who stands."""
    return seen.at_one(seen.masks[:, :SLOTS].argmax(1))


def heavy_blows(seen: Seen) -> Bools:
    """Does nothing but strike heavily while it has most of its health."""
    return seen.only(HEAVIES, where=seen.health > 0.7)


def never_guards(seen: Seen) -> Bools:
    return seen.without(GUARD)


def fixed_opening(seen: Seen) -> Bools:
    """Charges up, then hits the first enemy heavily, then guards."""
    first = seen.only(CHARGE, where=seen.round == 1) & seen.only(HEAVY, where=seen.round == 2)
    return np.asarray(first & seen.only(GUARD, where=seen.round == 3))


def never_mends(seen: Seen) -> Bools:
    return seen.without(MENDS)


def mends_early(seen: Seen) -> Bools:
    """Mends as soon as one of its fighters is below 70 %."""
    return seen.only(MENDS, where=seen.lowest < 0.7)


def hits_the_healthiest(seen: Seen) -> Bools:
    """Spreads its blows: always at the enemy with the larger share of health."""
    return seen.at_one(np.array([seen[f"slot {n} health"] for n in (3, 4)]).argmax(0))


def ducks_charges(seen: Seen) -> Bools:
    """Guards where an enemy has charged up, below 70 % of health."""
    charged = (seen["enemy 1 charged"] > 0) | (seen["enemy 2 charged"] > 0)
    return seen.only(GUARD, where=charged & (seen.health < 0.7))


def charges_unhurt(seen: Seen) -> Bools:
    """Charges up whenever it can above 60 % of health."""
    return seen.only(CHARGE, where=(seen.health > 0.6) & seen.masks[:, CHARGE])


def mends_itself(seen: Seen) -> Bools:
    """Never mends its ally."""
    allowed = seen.everything
    for slot in (0, 1):
        allowed[:, MEND + slot] &= seen.acts == slot
    return allowed


@dataclass(frozen=True, slots=True)
class HabitPlayer:
    """The shipped model with a habit; a bot, a batched bot and a policy's `act_batch` at once."""

    name: str
    allowed: Allowed
    strength: float = 1.0
    model: Policy | None = None  # None: the shipped one
    version = -1

    def probabilities(self, observations: Floats, action_masks: Bools) -> NDArray[np.float64]:
        """Of every action `[B, A]`, given what its seat sees `[B, F]` and may do `[B, A]`."""
        values = (self.model or shipped()).q_values_batch(observations)
        allowed = self.allowed(Seen(observations, action_masks)) & action_masks
        allowed = np.where(allowed.any(1, keepdims=True), allowed, action_masks)
        found, rows = np.zeros(action_masks.shape), np.arange(len(values))
        for mask, chance in ((allowed, self.strength), (action_masks, 1.0 - self.strength)):
            found[rows, np.where(mask, values, -np.inf).argmax(1)] += chance
        return found

    def act_batch(
        self, observations: Floats, action_masks: Bools, random: np.random.Generator, epsilon: float = 0.0
    ) -> NDArray[np.int64]:
        """An action for each observation `[B, F]`."""
        del epsilon
        reached = self.probabilities(observations, action_masks).cumsum(1)
        return np.asarray((reached > random.random(len(reached))[:, None]).argmax(1))

    def bot(self, battle: Any, random: Random) -> int:
        """One decision in a battle of the scalar rules."""
        observation = encoder().encode(battle.state(), battle.seat)
        reached = self.probabilities(observation[None], encoder().mask(battle.action_mask())[None]).cumsum()
        return int((reached > random.random()).argmax())

    def batched_bot(self, battles: Any, rows: Any, random: np.random.Generator) -> NDArray[np.int64]:
        """The decisions of some rows of a batch."""
        sizes = battles.num_battles, encoder().observation_size
        observations, masks = np.zeros(sizes, np.float32), np.zeros((sizes[0], NUM_ACTIONS), np.bool_)
        battles.observe(observations, masks)
        return self.act_batch(observations[rows], masks[rows], random)


HABITS = (
    HabitPlayer("never charges", never_charges),
    HabitPlayer("panics below half health", panics),
    HabitPlayer("hits the first in line", first_in_line, 0.7),
    HabitPlayer("mostly heavy blows", heavy_blows),
    HabitPlayer("never guards", never_guards),
    HabitPlayer("fixed opening", fixed_opening),
)
"""Those that the study's figures are made of."""

OTHERS = (
    HabitPlayer("never mends", never_mends, 0.75),
    HabitPlayer("mends early", mends_early),
    HabitPlayer("hits the healthiest", hits_the_healthiest, 0.7),
    HabitPlayer("ducks charges", ducks_charges, 0.85),
    HabitPlayer("charges unhurt", charges_unhurt, 0.7),
    HabitPlayer("mends itself alone", mends_itself),
)
"""For validation: nothing is tuned on them."""

NO_HABIT = HabitPlayer("no habit", lambda seen: seen.everything)
"""The shipped model itself, as a player."""
