"""The look-up of a game by its name, for commands and workers."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from cornerman.contract import CornermanError, Game, HeadlessGame


class CommandError(CornermanError):
    """The command cannot do what was asked; the text says what to do instead."""


def import_name(game: object) -> str:
    """The name under which another process can import a game: the one it gives itself (`import_name`), else
    `module:attribute` where a module holds it; "" where there is none."""
    given = getattr(game, "import_name", "")
    if given:
        return str(given)
    name = type(game).__module__
    module = sys.modules.get(name)
    if module is None or name == "__main__":
        return ""
    return next((f"{name}:{attribute}" for attribute, value in vars(module).items() if value is game), "")


def find_game(name: str) -> HeadlessGame:
    """As `find_any`, of games with headless battles; CommandError where this one offers none."""
    game = find_any(name)
    if not isinstance(game, HeadlessGame):
        missing = [of for of in ("bots", "new_battle") if not hasattr(game, of)]
        raise CommandError(
            f"{name!r} offers no headless battles, which this command needs: no {', '.join(missing)}. With hooks alone "
            "nothing is missing: the plugin learns while the game is played; how that goes say its panel, "
            "host.report('cornerman'), and `cornerman doctor` and `report` with --data"
        )
    return game


def find_any(name: str) -> Game:
    """A game by entry point, as `module:attribute`, or the only one installed; CommandError says what there is."""
    # Imported here, because it brings the email package with it, and a game that runs looks up none.
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group="cornerman.games")}
    if not name and len(known) == 1:
        name = next(iter(known))
    try:
        if name in known:
            game: Any = known[name].load()
        elif ":" in name:
            module, attribute = name.split(":", 1)
            with suppress(FileNotFoundError):  # the present folder may have been deleted
                if os.getcwd() not in sys.path:
                    sys.path.insert(0, os.getcwd())  # the installed command starts without it, `python -m` with it
            game = getattr(import_module(module), attribute)
        else:
            there = ", ".join(known) or "none is installed"
            which = f"there is no game {name!r}" if name else "say which game with --game"
            raise CommandError(f"{which} (installed: {there}); give one as module:attribute")
    except (ImportError, AttributeError, ValueError) as error:
        raise CommandError(f"the game {name!r} cannot be loaded: {error}") from error
    if isinstance(game, type):
        raise CommandError(f"{name!r} is a class; give the name of an instance of it")
    if not isinstance(game, Game):
        missing = [of for of in ("name", "version", "action_names") if not hasattr(game, of)]
        raise CommandError(f"{name!r} is no game: it has no {', '.join(missing)}")
    return game
