"""The choosing game with battles that are faulty: some share of them, in one of the ways that games are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from cornerman.contract import Bot
from tests.support.choosing import Choosing, ChoosingBattle, at_random

FAULTS = ("new_battle", "apply", "state", "not a number", "mask", "nobody may", "seat", "outcome", "bot", "illegal bot")


class FaultyBattle(ChoosingBattle):
    """Faulty in its second decision, so that a first one is already open."""

    def __init__(self, seed: int, fault: str) -> None:
        super().__init__(seed)
        self.fault = fault
        self.turns = 0

    @property
    def _now(self) -> str:
        return self.fault if self.turns == 1 else ""

    @property
    def seat(self) -> int | None:
        return 7 if self._now == "seat" else super().seat

    @property
    def outcome(self) -> Mapping[int, int] | None:
        return {0: 1} if self.fault == "outcome" and self.turns == 2 else super().outcome

    def state(self) -> dict[str, Any]:
        state = super().state()
        if self._now == "state":
            return {}
        if self._now == "not a number":
            state["characters"][0]["health"] = float("nan")
        return state

    def action_mask(self) -> Sequence[bool]:
        if self._now == "mask":
            raise KeyError("legal moves")
        return [False] * 3 if self._now == "nobody may" else super().action_mask()

    def apply(self, action: int) -> None:
        if self._now == "apply":
            raise ZeroDivisionError("damage by zero")
        super().apply(action)
        self.turns += 1


class FaultyGame(Choosing):
    """One battle in `one_in` is faulty, decided by its seed."""

    def __init__(self, fault: str, one_in: int = 50) -> None:
        self._fault, self._one_in = fault, one_in
        self.bots: Mapping[str, Bot] = {"random": self._play}

    def new_battle(self, seed: int) -> ChoosingBattle:
        if Random(f"{seed} faulty").random() >= 1 / self._one_in:
            return ChoosingBattle(seed)
        if self._fault == "new_battle":
            raise OSError("no more memory cards")
        return FaultyBattle(seed, self._fault)

    def _play(self, battle: ChoosingBattle, random: Random) -> int:
        fault = getattr(battle, "fault", "")
        if fault == "bot":
            raise IndexError("no target left")
        return 2 if fault == "illegal bot" else at_random(battle, random)


ONE_IN_FIFTY = FaultyGame("apply")
EVERY_ONE = FaultyGame("apply", 1)
