"""Two heroes against two monsters in barebones-rpg for Cornerman, which plays the monsters; needs `barebones-rpg`."""

from game_adapter.barebones_game import BarebonesGame
from tests.studies.plain_games.encounter import Encounter

GAME = BarebonesGame(
    "encounter", Encounter, Encounter.play_hero, most=2, import_name="tests.studies.adapters.encounter:GAME"
)
