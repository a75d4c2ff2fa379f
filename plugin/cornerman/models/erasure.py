"""Erasure of the player's data: recorded battles and everything learned from them, in every file and in memory.

Runs on the thread that owns the files: the trainer's, or the game's where there is no trainer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cornerman.contract import CornermanError
from cornerman.experience.battle_store import Counts
from cornerman.models.champions import Champions
from cornerman.policy.policy_slot import counted, name_of

T = TypeVar("T")


def forget(
    champions: Champions,
    erase_battles: Callable[[], Counts],
    clear: Callable[[], None],
    erase_ghosts: Callable[[], int],
) -> str:
    """Erase everything; returns a message with counts of what was erased, who plays now, and what could not be erased.

    `erase_battles` erases the stored battles, `clear` what was recorded and learned in memory,
    `erase_ghosts` the imported models of players, of whom one may be the player; a step that fails stops
    no other. The newest version that did not learn from the player plays afterwards.
    """
    failed: list[str] = []

    def tried(step: Callable[[], T], otherwise: T) -> T:
        try:
            return step()
        except CornermanError as error:
            failed.append(str(error))
        except OSError as error:
            why = error.strerror or error
            failed.append(f"What was set aside could not be erased from the disk ({why}); try again.")
        return otherwise

    counts = tried(erase_battles, Counts())
    versions = tried(champions.erase_trained_from_player, 0)
    tried(champions.erase_player_battles, None)
    ghosts = tried(erase_ghosts, 0)
    tried(clear, None)
    battles = f"{counted(counts.battles, 'recorded battle')} ({counted(counts.transitions, 'decision')})"
    learned = f"{counted(versions, 'version')} that learned from you"
    imported = f", {counted(ghosts, 'imported ghost')}" if ghosts else ""
    who = f"Now plays: {name_of(champions.slot.playing())}."
    return " ".join([f"Forgotten: {battles}, {learned}{imported}, and all that was in memory. {who}", *failed])
