"""The tactics game for Cornerman: forty units, 165 commands, several decisions a turn."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.studies.plain_games.tactics import ROUNDS, SIZE, UNITS, Tactics, random_command, simple_command

COMMANDS = (
    [("choose", at) for at in range(UNITS)]
    + [("move", cell) for cell in range(SIZE * SIZE)]
    + [("attack", at) for at in range(UNITS)]
    + [(name, 0) for name in ("hold", "brace", "mend", "end")]
)


class TacticsBattle(Tactics):
    @property
    def seat(self) -> int | None:
        return None if self.over else self.side

    @property
    def outcome(self) -> dict[int, int] | None:
        won = {None: 0, 0: 1, 1: -1}[self.winner]
        return {0: won, 1: -won} if self.over else None

    def state(self) -> Any:
        units = [
            {"name": unit.kind.name, "seat": unit.side, "health": unit.health, "maxHealth": unit.kind.health}
            | {
                "row": unit.cell // SIZE,
                "column": unit.cell % SIZE,
                "acted": int(unit.acted),
                "braced": int(unit.braced),
            }
            | {"chosen": int(unit is self.chosen), "moved": int(unit is self.chosen and self.moved)}
            for army in self.armies
            for unit in army
        ]
        return {"round": min(self.round, ROUNDS), "characters": units}

    def action_mask(self) -> list[bool]:
        legal = set(self.commands())
        return [command in legal for command in COMMANDS]

    def apply(self, action: int) -> None:
        self.do(COMMANDS[action])


STATS = {"row": SIZE, "column": SIZE, "acted": 1, "braced": 1, "chosen": 1, "moved": 1}
PLAYERS = {"random": random_command, "simple": simple_command}
BOTS = {name: lambda battle, random, of=of: COMMANDS.index(of(battle, random)) for name, of in PLAYERS.items()}


class TacticsGame:
    name, version, max_characters, max_rounds = "tactics", "1", 2 * UNITS, ROUNDS
    action_names = tuple(f"{name} {at}" for name, at in COMMANDS)
    stats, bots = STATS, BOTS
    import_name = "tests.studies.adapters.tactics:GAME"

    def new_battle(self, seed: int) -> TacticsBattle:
        return TacticsBattle(Random(seed))


GAME = TacticsGame()
