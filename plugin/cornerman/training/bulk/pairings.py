"""Pairings: who wins how often in battles between many players, as ratings need it.

Many battles at once where game and players can, else fewer, one after the other. numpy alone; no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping

from cornerman.contract import HeadlessGame
from cornerman.evaluation.arena import pair_seed
from cornerman.evaluation.checks import Checks, Opponent, Series
from cornerman.evaluation.faults import BattleFaults
from cornerman.evaluation.headless import Agent
from cornerman.evaluation.ratings import Meeting
from cornerman.evaluation.significance import Sample
from cornerman.experience.encoder import Encoder

Pairing = tuple[str, str]


class Pairings:
    """Plays pairings in one game; battles of a pairing depend on the seed and its names alone."""

    def __init__(
        self, game: HeadlessGame, encoder: Encoder, seed: int, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """`stopped` is asked between two turns; once it is true no battle is played any more."""
        self._game, self._encoder, self._seed, self.stopped = game, encoder, seed, stopped
        self.num_played = 0

    def play(
        self, players: Mapping[str, Agent], pairings: Iterable[Pairing], batched: int, scalar: int
    ) -> list[Meeting]:
        """What came of each pairing: `batched` battles where both play in batches, else `scalar` ones."""
        found = []
        for first, second in pairings:
            checks = Checks(self._game, self._encoder, pair_seed(self._seed, 0, f"{first} {second}"), BattleFaults())
            opponent = Opponent(second, players[second])
            most = batched if checks.in_batches(players[first], opponent) else scalar
            turns = checks.play(players[first], opponent, most, lambda sample: False)
            if (sample := self._sample(turns)) is None:
                break
            self.num_played += 1
            found.append(Meeting(first, second, sample.score * sample.battles, sample.battles))
        return found

    def _sample(self, turns: Generator[None, None, Series]) -> Sample | None:
        """What the battles of these turns came to; None where they were stopped."""
        while not self.stopped():
            try:
                next(turns)
            except StopIteration as end:
                series: Series = end.value
                return series.sample
        return None
