"""A copy of what plays, for a game that may not write to its data folder: another game holds it, or the disk refuses.

The game's thread, while it loads.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cornerman.contract import Game, ModelError
from cornerman.files import preferences as switches
from cornerman.models import champion_file as champion_line
from cornerman.models.registry import VERSIONS
from cornerman.models.weights import LEARNER
from cornerman.settings import Settings

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman

UNFINISHED = ".*"


def lend(folder: Path) -> TemporaryDirectory[str] | None:
    """A folder with copies of the stored versions, gone with what comes back; None where there is none to copy.

    What cannot be copied is left out, also what its owner deletes meanwhile: the registry checks whatever it reads.
    """
    try:
        loan: TemporaryDirectory[str] = TemporaryDirectory(prefix="cornerman-", ignore_cleanup_errors=True)
    except OSError:
        return None
    to = Path(loan.name)
    with suppress(OSError):  # shutil.Error is one: it says at the end what could not be copied
        shutil.copytree(folder / VERSIONS, to / VERSIONS, ignore=shutil.ignore_patterns(LEARNER, UNFINISHED))
    for name in (champion_line.FILE_NAME, switches.FILE_NAME):
        with suppress(OSError):
            shutil.copyfile(folder / name, to / name)
    if any(to.glob(f"{VERSIONS}/*/*")):
        return loan
    loan.cleanup()
    return None


def play_loan(
    plugin: Cornerman, game: Game, folder: Path, settings: Settings, why: ModelError
) -> TemporaryDirectory[str]:
    """Let a copy of what is stored in `folder` play, and say so; raises `why` where nothing is stored."""
    loan = lend(folder)
    if loan is None:
        raise why
    plugin.load(game, Path(loan.name), replace(settings, safe_mode=True, recording=False))
    version = plugin.slot.champion.version
    plugin.say(f"{why} Version {version} plays from a copy; nothing of this game is recorded or learned.")
    return loan
