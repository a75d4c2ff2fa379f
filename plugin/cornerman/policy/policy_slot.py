"""Policy slot: the policy that plays now, and the champions before it, for weaker levels and for roll-back.

An immutable tuple behind one reference: any thread reads it, and neither side waits. One writer: models/champions.py.
"""

from __future__ import annotations

from cornerman.policy.policy import Policy

KEPT = 8


class PolicySlot:
    """The last `KEPT` champions, oldest first; a swap is one reference assignment."""

    def __init__(self, policies: list[Policy]) -> None:
        """`policies`: oldest first, the last one plays; ValueError where there is none."""
        if not policies:
            raise ValueError("a slot begins with at least one policy")
        self.champions: tuple[Policy, ...] = tuple(policies[-KEPT:])
        self.swaps = 0

    @property
    def champion(self) -> Policy:
        return self.champions[-1]

    @property
    def oldest(self) -> Policy:
        """The oldest champion that is kept."""
        return self.champions[0]

    def back(self, versions: int) -> Policy:
        """The champion of `versions` promotions ago, or the oldest that is kept."""
        champions = self.champions
        return champions[max(0, len(champions) - 1 - versions)]

    def promote(self, policy: Policy) -> None:
        """`policy` plays from the next decision on."""
        self.champions = (*self.champions, policy)[-KEPT:]
        self.swaps += 1

    def restart(self, *policies: Policy) -> None:
        """Hold these champions instead, oldest first; the last one plays from the next decision on."""
        self.champions = policies[-KEPT:]
        self.swaps += 1
