"""Preferences: what the player chose in the panel, kept in `switches.json` for the next start.

Written by the trainer's thread or at the end of the game; read while the game loads. It goes over `settings.toml`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import read_json, replace_file, to_json
from cornerman.settings import NUM_LEVELS

log = logging.getLogger("cornerman")

FILE_NAME = "switches.json"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Recording and learning on or off, and the difficulty, 1 to 6; None where nothing was chosen: the setting counts.

    So what was switched for a session alone, as in safe mode, is not kept with another choice.
    """

    recording: bool | None = None
    learning: bool | None = None
    difficulty: int | None = None
    players: Mapping[str, Any] = field(default_factory=dict)
    """What the adaptive difficulty knows of each player (evaluation/live/adaptive.py)."""


def read_preferences(folder: Path, say: Callable[[str], None]) -> Preferences | None:
    """What was chosen last; None where nothing was. Where the file is damaged `say` is called, and nothing is chosen in
    what is given: written, it mends the file."""
    path = folder / FILE_NAME
    if not os.path.exists(path):
        return None
    try:
        note = read_json(path, "The file of the panel's switches")
    except ModelError as error:
        say(f"{error} The settings count.")
        return Preferences()
    recording, learning, difficulty = (note.get(name) for name in ("recording", "learning", "difficulty"))
    unknown = difficulty is not None and (type(difficulty) is not int or not 1 <= difficulty <= NUM_LEVELS)
    if unknown or not {type(recording), type(learning)} <= {bool, type(None)}:
        say("The file of the panel's switches is damaged. The settings count.")
        return Preferences()
    players = note.get("players", {})
    return Preferences(recording, learning, difficulty, players if isinstance(players, dict) else {})


def write_preferences(folder: Path, switches: Preferences) -> None:
    """Keep what was chosen; a file that cannot be written costs a log line."""
    try:
        replace_file(folder / FILE_NAME, to_json(asdict(switches)))
    except OSError as error:
        log.warning("the panel's switches could not be written (%s)", error)
