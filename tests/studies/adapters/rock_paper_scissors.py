"""Repeated rock-paper-scissors for Cornerman: both seats decide at once; the bot has a habit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.studies.plain_games.rock_paper_scissors import (
    NAMES,
    ROUNDS,
    RockPaperScissors,
    habitual_choice,
    random_choice,
)

REMEMBERED = 2
"""Rounds that a seat sees, the last one first."""


class RockPaperScissorsBattle(RockPaperScissors):
    @property
    def seats(self) -> tuple[int, ...]:
        return () if self.over else (0, 1)

    @property
    def outcome(self) -> dict[int, float] | None:
        return {0: self.score / ROUNDS, 1: -self.score / ROUNDS} if self.over else None

    def state(self) -> Any:
        return list(self.history)

    def action_mask(self, seat: int) -> list[bool]:
        return [True] * len(NAMES)

    def apply_all(self, actions: Mapping[int, int]) -> None:
        self.play(actions[0], actions[1])


def bot(choose: Any) -> Any:
    """One of the plain game's players as a bot."""
    return lambda battle, random: choose(battle, battle.seat, random)


class RockPaperScissorsGame:
    name, version, max_characters, random_opening = "rock-paper-scissors", "1", 0, 4
    action_names = NAMES
    feature_names = tuple(
        f"{name} of {who} {ago} rounds ago"
        for ago in range(1, REMEMBERED + 1)
        for who in ("mine", "theirs")
        for name in NAMES
    )
    bots = {"random": bot(random_choice), "habit": bot(habitual_choice)}  # noqa: RUF012  # as in any game
    import_name = "tests.studies.adapters.rock_paper_scissors:GAME"

    def encode(self, state: Any, seat: int) -> list[float]:
        rounds = [*reversed(state[-REMEMBERED:]), *[(None, None)] * REMEMBERED][:REMEMBERED]
        return [float(choices[who] == at) for choices in rounds for who in (seat, 1 - seat) for at in range(len(NAMES))]

    def new_battle(self, seed: int) -> RockPaperScissorsBattle:
        del seed  # the players are all the chance there is
        return RockPaperScissorsBattle()


GAME = RockPaperScissorsGame()
