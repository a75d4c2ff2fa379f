"""The commands of `cornerman`: for each the options with their help, and what runs it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import keyword
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cornerman.cli.cores import usable_cores
from cornerman.cli.output import can_print
from cornerman.contract import HeadlessGame
from cornerman.selfplay.games import CommandError, find_game

if TYPE_CHECKING:
    from cornerman.cli.ghost import Ghosts
    from cornerman.models.manifest import Identity
    from cornerman.policy.policy import Policy

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _whole(least: int) -> Callable[[str], int]:
    """An option's value as a whole number of at least `least`."""

    def value(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) < 2**63):
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}")
        return int(text[:20])

    return value


def _above_zero(text: str) -> float:
    """An option's value as a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


def _command(
    commands: Subparsers, run: Callable[[argparse.Namespace], int], about: str, text: str, game: bool = True
) -> argparse.ArgumentParser:
    """A subcommand with the options that most of them have: the data folder and, with `game`, the game."""
    parser = commands.add_parser(run.__name__.removeprefix("run_"), help=about, description=text)
    parser.set_defaults(run=run)
    if game:
        text = "an installed game's name, or module:attribute (default: the one that is installed)"
        parser.add_argument("--game", default="", metavar="GAME", help=text)
    text = "folder with the stored versions (default: ./cornerman-data)"
    parser.add_argument("--data", type=Path, default=Path("cornerman-data"), metavar="DIR", help=text)
    return parser


def add_install(commands: Subparsers) -> None:
    text = "Copy this plugin into a game's plugins folder; an older copy there is replaced."
    parser = commands.add_parser("install", help="copy the plugin into a plugins folder", description=text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the game's plugins folder; made if it is missing")
    parser.set_defaults(run=run_install)


def run_install(options: argparse.Namespace) -> int:
    """Copy under a temporary name first, so that a failed copy leaves the old plugin as it was."""
    source, target = Path(__file__).resolve().parents[1], options.folder / "cornerman"
    if target.resolve() == source:
        raise CommandError(f"{target} is the folder this runs from; give another one")
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cornerman-", dir=options.folder) as name:
            _replace(target, source, Path(name))
    except OSError as error:
        raise CommandError(f"the plugin could not be copied to {target} ({error})") from error
    print(f"The plugin is in {target}")
    return 0


def _replace(target: Path, source: Path, aside: Path) -> None:
    """Put a copy of `source` where `target` is, by way of the folder `aside`; OSError, and `target` as it was."""
    shutil.copytree(source, aside / "new", ignore=shutil.ignore_patterns("__pycache__"))
    if target.is_dir():
        target.rename(aside / "old")
    try:
        (aside / "new").rename(target)
    except OSError:
        if (aside / "old").is_dir():
            (aside / "old").rename(target)
        raise


def add_evaluate(commands: Subparsers) -> None:
    text = "Play a stored version, or a bot, against bots in side-swapped battles."
    parser = _command(commands, run_evaluate, "how strong a version is, with an interval", text)
    add = parser.add_argument
    add("--version", type=int, default=None, metavar="N", help="which version (default: the one that plays)")
    add("--agent", metavar="NAME", help="measure this bot, or ghost:NAME, instead of a version")
    add("--bot", default="", metavar="NAME", help="the opponent (default: each of the game's bots in turn)")
    add("--battles", type=_whole(2), default=400, metavar="N", help="side-swapped battles (default: 400)")
    add("--seed", type=_whole(0), default=0, help="decides the battles (default: 0)")
    add("--json", action="store_true", help="print JSON, one line a bot")


def run_evaluate(options: argparse.Namespace) -> int:
    from cornerman.evaluation.arena import evaluate
    from cornerman.evaluation.headless import Agent

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
        result = evaluate(agent, bots[name], game, options.battles, options.seed)
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


def stored_policy(game: HeadlessGame, data: Path, version: int | None) -> Policy:
    """The policy of a stored version, or of the champion; CommandError where nothing is stored."""
    from cornerman.models.store import Store

    _need_versions(data)
    with Store(data, identity_for(game)) as store:  # read-only: a game may be running, and decides for itself
        if version is not None:
            return store.registry.load(version)
        champion, sentences = store.registry.load_champion()
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if champion is None:
        raise CommandError(f"{data} holds no version that can play")
    return champion


def identity_for(game: HeadlessGame) -> Identity:
    """What the files of this game carry, so that those of another one are refused."""
    from cornerman.experience.encoder import Encoder
    from cornerman.models.manifest import Identity

    return Identity.of(game, Encoder(game))


def _need_versions(data: Path) -> None:
    if not (data / "versions").is_dir():
        raise CommandError(f"{data} holds no versions; train first, or name a game's data folder with --data")


def add_data(commands: Subparsers) -> None:
    text = (
        "Show what is stored of recorded battles: rows by source, actions, outcomes, and what was set aside. "
        "Imports pass the same checks as recorded battles; files are .npz (numpy, no pickle) or .jsonl."
    )
    parser = _command(commands, run_data, "what was recorded; export and import it", text)
    add = parser.add_argument
    add("--plot", type=Path, metavar="FILE", help="draw it into a picture, e.g. data.png")
    add("--export", type=Path, metavar="FILE", help="write the battles to a .npz or .jsonl file")
    add("--import", type=Path, metavar="FILE", dest="take_in", help="add the battles of such a file")


def run_data(options: argparse.Namespace) -> int:
    from cornerman.cli.data import StoredData, identity_of

    if not options.game and not options.data.is_dir():
        raise CommandError(f"there is no data folder {options.data}; name a game's with --data")
    identity = None if options.game else identity_of(options.data)
    stored = StoredData(options.data, identity or identity_for(find_game(options.game)))
    lines = stored.take_in(options.take_in) if options.take_in else []  # first, so that the table shows it
    lines += [stored.export(options.export)] if options.export else []
    lines += [stored.plot(options.plot)] if options.plot else []
    print("\n".join([*lines, *([""] if lines else []), *stored.lines()]))
    return 0


def add_versions(commands: Subparsers) -> None:
    text = (
        "Without an action: a table of the stored versions, with ratings from the gate's battles (Bradley-Terry, "
        "400 points are odds of ten to one, the weakest bot at 0) and their 95 % intervals."
    )
    parser = _command(commands, run_versions, "list, promote, roll back, export, import", text)
    parser.add_argument("--tree", action="store_true", help="show the family tree instead of the table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it into a picture, e.g. versions.png")
    parser.set_defaults(action=None)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    number: dict[str, Any] = {"type": int, "metavar": "N", "help": "a version's number"}
    file: dict[str, Any] = {"type": Path, "metavar": "FILE"}
    promote = actions.add_parser("promote", help="let version N play from the next start on")
    promote.add_argument("version", **number)
    actions.add_parser("rollback", help="let the champion before play again")
    export = actions.add_parser("export", help="write version N to a .zip, to give away")
    export.add_argument("version", **number)
    export.add_argument("file", **file)
    actions.add_parser("import", help="add the version in such a .zip, once it has played a smoke battle")
    actions.choices["import"].add_argument("file", **file)
    prune = actions.add_parser("prune", help="delete the oldest versions")
    prune.add_argument("--keep", type=int, required=True, metavar="K", help="how many are left")
    for action in actions.choices.values():  # so that the options may stand on either side of the action
        action.add_argument("--game", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        action.add_argument("--data", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run_versions(options: argparse.Namespace) -> int:
    from cornerman.cli.data import identity_of
    from cornerman.cli.versions import BRANCH, TRUNK, StoredVersions

    _need_versions(options.data)
    identity, game = identity_of(options.data), None
    try:
        game = find_game(options.game)
    except CommandError:  # a table needs no game where the versions say which one they play
        if options.game or identity is None:
            raise
    if game is not None and (options.game or identity is None or game.name == identity.game):
        identity = identity_for(game)
    else:
        game = None
    assert identity is not None, "either the versions or the game say it"
    stored = StoredVersions(options.data, identity, game)
    actions: dict[str, Callable[[], str]] = {
        "promote": lambda: stored.promote(options.version),
        "rollback": stored.roll_back,
        "export": lambda: stored.export(options.version, options.file),
        "import": lambda: stored.import_file(options.file),
        "prune": lambda: stored.prune(options.keep),
    }
    if options.action:
        print(actions[options.action]())
        return 0
    if options.plot:
        print(stored.plot(options.plot))
    print("\n".join(stored.tree(plain=not can_print(BRANCH + TRUNK)) if options.tree else stored.lines()))
    return 0


def add_ghost(commands: Subparsers) -> None:
    text = "The models of players as fighters: list; export NAME FILE; import FILE; play NAME, against the champion."
    parser = _command(commands, run_ghost, "fight a player's model, pass it on", text)
    add = parser.add_argument
    add("action", choices=("list", "export", "import", "play"), nargs="?", default="list")
    add("names", nargs="*", metavar="NAME | FILE", help='a player ("": unnamed), a ghost, a .ghost file')
    add("--battles", type=_whole(2), default=200, metavar="N", help="battles to play (default: 200)")
    add("--seed", type=_whole(0), default=0, help="decides the battles (default: 0)")


def _ghosts(game: HeadlessGame, data: Path) -> Ghosts:
    from cornerman.cli.ghost import Ghosts

    return Ghosts(data, game, identity_for(game), lambda: stored_policy(game, data, None))


def run_ghost(options: argparse.Namespace) -> int:
    ghosts = _ghosts(find_game(options.game), options.data)
    print(ghosts.do(options.action, options.names, options.battles, options.seed))
    return 0


def add_train(commands: Subparsers) -> None:
    text = (
        "Train by headless battles over processes: workers collect, this process learns, one more judges, with the "
        "same learner and the same gate as in the game. Begins with the stored champion. Ctrl-C stops cleanly; "
        "--resume goes on from the last checkpoint, also after a crash. Ends with a report (text and picture)."
    )
    parser = _command(commands, run_train, "learn in bulk, without a window", text)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--decisions", type=_whole(1), metavar="N", help="stop after N recorded decisions")
    limit.add_argument("--minutes", type=_above_zero, default=10.0, metavar="M", help="or after M (default: 10)")
    add = parser.add_argument
    add("--seed", type=_whole(0), default=0, help="decides every random choice (default: 0)")
    add("--resume", action="store_true", help="go on from the last checkpoint")
    cores = max(1, usable_cores() - 1)
    text = f"processes that collect (default: all usable cores but one, here {cores})"
    add("--workers", type=_whole(1), default=cores, metavar="N", help=text)
    add("--checkpoint", type=_above_zero, default=60.0, metavar="S", help="seconds between two (default: 60)")
    add("--report-battles", type=_whole(2), default=40, metavar="N", help="a pair in the cross table (default: 40)")
    text = "a pairing to rate the levels of difficulty by (default: 4096; 0: no levels are made)"
    add("--ladder-battles", type=_whole(0), default=4096, metavar="N", help=text)
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
    game = find_game(options.game)
    print(f"Training {game.name} {game.version}; versions are stored in {options.data}")
    train(game, options.game, options.data, plan, options.seed, options.resume)
    return 0


def add_doctor(commands: Subparsers) -> None:
    text = "Check what the plugin needs, choose the device it would learn on, and say why, with the timings."
    parser = _command(commands, run_doctor, "what this machine has, and what will be used", text, game=False)
    parser.add_argument("--device", default="auto", help="cpu, cuda, xpu, mps or auto (default), as in settings.toml")


def run_doctor(options: argparse.Namespace) -> int:
    from cornerman.cli.doctor import examine

    lines, healthy = examine(options.device, options.data)
    print("\n".join(lines))
    return 0 if healthy else 1


def add_check(commands: Subparsers) -> None:
    """Say what a game does wrong, before it is put together with the plugin."""
    text = (
        "Play a game's headless battles with random legal actions and say what breaks the contract, each with the fix: "
        "shapes, masks, legality, seeds, states that change later, hidden information, speed. Exit status 1 where "
        "something has to be mended, for CI."
    )
    parser = commands.add_parser("check", help="what a game does wrong, each with the fix", description=text)
    add = parser.add_argument
    add("game", metavar="GAME", help="module:attribute, or an installed game's name")
    add("--battles", type=_whole(1), default=200, metavar="N", help="battles to play (default: 200)")
    add("--seed", type=_whole(0), default=0, help="decides the battles (default: 0)")
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """A line a finding, and 1 where one is a fault."""
    from cornerman.cli.check import check

    return check(options.game, options.battles, options.seed)


def add_new(commands: Subparsers) -> None:
    """Write a game to begin with."""
    text = "Write NAME.py into this folder: a small game that runs, commented, to put your own rules into."
    parser = commands.add_parser("new", help="a commented game to begin with", description=text)
    parser.add_argument("name", metavar="NAME", help="of the module, such as mygame")
    parser.set_defaults(run=run_new)


def run_new(options: argparse.Namespace) -> int:
    """Never over a file that is there."""
    if not options.name.isidentifier() or keyword.iskeyword(options.name):
        raise CommandError(f"{options.name!r} is no name of a Python module: letters, digits and _, no digit first")
    if importlib.util.find_spec(options.name) is not None:
        raise CommandError(f"there is a module {options.name} already, which yours would hide; choose another name")
    target = Path(f"{options.name}.py")
    text = Path(__file__).with_name("game_template.py").read_text("utf-8").replace("NAME", options.name)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"{target} could not be written ({error.strerror})") from error
    print(f"{target} is written. Now: cornerman check {options.name}:GAME")
    return 0


COMMANDS: Mapping[str, Callable[[Subparsers], None]] = {
    "train": add_train,
    "evaluate": add_evaluate,
    "versions": add_versions,
    "data": add_data,
    "ghost": add_ghost,
    "new": add_new,
    "check": add_check,
    "doctor": add_doctor,
    "install": add_install,
}
"""The functions that add a subcommand, by its name."""
