"""What a report draws from: everything in a data folder, read beside a running game, nothing changed.

What is damaged is left out and named in `Gathered.problems`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cornerman.cli.commands.stored import meant, stored_policy
from cornerman.cli.ghost import Ghosts
from cornerman.cli.versions import StoredVersions
from cornerman.contract import CornermanError, Game, HeadlessGame
from cornerman.evaluation.ratings import Rating
from cornerman.files.figures_log import FOLDER, read_figures, read_lines
from cornerman.files.quality_note import FILE_NAME as QUALITY
from cornerman.files.quality_note import quality_lines
from cornerman.models.history import FILE_NAME as HISTORY
from cornerman.models.history import History
from cornerman.models.manifest import Identity
from cornerman.models.registry import VERSIONS, VersionEntry
from cornerman.selfplay.games import CommandError

BULK_LOG = Path("bulk", "log.jsonl")
WRITTEN = (VERSIONS, HISTORY, FOLDER, "bulk")
"""One of these lies in every data folder that holds something to report."""
MOST_GATES = 10_000
MOST_PLAYERS = 4
NO_GAME = "Habits are worked out with the game's own words for what a player sees and does: name the game with --game."


@dataclass(slots=True)
class Gathered:
    """What was read of a data folder."""

    folder: Path
    identity: Identity | None = None
    entries: list[VersionEntry] = field(default_factory=list)  # oldest first
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    gates: list[Mapping[str, Any]] = field(default_factory=list)  # newest first
    live: list[tuple[float, str, str, float]] = field(default_factory=list)  # as `History.live_battles`, by versions
    # that have learned; before there was one, the game's own fighter played
    own_live: list[tuple[float, str, str, float]] = field(default_factory=list)  # the others
    figures: list[dict[str, Any]] = field(default_factory=list)  # lines of the log, oldest first
    progress: list[dict[str, Any]] = field(default_factory=list)  # of bulk training
    habits: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by player, as `Players.report`
    no_habits: str = ""
    """Why none are known."""
    quality: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def gather(folder: Path, identity: Identity | None, game: Game | None, say: Callable[[str], object]) -> Gathered:
    """Read a data folder; CommandError where it is none.

    `identity`: the game of its versions; None: it holds none. `game`, where there is one, gives habits their words.
    `say` gets a line before what takes long.
    """
    if not any((folder / name).exists() for name in WRITTEN):
        instead = meant(folder) or "; name a game's with --data"
        raise CommandError(f"{folder} is no data folder of a game or of bulk training{instead}")
    found = Gathered(folder, identity)
    found.figures, problems = read_figures(folder)
    lines, more = read_lines(folder / BULK_LOG)
    found.problems += problems + [f"bulk/{problem}" for problem in more]
    found.progress = [line for line in lines if line.get("event") == "progress"]
    found.quality = quality_lines(folder) if (folder / QUALITY).exists() else []
    if identity is not None and (folder / VERSIONS).is_dir():
        headless = game if isinstance(game, HeadlessGame) else None
        with _named(found):
            found.entries, found.ratings, problems = StoredVersions(folder, identity, headless).read()
            damaged = [entry for entry in found.entries if entry.manifest is None]
            if (folder / HISTORY).exists():  # that there is none yet is no damage
                found.problems += problems
            found.problems += [f"Version {entry.version}: {entry.problem}" for entry in damaged]
    elif (folder / VERSIONS).is_dir():
        found.problems.append("No version says which game it plays; say it with --game.")
    if (folder / HISTORY).exists():
        with _named(found), closing(History(folder, time.time, read_only=True)) as history:
            found.gates = history.gates(MOST_GATES)
            untrained = {str(entry.version) for entry in found.entries if entry.manifest and not entry.manifest.learned}
            for battle in history.live_battles():
                (found.own_live if battle[1] in untrained else found.live).append(battle)
    _add_habits(found, game, say)
    return found


def _add_habits(found: Gathered, game: Game | None, say: Callable[[str], object]) -> None:
    if game is None or found.identity is None:
        found.no_habits = NO_GAME
        return
    with _named(found):
        ghosts = Ghosts(found.folder, game, found.identity, partial(stored_policy, game, found.folder, None))
        players = ghosts.battles_by_player()
        found.no_habits = "" if players else "No battle of a player is stored."
        for player, battles in players.most_common(MOST_PLAYERS):
            say(f"Working out the habits of {player or 'the player'} from {battles:,} battles ...")
            found.habits[player] = ghosts.known(player)


@contextmanager
def _named(found: Gathered) -> Iterator[None]:
    """Add what cannot be read to the problems, and go on with the rest."""
    try:
        yield
    except CornermanError as error:
        if str(error) not in found.problems:
            found.problems.append(str(error))
