"""The policy slot with a memory: what plays now, and what played before, for weaker levels and for roll-back.

An immutable tuple behind one reference: any thread reads it, and neither side waits. It has one writer: the trainer's
thread, or the game's where there is no trainer.
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
        self.line: tuple[Policy, ...] = tuple(policies[-KEPT:])
        self.swaps = 0

    @property
    def champion(self) -> Policy:
        return self.line[-1]

    @property
    def oldest(self) -> Policy:
        """The oldest champion that is kept."""
        return self.line[0]

    def back(self, versions: int) -> Policy:
        """The champion of `versions` promotions ago, or the oldest that is kept."""
        line = self.line
        return line[max(0, len(line) - 1 - versions)]

    def promote(self, policy: Policy) -> None:
        """`policy` plays from the next decision on."""
        self.line = (*self.line, policy)[-KEPT:]
        self.swaps += 1

    def roll_back(self) -> Policy | None:
        """The previous champion plays from the next decision on; None where none is kept."""
        if len(self.line) < 2:
            return None
        self.line = self.line[:-1]
        self.swaps += 1
        return self.line[-1]

    def restart(self, policy: Policy) -> None:
        """Forget every champion; `policy` plays."""
        self.line = (policy,)
        self.swaps += 1
