"""Tic-tac-toe, and a player that never loses."""

from __future__ import annotations

from functools import cache
from random import Random

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


class TicTacToe:
    """Squares are 0 to 8, row by row; X is player 0 and begins."""

    def __init__(self) -> None:
        self.squares = [" "] * 9
        self.player = 0
        self.winner: int | None = None

    @property
    def over(self) -> bool:
        return self.winner is not None or " " not in self.squares

    def moves(self) -> list[int]:
        """The free squares."""
        return [] if self.over else [square for square in range(9) if self.squares[square] == " "]

    def play(self, square: int) -> None:
        if square not in self.moves():
            raise ValueError(f"Square {square} cannot be taken.")
        self.squares[square] = "XO"[self.player]
        if any(all(self.squares[at] == "XO"[self.player] for at in line) for line in LINES):
            self.winner = self.player
        self.player = 1 - self.player


def perfect_move(game: TicTacToe, random: Random) -> int:
    """One of the best moves, drawn by lot."""
    values = {square: _value_after("".join(game.squares), game.player, square) for square in game.moves()}
    best = max(values.values())
    return random.choice([square for square, value in values.items() if value == best])


@cache
def _value_after(squares: str, player: int, square: int) -> int:
    """What a move is worth to the player who makes it: 1 wins, 0 draws, -1 loses."""
    mark = "XO"[player]
    squares = squares[:square] + mark + squares[square + 1 :]
    if any(all(squares[at] == mark for at in line) for line in LINES):
        return 1
    free = [at for at in range(9) if squares[at] == " "]
    return -max((_value_after(squares, 1 - player, at) for at in free), default=0)
