"""What commands read of a data folder: the policy of a stored version, and whether there is one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.contract import Game
from cornerman.selfplay.games import CommandError, find_any

if TYPE_CHECKING:
    from cornerman.models.manifest import Identity
    from cornerman.policy.policy import Policy


def stored_policy(game: Game, data: Path, version: int | None) -> Policy:
    """The policy of a stored version, or of the champion; CommandError where nothing is stored."""
    from cornerman.cli.versions import check_stored
    from cornerman.models.store import Store

    need_versions(data)
    with Store(data, identity_for(game)) as store:  # read-only: a game may be running, and decides for itself
        if version is not None:
            check_stored(store, version)
            return store.registry.load(version)
        champion, sentences = store.registry.load_champion()
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if champion is None:
        raise CommandError(f"{data} holds no version that can play")
    return champion


def identity_for(game: Game) -> Identity:
    """What the files of this game carry, so that those of another one are refused."""
    from cornerman.experience.encoder import Encoder
    from cornerman.models.manifest import Identity

    return Identity.of(game, Encoder(game))


def game_of(data: Path, name: str) -> tuple[Identity | None, Game | None]:
    """Which game a data folder is of, as far as its versions or the game say it, and the game: by its `name`, or the
    only installed one where that is the folder's. CommandError where a name was given and there is no such game."""
    from cornerman.cli.data import identity_of

    identity, game = identity_of(data), None
    try:
        game = find_any(name)
    except CommandError:
        if name:
            raise
    if game is None or not (name or identity is None or game.name == identity.game):
        return identity, None
    return identity_for(game), game


def need_same_game(data: Path, name: str, game: Game, writes: bool = False) -> None:
    """CommandError where the folder holds the versions of another game than `game`, and that one was not named or the
    command `writes` versions."""
    from cornerman.cli.data import identity_of

    identity = identity_of(data)
    if identity is None or identity.game == game.name:
        return
    holds = f"{data} holds versions of the game {identity.game!r}"
    if not name:
        raise CommandError(f"{holds}, and {game.name!r} is what is installed; name yours with --game module:attribute")
    if writes:
        raise CommandError(f"{holds}; name another folder for {game.name!r} with --data")


def need_own_game(game: Game) -> None:
    """CommandError where this folder is that of a game with Cornerman in its plugins, and `game`, which was not named,
    lies elsewhere."""
    file = getattr(sys.modules[type(game).__module__], "__file__", None) or ""
    elsewhere = Path.cwd().resolve() not in Path(file).resolve().parents
    if elsewhere and Path("plugins", "cornerman").is_dir():
        what = f"this folder holds a game with plugins, and {game.name!r} is what is installed"
        raise CommandError(f"{what}; say with --game which of them is meant, yours as module:attribute")


def need_versions(data: Path) -> None:
    if not (data / "versions").is_dir():
        raise CommandError(
            f"{data} holds no versions; train or start the game first, or name a game's data folder with --data"
            f"{meant(data)}"
        )


def need_folder(data: Path) -> None:
    """CommandError where a folder is not there, or where rather one inside it is a game's data folder."""
    if not data.is_dir() or ((hint := meant(data)) and not (data / "versions").is_dir()):
        why = f"{data} is no data folder of a game{hint}" if data.is_dir() else f"there is no data folder {data}"
        raise CommandError(f"{why}; name a game's with --data")


def meant(data: Path) -> str:
    """Which data folders inside this one may be meant, after a semicolon; "" where there is none."""
    below = {str(path.parent) for depth in ("*", "*/*") for path in data.glob(f"{depth}/versions")}
    return f"; {' and '.join(sorted(below)[:4])} may be meant" if below else ""
