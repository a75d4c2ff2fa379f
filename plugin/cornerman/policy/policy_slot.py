"""Policy slot: the policy that plays now, and the champions before it, for weaker levels and for roll-back.

An immutable tuple behind one reference: any thread reads it, and neither side waits. One writer: models/champions.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cornerman.contract import CANDIDATE
from cornerman.policy.difficulty import ASSUMED_STEP, LEVELS, RUNG, Rung
from cornerman.policy.policy import Acting, Policy

KEPT = 8

RatedRungs = tuple[Sequence[Rung], int, Mapping[int, float]]
"""Rungs, weakest first; which of them is level 1; ratings of champions by version. No rungs: levels are older champions
at temperatures."""
NO_LADDER: RatedRungs = (), 0, {}

OWN_FIGHTER, ON_TRIAL = "the game's own fighter", "the candidate on trial"


def name_of(policy: Policy | None) -> str:
    """Who plays, for a sentence; None stands for the game's own fighter."""
    if policy is None:
        return OWN_FIGHTER
    if policy.version <= RUNG:
        return "an earlier self"
    if policy.version == CANDIDATE:
        return ON_TRIAL
    if policy.shipped:
        return "the model that the game ships" + (f" (version {policy.version})" if policy.version >= 0 else "")
    return f"version {policy.version}" if policy.version >= 0 else "an untrained version"


def counted(count: int | None, what: str) -> str:
    """So many of something in words; None counts as none."""
    return f"{count or 0:,} {what}{'s' * (count != 1)}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that plays live in turn with the champion."""

    candidate: Policy
    share: float  # of the battles
    number: int  # another one in every trial


class PolicySlot:
    """The last `KEPT` champions, oldest first; a swap is one reference assignment."""

    def __init__(self, policies: list[Policy], from_nothing: bool = True, ladder: RatedRungs = NO_LADDER) -> None:
        """`policies`: oldest first; ValueError where there is none. `ladder`: what the lower levels are taken from.

        `from_nothing`: whether one that has learned nothing plays; else the game's own fighter plays in its place.
        """
        if not policies:
            raise ValueError("a slot begins with at least one policy")
        self.champions: tuple[Policy, ...] = tuple(policies[-KEPT:])
        self.from_nothing = from_nothing
        self.trial: Trial | None = None
        self.ghost: Acting | None = None
        """Plays as the present player would; None: the player is not known."""
        self.swaps = 0
        self._ladder = ladder
        self._dial = self._turned()

    @property
    def champion(self) -> Policy:
        return self.champions[-1]

    @property
    def players(self) -> tuple[Policy, ...]:
        """The champions that may play, oldest first; empty: the game's own fighter plays."""
        champions = self.champions
        if self.from_nothing:
            return champions
        if champions[-1].indifferent:
            return ()
        return tuple(policy for policy in champions if not policy.indifferent)

    def playing(self) -> Policy | None:
        """The champion; None: the game's own fighter plays."""
        players = self.players
        return players[-1] if players else None

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Whom a player may meet, weakest first, the champion last; empty: the game's own fighter plays."""
        return self._dial[0]

    def policy_of(self, version: int) -> Policy:
        """The champion or rung of that version; the champion where it is none of them."""
        known = (*self.champions, *(rung.policy for rung in self.rungs))
        return next((policy for policy in known if policy.version == version), self.champion)

    @property
    def points(self) -> Mapping[int, float]:
        """Ratings of champions by version, as far as a ladder and the gate have measured them, oldest first."""
        return self._ladder[2]

    @property
    def rated(self) -> bool:
        """Whether the rungs' points were measured, and not assumed."""
        return self._dial[2]

    def at_level(self, number: int) -> Rung | None:
        """Who plays at a named level, 1 to 5; None: the game's own fighter."""
        levels = self._dial[1]
        return levels[number - 1] if levels else None

    def _turned(self) -> tuple[tuple[Rung, ...], tuple[Rung, ...], bool]:
        """All rungs, those of the five levels, and whether they are rated."""
        players, (rungs, first, points) = self.players, self._ladder
        if not players:
            return (), (), False
        top = points.get(players[-1].version)
        if top is None or not rungs or top <= rungs[first].points:
            older = (players[max(0, len(players) - 1 - level.versions_back)] for level in LEVELS)
            pairs = enumerate(zip(older, LEVELS, strict=True))
            by_age = tuple(Rung(policy, level.temperature, ASSUMED_STEP * at) for at, (policy, level) in pairs)
            return by_age, by_age, False
        rated = [Rung(each, points=points[each.version]) for each in players if each.version in points]
        line = sorted((rung for rung in (*rungs, *rated[:-1]) if rung.points < top), key=lambda rung: rung.points)
        lowest, steps = rungs[first].points, len(LEVELS) - 1
        targets = [lowest + (top - lowest) * at / steps for at in range(steps)]
        able = [rung for rung in line if rung.points >= lowest]
        lower = (min(able, key=lambda rung: abs(rung.points - target)) for target in targets)
        return (*line, rated[-1]), (*lower, rated[-1]), True

    def promote(self, policy: Policy, ladder: RatedRungs | None = None) -> None:
        """`policy` plays from the next decision on; `ladder` as in `restart`."""
        self.restart(*self.champions, policy, ladder=ladder)

    def restart(self, *policies: Policy, ladder: RatedRungs | None = None) -> None:
        """Hold the last `KEPT` of these champions, oldest first; the last one plays from the next decision on.

        Levels change at the same moment; `ladder`: another one from now on.
        """
        self.champions = policies[-KEPT:]
        if ladder is not None:
            self._ladder = ladder
        self._dial = self._turned()
        self.trial = None
        self.swaps += 1
