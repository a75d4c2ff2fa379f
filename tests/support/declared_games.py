"""Adapters of plain games by the contract: a board without chance, three seats, decisions at once, unlike seats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from cornerman.contract import Battle, Bot
from tests.studies.plain_games.rock_paper_scissors import NAMES, ROUNDS, RockPaperScissors, habitual_choice
from tests.studies.plain_games.three_seats import CARD_NAMES, SEATS, Tricks, careful_card, random_card
from tests.studies.plain_games.tic_tac_toe import TicTacToe, perfect_move


class BoardBattle:
    """A state is the list of squares; X is seat 0."""

    def __init__(self) -> None:
        self.game = TicTacToe()

    @property
    def seat(self) -> int | None:
        return None if self.game.over else self.game.player

    @property
    def outcome(self) -> Mapping[int, float] | None:
        if not self.game.over:
            return None
        winner = self.game.winner
        return {seat: 0.0 if winner is None else 1.0 if seat == winner else -1.0 for seat in (0, 1)}

    def state(self) -> Any:
        return list(self.game.squares)

    def action_mask(self) -> Sequence[bool]:
        return [square in self.game.moves() for square in range(9)]

    def apply(self, action: int) -> None:
        self.game.play(action)


def random_square(battle: BoardBattle, random: Random) -> int:
    return random.choice(battle.game.moves())


def by_itself(battle: BoardBattle, random: Random) -> None:
    """Plays its turn through the game's own code."""
    battle.game.play(random.choice(battle.game.moves()))


class Board:
    """Tic-tac-toe: no characters, no rounds, no chance."""

    name, version, action_names = "board", "1", tuple(f"square {at}" for at in range(9))
    max_characters = 0
    feature_names = tuple(f"{whose} {at}" for whose in ("mine", "theirs") for at in range(9))
    bots: Mapping[str, Bot] = {
        "random": random_square,
        "perfect": lambda battle, random: perfect_move(battle.game, random),
    }

    def __init__(self, random_opening: int = 0, **declared: Any) -> None:
        self.random_opening = random_opening
        vars(self).update(declared)

    def encode(self, state: Any, seat: int) -> list[float]:
        return [float(square == mark) for mark in ("XO"[seat], "OX"[seat]) for square in state]

    def new_battle(self, seed: int) -> Battle:
        return BoardBattle()  # type: ignore[return-value]  # a game without rounds needs none


class Shaped(Board):
    """With a standing of its own (not the same for either side), cut off after seven decisions."""

    max_decisions = 7

    def standing(self, state: Any, side: int) -> float:
        return (state.count("XO"[side]) + state.index(" ") if " " in state else 0) / 20 - side / 10


class TricksBattle:
    """A state holds every hand, and who plays."""

    def __init__(self, seed: int) -> None:
        self.game = Tricks(Random(seed))

    @property
    def seat(self) -> int | None:
        return None if self.game.over else self.game.seat

    @property
    def outcome(self) -> Mapping[int, float] | None:
        """The shares of the win, so that an even one is 0: from -1/2 to 1."""
        return {seat: 1.5 * share - 0.5 for seat, share in enumerate(self.game.shares())} if self.game.over else None

    def state(self) -> Any:
        game = self.game
        return {"hands": [list(hand) for hand in game.hands], "table": list(game.table), "tricks": list(game.tricks)}

    def action_mask(self) -> Sequence[bool]:
        return [card in self.game.moves() for card in range(len(CARD_NAMES))]

    def apply(self, action: int) -> None:
        self.game.play(action)


class CardTable:
    """Three seats, each on its own side, hidden hands."""

    name, version, action_names = "tricks", "1", CARD_NAMES
    num_seats, max_characters = SEATS, 0
    feature_names = (*(f"has {name}" for name in CARD_NAMES), *(f"on the table {name}" for name in CARD_NAMES))
    bots: Mapping[str, Bot] = {
        "random": lambda battle, random: random_card(battle.game, random),
        "careful": lambda battle, random: careful_card(battle.game, random),
    }

    def __init__(self, **declared: Any) -> None:
        vars(self).update(declared)

    def encode(self, state: Any, seat: int) -> list[float]:
        return [float(card in cards) for cards in (state["hands"][seat], state["table"]) for card in range(18)]

    def new_battle(self, seed: int) -> Battle:
        return TricksBattle(seed)  # type: ignore[return-value]  # a game without rounds needs none


class AtOnceBattle:
    """Both seats choose in each of twenty rounds."""

    def __init__(self) -> None:
        self.game = RockPaperScissors()

    @property
    def seats(self) -> Sequence[int]:
        return () if self.game.over else (0, 1)

    @property
    def outcome(self) -> Mapping[int, float] | None:
        score = self.game.score / ROUNDS
        return {0: score, 1: -score} if self.game.over else None

    def state(self) -> Any:
        return [tuple(choices) for choices in self.game.history]

    def action_mask(self, seat: int) -> Sequence[bool]:
        return [True] * 3

    def apply_all(self, actions: Mapping[int, int]) -> None:
        self.game.play(actions[0], actions[1])


class AtOnce:
    """Rock, paper, scissors: both seats decide at once."""

    name, version, action_names = "at once", "1", NAMES
    max_characters = 0
    feature_names = tuple(f"{whose} {name}" for whose in ("mine", "theirs") for name in NAMES)
    bots: Mapping[str, Bot] = {
        "random": lambda battle, random: random.randrange(3),
        "habit": lambda battle, random: habitual_choice(battle.game, battle.seat, random),
    }

    def encode(self, state: Any, seat: int) -> list[float]:
        last = (state[-1][seat], state[-1][1 - seat]) if state else (-1, -1)
        return [float(choice == at) for choice in last for at in range(3)]

    def new_battle(self, seed: int) -> Battle:
        return AtOnceBattle()  # type: ignore[return-value]  # decides at once
