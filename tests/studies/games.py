"""Any turn-based game: how long an adapter is, and what the plugin learns in games that were not made for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.cli.commands import stored_policy
from tests.studies.intervals import Interval, exact, of_mean
from tests.studies.measures.boards import Tally, against_perfect, connect_four_tally
from tests.studies.measures.code_lines import code_lines
from tests.studies.plain_games import connect_four
from tests.studies.study import Figure, Study, Unit, Work

ROOT = Path(__file__).resolve().parents[2]
LINES = {
    "pettingzoo": ("game_adapter/pettingzoo_game.py", 80),
    "connect_four": ("tests/studies/adapters/connect_four.py", 25),
    "tactics": ("tests/studies/adapters/tactics.py", 70),
    "party": ("tests/studies/adapters/party.py", 40),
}
OPPONENTS = {
    "random": (connect_four.random_move, 0.99),
    "greedy": (connect_four.greedy_move, 0.90),
    "search2": (connect_four.search_move, 0.70),
}


def count_lines(work: Work, path: str, sha256: str) -> int:
    """The adapter's lines that hold code; another text of the file, `sha256`, is another unit of work."""
    del work, sha256
    return code_lines((ROOT / path).read_text("utf-8"))


def train(work: Work, game: str, minutes: float, seed: int) -> None:
    """`cornerman train`, as a game's author types it."""
    command = [sys.executable, "-m", "cornerman", "train", "--game", game_name(game), "--minutes", str(minutes)]
    subprocess.run([*command, "--data", str(work.folder / "data"), "--seed", str(seed)], check=True, cwd=ROOT)


def game_name(game: str) -> str:
    return f"tests.studies.adapters.{game}:GAME"


def move_of(work: Work, unit: str, game: str) -> Any:
    """What the trained champion plays: a function from one of plain_games to a move."""
    mine = import_module(f"tests.studies.adapters.{game}").GAME
    policy, random = stored_policy(mine, work.folder_of(unit) / "data", None), np.random.default_rng(0)

    def move(battle: Any) -> int:
        seen = np.array(mine.encode(battle_of(mine, battle).state(), battle.player), np.float32)
        mask = np.zeros(len(mine.action_names), np.bool_)
        mask[battle.moves()] = True
        return int(policy.act(seen, mask, random))

    return move


def battle_of(mine: Any, battle: Any) -> Any:
    """The plain game as a battle of the adapter, in the same position."""
    own = mine.new_battle(0)
    own.__dict__.update(battle.__dict__)
    return own


def tic_tac_toe_lost(work: Work, trained: str, games: int, seed: int) -> int:
    """Games lost to a perfect player, in both seats."""
    return against_perfect(move_of(work, trained, "tic_tac_toe"), games, seed).lost


def connect_four_results(work: Work, trained: str, games: int, seed: int) -> dict[str, list[int]]:
    """Won, drawn and lost against each opponent."""
    move = move_of(work, trained, "connect_four")
    tallies = {name: connect_four_tally(move, of, games, seed) for name, (of, _) in OPPONENTS.items()}
    return {name: [tally.won, tally.drawn, tally.lost] for name, tally in tallies.items()}


def win_rate(name: str, results: Sequence[dict[str, list[int]]]) -> Interval:
    """Over all seeds together."""
    return Tally(*(sum(counts) for counts in zip(*(result[name] for result in results), strict=True))).win_rate


def study(quick: bool) -> Study:
    """Every seed is trained anew; `quick` says only whether all of it runs."""
    seeds, minutes = ([0, 1], (0.1, 0.1)) if quick else ([0, 1, 2], (2.0, 10.0))
    games = (20, 6) if quick else (500, 400)
    units = [
        Unit(f"lines {name}", count_lines, {"path": path, "sha256": sha256((ROOT / path).read_bytes()).hexdigest()})
        for name, (path, _) in LINES.items()
    ]
    figures = [
        Figure(f"games.lines.{name}", (f"lines {name}",), lambda found: exact(found[0]), (), f"at most {most}")
        for name, (_, most) in LINES.items()
    ]
    for game, length in zip(("tic_tac_toe", "connect_four"), minutes, strict=True):
        units += [Unit(f"{game} {seed}", train, {"game": game, "minutes": length, "seed": seed}) for seed in seeds]
    for game, measure, count in (
        ("tic_tac_toe", tic_tac_toe_lost, games[0]),
        ("connect_four", connect_four_results, games[1]),
    ):
        for seed in seeds:
            given = {"trained": f"{game} {seed}", "games": count, "seed": seed}
            units.append(Unit(f"{game} played {seed}", measure, given, (f"{game} {seed}",)))
    played = {game: tuple(f"{game} played {seed}" for seed in seeds) for game in ("tic_tac_toe", "connect_four")}
    figures.append(Figure("games.tictactoe.lost", played["tic_tac_toe"], of_mean, seeds, "0"))
    figures += [
        Figure(
            f"games.connect_four.{name}",
            played["connect_four"],
            partial(win_rate, name),
            seeds,
            f"at least {least}",
        )
        for name, (_, least) in OPPONENTS.items()
    ]
    return Study(units, figures)
