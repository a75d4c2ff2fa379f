"""Headless battles without learning: rotations of an agent through the seats, and a win rate with its interval.

The seeds that are passed in decide everything; nothing here reads a clock, learns or writes, and it needs numpy alone.
A battle that is cut off counts for nobody; a faulty one (faults.py) is played again with another seed; battles that
only repeat earlier ones are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

from cornerman.contract import Bot, HeadlessGame
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError
from cornerman.evaluation.headless import Agent, Played, as_bot, new_battle, play_turns, seat_randoms
from cornerman.evaluation.significance import wilson_interval
from cornerman.experience.declaration import Declaration, declaration_of
from cornerman.experience.encoder import Encoder

TRIES = 2
"""So many times as many rotations as were asked for are played at the most, until enough of them differ."""
REPEATS = 5
"""Rotations in a row that only repeat earlier ones, after which random openings become longer."""

T = TypeVar("T")


# ---------------------------------------------------------------------------------------------------------- rotations


def pair_seed(seed: int, index: int, name: str = "") -> int:
    """The seed of the `index`-th rotation of a series; another `name` is another, unrelated series."""
    return Random(f"{seed} pair {index} {name}").getrandbits(48)


@dataclass(frozen=True, slots=True)
class BattleRecord:
    """One battle of a measurement, enough to play it again."""

    seed: int
    seat: int  # where the measured agent sat, the first of its team
    score: float  # the measured agent's: 1, 1/2 for a draw or where it was cut off, 0
    rounds: int
    turns: int
    truncated: bool
    start: int = 0
    course: int = 0
    ending: int = 0
    opening: int = 0  # random actions that it began with

    @classmethod
    def of(cls, played: Played, seed: int, seat: int, opening: int) -> BattleRecord:
        hashes = played.start, played.course, played.ending
        return cls(seed, seat, played.score(seat), played.rounds, played.turns, played.truncated, *hashes, opening)


def rotation_turns(
    game: HeadlessGame, seed: int, agent: Bot, others: Sequence[Bot], declared: Declaration
) -> Iterator[BattleRecord | None]:
    """The battles of one rotation, turn by turn: None after each turn, a record after each battle.

    `agent` sits once in every seat that the plugin may take, with its whole team, on the same seed; `others`, by seat,
    in the rest. With two seats that is a side-swapped pair.
    """
    for team in declared.teams:
        bots, seat = [agent if seat in team else other for seat, other in enumerate(others)], team[0]
        battle = new_battle(game, seed, declared)
        for played in play_turns(battle, bots, seat_randoms(seed, len(bots)), declared.max_decisions):
            yield None if played is None else BattleRecord.of(played, seed, seat, declared.random_opening)


class Rotations(Generic[T]):
    """Tells rotations that count from those in which a battle only repeats an earlier one.

    In a game without chance two agents that play without chance repeat one battle for ever, whatever its seed. Where
    seeds begin in different states of the game's own, or the same actions come to two endings, the game has chance, and
    every battle counts.
    """

    def __init__(self, openings: bool = False) -> None:
        """`openings`: battles begin with random actions of ours, so where they begin says nothing about the game."""
        self._openings = openings
        self._start: int | None = None
        self._endings: dict[tuple[object, ...], int] = {}
        self._repeated: list[T] = []
        self._chance = False
        self._in_a_row, self._shortest = 0, sys.maxsize
        self.longer = 0
        """Random actions to begin with beyond the declared ones: with those, most battles were played already."""

    @property
    def num_repeated(self) -> int:
        """Rotations that do not count."""
        return len(self._repeated)

    def add(self, rotation: T, battles: Sequence[tuple[str, BattleRecord]]) -> list[T]:
        """Add a rotation with its battles, each with the player's name; returns the rotations that count from now on:
        none, this one, or with it all that were held back until the game showed chance."""
        new = True
        for name, battle in battles:
            key = (name, battle.seat, battle.course)
            new = new and key not in self._endings
            self._start = battle.start if self._start is None else self._start
            self._chance = self._chance or (self._start != battle.start and not self._openings)
            self._chance = self._chance or self._endings.setdefault(key, battle.ending) != battle.ending
            self._shortest = min(self._shortest, battle.turns)
        self._repeated.append(rotation)
        if not (new or self._chance):
            self._in_a_row += 1
            if self._openings and self._in_a_row % REPEATS == 0 and self._shortest > 1:  # one more cannot end them all
                self.longer += 1
            return []
        self._in_a_row = 0
        counted = self._repeated if self._chance else [self._repeated.pop()]
        if self._chance:
            self._repeated = []
        return counted


@dataclass(frozen=True, slots=True)
class Result:
    """What a measurement over rotations found; `interval` is the win rate's 95 % Wilson interval.

    An outcome above 0 is won, below it lost. A battle that was cut off is neither won, drawn nor lost.
    """

    battles: tuple[BattleRecord, ...]
    dropped: str = ""  # a sentence about faulty battles that were left out
    repeated: int = 0  # battles that repeated earlier ones and were left out
    unlike: bool = False  # whether the game's seats are unlike, so that figures are given by role

    @property
    def num_battles(self) -> int:
        return len(self.battles)

    @property
    def ended(self) -> list[BattleRecord]:
        """The battles that were not cut off."""
        return [battle for battle in self.battles if not battle.truncated]

    @property
    def wins(self) -> int:
        return sum(battle.score > 0.5 for battle in self.ended)

    @property
    def losses(self) -> int:
        return sum(battle.score < 0.5 for battle in self.ended)

    @property
    def draws(self) -> int:
        return len(self.ended) - self.wins - self.losses

    @property
    def truncated(self) -> int:
        """How many battles had to be cut off."""
        return len(self.battles) - len(self.ended)

    @property
    def win_rate(self) -> float:
        """Battles won as a share of all that ended; a draw is not a win."""
        return self.wins / len(self.ended) if self.ended else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.win_rate, len(self.ended))

    @property
    def score(self) -> float:
        """Mean score of the battles that ended, a draw counting one half."""
        return mean_score(self.ended)

    @property
    def mean_rounds(self) -> float:
        return sum(battle.rounds for battle in self.battles) / len(self.battles) if self.battles else 0.0

    @property
    def note(self) -> str:
        """Scores by role where seats are unlike, and what did not count, to go on a sentence with; may be empty."""
        roles = "".join(f", {score:.0%} in seat {seat}" for seat, score in self.by_seat().items()) * self.unlike
        cut = roles + (f", {self.truncated} cut off" if self.truncated else "")
        return cut + (f", {self.repeated} repeated others and are left out" if self.repeated else "")

    def by_seat(self) -> dict[int, float]:
        """Mean score by the seat of the measured agent: its score in each role."""
        seats = sorted({battle.seat for battle in self.ended})
        return {seat: mean_score([battle for battle in self.ended if battle.seat == seat]) for seat in seats}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the single battles."""
        return {
            "battles": self.num_battles,
            "repeated": self.repeated,
            "wins": self.wins,
            "losses": self.losses,
            "draws": self.draws,
            "win_rate": self.win_rate,
            "interval": list(self.interval),
            "score": self.score,
            "by_seat": [[seat, score] for seat, score in self.by_seat().items()],
            "mean_rounds": self.mean_rounds,
            "truncated": self.truncated,
            "dropped": self.dropped,
        }


def mean_score(battles: Sequence[BattleRecord]) -> float:
    """Their mean score; 0 where there are none."""
    return sum(battle.score for battle in battles) / len(battles) if battles else 0.0


def evaluate(
    agent: Agent,
    opponent: Agent,
    game: HeadlessGame,
    num_battles: int,
    seed: int,
    *,
    encoder: Encoder | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Result:
    """Measure `agent`, `opponent` in every other seat, over `num_battles` (rounded up to whole rotations) that differ,
    or fewer where there are not as many; same seed, same result.

    A rotation with a faulty battle is left out and another one played; ContractError where most battles are faulty.
    `stopped` is asked after every turn: the result is then of fewer battles.
    """
    encoder, declared = encoder or Encoder(game), declaration_of(game)
    first, others = as_bot(agent, encoder), [as_bot(opponent, encoder)] * declared.num_seats
    battles: list[BattleRecord] = []
    faults, rotations, size = (
        BattleFaults(),
        Rotations[list[BattleRecord]](declared.random_opening > 0),
        len(declared.teams),
    )
    for index in range(TRIES * -(-num_battles // size)):
        if len(battles) >= num_battles or stopped():
            break
        found: list[BattleRecord] = []
        try:
            for record in rotation_turns(game, pair_seed(seed, index), first, others, declared):
                if record is not None:
                    found.append(record)
                elif stopped():
                    break
            else:
                faults.count_whole(len(found))
                battles += [each for counted in rotations.add(found, [("", one) for one in found]) for each in counted]
        except FaultyBattleError as error:
            faults.count(error)
    return Result(tuple(battles), faults.sentence, rotations.num_repeated * size, not declared.seats_alike)
