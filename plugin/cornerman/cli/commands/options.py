"""What the commands' options share: values that are checked, and the game with its data folder."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
DATA = Path("cornerman-data")
"""The data folder where none is named."""


def whole(least: int) -> Callable[[str], int]:
    """An option's value as a whole number of at least `least`."""

    def value(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) < 2**63):
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}")
        return int(text[:20])

    return value


def above_zero(text: str) -> float:
    """An option's value as a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


def either_side(actions: Subparsers) -> None:
    """Let the game and the data folder stand on either side of a command's action."""
    for action in actions.choices.values():
        action.add_argument("--game", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        action.add_argument("--data", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def command(
    commands: Subparsers, run: Callable[[argparse.Namespace], int], about: str, text: str, game: bool = True
) -> argparse.ArgumentParser:
    """A subcommand with the options that most of them have: the data folder and, with `game`, the game."""
    parser = commands.add_parser(run.__name__.removeprefix("run_"), help=about, description=text)
    parser.set_defaults(run=run)
    if game:
        text = "an installed game's name, or module:attribute (default: the one that is installed)"
        parser.add_argument("--game", default="", metavar="GAME", help=text)
    text = "folder with the stored versions (default: ./cornerman-data)"
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help=text)
    return parser
