"""Tic-tac-toe for Cornerman: its own features, no characters, seats that begin and follow."""

from __future__ import annotations

from typing import Any

from tests.studies.plain_games.tic_tac_toe import TicTacToe, perfect_move


class TicTacToeBattle(TicTacToe):
    @property
    def seat(self) -> int | None:
        return None if self.over else self.player

    @property
    def outcome(self) -> dict[int, int] | None:
        won = {None: 0, 0: 1, 1: -1}[self.winner]
        return {0: won, 1: -won} if self.over else None

    def state(self) -> Any:
        return list(self.squares)

    def action_mask(self) -> list[bool]:
        return [square == " " for square in self.squares]

    apply = TicTacToe.play


BOTS = {"random": lambda battle, random: random.choice(battle.moves()), "perfect": perfect_move}


class TicTacToeGame:
    name, version, max_characters, seats_alike, random_opening = "tic-tac-toe", "1", 0, False, 1
    action_names = feature_names = tuple(f"square {at}" for at in range(9))
    bots, own_fighter = BOTS, "random"  # nobody is better than the perfect one
    import_name = "tests.studies.adapters.tic_tac_toe:GAME"

    def encode(self, state: Any, seat: int) -> list[float]:
        return [0.0 if square == " " else 1.0 if square == "XO"[seat] else -1.0 for square in state]

    def new_battle(self, seed: int) -> TicTacToeBattle:
        del seed  # no chance: battles differ by their random opening
        return TicTacToeBattle()


GAME = TicTacToeGame()
