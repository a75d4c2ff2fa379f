"""Many games of connect four at once, in arrays: for tools that need millions of moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.studies.plain_games.connect_four import COLUMNS, ROWS, WINDOWS

Array = NDArray[Any]


def _window_matrix() -> NDArray[np.float32]:
    """Which squares are in which row of four, `[42, 69]`; square 6 * column + row."""
    squares = [1 << (7 * column + row) for column in range(COLUMNS) for row in range(ROWS)]
    return np.array([[float(bool(window & square)) for window in WINDOWS] for square in squares], np.float32)


IN_WINDOW = _window_matrix()


class ConnectFourGames:
    """N games, in all of which a move is due; a game that ends makes room for a new one at once."""

    def __init__(self, num_games: int) -> None:
        self.stones = np.zeros((num_games, 2, COLUMNS * ROWS), np.bool_)
        self.heights = np.zeros((num_games, COLUMNS), np.int64)
        self.player = np.zeros(num_games, np.int64)
        self._rows = np.arange(num_games)

    def legal(self) -> NDArray[np.bool_]:
        """Which columns take a disc, `[N, 7]`."""
        return self.heights < ROWS

    def play(self, columns: Array) -> tuple[Array, Array]:
        """One legal column a game `[N]`; returns the games that ended and their winners: 0, 1, or -1 for a draw."""
        rows, mover = self._rows, self.player
        squares = ROWS * columns + self.heights[rows, columns]
        self.stones[rows, mover, squares] = True
        self.heights[rows, columns] += 1
        mine = self.stones[rows, mover].astype(np.float32)
        won = ((mine @ IN_WINDOW) == 4.0).any(1)
        full = (self.heights == ROWS).all(1)
        ended = np.flatnonzero(won | full)
        winners = np.where(won[ended], mover[ended], -1)
        self.player = 1 - mover
        self.stones[ended] = False
        self.heights[ended] = 0
        self.player[ended] = 0
        return ended, winners
