"""Connect four for Cornerman with a batched engine, and with features that a player looks for: squares that win."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.studies.adapters.connect_four import ConnectFourGame
from tests.studies.plain_games.connect_four import COLUMNS, ROWS, WORTH
from tests.studies.plain_games.connect_four_batch import IN_WINDOW, ConnectFourGames

Array = NDArray[Any]
SQUARES = COLUMNS * ROWS
OPENING = 4
BITS = np.array([7 * column + row for column in range(COLUMNS) for row in range(ROWS)])
WORTH_OF = np.array((*WORTH, 0), np.float32)
MAPS = ("my disc", "their disc", "I would win", "they would win")
COLUMN_MAPS = ("I win", "they win", "I win above", "they win above")


def features(mine: Array, theirs: Array, heights: Array) -> NDArray[np.float32]:
    """Discs `[N, 42]` of either player, empty squares that make four for either, and the same of the squares that the
    columns `[N, 7]` come to now and after one more disc."""
    mine, theirs = mine.astype(np.float32), theirs.astype(np.float32)
    empty = (mine + theirs) == 0
    in_mine, in_theirs = mine @ IN_WINDOW, theirs @ IN_WINDOW
    wins = [
        (((own == 3) & (other == 0)).astype(np.float32) @ IN_WINDOW.T > 0) & empty
        for own, other in ((in_mine, in_theirs), (in_theirs, in_mine))
    ]
    rows, columns = np.arange(len(mine))[:, None], np.arange(COLUMNS)
    found = [mine, theirs, *wins]
    for above in (0, 1):
        row = heights + above
        square = ROWS * columns + np.minimum(row, ROWS - 1)
        found += [win[rows, square] & (row < ROWS) for win in wins]
    return np.concatenate(found, 1, dtype=np.float32)


@dataclass
class Ended:
    """What one step ended."""

    rows: Array
    outcome: Array
    standing: NDArray[np.float32] = field(init=False)
    truncated: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.standing = np.zeros(len(self.rows), np.float32)
        self.truncated = np.zeros(len(self.rows), np.bool_)


class ConnectFourBatch:
    """N games, each of which begins with four random discs."""

    def __init__(self, num_battles: int, seed: int) -> None:
        self.num_battles, self.games = num_battles, ConnectFourGames(num_battles)
        self.standing = np.zeros(num_battles, np.float32)
        self._random = np.random.default_rng(seed)
        self._open(np.arange(num_battles))

    def _open(self, rows: Array) -> None:
        """Nobody wins with two discs, and no column is full with four."""
        games = self.games
        for ply, columns in enumerate(self._random.integers(COLUMNS, size=(OPENING, len(rows)))):
            games.stones[rows, ply % 2, ROWS * columns + games.heights[rows, columns]] = True
            games.heights[rows, columns] += 1

    @property
    def seat(self) -> Array:
        return self.games.player

    def observe(self, observations: NDArray[np.float32], action_masks: NDArray[np.bool_]) -> None:
        mine, theirs = self.stones(np.arange(self.num_battles))
        observations[:] = features(mine, theirs, self.games.heights)
        action_masks[:] = self.games.legal()

    def stones(self, rows: Array) -> tuple[Array, Array]:
        """The discs of who is to move, and of the other, `[R, 42]`."""
        player = self.games.player[rows]
        return self.games.stones[rows, player], self.games.stones[rows, 1 - player]

    def step(self, actions: Array) -> Ended:
        rows, winners = self.games.play(actions)
        self._open(rows)
        return Ended(rows, np.array([0, 1, -1], np.int64)[np.where(winners < 0, 0, 1 + winners)])


def random_bot(battles: ConnectFourBatch, rows: Array, random: np.random.Generator) -> Array:
    legal = battles.games.legal()[rows]
    chosen: Array = np.where(legal, random.random(legal.shape), -1.0).argmax(1)
    return chosen


def greedy_bot(battles: ConnectFourBatch, rows: Array, random: np.random.Generator) -> Array:
    """The move after which the position looks best, as `greedy_move` of the plain game."""
    mine, theirs = (discs.astype(np.float32) for discs in battles.stones(rows))
    heights, each = battles.games.heights[rows], np.arange(len(rows))
    in_theirs, values = theirs @ IN_WINDOW, np.full((len(rows), COLUMNS), -np.inf)
    for column in range(COLUMNS):
        after = mine.copy()
        after[each, ROWS * column + np.minimum(heights[:, column], ROWS - 1)] = 1.0
        counts = after @ IN_WINDOW
        own = np.where(in_theirs == 0, WORTH_OF[counts.astype(np.intp)], 0).sum(1)
        other = np.where(counts == 0, WORTH_OF[in_theirs.astype(np.intp)], 0).sum(1)
        looks = np.where((counts == 4).any(1), np.inf, own - other)
        values[:, column] = np.where(heights[:, column] < ROWS, looks, -np.inf)
    best: Array = np.where(values == values.max(1, keepdims=True), random.random(values.shape), -1.0).argmax(1)
    return best


class BatchedConnectFour(ConnectFourGame):
    feature_names = (
        *(f"{what} {at}" for what in MAPS for at in range(SQUARES)),
        *(f"{what} {at}" for what in COLUMN_MAPS for at in range(COLUMNS)),
    )
    batched_bots = {"random": random_bot, "greedy": greedy_bot}  # noqa: RUF012  # as in any game
    import_name = "tests.studies.adapters.connect_four_batched:GAME"

    def encode(self, state: tuple[int, ...], seat: int) -> Any:
        both = np.array([state[seat], state[1 - seat]], "<u8").view(np.uint8)
        discs = np.unpackbits(both.reshape(2, 8), axis=1, bitorder="little")[:, None, BITS].astype(np.int64)
        return features(discs[0], discs[1], discs.sum(0).reshape(1, COLUMNS, ROWS).sum(2))[0]

    def new_battles(self, num_battles: int, seed: int) -> ConnectFourBatch:
        return ConnectFourBatch(num_battles, seed)


GAME = BatchedConnectFour()
