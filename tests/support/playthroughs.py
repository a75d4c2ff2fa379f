"""Golden playthroughs: seeded battles of bots as readable text, kept in tests/golden/.

`python -m tests.support.playthroughs` writes them anew; do that only when the rules, the data or the bots are meant
 to play differently, and read the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from game_adapter.ringside.battle import Battle, Fighter
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.opponents import BOTS

GOLDEN = Path(__file__).parents[1] / "golden"

BATTLES = (
    ("1v1", 11, "tactician", "brawler"),
    ("1v2", 12, "planner", "random"),
    ("2v1", 13, "random", "tactician"),
    ("2v2", 14, "random", "random"),
    ("2v2", 15, "tactician", "brawler"),
    ("2v2", 16, "planner", "tactician"),
    ("1v3", 17, "random", "brawler"),
    ("3v1", 18, "tactician", "random"),
)
"""Shape, seed, who plays seat 0 and seat 1."""


def file_name(shape: str, seed: int, red: str, blue: str) -> str:
    return f"{shape}_{seed}_{red}_{blue}.txt"


def playthrough(shape: str, seed: int, red: str, blue: str) -> str:
    """The text of one battle: the fighters, then a line a turn with what it left of everyone, then the outcome.

    A line reads: round, acting fighter, action index; each fighter's health with its statuses (g guard, x exposed,
    c charged) and mends left; what happened in words.
    """
    battle, random = RINGSIDE.new_battle(seed, shape), Random(seed)
    players = (BOTS[red], BOTS[blue])
    lines = [f"{shape}, seed {seed}: {red} (red) against {blue} (blue)"]
    for fighter in battle.fighters:
        stats = f"health {fighter.max_health} attack {fighter.attack} defense {fighter.defense} speed {fighter.speed}"
        lines.append(f"seat {fighter.seat}: {fighter.name}, {stats}")
    while battle.seat is not None:
        action = players[battle.seat](battle, random)
        turn = battle.apply(action)
        left = " ".join(f"{_shown(fighter):>8}" for fighter in battle.fighters)
        lines.append(f"{turn.round:2} {turn.actor} {turn.action:2} | {left} | {turn.text()}")
    lines.append(f"after round {battle.round}: {_outcome(battle)}")
    return "\n".join(lines) + "\n"


def _shown(fighter: Fighter) -> str:
    marks = "g" * fighter.guard + "x" * fighter.exposed + "c" * fighter.charged
    return f"{fighter.health}{marks}/{fighter.mends}"


def _outcome(battle: Battle) -> str:
    assert battle.outcome is not None
    return {1: "red wins", 0: "a draw", -1: "blue wins"}[battle.outcome[0]]


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for which in BATTLES:
        path = GOLDEN / file_name(*which)
        path.write_text(playthrough(*which), encoding="utf-8", newline="\n")
        print(f"written: {path.name}")


if __name__ == "__main__":
    main()
