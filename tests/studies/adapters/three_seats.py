"""The card game for three for Cornerman: three seats that are alike, each for itself."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.studies.plain_games.three_seats import (
    CARD_NAMES,
    RANKS,
    SEATS,
    Tricks,
    best_of,
    careful_card,
    random_card,
)

CARDS = len(CARD_NAMES)


class TricksBattle:
    def __init__(self, seed: int) -> None:
        self.game = Tricks(Random(seed))

    @property
    def seat(self) -> int | None:
        return None if self.game.over else self.game.seat

    @property
    def outcome(self) -> dict[int, float] | None:
        shares = self.game.shares()
        return {seat: 2 * share - 1 for seat, share in enumerate(shares)} if self.game.over else None

    def state(self) -> Any:
        return seen(self.game)

    def action_mask(self) -> list[bool]:
        moves = self.game.moves()
        return [card in moves for card in range(CARDS)]

    def apply(self, action: int) -> None:
        self.game.play(action)


def seen(game: Tricks) -> Any:
    """A copy of everything on the table and in the hands."""
    hands = [list(hand) for hand in game.hands]
    return {"hands": hands, "table": list(game.table), "played": list(game.played), "tricks": list(game.tricks)}


def ones(cards: list[int]) -> list[float]:
    return [float(card in cards) for card in range(CARDS)]


class TricksGame:
    name, version, max_characters, num_seats = "tricks for three", "1", 0, SEATS
    action_names = CARD_NAMES
    feature_names = (
        *(f"{what} {card}" for what in ("hand", "takes", "led", "second", "gone") for card in CARD_NAMES),
        *("my tricks", "tricks of the next", "tricks of the last"),
    )
    bots = {  # noqa: RUF012  # as in any game
        "random": lambda battle, random: random_card(battle.game, random),
        "careful": lambda battle, random: careful_card(battle.game, random),
    }
    own_fighter = "random"  # so that the first version is met early
    import_name = "tests.studies.adapters.three_seats:GAME"

    def encode(self, state: Any, seat: int) -> list[float]:
        hand, table = state["hands"][seat], state["table"]
        takes = [card for card in hand if best_of([*table, card]) == card]
        given = ones(hand) + ones(takes) + ones(table[:1]) + ones(table[1:]) + ones(state["played"])
        return given + [state["tricks"][(seat + at) % SEATS] / RANKS for at in range(SEATS)]

    def new_battle(self, seed: int) -> TricksBattle:
        return TricksBattle(seed)


GAME = TricksGame()
