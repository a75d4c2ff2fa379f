"""One headless battle: begun, asked for decisions and ended, with every check of the contract; and many read into rows.

What the game's code raises, and every breach of the contract, is a FaultyBattleError. numpy alone; no clock, no files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import numpy as np

from cornerman.contract import Battle, Bools, Bot, ContractError, Floats, HeadlessGame, State
from cornerman.evaluation.faults import FaultyBattleError, GameCode
from cornerman.experience.declaration import Declaration, declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.experience.rewards import RewardCalculator, numbered_sides
from cornerman.policy.policy import Acting

MOST_OPENINGS = 100
"""Random openings that are tried until one does not end the battle."""

_BEGINNING, _STATE, _SEAT = GameCode("new_battle"), GameCode("reading the state"), GameCode("asking for the seat")
_BOT, _ACTION, _END = GameCode("a bot"), GameCode("applying an action"), GameCode("the end")

Agent: TypeAlias = Acting | Bot
"""Whoever plays a seat: a policy, which sees observations, or a bot, which sees the game's own battle."""


# --------------------------------------------------------------------------------------------------------- decisions


class PolicyBot:
    """A policy behind the call of a bot: `bot(battle, random) -> action`."""

    def __init__(self, policy: Acting, encoder: Encoder, epsilon: float = 0.0) -> None:
        self._policy, self._encoder, self._epsilon = policy, encoder, epsilon
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
        return self._policy.act(observation, mask, self._generator, epsilon=self._epsilon)


def as_bot(agent: Agent, encoder: Encoder) -> Bot:
    """A policy wrapped as a bot; a bot, or a PolicyBot, as it is."""
    return PolicyBot(agent, encoder) if isinstance(agent, Acting) else agent


def decide(bot: Bot, battle: Battle, random: Random) -> int | None:
    """The action of `bot`, or None where it has played its turn by itself; FaultyBattleError where the game's code
    raises, and what our own raises as it is."""
    if isinstance(bot, PolicyBot):
        return bot(battle, random)
    with _BOT:
        action = bot(battle, random)
        return None if action is None else int(action)


# -------------------------------------------------------------------------------------------------------- one battle


def state_text(state: Any) -> str:
    """A state as text, with every number of its arrays in full: repr() leaves out most of an array of over 1,000."""
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return repr(state)


class InTurn:
    """A battle whose seats decide at once, as one in which they decide in turn and see no choice but their own.

    Everything but the decisions is the game's own battle's, for bots.
    """

    def __init__(self, battle: Any) -> None:
        self._battle, self._chosen = battle, dict[int, int]()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also what copying looks for before there is a battle
            raise AttributeError(name)
        return getattr(self._battle, name)

    @property
    def seat(self) -> int | None:
        """The first of the seats to decide that has not chosen."""
        return next((seat for seat in self._battle.seats if seat not in self._chosen), None)

    def action_mask(self, seat: int | None = None) -> Sequence[bool]:
        """What that seat may do, or where `seat` is given that one."""
        mask: Sequence[bool] = self._battle.action_mask(self.seat if seat is None else seat)
        return mask

    def apply(self, action: int) -> None:
        """Note the choice of that seat; the last one applies them all. ValueError where it is not legal."""
        seat = self.seat
        if seat is None or not 0 <= action < len(mask := self.action_mask()) or not mask[action]:
            raise ValueError(f"seat {seat} may not take action {action} now")
        self._chosen[seat] = action
        if self.seat is None:
            chosen, self._chosen = self._chosen, {}
            self._battle.apply_all(chosen)


def in_turn(battle: Any) -> Battle:
    """The battle itself, or where its seats decide at once, as one in which they decide in turn."""
    decided: Battle = InTurn(battle) if hasattr(battle, "apply_all") else battle
    return decided


def new_battle(game: HeadlessGame, seed: int, declared: Declaration) -> Battle:
    """A battle of the game after its random opening, which `seed` decides, too; FaultyBattleError where it fails.

    Where seats decide at once, the opening ends with the choice of all: no state shows that of one.
    """
    random = Random(f"{seed} opening")
    for _ in range(MOST_OPENINGS):
        with _BEGINNING:
            battle = in_turn(game.new_battle(seed))
        left = declared.random_opening
        while left > 0 or (isinstance(battle, InTurn) and battle._chosen):
            left -= 1
            with _SEAT:
                if seat_due(battle, declared.num_seats) is None:
                    break
                legal = [action for action, may in enumerate(battle.action_mask()) if may]
                if not legal:
                    raise ContractError(f"action_mask() leaves seat {battle.seat} no legal action")
            apply_action(battle, random.choice(legal))
        with _SEAT:
            if not declared.random_opening or seat_due(battle, declared.num_seats) is not None:
                return battle
    sentence = f"{declared.random_opening} random actions end every battle; declare a smaller random_opening"
    raise FaultyBattleError("opening", sentence)


@dataclass(frozen=True, slots=True)
class Played:
    """How one battle ended."""

    outcome: Mapping[int, float]  # per seat, -1 to 1; all 0 where it was cut off
    rounds: int  # 0 where the game has none
    turns: int
    truncated: bool
    start: int = 0  # hash of the first state
    course: int = 0  # hash of the first state and of every action
    ending: int = 0  # hash of the last state and of the outcome

    def score(self, seat: int) -> float:
        """1 for the best outcome, 1/2 for a draw, 0 for the worst."""
        return (self.outcome[seat] + 1) / 2


def play_turns(
    battle: Battle, bots: Sequence[Bot], randoms: Sequence[Random], max_decisions: int
) -> Iterator[Played | None]:
    """Play `battle` turn by turn: yields None after each turn, and last how the battle ended.

    `bots` and `randoms` are by seat. FaultyBattleError, naming the turn, where the game's code raises or breaks its
    contract.
    """
    with _STATE:
        course = [hash(state_text(battle.state()))]
    for turn in range(max_decisions):
        with _SEAT:
            seat = seat_due(battle, len(bots))
        if seat is None:
            break
        try:
            action = decide(bots[seat], battle, randoms[seat])
            if action is None:
                course += (seat, _played_by_itself(battle, seat, course))
            else:
                course += (seat, action)
                apply_action(battle, action)
        except FaultyBattleError as error:
            raise FaultyBattleError(error.reason, f"turn {turn}, seat {seat}: {error}") from error
        yield None
    with _END:
        yield _ended(battle, course, len(bots))


def _played_by_itself(battle: Battle, seat: int, course: Sequence[int]) -> int:
    """Hash of the state that a bot which gave None left behind."""
    with _STATE:
        left = hash(state_text(battle.state()))
    if tuple(course[-2:]) == (seat, left):
        raise FaultyBattleError("bot", "a bot gave None twice and nothing happened; None: it has played its turn")
    return left


METHOD = "the outcome of a battle is a method; make it a property, with @property above it"


def seat_due(battle: Battle, num_seats: int) -> int | None:
    """The seat to decide; None once the battle is over. ContractError for one that the game has not."""
    seat = battle.seat
    if seat is None or (outcome := battle.outcome) is not None:
        if seat is not None and callable(outcome):
            raise ContractError(METHOD)
        return None
    if not 0 <= seat < num_seats:
        raise ContractError(f"the battle asks for seat {seat}; the game has seats 0 to {num_seats - 1} (num_seats)")
    return seat


def apply_action(battle: Battle, action: int) -> None:
    """Apply a decision; FaultyBattleError where the game refuses it or raises."""
    with _ACTION:
        try:
            battle.apply(action)
        except ValueError as error:
            raise FaultyBattleError("refused", f"the game refused action {action}: {error}") from error


def outcome_of(battle: Battle, num_seats: int) -> dict[int, float] | None:
    """The checked outcome, or None while the battle goes on; ContractError where it is none."""
    outcome = battle.outcome
    if callable(outcome):
        raise ContractError(METHOD)
    if outcome is None:
        if battle.seat is None:
            raise ContractError("no seat has to decide but there is no outcome; give one of the two")
        return None
    try:
        checked = {seat: float(outcome[seat]) for seat in range(num_seats)}
    except (LookupError, TypeError, ValueError):
        checked = {}
    if not checked or not all(-1.0 <= result <= 1.0 for result in checked.values()):
        seats = f"for each of the seats 0 to {num_seats - 1}"
        raise ContractError(f"the outcome {outcome!r} must hold a number from -1 to 1 {seats}")
    return checked


def _ended(battle: Battle, course: Sequence[int], num_seats: int) -> Played:
    """How the battle stands now: ended, or cut off."""
    outcome, turns = outcome_of(battle, num_seats), len(course) // 2
    result = dict.fromkeys(range(num_seats), 0.0) if outcome is None else outcome
    ending = hash((state_text(battle.state()), tuple(sorted(result.items()))))
    return Played(result, getattr(battle, "round", 0), turns, outcome is None, course[0], hash(tuple(course)), ending)


def seat_randoms(seed: int, num_seats: int) -> list[Random]:
    """One generator a seat. They belong to the seats, not to the agents: when two agents that play alike swap sides,
    the same battle happens twice and the pair is a tie, so only differences in play are measured.
    """
    return [Random(f"{seed} seat {seat}") for seat in range(num_seats)]


def play_battle(game: HeadlessGame, seed: int, bots: Sequence[Bot]) -> Played:
    """One whole battle that `seed` decides; `bots` by seat. FaultyBattleError as in `play_turns`."""
    declared = declaration_of(game)
    battle = new_battle(game, seed, declared)
    *_, played = play_turns(battle, bots, seat_randoms(seed, len(bots)), declared.max_decisions)
    assert played is not None, "play_turns ends with how the battle ended"
    return played


# ------------------------------------------------------------------------------------------------ battles in rows


class ScalarRows:
    """N battles of a game without batches, a row each: what is due in them, in arrays (part of `contract.Battles`)."""

    def __init__(self, encoder: Encoder, num_battles: int, reading: GameCode) -> None:
        """`reading`: the boundary inside which a battle's state is read."""
        self._encoder, self._reading, self.num_battles = encoder, reading, num_battles
        declared = encoder.declaration
        self._num_seats, self._sides = declared.num_seats, numbered_sides(declared.allies)
        self._reward = RewardCalculator(health_weight=1.0, declared=declared)
        self.seat = np.zeros(num_battles, np.int8)
        self.standing = np.zeros((num_battles, declared.num_seats), np.float32)
        self._observation = np.zeros((num_battles, encoder.observation_size), np.float32)
        self._mask = np.zeros((num_battles, encoder.num_actions), np.bool_)

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        """Write what the seats to decide see and may do."""
        observations[:], action_masks[:] = self._observation, self._mask

    def _read(self, row: int, battle: Battle) -> None:
        """Read whose decision is due in a row, and what that seat sees and may do."""
        with self._reading:
            seat, state = seat_due(battle, self._num_seats), battle.state()
            if seat is None:
                raise ContractError("the battle has an outcome before anything was decided in it")
            self._observation[row] = self._encoder.encode(state, seat)
            self._mask[row] = self._encoder.mask(battle.action_mask())
            self.seat[row], self.standing[row, seat] = seat, self._standing(state, [seat])[0]

    def _standing(self, state: State, seats: Iterable[int]) -> list[float]:
        """How the sides of `seats` stand."""
        standing = self._reward.standing(state, self._sides)
        return [self._reward.level(standing, self._sides.get(seat, seat)) for seat in seats]
