"""`cornerman doctor` and `cornerman install`: the plugin on a machine, and in a game's folder."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from cornerman.cli.commands.options import DATA, Subparsers, command
from cornerman.cli.commands.stored import need_folder
from cornerman.files.atomic import disk_errors
from cornerman.selfplay.games import CommandError


def add_doctor(commands: Subparsers) -> None:
    text = "Check what the plugin needs, choose the device it would learn on, and say why, with the timings; "
    text += "and what the data folder says of learning: whether it is on, when it last learned, why it rested."
    parser = command(commands, run_doctor, "what this machine has, and what will be used", text, game=False)
    parser.add_argument("--device", default="auto", help="cpu, cuda, xpu, mps or auto (default), as in settings.toml")


def run_doctor(options: argparse.Namespace) -> int:
    from cornerman.cli.doctor import examine

    if options.data != DATA:  # the usual one need not be there yet
        need_folder(options.data)
    lines, healthy = examine(options.device, options.data)
    print("\n".join(lines))
    return 0 if healthy else 1


def add_install(commands: Subparsers) -> None:
    text = "Copy this plugin into a game's plugins folder; an older copy there is replaced."
    parser = commands.add_parser("install", help="copy the plugin into a plugins folder", description=text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the game's plugins folder; made if it is missing")
    parser.set_defaults(run=run_install)


def run_install(options: argparse.Namespace) -> int:
    """Copy under a temporary name first, so that a failed copy leaves the old plugin as it was."""
    source, target = Path(__file__).resolve().parents[2], options.folder / "cornerman"
    if target.resolve() == source:
        raise CommandError(f"{target} is the folder this runs from; give another one")
    if (options.folder / "plugin.toml").is_file():
        raise CommandError(f"{options.folder} is a plugin itself; name the folder that it lies in")
    if options.folder.exists() and not options.folder.is_dir():
        raise CommandError(f"{options.folder} is a file; name a game's plugins folder")
    with disk_errors(f"the plugin could not be copied to {target}"):
        options.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cornerman-", dir=options.folder) as name:
            _replace(target, source, Path(name))
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
