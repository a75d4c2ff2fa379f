"""What `cornerman versions` does: lists the stored versions, draws their family tree, and moves them about."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from cornerman.cli.family_tree import tree_lines
from cornerman.contract import CornermanError, HeadlessGame
from cornerman.evaluation.ratings import Rating, rate
from cornerman.experience.encoder import Encoder
from cornerman.files.folder_lock import FolderLock
from cornerman.models.exchange import export_version, import_version, play_smoke_battle
from cornerman.models.history import History
from cornerman.models.manifest import Identity
from cornerman.models.registry import Registry, VersionEntry
from cornerman.models.weights import damage
from cornerman.policy.q_network import NetworkSpec

SMOKE_SEED = 7
HEADER = f"{'version':>7}  {'state':<12} {'date':<16} {'parent':>6} {'steps':>9} {'gate':>5}  {'rating':<22} rows"


class StoredVersions:
    """The versions of one data folder. Every method raises CornermanError with a sentence.

    What changes something holds the folder's lock meanwhile, so that it never meets a game that is running.
    """

    def __init__(self, folder: Path, identity: Identity, game: HeadlessGame | None = None) -> None:
        """`game` is needed for smoke battles, and to tell the weakest scripted fighter, from which ratings count."""
        if not (folder / "versions").is_dir():
            raise CornermanError(f"{folder} holds no versions; train first, or name a game's data folder with --data")
        self._folder, self._identity, self._game = folder, identity, game
        self._registry = Registry(folder, identity, NetworkSpec(identity.observation_size, identity.num_actions), _now)

    # ---------------------------------------------------------------------------------------------------------- shown

    def lines(self) -> list[str]:
        """The versions as a table, newest last, and how strong the scripted fighters are on the same scale."""
        ratings, sentences = self._ratings()
        lines = [HEADER, *(_row(entry, ratings) for entry in self._entries())]
        scripted = [f"{name} {_points(rating)}" for name, rating in ratings.items() if not name.isdigit()]
        if scripted:
            lines += ["", f"Scripted fighters on the same scale: {', '.join(scripted)}"]
        return [*lines, *([""] if sentences else []), *sentences]

    def tree(self) -> list[str]:
        """The family tree in text."""
        ratings, sentences = self._ratings()
        return [*tree_lines(self._entries(), ratings), *sentences]

    def plot(self, path: Path) -> str:
        """Draw the family tree with ratings into a picture; says so."""
        ratings, _ = self._ratings()
        try:
            _draw(self._entries(), ratings, path)
        except ImportError as error:
            raise CornermanError("a plot needs matplotlib (pip install matplotlib)") from error
        except (OSError, ValueError) as error:  # matplotlib: an ending that it cannot write
            raise CornermanError(f"{path} cannot be drawn: {error}") from error
        return f"Drawn to {path}"

    def _entries(self) -> list[VersionEntry]:
        """Every stored version, oldest first; also one whose weights do not load is shown as damaged."""
        entries = self._registry.versions()
        for place, entry in enumerate(entries):
            problem = entry.problem or damage(self._folder / "versions" / f"{entry.version:06d}")
            if problem:
                entries[place] = VersionEntry(entry.version, "damaged", None, problem)
        return entries

    def _ratings(self) -> tuple[dict[str, Rating], list[str]]:
        """Ratings by name from the battles in the history, and what is wrong with it."""
        try:
            history = History(self._folder, _now)
        except CornermanError as error:
            return {}, [str(error)]
        try:
            meetings = history.meetings()
        except CornermanError as error:
            return {}, [str(error)]
        finally:
            history.close()
        met = {name for meeting in meetings for name in (meeting.player, meeting.opponent) if not name.isdigit()}
        bots = list(self._game.bots) if self._game is not None else sorted(met)
        anchor = next((name for name in bots if name in met), None)
        return rate(meetings, {} if anchor is None else {anchor: 0.0}), history.sentences

    # --------------------------------------------------------------------------------------------------------- changed

    def promote(self, version: int) -> str:
        """Let a version play from the next start on."""
        with _Claimed(self._folder):
            self._there(version)
            before = self._registry.champion
            self._registry.promote(version)
        if before == version:
            return f"Version {version} plays already."
        return f"Version {version} plays from the next start on, after version {before}; rollback brings that back."

    def roll_back(self) -> str:
        """Let the champion before play again."""
        with _Claimed(self._folder):
            before, now = self._registry.champion, self._registry.roll_back()
        for sentence in self._registry.sentences:
            print(sentence)
        if now is None:
            raise CornermanError("there is no earlier champion to go back to")
        return f"Version {now} plays again; version {before} is kept as rolled back."

    def export(self, version: int, path: Path) -> str:
        """Write a version to a .zip for somebody else."""
        self._there(version)
        export_version(self._registry, version, path)
        return f"Version {version} is in {path}; 'cornerman versions import' takes it in elsewhere."

    def take_in(self, path: Path) -> str:
        """Take in a version from elsewhere: into quarantine, and out of it after a smoke battle."""
        if not path.exists():
            raise CornermanError(f"there is no {path}")
        with _Claimed(self._folder):
            version = import_version(self._registry, self._identity, path)
            if self._game is None:
                return f"Version {version} was imported and stays in quarantine: there is no game for a smoke battle."
            played = play_smoke_battle(self._registry, version, self._game, Encoder(self._game), SMOKE_SEED)
        return (
            f"Version {version} was imported and has played a smoke battle ({played.turns} turns). "
            f"'cornerman versions promote {version}' lets it play."
        )

    def prune(self, keep: int) -> str:
        """Delete the oldest versions until so many are left."""
        if keep < 1:
            raise CornermanError("--keep must be at least 1")
        with _Claimed(self._folder):
            gone = self._registry.prune(keep)
        left = len(self._registry.numbers())
        what = f"Deleted {len(gone)} versions, {left} are left"
        return f"{what} (version 0, the champion and its predecessor always stay)." if left > keep else f"{what}."

    def _there(self, version: int) -> None:
        if version not in self._registry.numbers():
            numbers = ", ".join(str(number) for number in self._registry.numbers()[-12:])
            raise CornermanError(f"there is no version {version}; there are {numbers or 'none'}")


class _Claimed:
    """The folder's lock for the length of one change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._lock = FolderLock(self._folder, "cornerman versions")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _now() -> float:
    return time.time()


def _points(rating: Rating) -> str:
    if rating.low == rating.high:
        return f"{rating.points:+.0f}"
    return f"{rating.points:+.0f} ({rating.low:+.0f} to {rating.high:+.0f})"


def _row(entry: VersionEntry, ratings: Mapping[str, Rating]) -> str:
    manifest = entry.manifest
    if manifest is None:
        return f"{entry.version:>7}  {entry.state:<12} {entry.problem}"
    score = (manifest.gate or {}).get("score")
    gate = f"{score:.0%}" if isinstance(score, int | float) and manifest.passed_gate else "-"
    rating = ratings.get(str(entry.version))
    rows = ", ".join(f"{count:,} {source}" for source, count in sorted(manifest.rows.items()) if count) or "-"
    parent = "-" if manifest.parent is None else str(manifest.parent)
    return (
        f"{entry.version:>7}  {entry.state:<12} {manifest.created[:16].replace('T', ' '):<16} {parent:>6} "
        f"{manifest.learning_steps:>9,} {gate:>5}  {'-' if rating is None else _points(rating):<22} {rows}"
    )


def _draw(entries: list[VersionEntry], ratings: Mapping[str, Rating], path: Path) -> None:
    """Versions by learning steps and rating, each joined to its parent; scripted fighters as lines across."""
    from matplotlib.figure import Figure  # here and not above: only this needs it

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    places: dict[int, tuple[float, float]] = {}
    for entry in entries:
        rating = ratings.get(str(entry.version))
        if entry.manifest is None:
            continue
        steps, points = float(entry.manifest.learning_steps), rating.points if rating else 0.0
        places[entry.version] = (steps, points)
        colour = {"champion": "tab:green", "rolled back": "tab:red"}.get(entry.state, "tab:blue")
        spread = [[points - rating.low], [rating.high - points]] if rating else None
        marker = "o" if rating else "x"
        axes.errorbar(steps, points, yerr=spread, fmt=marker, color=colour, capsize=3)
        axes.annotate(str(entry.version), (steps, points), xytext=(5, 5), textcoords="offset points")
        if entry.manifest.parent in places:
            start = places[entry.manifest.parent]
            axes.plot((start[0], steps), (start[1], points), color="0.6", linewidth=1, zorder=0)
    for name, rating in ratings.items():
        if not name.isdigit():
            axes.axhline(rating.points, color="0.7", linestyle=":")
            axes.annotate(name, (1, rating.points), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    axes.set_xlabel("learning steps")
    axes.set_ylabel("rating (400 points are odds of ten to one)")
    axes.set_title("Stored versions: champion green, rolled back red, a cross has no rating yet")
    figure.savefig(path)
