"""`cornerman evaluate` and `cornerman ghost`: battles of stored versions, bots and models of players."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.cli.commands.options import Subparsers, command, whole
from cornerman.cli.commands.stored import identity_for, stored_policy
from cornerman.contract import Game
from cornerman.selfplay.games import CommandError, find_any, find_game

if TYPE_CHECKING:
    from cornerman.cli.ghost import Ghosts


def add_evaluate(commands: Subparsers) -> None:
    text = "Play a stored version, or a bot, against bots in side-swapped battles."
    parser = command(commands, run_evaluate, "how strong a version is, with an interval", text)
    add = parser.add_argument
    add("--version", type=int, default=None, metavar="N", help="which version (default: the one that plays)")
    add("--agent", metavar="NAME", help="measure this bot, or ghost:NAME, instead of a version")
    add("--bot", default="", metavar="NAME", help="the opponent (default: each of the game's bots in turn)")
    add("--battles", type=whole(2), default=400, metavar="N", help="side-swapped battles (default: 400)")
    add("--seed", type=whole(0), default=0, help="decides the battles (default: 0)")
    add("--json", action="store_true", help="print JSON, one line a bot")


def run_evaluate(options: argparse.Namespace) -> int:
    from cornerman.evaluation.arena import evaluate
    from cornerman.evaluation.headless import Agent
    from cornerman.training.bulk.bar import Bar, quietly

    game = find_game(options.game)
    bots = dict(game.bots)
    for name in filter(None, (options.bot, options.agent)):
        if name.startswith("ghost:"):
            bots[name] = _ghosts(game, options.data).bot(name.removeprefix("ghost:"))
        elif name not in bots:
            raise CommandError(f"{game.name} has no bot {name!r}; it has {', '.join(bots)}")
    agent: Agent
    if options.agent:
        agent, who = bots[options.agent], options.agent
    else:
        agent = policy = stored_policy(game, options.data, options.version)
        who = f"version {policy.version}"
    for name in [options.bot] if options.bot else game.bots:
        stopped = Bar(quietly).during(f"{who} plays {name}")
        result = evaluate(agent, bots[name], game, options.battles, options.seed, stopped=stopped)
        if options.json:
            print(json.dumps({"agent": who, "bot": name, "seed": options.seed, **result.as_dict()}))
        else:
            low, high = result.interval
            print(
                f"{who} against {name:<10} {result.win_rate:6.1%} won ({low:.1%} to {high:.1%}), "
                f"{result.draws} drawn, {result.num_battles} battles, {result.mean_rounds:.1f} rounds"
                f"{result.note}"
            )
            if result.dropped:
                print(f"  {result.dropped}")
    return 0


def add_ghost(commands: Subparsers) -> None:
    text = "The models of players as fighters: list; export NAME FILE; import FILE; play NAME, against the champion."
    parser = command(commands, run_ghost, "fight a player's model, pass it on", text)
    add = parser.add_argument
    add("action", choices=("list", "export", "import", "play"), nargs="?", default="list")
    add("names", nargs="*", metavar="NAME | FILE", help='a player ("": unnamed), a ghost, a .ghost file')
    add("--battles", type=whole(2), default=200, metavar="N", help="battles to play (default: 200)")
    add("--seed", type=whole(0), default=0, help="decides the battles (default: 0)")


def run_ghost(options: argparse.Namespace) -> int:
    ghosts = _ghosts(find_any(options.game), options.data)
    print(ghosts.do(options.action, options.names, options.battles, options.seed))
    return 0


def _ghosts(game: Game, data: Path) -> Ghosts:
    from cornerman.cli.ghost import Ghosts

    return Ghosts(data, game, identity_for(game), lambda: stored_policy(game, data, None))
