"""`cornerman data`, `versions`, `export` and `report`: what lies in a data folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cornerman.cli.commands.options import Subparsers, command, either_side
from cornerman.cli.commands.stored import game_of, identity_for, meant, need_folder, need_same_game, need_versions
from cornerman.selfplay.games import CommandError, find_any, find_game


def add_data(commands: Subparsers) -> None:
    text = (
        "Show what is stored of recorded battles: rows by source, actions, outcomes, and what was set aside. "
        "Imports pass the same checks as recorded battles; files are .npz (numpy, no pickle) or .jsonl."
    )
    parser = command(commands, run_data, "what was recorded; export and import it", text)
    add = parser.add_argument
    add("--plot", type=Path, metavar="FILE", help="draw it into a picture, e.g. data.png")
    add("--export", type=Path, metavar="FILE", help="write the battles to a .npz or .jsonl file")
    add("--import", type=Path, metavar="FILE", dest="import_file", help="add the battles of such a file")


def run_data(options: argparse.Namespace) -> int:
    from cornerman.cli.data import StoredData, identity_of

    if not (options.game and options.import_file):  # which begins a folder
        need_folder(options.data)
    identity = None if options.game else identity_of(options.data)
    stored = StoredData(options.data, identity or identity_for(find_any(options.game)))
    lines = stored.import_battles(options.import_file) if options.import_file else []  # the table shows them, too
    lines += [stored.export(options.export)] if options.export else []
    lines += [stored.plot(options.plot)] if options.plot else []
    print("\n".join([*lines, *([""] if lines else []), *stored.lines()]))
    return 0


def add_versions(commands: Subparsers) -> None:
    text = (
        "Without an action: a table of the stored versions, with ratings from the gate's battles (Bradley-Terry, "
        "400 points are odds of ten to one, the weakest bot at 0) and their 95 % intervals."
    )
    parser = command(commands, run_versions, "list, promote, roll back, export, import", text)
    parser.add_argument("--tree", action="store_true", help="show the family tree instead of the table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it into a picture, e.g. versions.png")
    parser.set_defaults(action=None)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    number: dict[str, Any] = {"type": int, "metavar": "N", "help": "a version's number"}
    promote = actions.add_parser("promote", help="let version N play from the next start on")
    promote.add_argument("version", **number)
    actions.add_parser("rollback", help="let the champion before play again")
    export = actions.add_parser("export", help="write version N to a .zip, to give away")
    export.add_argument("version", **number)
    text = "what is written, an older one is replaced (default: version-N.zip in this folder)"
    export.add_argument("file", nargs="?", type=Path, metavar="FILE", help=text)
    actions.add_parser("import", help="add the version in such a .zip or an .onnx, once it is tried")
    actions.choices["import"].add_argument("file", type=Path, metavar="FILE")
    prune = actions.add_parser("prune", help="delete the oldest versions")
    prune.add_argument("--keep", type=int, required=True, metavar="K", help="how many are left")
    either_side(actions)


def run_versions(options: argparse.Namespace) -> int:
    from cornerman.cli.versions import StoredVersions

    if options.action != "import" or meant(options.data):
        need_versions(options.data)
    identity, game = game_of(options.data, options.game)  # a table needs no game where the versions say which one
    if identity is None:
        raise CommandError(f"no version in {options.data} says which game it plays; say it with --game")
    if game is not None:
        need_same_game(options.data, options.game, game, writes=True)
    stored = StoredVersions(options.data, identity, game)
    actions: dict[str, Callable[[], str]] = {
        "promote": lambda: stored.promote(options.version),
        "rollback": stored.roll_back,
        "export": lambda: stored.export(options.version, options.file or Path(f"version-{options.version}.zip")),
        "import": lambda: stored.import_file(options.file),
        "prune": lambda: stored.prune(options.keep),
    }
    if options.action:
        print(actions[options.action]())
        return 0
    if options.plot:
        print(stored.plot(options.plot))
    print("\n".join(stored.tree() if options.tree else stored.lines()))
    return 0


def add_report(commands: Subparsers) -> None:
    text = (
        "Write one HTML file about a data folder, for a browser and without a network: strength, learning, machine, "
        "versions, the player's habits, what happened. Reads only, also while the game runs."
    )
    add = command(commands, run_report, "a page about what was learned, for a browser", text).add_argument
    add("folder", type=Path, nargs="?", metavar="DIR", help="the same as --data DIR")
    text = "where to write it; an older one is replaced (default: ./report.html)"
    add("--out", type=Path, default=Path("report.html"), metavar="FILE", help=text)


def run_report(options: argparse.Namespace) -> int:
    from cornerman.cli.report.gathered import gather
    from cornerman.cli.report.page import page
    from cornerman.files.atomic import disk_errors, replace_file

    warn, data = partial(print, file=sys.stderr), options.folder or options.data
    found = gather(data, *game_of(data, options.game), warn)
    with disk_errors(f"{options.out} cannot be written"):
        replace_file(options.out, page(found, time.time()).encode("utf-8"))
    for problem in found.problems:
        warn(problem)
    print(f"The report is in {options.out}; open it in a browser.")
    return 0


def add_export(commands: Subparsers) -> None:
    text = (
        "Write a stored version for programs and chips elsewhere. onnx: a file that any ONNX runtime plays and "
        "`cornerman versions import` reads. hef-kit: a folder for the compiler of Hailo's accelerators. Needs the "
        "packages onnx and onnxruntime. To give a version to another player, `cornerman versions export` writes a .zip."
    )
    parser = command(commands, run_export, "a version as ONNX, or for an accelerator", text)
    add = parser.add_argument
    add("version", type=int, metavar="VERSION", help="a version's number")
    text = "what is written, an older one is replaced (default: by the version, in this folder)"
    add("file", type=Path, nargs="?", metavar="FILE", help=text)
    add("--format", choices=("onnx", "hef-kit"), default="onnx", help="what for (default: onnx)")
    text = "8-bit numbers, made from recorded observations; says how much strength that costs"
    add("--int8", action="store_true", help=text)


def run_export(options: argparse.Namespace) -> int:
    from cornerman.cli.export import Exporter

    if options.int8 and options.format == "hef-kit":
        raise CommandError("the compiler makes int8 of its own from what is in a hef-kit; leave out --int8")
    need_versions(options.data)
    find = find_game if options.int8 or options.format == "hef-kit" else find_any  # these play battles
    need_same_game(options.data, options.game, game := find(options.game))
    exporter = Exporter(options.data, game, options.version)
    if exporter.warning:
        print(exporter.warning, file=sys.stderr)
    write = exporter.int8 if options.int8 else exporter.onnx if options.format == "onnx" else exporter.hef_kit
    for line in write(options.file):
        print(line, flush=True)
    return 0
