"""`cornerman evaluate` and `cornerman ghost`: battles of stored versions, bots and models of players."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.cli.commands.options import Subparsers, command, either_side, whole
from cornerman.cli.commands.stored import identity_for, need_same_game, stored_policy
from cornerman.contract import Game
from cornerman.selfplay.games import CommandError, find_any, find_game

if TYPE_CHECKING:
    from cornerman.cli.ghost import Ghosts


def add_evaluate(commands: Subparsers) -> None:
    text = "Play a stored version, or a bot, against bots in side-swapped battles."
    parser = command(commands, run_evaluate, "how strong a version is, with an interval", text)
    add, who = parser.add_argument, parser.add_mutually_exclusive_group().add_argument
    who("--version", type=int, default=None, metavar="N", help="which version (default: the one that plays)")
    who("--agent", metavar="NAME", help="measure this bot, or ghost:NAME, instead of a version")
    add("--bot", default="", metavar="NAME", help="the opponent (default: each of the game's bots in turn)")
    add("--battles", type=whole(2), default=400, metavar="N", help="side-swapped battles (default: 400)")
    add("--seed", type=whole(0), default=0, help="decides the battles (default: 0)")
    add("--json", action="store_true", help="print JSON, one line a bot")


def run_evaluate(options: argparse.Namespace) -> int:
    from cornerman.evaluation.arena import evaluate
    from cornerman.evaluation.headless import Agent
    from cornerman.experience.declaration import declaration_of
    from cornerman.training.bulk.bar import Bar, quietly

    game = find_game(options.game)
    declaration_of(game)  # a sentence where its bots are no mapping
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
        need_same_game(options.data, options.game, game)
        agent = policy = stored_policy(game, options.data, options.version)
        who = f"version {policy.version}"
        if policy.indifferent:
            quietly(f"Version {policy.version} has learned nothing.")
    for name in [options.bot] if options.bot else game.bots:
        stopped = Bar(quietly).during(f"{who} plays {name}")
        result = evaluate(agent, bots[name], game, options.battles, options.seed, stopped=stopped)
        if options.json:
            print(json.dumps({"agent": who, "bot": name, "seed": options.seed, **result.as_dict()}))
        else:
            low, high = result.interval
            rounds = f", {result.mean_rounds:.1f} rounds" if result.mean_rounds else ""  # a game may have none
            print(
                f"{who} against {name:<10} {result.win_rate:6.1%} won ({low:.1%} to {high:.1%}), "
                f"{result.draws} drawn, {result.num_battles} battles{rounds}{result.note}"
            )
            if result.dropped:
                print(f"  {result.dropped}")
    return 0


def add_ghost(commands: Subparsers) -> None:
    text = "The models of players as fighters. Without an action: whose battles are stored, and the imported ghosts."
    parser = command(commands, run_ghost, "fight a player's model, pass it on", text)
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(metavar="ACTION")
    actions.add_parser("list", help="the same")
    export = actions.add_parser("export", help="write a player's ghost to a .ghost file, to give away")
    export.add_argument("name", metavar="NAME", help='a player ("": unnamed)')
    actions.add_parser("import", help="add the ghost in such a file, once it has played a smoke battle")
    play = actions.add_parser("play", help="let a ghost fight the champion")
    play.add_argument("name", metavar="NAME", help='a player ("": unnamed), an imported ghost, or a .ghost file')
    play.add_argument("--battles", type=whole(2), default=200, metavar="N", help="battles to play (default: 200)")
    play.add_argument("--seed", type=whole(0), default=0, help="decides the battles (default: 0)")
    for name, action in actions.choices.items():
        action.set_defaults(action=name)
        if name in ("export", "import"):
            action.add_argument("file", type=Path, metavar="FILE")
    either_side(actions)


def run_ghost(options: argparse.Namespace) -> int:
    if options.action == "list" and not options.data.is_dir():
        raise CommandError(f"there is no data folder {options.data}; name a game's with --data")
    need_same_game(options.data, options.game, game := find_any(options.game))
    ghosts = _ghosts(game, options.data)
    actions: dict[str, Callable[[], str]] = {
        "list": lambda: "\n".join(ghosts.lines()),
        "export": lambda: ghosts.export(options.name, options.file),
        "import": lambda: ghosts.import_file(options.file),
        "play": lambda: ghosts.play(options.name, options.battles, options.seed),
    }
    print(actions[options.action]())
    return 0


def _ghosts(game: Game, data: Path) -> Ghosts:
    from cornerman.cli.ghost import Ghosts

    return Ghosts(data, game, identity_for(game), lambda: stored_policy(game, data, None))
