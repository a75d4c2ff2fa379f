"""`python -m game_adapter`: Ringside in its window, or a headless series where there is no screen or none is wanted."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from game_adapter.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.series import Series, run

PLUGIN = "cornerman"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a whole series or a closed window, 2 for a command line that cannot be followed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.ERROR, format="%(name)s: %(message)s")
    if options.battles < 1:
        parser.error("--battles must be at least 1")
    if options.rival not in RINGSIDE.rivals:
        parser.error(f"there is no rival {options.rival!r}; there are {', '.join(RINGSIDE.rivals)}")
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.parent}")
    if not options.headless:
        from game_adapter.ringside.window import NoScreen, open_window

        try:
            window = open_window(
                lambda: _host(options, "player"), RINGSIDE, watch=options.rival if options.watch else None
            )
        except NoScreen as error:
            print(f"{error} Playing a headless series of a fresh Cornerman instead.", flush=True)
            options.fresh = True
        else:
            window.run()
            return 0
    return _headless(options)


def _headless(options: argparse.Namespace) -> int:
    host = _host(options, "series")
    host.load()
    for sentence in host.messages:
        print(sentence)
    series = Series(host, RINGSIDE, PLUGIN, options.rival, options.battles, options.seed)
    try:
        run(series, lambda line: print(line, flush=True), options.json)
        _pictures(series, host, options.out)
    except KeyboardInterrupt:
        print("Stopped.")
    finally:
        host.quit()
    return 0


def _pictures(series: Series, host: Host, folder: Path) -> None:
    """The learning curve, the battle and the debug menu as PNGs; a missing library is said, not raised."""
    from game_adapter.curve import draw_curve

    folder.mkdir(parents=True, exist_ok=True)
    try:
        draw_curve(series, folder / "curve.png")
        os.environ["SDL_VIDEODRIVER"] = "dummy"
        from game_adapter.ringside.pictures import draw_battle_picture, draw_menu_picture

        if series.match is not None:
            draw_battle_picture(series.match, folder / "battle.png")
        draw_menu_picture(host, folder / "menu.png")
    except ImportError as error:
        print(f"Some pictures were not drawn ({error}): pip install 'cornerman[game,plot]'")
    print("Pictures: " + ", ".join(str(path) for path in sorted(folder.glob("*.png"))))


def _host(options: argparse.Namespace, kind: str) -> Host:
    data_dir = options.data / kind
    if options.fresh and data_dir.exists():
        aside = data_dir.with_name(f"{kind}.before-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        data_dir.rename(aside)
        print(f"Starting over; what was learned before is kept in {aside}")
    return Host(options.plugins, data_dir, RINGSIDE, {"seed": options.seed})


def _data_dir() -> Path:
    """Where this platform keeps a game's data; RINGSIDE_DATA overrides it."""
    if given := os.environ.get("RINGSIDE_DATA"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "Ringside"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Ringside"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "ringside"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m game_adapter",
        description="Ringside, a turn-based battle game. With Cornerman in its plugins folder, the computer's side "
        "learns while you play: F1 opens the debug menu. Without a screen a headless series is played.",
    )
    add = parser.add_argument
    add("--plugins", type=Path, default=Path("plugins"), metavar="DIR", help="plugins folder (default: ./plugins)")
    add("--data", type=Path, default=_data_dir(), metavar="DIR", help="where learned versions are kept (%(default)s)")
    add("--fresh", action="store_true", help="start over; what was learned before is set aside, not deleted")
    add("--watch", action="store_true", help="watch Cornerman play the rival in the window")
    add("--rival", default="brawler", metavar="NAME", help=f"one of {', '.join(RINGSIDE.rivals)} (default: brawler)")
    add("--seed", type=int, default=1, help="decides the battles and the first network (default: 1)")
    add("--headless", action="store_true", help="play a series without a window, at full speed")
    add("--battles", type=int, default=300, metavar="N", help="battles of the headless series (default: 300)")
    add("--json", type=Path, metavar="FILE", help="headless: one JSON line a battle, and the summary as the last line")
    add("--out", type=Path, default=Path("out"), metavar="DIR", help="headless: where pictures go (default: ./out)")
    add("--verbose", action="store_true", help="say more on the error output; CORNERMAN_TRACE=1 prints every hook")
    return parser


if __name__ == "__main__":
    sys.exit(main())
