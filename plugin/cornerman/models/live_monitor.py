"""Live monitor: adds to the history, and compares the champion's live battles with its predecessor's.

A history that fails is reported once, and everything else goes on. The trainer's thread owns it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cornerman.contract import ModelError
from cornerman.evaluation.live.results import LiveResult, LiveWatch, Scored, WatchBounds
from cornerman.models.manifest import Manifest
from cornerman.models.store import Store

if TYPE_CHECKING:
    from cornerman.evaluation.verdict import Verdict
    from cornerman.models.history import History

_Pair = tuple[int, int, str]
"""Which results one watch compares: of a champion and its predecessor, of one kind."""
T = TypeVar("T")


class LiveMonitor:
    """The history of one store and the watch over its champion."""

    def __init__(self, store: Store, warn: Callable[[str], None]) -> None:
        self._store, self._warn, self._manifests = store, warn, store.registry.manifests
        self._opened = self._failing = False
        self._scores: dict[tuple[int, str], list[Scored]] = {}
        self._watch: tuple[_Pair, LiveWatch] | None = None

    def judged(self, verdict: Verdict, champion: int, candidate: Manifest | None, oldest: int | None) -> None:
        def note(history: History) -> None:
            if candidate is not None:
                history.add_version(candidate)
            history.add_gate(verdict, champion, None if candidate is None else candidate.version, oldest)

        self._ask(note, None)

    def seeds_since(self, moment: float) -> set[int]:
        """Seeds of the verdicts that were added after `moment`, in seconds since 1970."""
        return self._ask(lambda history: history.seeds_since(moment), set())

    def turned_down(self) -> dict[int, int]:
        """How many candidates each champion has turned down, as the history knows."""
        return self._ask(lambda history: history.turned_down(), {})

    def live(self, result: LiveResult, champion: int, predecessor: int | None) -> str:
        """Add a live battle; a message where it shows the champion to be worse than its predecessor, else ""."""
        watch = None
        if result.version == champion and predecessor is not None:
            watch = self._watching((champion, predecessor, result.kind))
        scored = result.opponent, result.score
        self._past(result.version, result.kind).append(scored)
        row = (result.kind, str(result.version), result.opponent, result.score, result.rounds, result.seat)
        self._ask(lambda history: history.add_battle(*row), None)
        return watch.sentence if watch is not None and watch.add(*scored) else ""

    def forget_players(self, name: str | None = None) -> None:
        """Erase every battle against one player, or against all with what was learned from them, here and in the
        history; ModelError where that cannot be done."""
        self._scores.clear()
        self._watch = None
        if self._store.has_history:
            history = self._history()
            history.forget_all_players() if name is None else history.forget_player(name)

    def _watching(self, pair: _Pair) -> LiveWatch:
        """The watch of this pair; where another pair was watched, a new one with the past results of both."""
        if self._watch is None or self._watch[0] != pair:
            champion, predecessor, kind = pair
            watch = LiveWatch(self._past(predecessor, kind), WatchBounds())
            for scored in self._past(champion, kind):
                watch.add(*scored)
            self._watch = (pair, watch)
        return self._watch[1]

    def _past(self, version: int, kind: str) -> list[Scored]:
        """A version's results so far; read once from the history, then kept in memory in case the history fails."""
        key = version, kind
        if key not in self._scores:
            self._scores[key] = self._ask(lambda history: history.live_scores(*key), [])
        return self._scores[key]

    def _history(self) -> History:
        """The history, with every stored version in it."""
        history = self._store.history()
        if not self._opened:
            self._opened = True
            for sentence in history.sentences:
                self._warn(sentence)
            for manifest in self._manifests():
                history.add_version(manifest)
        return history

    def _ask(self, what: Callable[[History], T], otherwise: T) -> T:
        """`what` of the history, or `otherwise`; a failure is reported once; the next call opens the file anew."""
        try:
            found = what(self._history())
            self._failing = False
            return found
        except ModelError as error:
            if not self._failing:
                self._warn(str(error))
            self._failing = True
            self._store.close_history()
            self._opened = False
            return otherwise
