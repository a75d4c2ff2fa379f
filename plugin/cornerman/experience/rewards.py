"""State change to reward: how one's own side came to stand against the others, and the battle's outcome.

A side stands by its shares of health, or by the game's own `standing`, which is a potential: from one decision of a
seat to its next it gives gamma * standing' - standing, with 0 in place of standing' at the end, so that no best policy
changes (Ng, Harada, Russell 1999).

Expects states that the encoder has accepted. It keeps nothing between calls, so any thread may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeAlias

from cornerman.contract import DataError, Source, State
from cornerman.experience.declaration import STANDARD, Declaration
from cornerman.experience.encoder import Clamp, described, number, silently

Sides: TypeAlias = Mapping[int, Hashable]
"""The side of each seat, as `numbered_sides` gives it; a seat that it does not name is a side of its own."""
Standing: TypeAlias = Mapping[Hashable, tuple[float, float]]
"""Per side the sum of health and the sum of maxHealth, or the game's own standing and 1: what is kept of a state."""


def numbered_sides(sides: Mapping[int, int]) -> Sides:
    """A game's numbers of sides, as keys that no number of a seat is equal to."""
    return {seat: ("side", side) for seat, side in sides.items()}


def plugins_outcome(seats: Mapping[int, Source], outcome: Mapping[int, float | None]) -> float | None:
    """How a battle ended for the plugin: as for the best of its seats that fared unlike whoever it meets, the player or
    else the scripted: stored battles name no sides, and an ally fares alike, so who ties with the player counts as one.
    None where it has no seat, or one without an outcome."""
    own = [outcome.get(seat) for seat, source in seats.items() if source is Source.PLUGIN]
    known = [each for each in own if each is not None]
    met = [outcome.get(seat) for seat in met_by_plugin(seats)]
    return max([each for each in known if each not in met] or known) if known and len(known) == len(own) else None


def met_by_plugin(seats: Mapping[int, Source]) -> list[int]:
    """The players' seats, or where there are none the scripted ones."""
    players = [seat for seat, source in seats.items() if source is Source.PLAYER]
    return players or [seat for seat, source in seats.items() if source is Source.SCRIPTED]


class RewardCalculator:
    """Health shares, or the game's own standing, while the battle goes on, its outcome at the end; about -1 to 1."""

    def __init__(
        self,
        health_weight: float = 0.5,
        outcome_weight: float = 1.0,
        declared: Declaration = STANDARD,
        gamma: float = 0.99,
    ) -> None:
        """`health_weight` is that of the game's own standing, too; `gamma` is used with that alone."""
        self.health_weight = health_weight
        self.outcome_weight = outcome_weight
        self._declared, self._own, self._gamma = declared, declared.standing, gamma

    def outcome(self, outcome: Mapping[int, float], seat: int) -> float:
        """The reward of `seat` at the end of a battle; KeyError where the outcome does not name the seat."""
        return self.outcome_weight * outcome[seat]

    def standing(self, state: State, sides: Sides | None = None, clamp: Clamp = silently) -> Standing:
        """What of a state the reward depends on, as plain numbers of our own; `clamp` as in encoder.py."""
        sums: dict[Hashable, tuple[float, float]] = {}
        if self._own is not None:
            for seat in {*range(self._declared.num_seats), *(sides or {})}:
                side = (sides or {}).get(seat, seat)
                sums[side] = (_asked(self._own, state, side[1] if isinstance(side, tuple) else side, clamp), 1.0)
            return sums
        if not self._declared.max_characters:
            return sums
        for character in state["characters"]:
            side, full = character["seat"], character["maxHealth"]
            if sides:
                side = sides.get(side, side)
            health = character["health"]
            if full < 0:
                full = 0
            if health > full:
                health = full
            elif health < 0:
                health = 0
            if side in sums:
                before = sums[side]
                sums[side] = (before[0] + health, before[1] + full)
            else:
                sums[side] = (health, full)
        return sums

    def check_seats(self, battle_id: int, seats: Iterable[int], sides: Sides) -> None:
        """DataError where the game's own standing cannot be asked for a seat: neither declared nor in `sides`."""
        declared = self._declared.num_seats
        unknown = sorted(seat for seat in seats if not (0 <= seat < declared or seat in sides))
        if self._own is not None and unknown:
            given = f"Battle {battle_id} has the seats {unknown}, for which the game's standing cannot be asked"
            fix = f"It has num_seats {declared}: declare more, number seats from 0, or name them in `sides`."
            raise DataError("seats", f"{given}. {fix}")

    def gain(self, before: Standing, after: Standing, side: Hashable) -> float:
        """The reward of every seat of `side` for going from one standing to another.

        Both fractions of a side are over the larger of its two sums of maxHealth: so one that leaves in mid-battle
        counts as fallen, one that joins as revived, and neither is a reward for shrinking one's own side.
        """
        if self._own is not None:
            return self.health_weight * (after[side][0] - before[side][0])
        own = others = 0.0
        own_full = own_full_after = others_full = others_full_after = 0.0
        for owner, (health, full) in before.items():
            if owner == side:
                own -= health
                own_full += full
            else:
                others -= health
                others_full += full
        for owner, (health, full) in after.items():
            if owner == side:
                own += health
                own_full_after += full
            else:
                others += health
                others_full_after += full
        own_share = own / (max(own_full, own_full_after) or 1.0)
        others_share = others / (max(others_full, others_full_after) or 1.0)
        return float(self.health_weight * (own_share - others_share))

    def level(self, standing: Standing, side: Hashable) -> float:
        """How a side stands: the reward for coming there from an even nothing."""
        return self.gain({owner: (0.0, full) for owner, (_, full) in standing.items()}, standing, side)

    def stood(self, standing: Standing, sides: Sides, seats: Iterable[int]) -> dict[int, float]:
        """How each of `seats` stands, -1 to 1; empty where that is unknown (a game of its own features that declares no
        `standing`) or counts for nothing."""
        if not (standing and self.health_weight):
            return {}
        return {seat: self.level(standing, sides.get(seat, seat)) / self.health_weight for seat in seats}

    def closing(self, standing: Standing, side: Hashable, ended: bool) -> float:
        """What the reward of a decision lacks once all that came of it is credited: of the game's own standing the
        later one counts gamma times, and nothing at the end."""
        if self._own is None:
            return 0.0
        return self.health_weight * ((0.0 if ended else self._gamma) - 1.0) * standing[side][0]


def _asked(own: Callable[[State, int], float], state: State, side: int, clamp: Clamp) -> float:
    what = f"The game's standing(state, {side})"
    try:
        given = own(state, side)
    except Exception as error:  # the game's own code may raise anything
        raise DataError("standing", f"{what} failed with {described(error)}.") from error
    standing = number(given, what)
    nearest = min(1.0, max(-1.0, standing))
    if nearest != standing:
        clamp("standing", f"{what} is {standing:g} and counts as {nearest:g}; it must lie in -1 to 1.")
    return nearest
