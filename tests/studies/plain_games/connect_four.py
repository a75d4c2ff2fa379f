"""Connect four on two bitboards, with a random, a greedy and a searching player.

Column c and row r (0 is the bottom) are bit 7 * c + r; the seventh bit of a column stays empty, so that no line wraps.
"""

from __future__ import annotations

from math import inf
from random import Random

COLUMNS, ROWS = 7, 6
DIRECTIONS = (1, 7, 6, 8)  # up, right, down and right, up and right
CENTRE_FIRST = (3, 2, 4, 1, 5, 0, 6)


def has_four(stones: int) -> bool:
    for step in DIRECTIONS:
        pairs = stones & (stones >> step)
        if pairs & (pairs >> (2 * step)):
            return True
    return False


class ConnectFour:
    """`stones` are the discs of either player; player 0 begins."""

    def __init__(self) -> None:
        self.stones = [0, 0]
        self.heights = [0] * COLUMNS
        self.player = 0
        self.winner: int | None = None

    @property
    def over(self) -> bool:
        return self.winner is not None or min(self.heights) == ROWS

    def moves(self) -> list[int]:
        """The columns that are not full, the middle ones first."""
        return [] if self.over else [column for column in CENTRE_FIRST if self.heights[column] < ROWS]

    def play(self, column: int) -> None:
        if column not in self.moves():
            raise ValueError(f"Column {column} takes no disc.")
        self.stones[self.player] |= 1 << (7 * column + self.heights[column])
        self.heights[column] += 1
        if has_four(self.stones[self.player]):
            self.winner = self.player
        self.player = 1 - self.player


def _windows() -> list[int]:
    """All 69 rows of four squares."""
    found = []
    for column in range(COLUMNS):
        for row in range(ROWS):
            for right, up in ((0, 1), (1, 0), (1, -1), (1, 1)):
                squares = [(column + right * at, row + up * at) for at in range(4)]
                if all(0 <= x < COLUMNS and 0 <= y < ROWS for x, y in squares):
                    found.append(sum(1 << (7 * x + y) for x, y in squares))
    return found


WINDOWS = _windows()
WORTH = (0, 1, 4, 16)
"""What so many discs are worth in a row of four that the other player has no disc in."""


def score(mine: int, theirs: int) -> float:
    """How good a position looks: rows that can still become four."""
    total = 0
    for window in WINDOWS:
        if not window & theirs:
            total += WORTH[(window & mine).bit_count()]
        elif not window & mine:
            total -= WORTH[(window & theirs).bit_count()]
    return total


def search(stones: list[int], heights: list[int], player: int, depth: int) -> list[tuple[float, int]]:
    """The value of each move after so many plies, as (value, column)."""
    found = []
    for column in CENTRE_FIRST:
        if heights[column] == ROWS:
            continue
        after = stones.copy()
        after[player] |= 1 << (7 * column + heights[column])
        if has_four(after[player]):
            found.append((inf, column))
        elif depth == 1:
            found.append((score(after[player], after[1 - player]), column))
        else:
            deeper = [height + (at == column) for at, height in enumerate(heights)]
            replies = search(after, deeper, 1 - player, depth - 1)
            found.append((-max(replies)[0] if replies else 0.0, column))
    return found


def random_move(game: ConnectFour, random: Random) -> int:
    return random.choice(game.moves())


def greedy_move(game: ConnectFour, random: Random) -> int:
    """The move after which the position looks best; it sees a win, and does not see the answer."""
    return _best(game, random, 1)


def search_move(game: ConnectFour, random: Random) -> int:
    """Looks at every answer, too: it wins and blocks where it can."""
    return _best(game, random, 2)


def _best(game: ConnectFour, random: Random, depth: int) -> int:
    values = search(game.stones, game.heights, game.player, depth)
    best = max(values)[0]
    return random.choice([column for value, column in values if value == best])
