"""What the studies measure, shown with players whose results are known beforehand."""

from __future__ import annotations

from random import Random

from tests.studies.measures import boards
from tests.studies.measures.code_lines import code_lines
from tests.studies.plain_games.connect_four import random_move, search_move
from tests.studies.plain_games.tic_tac_toe import perfect_move


def test_against_perfect_counts_what_a_perfect_and_a_random_player_lose() -> None:
    random = Random(1)
    perfect = boards.against_perfect(lambda game: perfect_move(game, random), 100, seed=1)
    assert (perfect.won, perfect.drawn, perfect.lost) == (0, 100, 0)
    careless = boards.against_perfect(lambda game: random.choice(game.moves()), 100, seed=1)
    assert careless.won == 0
    assert careless.lost > 60


def test_connect_four_tally_counts_each_different_game_once_from_both_seats() -> None:
    random = Random(2)
    tally = boards.connect_four_tally(lambda game: search_move(game, random), random_move, 100, seed=2)
    assert (tally.games, tally.repeated) == (100, 0)
    assert tally.win_rate.low > 0.9
    assert tally.win_rate.value == tally.won / 100


def test_code_lines_counts_neither_blanks_nor_comments_nor_docstrings() -> None:
    source = '''"""Two lines
of docstring."""

# a comment
def double(x):  # counted
    """Docstring."""
    text = """a value
    of two lines"""
    return (
        x * 2
    )
'''
    assert code_lines(source) == 6
    assert code_lines("") == 0
