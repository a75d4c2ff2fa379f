"""A game whose battles cannot be made; in a file of its own, so that a process that loads it starts quickly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BreakingGame:
    """Keeps the contract until it is asked for a battle."""

    name, version, action_names = "breaking", "1", ("a", "b")

    @property
    def bots(self) -> Mapping[str, Any]:
        return {}

    def new_battle(self, seed: int) -> Any:
        raise RuntimeError("no ring today")


BREAKS = BreakingGame()
