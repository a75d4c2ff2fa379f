"""Forgetting: erases what the player did, and what was learned from it, from memory and from every file.

On the thread that owns those files: the trainer's, or the game's where there is no trainer. What cannot be erased is
told, and everything else is erased all the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cornerman.contract import CornermanError, ModelError
from cornerman.experience.battle_store import PLAYER, SELF_PLAY, Counts
from cornerman.models.history import FILE_NAME, History

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


def forget(plugin: Cornerman) -> None:
    """Erase it all; the newest version that did not learn from the player plays then. Tells what was erased."""
    versions: list[int] = []
    erased: list[Counts] = []
    failed = []
    try:
        plugin.store.checkpoint.erase()
        versions = plugin.registry.erase_trained_from_player()
        champion, _ = plugin.registry.load_champion()
        plugin.slot.restart(champion or plugin.first_version())
    except ModelError as error:
        failed.append(str(error))
    try:
        erased = plugin.drop_recorded()
    except OSError as error:
        failed.append(f"What was set aside could not be erased from the disk ({error.strerror or error}); try again.")
    except ModelError as error:
        failed.append(str(error))
    try:
        _erase_history(plugin)
    except CornermanError as error:
        failed.append(str(error))
    plugin.say(" ".join([told(erased, len(versions)), *failed]))


def told(erased: Sequence[Counts], versions: int) -> str:
    """What was erased, in one sentence with counts."""
    kinds = {PLAYER: "of yours", SELF_PLAY: "of its own practice"}
    parts = [
        f"{_counted(one.battles, 'battle')} {kinds[one.kind]} ({_counted(one.transitions, 'decision')})"
        for one in erased
    ]
    parts.append(f"{_counted(versions, 'version')} that learned from you")
    return f"Forgotten: {', '.join(parts)}, and all that was in memory."


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _erase_history(plugin: Cornerman) -> None:
    """Erase the player's battles from the history, which is open only where there is a trainer."""
    folder = plugin.registry.folder
    if plugin.training is not None:
        plugin.training.monitor.forget_player()
    elif (folder / FILE_NAME).exists():
        history = History(folder, time.time)
        try:
            history.forget_player()
        finally:
            history.close()
