"""`cornerman new` and `cornerman check`: for the author of a game."""

from __future__ import annotations

import argparse
import importlib.util
import keyword
from pathlib import Path

from cornerman.cli.commands.options import Subparsers, whole
from cornerman.files.atomic import disk_errors
from cornerman.selfplay.games import CommandError


def add_new(commands: Subparsers) -> None:
    text = "Write NAME.py into this folder: a small game that runs, commented, to put your own rules into."
    parser = commands.add_parser("new", help="a commented game to begin with", description=text)
    parser.add_argument("name", metavar="NAME", help="of the module, such as mygame")
    parser.set_defaults(run=run_new)


def run_new(options: argparse.Namespace) -> int:
    """Write the module; CommandError where a file or module of that name exists."""
    if not options.name.isidentifier() or keyword.iskeyword(options.name):
        raise CommandError(f"{options.name!r} is no name of a Python module: letters, digits and _, no digit first")
    if importlib.util.find_spec(options.name) is not None:
        raise CommandError(f"there is a module {options.name} already, which yours would hide; choose another name")
    target = Path(f"{options.name}.py")
    text = (Path(__file__).parents[1] / "game_template.py").read_text("utf-8").replace("NAME", options.name)
    with disk_errors(f"{target} could not be written"), target.open("x", encoding="utf-8") as file:
        file.write(text)
    print(f"{target} is written. Now: cornerman check {options.name}:GAME")
    return 0


def add_check(commands: Subparsers) -> None:
    text = (
        "Play a game's headless battles with random legal actions and say what breaks the contract, each with the fix: "
        "shapes, masks, legality, seeds, states that change later, hidden information, speed. Exit status 1 where "
        "something has to be mended, for CI. With hooks alone, only what the game declares. The module is imported: a "
        "main script whose loop stands outside of `if __name__ == '__main__':` is played first."
    )
    parser = commands.add_parser("check", help="what a game does wrong, each with the fix", description=text)
    add = parser.add_argument
    add("game", metavar="GAME", help="module:attribute, or an installed game's name")
    add("--battles", type=whole(1), default=200, metavar="N", help="battles to play (default: 200)")
    add("--seed", type=whole(0), default=0, help="decides the battles (default: 0)")
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    from cornerman.cli.check import check

    return check(options.game, options.battles, options.seed)
