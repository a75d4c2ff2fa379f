"""`cornerman train`: bulk training without a window."""

from __future__ import annotations

import argparse
from pathlib import Path

from cornerman.cli.commands.options import Subparsers, above_zero, command, whole
from cornerman.cli.commands.stored import need_folder, need_own_game, need_same_game
from cornerman.cli.cores import usable_cores
from cornerman.selfplay.games import find_game


def add_train(commands: Subparsers) -> None:
    text = (
        "Train by headless battles over processes: workers collect, this process learns, one more judges, with the "
        "same learner and the same gate as in the game. Begins with the stored champion. Ctrl-C stops cleanly; "
        "--resume goes on from the last checkpoint, also after a crash. Ends with a report (text and picture)."
    )
    parser = command(commands, run_train, "learn in bulk, without a window", text)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--decisions", type=whole(1), metavar="N", help="stop after N recorded decisions")
    text = "or after M (default: 10); --ladder-battles and --report-battles come after them"
    limit.add_argument("--minutes", type=above_zero, default=10.0, metavar="M", help=text)
    add = parser.add_argument
    add("--seed", type=whole(0), default=0, help="decides every random choice (default: 0)")
    add("--resume", action="store_true", help="go on from the last checkpoint")
    cores = max(1, usable_cores() - 1)
    text = f"processes that collect (default: all usable cores but one, here {cores})"
    add("--workers", type=whole(1), default=cores, metavar="N", help=text)
    add("--checkpoint", type=above_zero, default=60.0, metavar="S", help="seconds between two (default: 60)")
    add("--report-battles", type=whole(2), default=40, metavar="N", help="a pair in the cross table (default: 40)")
    text = "a pairing to rate the levels of difficulty by (default: 4096; 0: no levels are made)"
    add("--ladder-battles", type=whole(0), default=4096, metavar="N", help=text)
    text = "where workers run: processes here, or actors of a Ray cluster (default: processes)"
    add("--engine", choices=("processes", "ray"), default="processes", help=text)
    add("--address", default="", metavar="HOST:PORT", help="of the Ray cluster (default: a new one here)")
    add("--tensorboard", type=Path, metavar="DIR", help="also write the progress for TensorBoard into this folder")


def run_train(options: argparse.Namespace) -> int:
    from cornerman.training.bulk.plan import Plan
    from cornerman.training.bulk.run import train

    plan = Plan(
        decisions=options.decisions,
        minutes=None if options.decisions else options.minutes,
        workers=options.workers,
        checkpoint_s=options.checkpoint,
        report_battles=options.report_battles,
        ladder_battles=options.ladder_battles,
        tensorboard=options.tensorboard,
        ray=options.address if options.engine == "ray" else None,
    )
    if options.resume:
        need_folder(options.data)
    game = find_game(options.game)
    need_same_game(options.data, options.game, game, writes=True)
    if not options.game:
        need_own_game(game)
    named = "" if options.game else ", the game that is installed (--game module:attribute names another one)"
    print(f"Training {game.name} {game.version}{named}; versions are stored in {options.data.absolute()}")
    train(game, options.game, options.data, plan, options.seed, options.resume)
    return 0
