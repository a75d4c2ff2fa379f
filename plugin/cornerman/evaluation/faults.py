"""Faulty headless battles: the game's own code raised in them, or they broke the contract.

One such battle is dropped and counted by reason. Only where most of them are faulty does the work stop, with a sentence
that names the commonest fault.
"""

from __future__ import annotations

from collections import Counter

from cornerman.contract import ContractError, DataError
from cornerman.experience.encoder import described

FEWEST_BATTLES = 10
"""Battles that must have been tried before their faults can stop anything."""


class FaultyBattleError(ContractError):
    """One battle cannot go on; `reason` is the short word that it is counted under."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class GameCode:
    """The boundary to the game's code: what it raises inside becomes a FaultyBattleError that says `what` failed.

    Nothing but calls of the game, its bots and the checks of what they return belong inside. It keeps no state, so one
    that is entered every turn is built once: some 0.2 us.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # What the machine lacks is no fault of the game, and an interrupt none of anybody.
        if not isinstance(error, Exception) or isinstance(error, FaultyBattleError | MemoryError):
            return
        if isinstance(error, DataError):
            raise FaultyBattleError(error.reason, f"{self._what}: {error}") from error
        if isinstance(error, ContractError):
            raise FaultyBattleError("contract", f"{self._what}: {error}") from error
        raise FaultyBattleError(type(error).__name__, f"{self._what} failed with {described(error)}") from error


class BattleFaults:
    """Counts of whole and of faulty battles; one thread at a time."""

    def __init__(self) -> None:
        self.num_battles = 0
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    @property
    def num_faulty(self) -> int:
        return self.counts.total()

    def count_whole(self, battles: int = 1) -> None:
        """Battles that came to an end."""
        self.num_battles += battles

    def count(self, error: FaultyBattleError) -> bool:
        """A battle that was dropped; True where its reason is a new one. ContractError once most battles are faulty."""
        self.num_battles += 1
        self.counts[error.reason] += 1
        self.examples.setdefault(error.reason, str(error))
        if self.num_battles >= FEWEST_BATTLES and 2 * self.num_faulty > self.num_battles:
            raise ContractError(f"most headless battles are faulty: {self.sentence}") from error
        return self.counts[error.reason] == 1

    @property
    def sentence(self) -> str:
        """How many battles were dropped, and an example of the commonest reason; empty where none were."""
        if not self.counts:
            return ""
        reason, _ = self.counts.most_common(1)[0]
        reasons = ", ".join(f"{count} {name}" for name, count in self.counts.most_common())
        dropped = f"{self.num_faulty} of {self.num_battles} battles were dropped ({reasons})"
        return f"{dropped}, for example: {self.examples[reason]}"
