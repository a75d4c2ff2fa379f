"""Battles of barebones-rpg as a game that Cornerman learns: Cornerman plays the enemies.

    def battle(seed):                       # a Combat that has not begun; the module `random` is seeded already
        return Combat([knight(), cleric()], [orc(), shaman()])

    def heroes(combat):                     # a whole turn of the present hero, as your game's loop or a script plays it
        combat.execute_action(AttackAction(), combat.get_current_combatant(), combat.enemies.get_alive_members()[:1])
        combat.end_turn()

    GAME = BarebonesGame("my rpg", battle, heroes, import_name="mymodule:GAME")

In your own game's loop a `BarebonesBattle` around the Combat goes into a Match (game_adapter/host/match.py): heroes are
seat 0 and enemies seat 1. Needs the extra `barebones`; nothing that plays without it imports this file.
"""

from __future__ import annotations

import random as module_random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from barebones_rpg import AttackAction, Combat

HEROES, ENEMIES = 0, 1
STATS = {"strength": 20, "constitution": 20, "dexterity": 20, "intelligence": 20, "mana": 50, "acts": 1}
"""What Cornerman sees of everybody beside health, and its usual largest value; `acts` is 1 for whose turn it is."""


class BarebonesGame:
    """Cornerman sits on the enemies' side; `actions` are what an enemy can do, each to one target."""

    version, max_rounds, num_seats, plugin_seats, seats_alike = "1", None, 2, (ENEMIES,), False

    def __init__(
        self,
        name: str,
        battle: Callable[[int], Combat],
        heroes: Callable[[Combat], object],
        actions: Sequence[Any] = (),
        most: int = 4,
        stats: Mapping[str, float] = STATS,
        import_name: str = "",
    ) -> None:
        """`most`: members of either side at the most. `actions`: CombatActions, an attack alone unless given."""
        self.name, self.heroes, self.stats, self.import_name = name, heroes, stats, import_name
        self.actions, self.most, self.max_characters = tuple(actions) or (AttackAction(),), most, 2 * most
        self.action_names = [f"{action.name} {at + 1}" for action in self.actions for at in range(most)]
        self.bots = {"framework": framework_bot}
        self._battle = battle

    def new_battle(self, seed: int) -> BarebonesBattle:
        """The framework draws from the module `random`: in here from a state of the battle's own."""
        luck = Random(seed)
        with lucky(luck):
            return BarebonesBattle(self, self._battle(seed), luck)


class BarebonesBattle:
    """One Combat; it begins here. `luck` None: the framework draws as it does."""

    def __init__(self, game: BarebonesGame, combat: Combat, luck: Random | None = None) -> None:
        self.combat, self._game, self._luck = combat, game, luck
        self.outcome: dict[int, float] | None = None
        # The framework plays enemies inside of `end_turn`, and says nowhere else that one is due.
        combat._execute_enemy_ai = lambda enemy: None
        # `Combat.state` says that it goes on where the last hero fell in an enemy's turn (0.2.0); the callbacks do not.
        combat.on_victory(lambda _: self._end(1.0))
        combat.on_defeat(lambda _: self._end(-1.0))
        combat.on_flee(lambda _: self._end(0.0))
        combat.start()

    def _end(self, heroes: float) -> None:
        self.outcome = self.outcome or {HEROES: heroes, ENEMIES: -heroes}

    @property
    def seat(self) -> int | None:
        """Whose member acts now."""
        return None if self.outcome else HEROES if self._acting() in self.combat.players.members else ENEMIES

    def state(self) -> Any:
        """Everybody, heroes first."""
        sides = enumerate((self.combat.players.members, self.combat.enemies.members))
        return {"characters": [self._shown(member, seat) for seat, members in sides for member in members]}

    def _shown(self, member: Any, seat: int) -> dict[str, Any]:
        own = {"mana": member.stats.mp, "acts": int(not self.outcome and member is self._acting())}
        shown = {"name": member.name, "seat": seat, "health": member.stats.hp, "maxHealth": member.stats.get_max_hp()}
        return shown | {stat: own.get(stat, member.stats.get_stat(stat, 0)) for stat in self._game.stats}

    def action_mask(self) -> list[bool]:
        """An action that its source can do, with a target on the other side (or its own, for a skill that helps)."""
        acting, context = self._acting(), {"combat_state": self.combat}
        mask = []
        for action in self._game.actions:
            can, targets = action.can_execute(acting, context), self._targets(action)
            mask += [can and at < len(targets) and targets[at].is_alive() for at in range(self._game.most)]
        return mask if any(mask) else [True] * len(mask)  # whoever can do nothing loses the turn with any of them

    def apply(self, action: int) -> Any:
        """What came of it, as the framework says it."""
        if not 0 <= action < len(self._game.action_names) or not self.action_mask()[action]:
            raise ValueError(f"action {action} is not possible for {self._acting().name}")
        what, at = self._game.actions[action // self._game.most], action % self._game.most
        with lucky(self._luck):
            result = self.combat.execute_action(what, self._acting(), self._targets(what)[at : at + 1])
            if not self.outcome:
                self.combat.end_turn()
        return result

    def play_hero(self) -> None:
        """The present hero's whole turn by the game's own `heroes`."""
        with lucky(self._luck):
            self._game.heroes(self.combat)

    def _acting(self) -> Any:
        return self.combat.get_current_combatant()

    def _targets(self, action: Any) -> Sequence[Any]:
        """The side that an action is for, the fallen included."""
        sides: list[list[Any]] = [self.combat.players.members, self.combat.enemies.members]
        own = self._acting() in sides[ENEMIES]
        return sides[own ^ getattr(action, "targets_enemy", True)]


def framework_bot(battle: BarebonesBattle, random: Random) -> int | None:
    """Heroes by the game's `heroes`, enemies as the framework plays them: an attack on anybody who stands."""
    if battle.seat == HEROES:
        battle.play_hero()
        return None
    legal = [at for at, may in enumerate(battle.action_mask()) if may]
    return random.choice([at for at in legal if at < len(battle.combat.players.members)] or legal)


@contextmanager
def lucky(luck: Random | None) -> Iterator[None]:
    """The module `random` draws from `luck` in here, and is as it was before afterwards."""
    if luck is None:
        yield
        return
    before = module_random.getstate()
    module_random.setstate(luck.getstate())
    try:
        yield
    finally:
        luck.setstate(module_random.getstate())
        module_random.setstate(before)
