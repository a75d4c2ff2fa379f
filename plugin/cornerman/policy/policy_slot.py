"""Policy slot: the policy that plays now, and the champions before it, for weaker levels and for roll-back.

An immutable tuple behind one reference: any thread reads it, and neither side waits. One writer: models/champions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cornerman.contract import Bools, Floats
from cornerman.policy.policy import Policy

KEPT = 8


OWN_FIGHTER = "the game's own fighter"


def name_of(policy: Policy | None) -> str:
    """Who plays, for a sentence; None stands for the game's own fighter."""
    if policy is None:
        return OWN_FIGHTER
    if policy.shipped:
        return "the model that the game ships" + (f" (version {policy.version})" if policy.version >= 0 else "")
    return f"version {policy.version}" if policy.version >= 0 else "an untrained version"


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that plays live in turn with the champion."""

    candidate: Policy
    share: float  # of the battles
    number: int  # another one in every trial


class Fighter(Protocol):
    """Whoever chooses actions from observations."""

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: Any,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int: ...


class PolicySlot:
    """The last `KEPT` champions, oldest first; a swap is one reference assignment."""

    def __init__(self, policies: list[Policy], from_nothing: bool = True) -> None:
        """`policies`: oldest first; ValueError where there is none.

        `from_nothing`: whether one that has learned nothing plays; else the game's own fighter plays in its place.
        """
        if not policies:
            raise ValueError("a slot begins with at least one policy")
        self.champions: tuple[Policy, ...] = tuple(policies[-KEPT:])
        self._from_nothing = from_nothing
        self.trial: Trial | None = None
        self.ghost: Fighter | None = None
        """Plays as the present player would; None: the player is not known."""
        self.swaps = 0

    @property
    def champion(self) -> Policy:
        return self.champions[-1]

    @property
    def players(self) -> tuple[Policy, ...]:
        """The champions that may play, oldest first; empty: the game's own fighter plays."""
        champions = self.champions
        if self._from_nothing:
            return champions
        if champions[-1].indifferent:
            return ()
        return tuple(policy for policy in champions if not policy.indifferent)

    def playing(self, versions_back: int = 0) -> Policy | None:
        """The player of `versions_back` promotions ago, or the oldest; None: the game's own fighter plays."""
        players = self.players
        return players[max(0, len(players) - 1 - versions_back)] if players else None

    def promote(self, policy: Policy) -> None:
        """`policy` plays from the next decision on."""
        self.champions = (*self.champions, policy)[-KEPT:]
        self.trial = None
        self.swaps += 1

    def restart(self, *policies: Policy) -> None:
        """Hold these champions instead, oldest first; the last one plays from the next decision on."""
        self.champions = policies[-KEPT:]
        self.trial = None
        self.swaps += 1
