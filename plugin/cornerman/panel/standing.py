"""Standing: how strong the versions and bots are, and the list of stored versions, as plain data for the report.

Read while the game loads, then when somebody looks and a version was added, deleted or has begun to play since: on the
trainer's thread, which owns the files, or where there is none on one for it alone. The game's thread gets what was
read last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from itertools import accumulate
from threading import Thread
from time import time
from typing import Any

from cornerman.contract import ModelError
from cornerman.evaluation.ratings import Meeting, Rating
from cornerman.evaluation.significance import wilson_interval
from cornerman.models.champions import Champions
from cornerman.models.manifest import BASE, Manifest
from cornerman.models.registry import VersionEntry
from cornerman.models.store import Store
from cornerman.panel.controls import Training

MOST_VERSIONS = MOST_POINTS = 200
BATTLES_A_POINT = 20
"""The rolling share of battles won is of so many."""


class Standing:
    """Keeps what was read; `report` is called on the game's thread."""

    def __init__(self, champions: Champions, store: Store, bots: Sequence[str], training: Training) -> None:
        """`bots`: names, weakest first."""
        self._champions, self._store, self._bots, self._training = champions, store, bots, training
        self.unreadable = False
        """Whether the history is damaged."""
        self._asked = -1, -1  # the state of slot and registry that was read, or is due to be
        self._shares: tuple[float, ...] = ()
        self._against_player: list[dict[str, Any]] = []
        self._strength: dict[str, Any] = {"versions": [], "bots": []}
        self._versions: list[dict[str, Any]] = []

    @property
    def _state(self) -> tuple[int, int]:
        return self._champions.slot.swaps, self._champions.registry.changes

    def report(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        """`strength` and `versions` of `Report`; `figures` as `Metrics.snapshot` gives them."""
        if self._asked != (state := self._state):
            self._asked = state
            stored = {*self._champions.registry.numbers()}  # what was deleted is gone at once
            self._versions = [each for each in self._versions if each["version"] in stored]
            if self._training.alive:
                self._training.call(lambda loop: self.read())
            else:
                with suppress(RuntimeError, MemoryError):  # the system gives no more threads: the list stays as it was
                    Thread(target=self.read, name="cornerman-versions").start()
        if self._shares is not (shares := figures.get("shares", ())):
            self._shares, self._against_player = shares, rolling_share(shares)
        curves = {name: figures["curves"].get(name, []) for name in ("loss", "accuracy")}
        return {"strength": {**self._strength, "you": self._against_player, **curves}, "versions": self._versions}

    def read(self) -> None:
        """Called on the game's thread while the game loads, then on another one; 0.1 s where the history is full."""
        self._asked = self._state
        ratings = self._ratings()
        playing = self._champions.slot.playing()
        number = None if playing is None else playing.version
        entries = self._champions.registry.versions()[-MOST_VERSIONS:]
        from_nothing = self._champions.slot.from_nothing
        self._versions = [_listed(entry, ratings, number, from_nothing) for entry in reversed(entries)]
        rated = sorted((int(name), rating) for name, rating in ratings.items() if name.isdigit())
        points = [
            {"version": version, "rating": each.points, "low": each.low, "high": each.high} for version, each in rated
        ]
        bots = [{"name": name, "rating": ratings[name].points} for name in self._bots if name in ratings]
        self._strength = {"versions": points[-MOST_VERSIONS:], "bots": bots}

    def _ratings(self) -> dict[str, Rating]:
        """By name, as `Store.ratings` gives them; champions without battles by their gates since the ladder."""
        known = {str(version): points for version, points in self._champions.slot.points.items()}
        known |= dict.fromkeys(self._bots[:1] if known else (), 0.0)
        ratings = {name: Rating(points, points, points, 0) for name, points in known.items()}
        return ratings | self._store.ratings(self._meetings(), self._bots)

    def _meetings(self) -> list[Meeting]:
        """Of the history; none where it cannot be read, which is reported where it is opened for writing."""
        if not self._store.has_history:
            return []
        from cornerman.models.history import History  # SQLite is not needed without a history

        self.unreadable = True
        with suppress(ModelError), closing(History(self._store.folder, time, read_only=True)) as history:
            meetings, self.unreadable = history.meetings(), bool(history.sentences)
            return meetings
        return []


def rolling_share(shares: Sequence[float]) -> list[dict[str, Any]]:
    """Of battles against the player, oldest first: the plugin's share of the last `BATTLES_A_POINT` with its interval,
    at `MOST_POINTS` places at most."""
    sums, count = [0.0, *accumulate(shares)], len(shares)
    every = max(1, -(-count // MOST_POINTS))
    points = []
    for battles in range(count, 0, -every):
        recent = min(battles, BATTLES_A_POINT)
        share = (sums[battles] - sums[battles - recent]) / recent
        low, high = wilson_interval(share, recent)
        points.append({"battles": battles, "share": share, "low": low, "high": high})
    return points[::-1]


def _listed(
    entry: VersionEntry, ratings: Mapping[str, Rating], playing: int | None, from_nothing: bool
) -> dict[str, Any]:
    """One row of the list of versions; `from_nothing`: one that has learned nothing can play, too."""
    manifest, rating = entry.manifest, ratings.get(str(entry.version))
    learned = manifest is not None and (from_nothing or manifest.learned)
    notes = [
        entry.problem or "",
        "rolled back" * (entry.state == "rolled back"),
        "in quarantine, until its file is imported once more and tried" * (entry.state == "quarantined"),
        "it has not learned anything" * (manifest is not None and not learned),
        "learned from your battles" * (manifest is not None and manifest.from_player),
    ]
    return {
        "version": entry.version,
        "parent": None if manifest is None else manifest.parent,
        "made": "" if manifest is None else manifest.created,
        "origin": "damaged" if manifest is None else _origin(manifest),
        "rating": None if rating is None else rating.points,
        "playing": entry.version == playing,
        "can_play": learned and entry.state != "quarantined",
        "note": "; ".join(filter(None, notes)),
    }


def _origin(manifest: Manifest) -> str:
    if manifest.origin == BASE:
        return "shipped with the game"
    if manifest.origin == "imported":
        return "imported"
    return f"trained here, {manifest.learning_steps:,} steps" if manifest.learning_steps else "not trained yet"
