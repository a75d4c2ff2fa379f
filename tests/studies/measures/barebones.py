"""What monsters in barebones-rpg gain where somebody else says whom they hit. Needs `barebones-rpg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def barebones_gain(aim: Callable[[Any, Any], int], num_battles: int, seed: int) -> list[float]:
    """Per battle: won by the monsters with `aim(combat, monster) -> hero`, minus won by them as the framework is."""
    from tests.studies.plain_games.encounter import fight

    seeds = range(num_battles * seed, num_battles * (seed + 1))
    return [float(not fight(each, aim)) - float(not fight(each)) for each in seeds]


def learned_gain(game: Any, act: Callable[[Any], int], num_battles: int, seed: int) -> list[float]:
    """The same where `act` plays the monsters of the adapter's battles, which begin and draw like those without it."""
    from tests.studies.plain_games.encounter import fight

    gains = []
    for each in range(num_battles * seed, num_battles * (seed + 1)):
        battle = game.new_battle(each)
        while battle.outcome is None:
            if battle.seat == 0:
                battle.play_hero()
            else:
                battle.apply(act(battle))
        gains.append(float(battle.outcome[1] > 0) - float(not fight(each)))
    return gains
