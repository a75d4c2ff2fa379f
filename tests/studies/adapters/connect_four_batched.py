"""Connect four for Cornerman with a batched engine, and with features that a player looks for: squares that win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.studies.adapters.connect_four import ConnectFourBattle, ConnectFourGame
from tests.studies.plain_games.connect_four import COLUMNS, ROWS, WORTH, search_move
from tests.studies.plain_games.connect_four_batch import IN_WINDOW, ConnectFourGames

Array = NDArray[Any]
SQUARES = COLUMNS * ROWS
OPENING = 4
BITS = np.array([7 * column + row for column in range(COLUMNS) for row in range(ROWS)])
LOOKS = np.zeros(25, np.float32)
"""What a row of four is worth with so many discs of mine times 5 plus so many of theirs."""
LOOKS[[5, 10, 15]], LOOKS[[1, 2, 3]] = WORTH[1:], [-worth for worth in WORTH[1:]]
WON, USUAL = 1e6, 40.0
"""How a won position looks, and a good one."""
MAPS = ("my disc", "their disc", "I would win", "they would win")
COLUMN_MAPS = ("I win", "they win", "I win above", "they win above", "good for me", "good for them")


def discs_of(stones: Sequence[int]) -> NDArray[np.bool_]:
    """The squares of the discs on bitboards, `[P, 42]`."""
    bits = np.unpackbits(np.array(stones, "<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    return bits[:, BITS].astype(np.bool_)


def squares_of(heights: Array) -> Array:
    """The square that the next disc in each column comes to, `[N, 7]`; the topmost where it is full."""
    squares: Array = ROWS * np.arange(COLUMNS) + np.minimum(heights, ROWS - 1)
    return squares


def looks(mine: Array, theirs: Array, heights: Array) -> Array:
    """How the position looks after each move `[N, 7]`, of the discs in every row of four `[N, 69]`; `WON` where it
    wins, and minus infinity where the column is full."""
    after = mine[:, None] + IN_WINDOW[squares_of(heights)]
    looked = LOOKS[(5 * after + theirs[:, None]).astype(np.intp)].sum(2)
    values: Array = np.where((after == 4).any(2), WON, looked)
    values[heights == ROWS] = -np.inf
    return values


def features(mine: Array, theirs: Array, heights: Array) -> NDArray[np.float32]:
    """Discs `[N, 42]` of either player; empty squares that make four for either, in all and of those that the columns
    `[N, 7]` come to now and after one more disc; and how good each column looks for either to the greedy bot."""
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
    for own, other in ((in_mine, in_theirs), (in_theirs, in_mine)):
        found.append((looks(own, other, heights) / USUAL).clip(-1.0, 1.0))
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

    @classmethod
    def at(cls, stones: Array, rows: Array) -> ConnectFourBatch:
        """Games that go on from positions `[P, 2, 42]`, row r from that of number `rows[r]`."""
        batch = cls(len(rows), 0)
        games = batch.games
        games.stones[:] = stones[rows]
        games.heights[:] = games.stones.any(1).reshape(-1, COLUMNS, ROWS).sum(2)
        games.player[:] = games.heights.sum(1) % 2
        return batch

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

    def counts(self, rows: Array) -> tuple[Array, Array]:
        """How many discs of either are in each row of four, `[R, 69]`."""
        mine, theirs = (discs.astype(np.float32) @ IN_WINDOW for discs in self.stones(rows))
        return mine, theirs

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
    return best_of(looks(*battles.counts(rows), battles.games.heights[rows]), random)


def search_bot(battles: ConnectFourBatch, rows: Array, random: np.random.Generator) -> Array:
    """Looks at every answer, too, as `search_move` of the plain game."""
    (mine, theirs), heights = battles.counts(rows), battles.games.heights[rows]
    values = looks(mine, theirs, heights)
    for column in range(COLUMNS):
        after, higher = mine + IN_WINDOW[squares_of(heights)[:, column]], heights.copy()
        higher[:, column] += heights[:, column] < ROWS
        answered = -looks(theirs, after, higher).max(1)
        answered[(higher == ROWS).all(1)] = 0.0
        open_still = np.abs(values[:, column]) < WON  # neither won by this move nor impossible
        values[:, column] = np.where(open_still, answered, values[:, column])
    return best_of(values, random)


def best_of(values: Array, random: np.random.Generator) -> Array:
    """One of the columns of the largest value `[R]`, drawn by lot."""
    best: Array = np.where(values == values.max(1, keepdims=True), random.random(values.shape), -1.0).argmax(1)
    return best


class BatchedConnectFour(ConnectFourGame):
    feature_names = (
        *(f"{what} {at}" for what in MAPS for at in range(SQUARES)),
        *(f"{what} {at}" for what in COLUMN_MAPS for at in range(COLUMNS)),
    )
    bots = {**ConnectFourGame.bots, "search2": search_move}  # noqa: RUF012  # as in any game
    batched_bots = {"random": random_bot, "greedy": greedy_bot, "search2": search_bot}  # noqa: RUF012
    own_fighter = "random"  # so that the first version is met early; the search is beaten later, if at all
    import_name = "tests.studies.adapters.connect_four_batched:GAME"

    def encode(self, state: tuple[int, ...], seat: int) -> Any:
        mine, theirs = discs_of([state[seat], state[1 - seat]])[:, None].astype(np.int64)
        return features(mine, theirs, (mine + theirs).reshape(1, COLUMNS, ROWS).sum(2))[0]

    def new_battles(self, num_battles: int, seed: int) -> ConnectFourBatch:
        return ConnectFourBatch(num_battles, seed)

    def restore(self, state: tuple[int, ...], seat: int, random: Random) -> ConnectFourBattle:
        """Nothing is hidden, and there is no chance."""
        battle = ConnectFourBattle()
        battle.stones = list(state)
        battle.heights = discs_of(state).any(0).reshape(COLUMNS, ROWS).sum(1).tolist()
        battle.player = sum(battle.heights) % 2
        return battle

    def restore_battles(self, states: Any, seats: Any, rows: Array, seeds: Array) -> ConnectFourBatch:
        return ConnectFourBatch.at(np.stack([discs_of(state) for state in states]), rows)


GAME = BatchedConnectFour()
