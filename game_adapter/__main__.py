"""`python -m game_adapter`: Ringside in its window, or a headless series where there is no screen or none is wanted."""

from __future__ import annotations

import argparse
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from game_adapter.host.crash_marker import locked
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.preferences import Preferences
from game_adapter.series import Series, run

PLUGIN = "cornerman"
WINDOW, SERIES = "player", "series"
"""The folders of what is learned in the window and without one."""
KEPT_SERIES = 3
EASY = 2
"""The level at which a new player meets Cornerman."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a whole series or a closed window, 2 for a command line that cannot be followed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None without a console; a name of a file may have no letters for it
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    options.data = options.data or _data_dir()
    if options.data is None:
        parser.error("--data: this user has no home directory to keep data in; name a folder")
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    for name in (PLUGIN, "host") if options.verbose else ():  # drawing the curve, matplotlib would log every font
        logging.getLogger(name).setLevel(logging.DEBUG)
    _check(parser, options)
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if not options.headless:
        why_not = _play_in_window(options)
        if not why_not:
            return 0
        print(f"{why_not} Playing a headless series of a fresh Cornerman instead.", flush=True)
        options.fresh = options.from_nothing = True
    _check_files(parser, options)
    return _headless(options)


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with status 2 and a sentence for what can never be followed."""
    plugins: Path = options.plugins
    if options.battles < 1:
        parser.error("--battles must be at least 1")
    if not 0 <= options.seed < 2**63:
        parser.error("--seed must be 0 or a larger whole number (below 2**63)")
    if options.bot not in RINGSIDE.bots:
        parser.error(f"--bot: there is no {options.bot!r}; there are {', '.join(RINGSIDE.bots)}")
    if options.watch and options.headless:
        parser.error("--watch needs the window: leave out --headless")
    if plugins.exists() and not plugins.is_dir():
        parser.error(f"--plugins: {plugins} is not a folder")
    if (plugins / "plugin.toml").is_file():
        parser.error(f"--plugins: {plugins} is a plugin itself; name the folder that it lies in: {plugins / '..'}")
    if not options.headless:
        _check_fresh(parser, options, WINDOW)


def _check_files(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with status 2 and a sentence where a series could not write what it is asked to."""
    for name, folder in (("--data", options.data), ("--out", options.out)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"{name}: the folder {folder} cannot be made ({error.strerror})")
    if options.json:
        try:
            options.json.open("a").close()
        except OSError as error:
            parser.error(f"--json: {options.json} cannot be written ({error.strerror})")
    _check_fresh(parser, options, SERIES)


def _check_fresh(parser: argparse.ArgumentParser, options: argparse.Namespace, kind: str) -> None:
    """End with status 2 where starting over would take the folder away from another game that writes to it."""
    notes = (options.data / kind).glob("*/in-use.json") if options.fresh else ()
    for note in [note for note in notes if os.access(note, os.W_OK)]:
        descriptor = os.open(note, os.O_RDWR)
        free = locked(descriptor)
        os.close(descriptor)
        if not free:
            parser.error(f"--fresh: another game uses {note.parent}; close that first, or give another --data")


def _play_in_window(options: argparse.Namespace) -> str:
    """Play until the player leaves; returns why there can be no window, or nothing where there was one."""
    try:
        from game_adapter.ringside.screens.window import NoScreen, open_window
    except ImportError as error:
        return f"The window needs {error.name}, which this Python does not have (pip install pygame)."
    try:
        window = open_window(
            lambda: _host(options, WINDOW),
            RINGSIDE,
            watch=options.bot if options.watch else None,
            preferences=Preferences.read(options.data / "preferences.json"),
        )
    except NoScreen as error:
        return str(error)
    window.run()
    return ""


def _headless(options: argparse.Namespace) -> int:
    host = _host(options, SERIES)
    series = Series(host, RINGSIDE, PLUGIN, options.bot, options.battles, options.seed)
    try:
        host.load(_say_loading(set()))
        run(series, lambda line: print(line, flush=True), options.json)
        _pictures(series, host, options.out)
    except KeyboardInterrupt:
        print("Stopped. What was learned is kept.")
    finally:
        host.quit()
    return 0


def _say_loading(said: set[str]) -> Callable[[str], None]:
    """Print what is loading, each thing once, without the seconds that it has taken."""

    def show(line: str) -> None:
        what = re.sub(r", \d+ s \.\.\.$", " ...", line)
        if what not in said and what != line:  # what takes a second
            said.add(what)
            print(what[0].upper() + what[1:], flush=True)

    return show


def _pictures(series: Series, host: Host, folder: Path) -> None:
    """The learning curve, the battle and the debug menu as PNGs; a missing library is said, not raised."""
    pictures: list[tuple[str, Callable[[Path], None]]] = [
        ("curve.png", partial(_draw_curve, series)),
        ("battle.png", partial(_draw_battle, series)),
        ("menu.png", partial(_draw_menu, host)),
    ]
    drawn = []
    for name, draw in pictures:
        try:
            draw(folder / name)
            drawn.append(str(folder / name))
        except ImportError as error:
            print(f"{name} was not drawn: this Python does not have {error.name} (pip install {error.name}).")
        except (OSError, RuntimeError) as error:  # pygame's own error is a RuntimeError
            print(f"{name} was not written to {folder} ({error}).")
    if drawn:
        print("Pictures: " + ", ".join(drawn))


def _draw_curve(series: Series, path: Path) -> None:
    from game_adapter.curve import draw_curve

    draw_curve(series, path)


def _draw_battle(series: Series, path: Path) -> None:
    from game_adapter.ringside.screens.pictures import draw_battle_picture

    draw_battle_picture(series.match, path, series.log)


def _draw_menu(host: Host, path: Path) -> None:
    from game_adapter.ringside.screens.pictures import draw_menu_picture

    draw_menu_picture(host, path)


def _host(options: argparse.Namespace, kind: str) -> Host:
    data_dir = options.data / kind
    if options.fresh and data_dir.exists():
        aside = data_dir.with_name(f"{kind}.before-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        try:
            data_dir.rename(aside)
        except OSError as error:
            _parser().error(f"--fresh: {data_dir} cannot be set aside ({error.strerror})")
        for wishes in aside.glob("*/settings.toml"):  # the player's, and nothing that was learned
            kept = data_dir / wishes.parent.name
            kept.mkdir(parents=True)
            shutil.copy2(wishes, kept)
        print(f"Starting over; what was learned before is kept in {aside}")
        if kind == SERIES:
            for old in sorted(data_dir.parent.glob(f"{kind}.before-*"))[:-KEPT_SERIES]:
                shutil.rmtree(old, ignore_errors=True)
    mode = "window" if kind == WINDOW else ""  # a headless run is stopped as one likes
    wishes = {"seed": options.seed, "from_nothing": options.from_nothing}
    if kind == WINDOW and not options.watch and not options.from_nothing:
        wishes["difficulty"] = EASY  # until the player chooses a level, in settings.toml or on the screen
    return Host(options.plugins, data_dir, RINGSIDE, wishes, mode)


def _data_dir() -> Path | None:
    """Where this platform keeps a game's data; RINGSIDE_DATA overrides it. None where the user has no home directory.

    Asked for only where it is needed: a service, a container or a sandbox may have none.
    """
    if given := os.environ.get("RINGSIDE_DATA"):
        return Path(given)
    if given := os.environ.get({"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_DATA_HOME"), ""):
        return Path(given) / ("Ringside" if sys.platform == "win32" else "ringside")
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return home / "Ringside"
    return home / "Library/Application Support/Ringside" if sys.platform == "darwin" else home / ".local/share/ringside"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m game_adapter",
        description="Ringside, a turn-based battle game. With Cornerman in its plugins folder, the computer's side "
        "learns while you play: F1 opens the debug menu. Without a screen, or with --headless, Cornerman plays a "
        "series of battles against a bot instead, and the output shows how much it has learned.",
        epilog="In a window it goes on from what it learned before; so does --headless, with its own versions. A "
        "machine without a screen starts over each time, as with --fresh. Ctrl-C stops cleanly, and what was learned "
        "is kept. Exit status: 0 after a series or a closed window, 2 for a command line that cannot be followed.",
    )
    add = parser.add_argument
    add(
        "--plugins",
        type=Path,
        default=Path("plugins"),
        metavar="DIR",
        help="the folder that plugins are dropped into (default: ./plugins)",
    )
    default = str(_data_dir() or "none, for this user has no home directory").replace("%", "%%")
    add("--data", type=Path, metavar="DIR", help=f"folder for what it learns (default: {default})")
    text = f"start over; what was learned before is set aside (of series, the newest {KEPT_SERIES} are kept so)"
    add("--fresh", action="store_true", help=text)
    text = "let an untrained version play, in place of the model that the game ships and of its own fighter"
    add("--from-nothing", action="store_true", help=text)
    add("--watch", action="store_true", help="in the window: watch Cornerman fight the bot, battle after battle")
    add(
        "--bot",
        default="brawler",
        metavar="NAME",
        help="the bot that --headless and --watch play against, weakest first: "
        f"{', '.join(RINGSIDE.bots)} (default: brawler)",
    )
    add(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="decides the battles of a series and all that is drawn in learning; the same seed and a fresh start give "
        "the same series (default: 1)",
    )
    add("--headless", action="store_true", help="play a series without a window, at full speed, then stop")
    add("--battles", type=int, default=300, metavar="N", help="headless: how many battles (default: 300)")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="headless: write one JSON line a battle, and the summary as the last line",
    )
    add(
        "--out",
        type=Path,
        default=Path("out"),
        metavar="DIR",
        help="headless: folder for the learning curve and the screenshots (default: ./out)",
    )
    add("--verbose", action="store_true", help="log more; the environment variable CORNERMAN_TRACE=1 prints every call")
    return parser


if __name__ == "__main__":
    sys.exit(main())
