"""Ringside without its batched engine."""

from __future__ import annotations

from typing import Any

from game_adapter.ringside.game import RINGSIDE


class OneByOne:
    """Ringside, one battle at a time."""

    def __getattr__(self, name: str) -> Any:
        if name in ("new_battles", "restore_battles"):
            raise AttributeError(name)
        return getattr(RINGSIDE, name)
