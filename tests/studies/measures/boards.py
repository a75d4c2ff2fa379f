"""How a player of tic-tac-toe and of connect four fares: from both seats, over games that differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.studies.intervals import Interval, wilson
from tests.studies.plain_games.connect_four import ConnectFour, random_move
from tests.studies.plain_games.tic_tac_toe import TicTacToe, perfect_move

OPENING_PLIES = 4
"""So many random moves begin a game of connect four: without chance, two fixed players would play one game for ever."""


@dataclass
class Tally:
    """Results of one player over games that differ; `repeated` games were played and not counted."""

    won: int = 0
    drawn: int = 0
    lost: int = 0
    repeated: int = 0

    @property
    def games(self) -> int:
        return self.won + self.drawn + self.lost

    @property
    def win_rate(self) -> Interval:
        """The share of games won, a draw counting as none."""
        return wilson(self.won, self.games)

    def count(self, winner: int | None, seat: int) -> None:
        self.won += winner == seat
        self.drawn += winner is None
        self.lost += winner == 1 - seat


def against_perfect(move: Callable[[TicTacToe], int], num_games: int, seed: int) -> Tally:
    """How `move` fares against a perfect player who draws its best moves by lot; the seats alternate.

    Games may repeat here: there are few of them, and what counts is that none is lost.
    """
    random, tally = Random(seed), Tally()
    for at in range(num_games):
        game, seat = TicTacToe(), at % 2
        while not game.over:
            game.play(move(game) if game.player == seat else perfect_move(game, random))
        tally.count(game.winner, seat)
    return tally


def connect_four_tally(
    move: Callable[[ConnectFour], int],
    opponent: Callable[[ConnectFour, Random], int],
    num_games: int,
    seed: int,
) -> Tally:
    """How `move` fares in so many different games; each random opening is played from both seats.

    RuntimeError where nineteen games of twenty are repeats: these players do not play that many different games.
    """
    random, tally, seen = Random(seed), Tally(), set[tuple[int, tuple[int, ...]]]()
    while tally.games < num_games:
        opening = _opening(random)
        for seat in (0, 1):
            game, columns = ConnectFour(), list(opening)
            for column in opening:
                game.play(column)
            while not game.over:
                columns.append(move(game) if game.player == seat else opponent(game, random))
                game.play(columns[-1])
            if (seat, tuple(columns)) in seen:
                tally.repeated += 1
            else:
                seen.add((seat, tuple(columns)))
                tally.count(game.winner, seat)
        if tally.repeated > 19 * num_games:
            raise RuntimeError(f"only {tally.games} of {tally.games + tally.repeated} games differ")
    return tally


def _opening(random: Random) -> list[int]:
    game, columns = ConnectFour(), list[int]()
    for _ in range(OPENING_PLIES):
        columns.append(random_move(game, random))
        game.play(columns[-1])
    return columns
