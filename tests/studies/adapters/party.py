"""The party RPG for Cornerman: six characters a side with stats of their own, skills, flight."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.studies.plain_games.party import MAX_ROUNDS, PARTY, Party, brave_command, random_command

TARGETED = ("attack", "fire", "heal", "potion")
COMMANDS = [(name, at) for name in TARGETED for at in range(PARTY)] + [("quake", 0), ("guard", 0), ("run", 0)]


class PartyBattle(Party):
    @property
    def seat(self) -> int | None:
        return None if self.over else self.hero.side

    @property
    def outcome(self) -> dict[int, int] | None:
        winner = 1 - self.fled if self.fled is not None else self.winner
        won = {None: 0, 0: 1, 1: -1}[winner]
        return {0: won, 1: -won} if self.over else None

    def state(self) -> Any:
        shown = [
            {"name": hero.job.name, "seat": side, "health": hero.health, "maxHealth": hero.job.health}
            | {"mana": hero.mana, "guards": int(hero.guarding), "potions": self.potions[side]}
            | {"acts": int(not self.over and hero is self.hero)}
            for side in (0, 1)
            for hero in self.heroes[side]
        ]
        return {"round": min(self.round, MAX_ROUNDS), "characters": shown}

    def action_mask(self) -> list[bool]:
        legal = set(self.commands())
        return [command in legal for command in COMMANDS]

    def apply(self, action: int) -> None:
        self.do(COMMANDS[action])


STATS = {"mana": 24, "guards": 1, "potions": 3, "acts": 1}
PLAYERS = {"random": random_command, "brave": brave_command}
BOTS = {name: lambda battle, random, of=of: COMMANDS.index(of(battle, random)) for name, of in PLAYERS.items()}


class PartyGame:
    name, version, max_characters, max_rounds = "party", "1", 2 * PARTY, MAX_ROUNDS
    action_names = tuple(f"{name} {at}" for name, at in COMMANDS)
    stats, bots = STATS, BOTS
    import_name = "tests.studies.adapters.party:GAME"

    def new_battle(self, seed: int) -> PartyBattle:
        return PartyBattle(Random(seed))


GAME = PartyGame()
