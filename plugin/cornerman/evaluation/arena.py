"""Playing without learning: headless battles by the turn, side-swapped pairs, a win rate with its interval.

Everything is decided by the seeds passed in; nothing here reads a clock, learns or writes. numpy only, so that a game
can measure a stored fighter without torch. A battle that a game never ends is cut off and counted as a draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from cornerman.contract import Battle, Bools, Bot, ContractError, Floats, HeadlessGame, State
from cornerman.experience.encoder import Encoder

MAX_TURNS = 400
"""Turns after which a battle counts as never ending; four characters over 20 rounds take 80."""

Z_95 = 1.959963984540054


@runtime_checkable
class Acting(Protocol):
    """What plays from observations: a policy."""

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: np.random.Generator,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int: ...


class Encoding(Protocol):
    """What turns a game's states into observations: an Encoder."""

    def encode(self, state: State, seat: int) -> Floats: ...
    def mask(self, action_mask: Sequence[bool]) -> Bools: ...


Player: TypeAlias = Acting | Bot
"""Either may be judged: a policy plays from observations, a scripted fighter from the game's own battle."""


def wilson_interval(score: float, num: int, z: float = Z_95) -> tuple[float, float]:
    """The 95 % interval of a share `score` seen in `num` trials (Wilson 1927, score interval); (0, 1) for none."""
    if num <= 0:
        return 0.0, 1.0
    spread = 1.0 + z * z / num
    middle = (score + z * z / (2 * num)) / spread
    half = z / spread * sqrt(max(0.0, score * (1.0 - score)) / num + z * z / (4.0 * num * num))
    return max(0.0, middle - half), min(1.0, middle + half)


# ------------------------------------------------------------------------------------------------------- who plays


class Fighter:
    """A policy that plays a game's battles the way a scripted fighter does: `fighter(battle, random) -> action`."""

    def __init__(self, policy: Acting, encoder: Encoding, temperature: float = 0.0, epsilon: float = 0.0) -> None:
        self._policy, self._encoder = policy, encoder
        self._temperature, self._epsilon = temperature, epsilon
        self._seat_random: Random | None = None
        self._drawn = np.random.default_rng(0)

    def __call__(self, battle: Battle, random: Random) -> int:
        """A legal action for the seat whose decision is due; DataError when the game's state cannot be used."""
        seat = battle.seat
        if seat is None:
            raise ContractError("a fighter was asked for an action in a battle that is over; ask only while one is due")
        observation = self._encoder.encode(battle.state(), seat)
        mask = self._encoder.mask(battle.action_mask())
        if random is not self._seat_random:
            # Once a battle, since it costs as much as a decision: what is drawn depends on the seat's generator alone.
            self._seat_random, self._drawn = random, np.random.default_rng(random.getrandbits(64))
        return self._policy.act(observation, mask, self._drawn, self._temperature, self._epsilon)


def as_fighter(player: Player, encoder: Encoding) -> Bot:
    """A policy wrapped as a fighter; a scripted fighter, or a Fighter, as it is."""
    return Fighter(player, encoder) if isinstance(player, Acting) else player


# ------------------------------------------------------------------------------------------------------ one battle


@dataclass(frozen=True, slots=True)
class Played:
    """How one battle ended."""

    outcome: Mapping[int, int]  # per seat 1, 0 or -1; all 0 where it was cut off
    rounds: int
    turns: int
    truncated: bool

    def score(self, seat: int) -> float:
        """1 won, 1/2 drawn, 0 lost."""
        return (self.outcome.get(seat, 0) + 1) / 2


def turns_of(
    battle: Battle, fighters: Sequence[Bot], randoms: Sequence[Random], max_turns: int = MAX_TURNS
) -> Iterator[Played | None]:
    """Play `battle` a turn at a time: None after each turn, and last how it ended.

    `fighters` and `randoms` are by seat. ContractError, naming the turn, when the game breaks its own contract.
    """
    for turn in range(max_turns):
        seat = battle.seat
        if seat is None or battle.outcome is not None:
            yield _ended(battle, turn)
            return
        if not 0 <= seat < len(fighters):
            raise ContractError(f"turn {turn}: the battle asks for seat {seat}; headless battles have seats 0 and 1")
        action = fighters[seat](battle, randoms[seat])
        try:
            battle.apply(int(action))
        except ValueError as error:
            raise ContractError(
                f"turn {turn}: seat {seat} chose action {action}, which the game refused: {error}"
            ) from error
        yield None
    if battle.outcome is not None:
        yield _ended(battle, max_turns)
        return
    yield Played(dict.fromkeys(range(len(fighters)), 0), battle.round, max_turns, truncated=True)


def _ended(battle: Battle, turns: int) -> Played:
    outcome = battle.outcome
    if outcome is None:
        raise ContractError(f"after {turns} turns no seat has to decide but there is no outcome; give one of the two")
    return Played(dict(outcome), battle.round, turns, truncated=False)


def seat_randoms(seed: int, num_seats: int = 2) -> list[Random]:
    """One generator a seat. They belong to the seats, not to the players: when two players who play alike swap
    sides, the same battle happens twice and the pair is a tie, so only differences in play are measured.
    """
    return [Random(f"{seed} seat {seat}") for seat in range(num_seats)]


def play_battle(game: HeadlessGame, seed: int, fighters: Sequence[Bot], max_turns: int = MAX_TURNS) -> Played:
    """One whole battle that `seed` decides; `fighters` by seat."""
    for played in turns_of(game.new_battle(seed), fighters, seat_randoms(seed, len(fighters)), max_turns):
        if played is not None:
            return played
    raise AssertionError("turns_of always ends with how the battle ended")


# --------------------------------------------------------------------------------------------------- paired battles


def pair_seed(seed: int, index: int, name: str = "") -> int:
    """The seed of the `index`-th pair of battles of a series; another `name` is another, unrelated series."""
    return Random(f"{seed} pair {index} {name}").getrandbits(48)


@dataclass(frozen=True, slots=True)
class BattleRecord:
    """One battle of a measurement, enough to play it again."""

    seed: int
    seat: int  # where the player who is measured sat
    score: float  # theirs: 1, 1/2, 0
    rounds: int
    turns: int
    truncated: bool

    @classmethod
    def of(cls, played: Played, seed: int, seat: int) -> BattleRecord:
        return cls(seed, seat, played.score(seat), played.rounds, played.turns, played.truncated)


def pair_turns(
    game: HeadlessGame, seed: int, player: Bot, bot: Bot, max_turns: int = MAX_TURNS
) -> Iterator[BattleRecord | None]:
    """Both battles of a side-swapped pair, a turn at a time: None after each turn, a record after each battle."""
    for seat in (0, 1):
        fighters = (player, bot) if seat == 0 else (bot, player)
        for played in turns_of(game.new_battle(seed), fighters, seat_randoms(seed), max_turns):
            yield None if played is None else BattleRecord.of(played, seed, seat)


@dataclass(frozen=True, slots=True)
class Result:
    """What a measurement over side-swapped battles found; `interval` is the win rate's 95 % Wilson interval."""

    wins: int
    losses: int
    draws: int
    interval: tuple[float, float]
    mean_rounds: float
    battles: tuple[BattleRecord, ...]

    @property
    def num_battles(self) -> int:
        return len(self.battles)

    @property
    def win_rate(self) -> float:
        """Battles won as a share of all battles; a draw is not a win."""
        return self.wins / len(self.battles) if self.battles else 0.0

    @property
    def score(self) -> float:
        """Mean score, a draw counting one half."""
        return sum(battle.score for battle in self.battles) / len(self.battles) if self.battles else 0.0

    @property
    def truncated(self) -> int:
        """How many battles had to be cut off."""
        return sum(battle.truncated for battle in self.battles)

    @classmethod
    def of(cls, battles: Sequence[BattleRecord]) -> Result:
        wins = sum(battle.score == 1.0 for battle in battles)
        losses = sum(battle.score == 0.0 for battle in battles)
        num = len(battles)
        interval = wilson_interval(wins / num if num else 0.0, num)
        rounds = sum(battle.rounds for battle in battles) / num if num else 0.0
        return cls(wins, losses, num - wins - losses, interval, rounds, tuple(battles))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the single battles."""
        return {
            "battles": self.num_battles,
            "wins": self.wins,
            "losses": self.losses,
            "draws": self.draws,
            "win_rate": self.win_rate,
            "interval": list(self.interval),
            "mean_rounds": self.mean_rounds,
            "truncated": self.truncated,
        }


def evaluate(
    player: Player,
    bot: Player,
    game: HeadlessGame,
    num_battles: int,
    seed: int,
    *,
    encoder: Encoding | None = None,
    max_turns: int = MAX_TURNS,
) -> Result:
    """Measure `player` against `bot` over `num_battles` (rounded up to whole pairs); same seed, same result."""
    encoder = encoder or Encoder(game)
    first, second = as_fighter(player, encoder), as_fighter(bot, encoder)
    battles = [
        record
        for index in range((num_battles + 1) // 2)
        for record in pair_turns(game, pair_seed(seed, index), first, second, max_turns)
        if record is not None
    ]
    return Result.of(battles)
