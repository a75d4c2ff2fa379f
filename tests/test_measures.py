"""What the studies measure, shown with players whose results are known beforehand."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from tests.benchmarks.frame import StoodStillError
from tests.benchmarks.loaded_plugin import Work as Done
from tests.studies.measures import aarch64, boards, one_core
from tests.studies.measures.code_lines import code_lines
from tests.studies.plain_games.connect_four import random_move, search_move
from tests.studies.plain_games.tic_tac_toe import perfect_move
from tests.studies.study import Unit, Work


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


def test_gain_is_what_was_learned_with_the_interval_of_both_rates() -> None:
    found = aarch64.gain([{"untrained": 0.25, "now": 0.75, "evaluation_battles": 400}])
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.44, 0.56), abs=0.001)


def test_emulated_machine_that_is_not_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aarch64, "EMULATED", tmp_path)
    unit = Unit("arm played", aarch64.played, {"battles": 1})
    with pytest.raises(RuntimeError, match="make aarch64"):
        unit.run(Work(tmp_path, unit), **unit.arguments)


@pytest.mark.parametrize(("values", "middle"), [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 3.0], 2.5), ([1.5], 1.5)])
def test_median_of_a_figure_of_one_core(values: list[float], middle: float) -> None:
    found = one_core.median_of("ratios", [{"ratios": values}])
    assert found.value == middle
    assert (found.low, found.high) == (min(values), max(values))


@pytest.mark.parametrize(
    ("works", "still"),
    [
        ([Done(1, 0, 0, False, 0), Done(1, 5, 0, True, 0)], ""),
        ([Done(0, 5, 1, True, 0), Done(1, 5, 1, True, 0)], "learning in one of the runs"),
        ([Done(1, 0, 0, False, 0)], "practice, judging"),
    ],
)
def test_figures_of_one_core_are_refused_where_something_stood_still(works: list[Done], still: str) -> None:
    with pytest.raises(StoodStillError, match=f"drawn: {still};") if still else nullcontext():
        one_core.check(works)
