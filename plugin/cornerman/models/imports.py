"""Models from strangers by way of the menu: a file dropped into DATA/imports/ is offered, checked, tried, and plays.

Called on the thread that owns the registry: the trainer's, or the game's where there is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cornerman.contract import HeadlessGame, ModelError
from cornerman.models.exchange import import_version, play_smoke_battle
from cornerman.models.manifest import Identity

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman

FOLDER = "imports"
SMOKE_SEED = 7


def waiting(folder: Path) -> list[Path]:
    """The files that were dropped in, by name."""
    return sorted(path for path in (folder / FOLDER).glob("*.zip"))


def take_in(plugin: Cornerman, folder: Path, game: object, identity: Identity) -> None:
    """Take in the first waiting file and let it play once it has played a smoke battle; says what came of it.

    The file is put aside under another ending either way, so that it is offered once.
    """
    files = waiting(folder)
    if not files:
        plugin.say(f"There is no .zip in {folder / FOLDER}.")
        return
    path, ending = files[0], ".taken"
    try:
        version = import_version(plugin.registry, identity, path)
        if isinstance(game, HeadlessGame):
            play_smoke_battle(plugin.registry, version, game, plugin.encoder, SMOKE_SEED)
            policy = plugin.registry.load(version)
            plugin.registry.promote(version)
            plugin.slot.promote(policy)
            if plugin.training is not None:
                plugin.training.drop_candidate()
            plugin.say(f"{path.name} is version {version} and plays now; going back brings the one before it.")
        else:
            plugin.say(f"{path.name} is version {version}, in quarantine: this game has no battles to try it in.")
    except ModelError as error:
        ending = ".refused"
        plugin.say(f"{path.name} was refused: {error}")
    try:
        path.replace(path.with_name(path.name + ending))
    except OSError as error:
        plugin.say(f"{path.name} could not be put aside ({error.strerror or error}); remove it.")
