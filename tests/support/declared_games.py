"""Battles of the studies' adapters in games that declare more or less: a board without chance, three seats, decisions
at once, unlike seats."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from cornerman.contract import Battle, Bot
from tests.studies.adapters.rock_paper_scissors import RockPaperScissorsBattle
from tests.studies.adapters.three_seats import TricksBattle, TricksGame
from tests.studies.adapters.tic_tac_toe import BOTS, TicTacToeBattle
from tests.studies.plain_games.rock_paper_scissors import NAMES, habitual_choice
from tests.studies.plain_games.three_seats import CARD_NAMES, SEATS


def by_itself(battle: TicTacToeBattle, random: Random) -> None:
    """Plays its turn through the game's own code."""
    battle.play(random.choice(battle.moves()))


class Board:
    """Tic-tac-toe: no characters, no rounds, no chance."""

    name, version, action_names = "board", "1", tuple(f"square {at}" for at in range(9))
    max_characters = 0
    feature_names = tuple(f"{whose} {at}" for whose in ("mine", "theirs") for at in range(9))
    bots: Mapping[str, Bot] = BOTS

    def __init__(self, random_opening: int = 0, **declared: Any) -> None:
        self.random_opening = random_opening
        vars(self).update(declared)

    def encode(self, state: Any, seat: int) -> list[float]:
        return [float(square == mark) for mark in ("XO"[seat], "OX"[seat]) for square in state]

    def new_battle(self, seed: int) -> Battle:
        return TicTacToeBattle()  # type: ignore[return-value]  # a game without rounds needs none


class Shaped(Board):
    """With a standing of its own (not the same for either side); what is not over after seven decisions is cut off."""

    max_decisions = 7

    def standing(self, state: Any, side: int) -> float:
        return (state.count("XO"[side]) + state.index(" ") if " " in state else 0) / 20 - side / 10


class EvenTricks(TricksBattle):
    """An even share of the win is 0: outcomes are from -1/2 to 1."""

    @property
    def outcome(self) -> dict[int, float] | None:
        return {seat: 1.5 * share - 0.5 for seat, share in enumerate(self.game.shares())} if self.game.over else None


class CardTable:
    """Three seats, each on its own side, hidden hands."""

    name, version, action_names = "tricks", "1", CARD_NAMES
    num_seats, max_characters = SEATS, 0
    feature_names = (*(f"has {name}" for name in CARD_NAMES), *(f"on the table {name}" for name in CARD_NAMES))
    bots: Mapping[str, Bot] = TricksGame.bots

    def __init__(self, **declared: Any) -> None:
        vars(self).update(declared)

    def encode(self, state: Any, seat: int) -> list[float]:
        return [float(card in cards) for cards in (state["hands"][seat], state["table"]) for card in range(18)]

    def new_battle(self, seed: int) -> Battle:
        return EvenTricks(seed)  # type: ignore[return-value]  # a game without rounds needs none


class AtOnce:
    """Rock, paper, scissors: both seats decide at once."""

    name, version, action_names = "at once", "1", NAMES
    max_characters = 0
    feature_names = tuple(f"{whose} {name}" for whose in ("mine", "theirs") for name in NAMES)
    bots: Mapping[str, Bot] = {
        "random": lambda battle, random: random.randrange(3),
        "habit": lambda battle, random: habitual_choice(battle, battle.seat, random),
    }

    def encode(self, state: Any, seat: int) -> list[float]:
        last = (state[-1][seat], state[-1][1 - seat]) if state else (-1, -1)
        return [float(choice == at) for choice in last for at in range(3)]

    def new_battle(self, seed: int) -> Battle:
        return RockPaperScissorsBattle()  # type: ignore[return-value]  # decides at once
