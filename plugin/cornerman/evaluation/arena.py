"""Headless battles without learning: turn by turn, in side-swapped pairs, and a win rate with its interval.

The seeds that are passed in decide everything; nothing here reads a clock, learns or writes, and it needs numpy alone.
A battle that never ends is cut off and counts as a draw; a faulty one (faults.py) is played again with another seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from cornerman.contract import Battle, Bools, Bot, ContractError, Floats, HeadlessGame, State
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.experience.encoder import Encoder

MAX_TURNS = 400
"""Turns after which a battle counts as never ending; four characters over 20 rounds take 80."""

Z_95 = 1.959963984540054


@runtime_checkable
class Acting(Protocol):
    """Chooses actions from observations: a policy."""

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: np.random.Generator,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int: ...


class Encoding(Protocol):
    """Turns a game's states into observations: an Encoder."""

    def encode(self, state: State, seat: int) -> Floats: ...
    def mask(self, action_mask: Sequence[bool]) -> Bools: ...


_BEGINNING, _STATE, _SEAT = GameCode("new_battle"), GameCode("reading the state"), GameCode("asking for the seat")
_BOT, _ACTION, _END = GameCode("a bot"), GameCode("applying an action"), GameCode("the end")

Agent: TypeAlias = Acting | Bot
"""Whoever plays a seat: a policy, which sees observations, or a bot, which sees the game's own battle."""


def wilson_interval(score: float, num: int, z: float = Z_95) -> tuple[float, float]:
    """The 95 % interval of a share `score` seen in `num` trials (Wilson 1927, score interval); (0, 1) for none."""
    if num <= 0:
        return 0.0, 1.0
    spread = 1.0 + z * z / num
    middle = (score + z * z / (2 * num)) / spread
    half = z / spread * sqrt(max(0.0, score * (1.0 - score)) / num + z * z / (4.0 * num * num))
    return max(0.0, middle - half), min(1.0, middle + half)


# --------------------------------------------------------------------------------------------------------- decisions


class PolicyBot:
    """A policy behind the call of a bot: `bot(battle, random) -> action`."""

    def __init__(self, policy: Acting, encoder: Encoding, temperature: float = 0.0, epsilon: float = 0.0) -> None:
        self._policy, self._encoder = policy, encoder
        self._temperature, self._epsilon = temperature, epsilon
        self._seat_random: Random | None = None
        self._generator = np.random.default_rng(0)

    def __call__(self, battle: Battle, random: Random) -> int:
        """A legal action for the seat to decide; FaultyBattleError where the game's state or mask cannot be used."""
        with _STATE:
            seat = battle.seat
            if seat is None:
                raise ContractError("a policy was asked for an action in a battle that is over")
            observation = self._encoder.encode(battle.state(), seat)
            mask = self._encoder.mask(battle.action_mask())
        if random is not self._seat_random:
            # Once a battle, since it costs as much as a decision: what is drawn depends on the seat's generator alone.
            self._seat_random, self._generator = random, np.random.default_rng(random.getrandbits(64))
        return self._policy.act(observation, mask, self._generator, self._temperature, self._epsilon)


def as_bot(agent: Agent, encoder: Encoding) -> Bot:
    """A policy wrapped as a bot; a bot, or a PolicyBot, as it is."""
    return PolicyBot(agent, encoder) if isinstance(agent, Acting) else agent


def decide(bot: Bot, battle: Battle, random: Random) -> int:
    """The action of `bot`; FaultyBattleError where the game's code raises, and what our own raises as it is."""
    if isinstance(bot, PolicyBot):
        return bot(battle, random)
    with _BOT:
        return int(bot(battle, random))


# -------------------------------------------------------------------------------------------------------- one battle


@dataclass(frozen=True, slots=True)
class Played:
    """How one battle ended."""

    outcome: Mapping[int, int]  # per seat 1, 0 or -1; all 0 where it was cut off
    rounds: int
    turns: int
    truncated: bool
    course: int = 0  # hash of the first state and of every action
    ending: int = 0  # hash of the last state and of the outcome

    def score(self, seat: int) -> float:
        """1 won, 1/2 drawn, 0 lost."""
        return (self.outcome[seat] + 1) / 2


def play_turns(
    battle: Battle, bots: Sequence[Bot], randoms: Sequence[Random], max_turns: int = MAX_TURNS
) -> Iterator[Played | None]:
    """Play `battle` turn by turn: yields None after each turn, and last how the battle ended.

    `bots` and `randoms` are by seat. FaultyBattleError, naming the turn, where the game's code raises or breaks its
    contract.
    """
    with _STATE:
        course = [hash(repr(battle.state()))]
    for turn in range(max_turns):
        with _SEAT:
            seat = seat_due(battle)
        if seat is None:
            break
        try:
            action = decide(bots[seat], battle, randoms[seat])
            course += (seat, action)
            apply_action(battle, action)
        except FaultyBattleError as error:
            raise FaultyBattleError(error.reason, f"turn {turn}, seat {seat}: {error}") from error
        yield None
    with _END:
        yield _ended(battle, course)


def seat_due(battle: Battle) -> int | None:
    """The seat to decide, 0 or 1; None once the battle is over. ContractError for any other seat."""
    seat = battle.seat
    if seat is None or battle.outcome is not None:
        return None
    if seat not in (0, 1):
        raise ContractError(f"the battle asks for seat {seat}; headless battles have seats 0 and 1")
    return seat


def apply_action(battle: Battle, action: int) -> None:
    """Apply a decision; FaultyBattleError where the game refuses it or raises."""
    with _ACTION:
        try:
            battle.apply(action)
        except ValueError as error:
            raise FaultyBattleError("refused", f"the game refused action {action}: {error}") from error


def outcome_of(battle: Battle) -> dict[int, int] | None:
    """The checked outcome, or None while the battle goes on; ContractError where it is none."""
    outcome = battle.outcome
    if outcome is None:
        if battle.seat is None:
            raise ContractError("no seat has to decide but there is no outcome; give one of the two")
        return None
    checked = {seat: int(outcome[seat]) for seat in (0, 1) if seat in outcome}
    if len(checked) < 2 or not set(checked.values()) <= {-1, 0, 1}:
        raise ContractError(f"the outcome {outcome!r} must hold 1, 0 or -1 for seats 0 and 1")
    return checked


def _ended(battle: Battle, course: Sequence[int]) -> Played:
    """How the battle stands now: ended, or cut off."""
    outcome, turns = outcome_of(battle), len(course) // 2
    result = {0: 0, 1: 0} if outcome is None else outcome
    ending = hash((repr(battle.state()), tuple(sorted(result.items()))))
    return Played(result, getattr(battle, "round", 0), turns, outcome is None, hash(tuple(course)), ending)


def seat_randoms(seed: int) -> list[Random]:
    """One generator a seat. They belong to the seats, not to the agents: when two agents that play alike swap sides,
    the same battle happens twice and the pair is a tie, so only differences in play are measured.
    """
    return [Random(f"{seed} seat {seat}") for seat in (0, 1)]


def play_battle(game: HeadlessGame, seed: int, bots: Sequence[Bot], max_turns: int = MAX_TURNS) -> Played:
    """One whole battle that `seed` decides; `bots` by seat. FaultyBattleError as in `play_turns`."""
    *_, played = play_turns(new_battle(game, seed), bots, seat_randoms(seed), max_turns)
    assert played is not None, "play_turns ends with how the battle ended"
    return played


def new_battle(game: HeadlessGame, seed: int) -> Battle:
    """A battle of the game; FaultyBattleError where making it raises."""
    with _BEGINNING:
        return game.new_battle(seed)


# ----------------------------------------------------------------------------------------------------- paired battles


def pair_seed(seed: int, index: int, name: str = "") -> int:
    """The seed of the `index`-th pair of battles of a series; another `name` is another, unrelated series."""
    return Random(f"{seed} pair {index} {name}").getrandbits(48)


@dataclass(frozen=True, slots=True)
class BattleRecord:
    """One battle of a measurement, enough to play it again."""

    seed: int
    seat: int  # where the measured agent sat
    score: float  # the measured agent's: 1, 1/2, 0
    rounds: int
    turns: int
    truncated: bool
    course: int = 0
    ending: int = 0

    @classmethod
    def of(cls, played: Played, seed: int, seat: int) -> BattleRecord:
        score = played.score(seat)
        return cls(seed, seat, score, played.rounds, played.turns, played.truncated, played.course, played.ending)


def count_different(battles: Sequence[BattleRecord]) -> int:
    """How many of the battles differ in seat, first state, actions or ending.

    In a game without chance two agents that play without chance repeat one battle for ever, whatever its seed. Where
    the same start and the same actions came to two endings the game has chance, and every battle counts.
    """
    endings: dict[tuple[int, int], int] = {}
    for battle in battles:
        if endings.setdefault((battle.seat, battle.course), battle.ending) != battle.ending:
            return len(battles)
    return len(endings)


def different_text(battles: Sequence[BattleRecord]) -> str:
    """Says how many battles differ, to go on a sentence with; empty where all of them do."""
    different = count_different(battles)
    return f", only {different} of these {len(battles)} battles differ" if different < len(battles) else ""


def pair_turns(
    game: HeadlessGame, seed: int, agent: Bot, opponent: Bot, max_turns: int = MAX_TURNS
) -> Iterator[BattleRecord | None]:
    """Both battles of a side-swapped pair, turn by turn: None after each turn, a record after each battle."""
    for seat in (0, 1):
        bots = (agent, opponent) if seat == 0 else (opponent, agent)
        for played in play_turns(new_battle(game, seed), bots, seat_randoms(seed), max_turns):
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
    dropped: str = ""  # a sentence about faulty battles that were left out

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
    def of(cls, battles: Sequence[BattleRecord], dropped: str = "") -> Result:
        wins = sum(battle.score == 1.0 for battle in battles)
        losses = sum(battle.score == 0.0 for battle in battles)
        num = len(battles)
        interval = wilson_interval(wins / num if num else 0.0, num)
        rounds = sum(battle.rounds for battle in battles) / num if num else 0.0
        return cls(wins, losses, num - wins - losses, interval, rounds, tuple(battles), dropped)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the single battles."""
        return {
            "battles": self.num_battles,
            "different_battles": count_different(self.battles),
            "wins": self.wins,
            "losses": self.losses,
            "draws": self.draws,
            "win_rate": self.win_rate,
            "interval": list(self.interval),
            "mean_rounds": self.mean_rounds,
            "truncated": self.truncated,
            "dropped": self.dropped,
        }


def evaluate(
    agent: Agent,
    opponent: Agent,
    game: HeadlessGame,
    num_battles: int,
    seed: int,
    *,
    encoder: Encoding | None = None,
    max_turns: int = MAX_TURNS,
    stopped: Callable[[], bool] = lambda: False,
) -> Result:
    """Measure `agent` against `opponent` over `num_battles` (rounded up to whole pairs); same seed, same result.

    A pair with a faulty battle is left out and another one played; ContractError where most battles are faulty.
    `stopped` is asked after every turn: the result is then of fewer battles.
    """
    encoder = encoder or Encoder(game)
    first, second = as_bot(agent, encoder), as_bot(opponent, encoder)
    battles: list[BattleRecord] = []
    faults, index = BattleFaults(), 0
    while len(battles) < num_battles and not stopped():
        pair: list[BattleRecord] = []
        try:
            for record in pair_turns(game, pair_seed(seed, index), first, second, max_turns):
                if record is not None:
                    pair.append(record)
                elif stopped():
                    break
            else:
                battles += pair
                faults.count_whole(2)
        except FaultyBattleError as error:
            faults.count(error)
        index += 1
    return Result.of(battles, faults.sentence)
