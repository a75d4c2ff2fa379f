"""Ringside with one small fighter a side: its rules, features and bots, and few enough states to solve it exactly."""

from __future__ import annotations

from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import given_lineups
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.game import Ringside
from game_adapter.ringside.roster import RosterEntry

FIGHTERS = (
    RosterEntry("Pip", health=32, attack=9, defense=20, speed=45),
    RosterEntry("Quill", health=26, attack=10, defense=12, speed=60),
    RosterEntry("Rook", health=38, attack=9, defense=35, speed=25),
)


class SmallRingside(Ringside):
    """Both sides have the same fighter, whose number is the remainder of the battle's seed."""

    name = "small ringside"
    own_fighter = "brawler"
    base_model = None  # type: ignore[assignment]  # Ringside's is no model of this game
    import_name = "tests.studies.adapters.small_ringside:GAME"

    def new_battle(self, seed: int, shape: str = "1v1") -> Battle:
        fighter = FIGHTERS[seed % len(FIGHTERS)]
        return Battle(([fighter], [fighter]), seed)

    def new_battles(self, num_battles: int, seed: int, shape: str = "1v1") -> VectorBattle:
        return VectorBattle(num_battles, seed, given_lineups([([fighter], [fighter]) for fighter in FIGHTERS]))


GAME = SmallRingside()
