"""Ringside, one against one and with its weakest bot alone, so that judging takes a tenth of a second.

In a file of its own, since a worker process imports the game by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from game_adapter.ringside.game import Ringside
from game_adapter.ringside.opponents import BOTS


class ShortRingside(Ringside):
    """Its batched battles are like its scalar ones."""

    bots = {"random": BOTS["random"]}  # noqa: RUF012 - as in the game itself nobody changes it

    own_fighter = "random"

    @property
    def batched_bots(self) -> Mapping[str, Any]:
        return {name: bot for name, bot in super().batched_bots.items() if name in self.bots}

    def new_battle(self, seed: int, shape: str = "1v1") -> Any:
        return super().new_battle(seed, shape)

    def new_battles(self, num_battles: int, seed: int, shape: str = "1v1") -> Any:
        return super().new_battles(num_battles, seed, shape)


SHORT_RINGSIDE = ShortRingside()
