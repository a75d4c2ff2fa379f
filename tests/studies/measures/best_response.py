"""Ringside against the model that it ships and nobody else: what is trained here is a best response to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from game_adapter.ringside.game import Ringside
from tests.studies.measures.habits import NO_HABIT


class AgainstShipped(Ringside):
    """The plugin has seat 0, the shipped model seat 1. It keeps Ringside's name: training may begin with the model."""

    plugin_seats = (0,)
    own_fighter = "shipped"
    base_model = None  # type: ignore[assignment]  # the model is the opponent
    import_name = "tests.studies.measures.best_response:GAME"

    @property
    def bots(self) -> Mapping[str, Any]:
        return {"shipped": NO_HABIT.bot}

    @property
    def batched_bots(self) -> Mapping[str, Any]:
        return {"shipped": NO_HABIT.batched_bot}


GAME = AgainstShipped()
