"""What monsters in barebones-rpg gain where somebody else says whom they hit. Needs `barebones-rpg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def barebones_gain(aim: Callable[[Any, Any], int], num_battles: int, seed: int) -> list[float]:
    """Per battle: won by the monsters with `aim(combat, monster) -> hero`, minus won by them as the framework is."""
    from tests.studies.plain_games.encounter import fight

    seeds = range(num_battles * seed, num_battles * (seed + 1))
    return [float(not fight(each, aim)) - float(not fight(each)) for each in seeds]
