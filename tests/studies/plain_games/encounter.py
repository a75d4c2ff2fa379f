"""A battle in barebones-rpg, two heroes against two monsters, written with nothing but that framework.

The heroes follow a script. The monsters follow the framework, which hits a hero at random, unless `aim` says whom to
hit. The framework draws its luck from the module `random`. Needs `barebones-rpg`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from random import Random
from typing import Any

from barebones_rpg import AttackAction, Character, Combat, Enemy, Stats
from barebones_rpg.combat import create_heal_skill

CURE = create_heal_skill("Cure", mp_cost=6, heal_amount=30)


def fighter(kind: Any, name: str, strength: int, constitution: int, lot: Random) -> Any:
    """A hero or monster in full health, its speed and part of its strength drawn by lot."""
    stats = Stats(
        strength=strength + lot.randrange(4), constitution=constitution, dexterity=lot.randrange(8, 16), base_max_hp=10
    )
    stats.hp, stats.mp = stats.get_max_hp(), 18
    return kind(name=name, stats=stats)


class Encounter(Combat):  # type: ignore[misc]  # the framework has no types
    """`won` says whether the heroes won; None while the battle goes on.

    The framework's own `is_active()` stays True where the last hero fell in a monster's turn (barebones-rpg 0.2.0).
    """

    def __init__(self, seed: int, aim: Callable[[Encounter, Any], int] | None = None) -> None:
        lot = Random(seed)
        heroes = [fighter(Character, "Knight", 13, 9, lot), fighter(Character, "Cleric", 10, 6, lot)]
        monsters = [fighter(Enemy, "Orc", 15, 9, lot), fighter(Enemy, "Shaman", 17, 6, lot)]
        super().__init__(heroes, monsters)
        self.won: bool | None = None
        self.aim = aim
        self.on_victory(lambda _: setattr(self, "won", True))
        self.on_defeat(lambda _: setattr(self, "won", False))

    def _execute_enemy_ai(self, enemy: Any) -> None:
        if self.won is not None:
            return
        if self.aim is None:
            super()._execute_enemy_ai(enemy)
            return
        self.execute_action(AttackAction(), enemy, [self.players.members[self.aim(self, enemy)]])
        if self.won is None:
            self.end_turn()

    def play_hero(self) -> None:
        """The cleric cures who is below half, the others hit the weakest monster."""
        hero = self.get_current_combatant()
        hurt = [ally for ally in self.players.get_alive_members() if ally.stats.hp < ally.stats.get_max_hp() / 2]
        if hero.name == "Cleric" and hurt and hero.stats.mp >= CURE.mp_cost:
            self.execute_action(CURE, hero, [min(hurt, key=lambda ally: ally.stats.hp)])
        else:
            weakest = min(self.enemies.get_alive_members(), key=lambda monster: monster.stats.hp)
            self.execute_action(AttackAction(), hero, [weakest])
        if self.won is None:
            self.end_turn()


def fight(seed: int, aim: Callable[[Encounter, Any], int] | None = None) -> bool:
    """One battle that the seed decides; whether the heroes won. The module `random` is left as it was found."""
    before = random.getstate()
    random.seed(seed)
    try:
        encounter = Encounter(seed, aim)
        encounter.start()
        while encounter.won is None:
            encounter.play_hero()
        return encounter.won
    finally:
        random.setstate(before)
