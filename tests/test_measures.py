"""What the studies measure, shown with players whose results are known beforehand."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.studies.intervals import of_mean
from tests.studies.measures import boards, leduc
from tests.studies.measures.barebones import barebones_gain
from tests.studies.measures.code_lines import code_lines
from tests.studies.measures.tables import simultaneous_gain, three_seats_gain
from tests.studies.plain_games.connect_four import ConnectFour, greedy_move, random_move, search_move
from tests.studies.plain_games.rock_paper_scissors import RockPaperScissors, habitual_choice
from tests.studies.plain_games.three_seats import Tricks, careful_card
from tests.studies.plain_games.tic_tac_toe import perfect_move


def test_against_perfect_counts_what_a_perfect_and_a_random_player_lose() -> None:
    random = Random(1)
    perfect = boards.against_perfect(lambda game: perfect_move(game, random), 100, seed=1)
    assert (perfect.won, perfect.drawn, perfect.lost) == (0, 100, 0)
    careless = boards.against_perfect(lambda game: random.choice(game.moves()), 100, seed=1)
    assert careless.won == 0
    assert careless.lost > 60


def test_connect_four_tally_counts_each_different_game_once_from_both_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(2)
    tally = boards.connect_four_tally(lambda game: search_move(game, random), random_move, 100, seed=2)
    assert (tally.games, tally.repeated) == (100, 0)
    assert tally.win_rate.low > 0.9
    assert tally.win_rate.value == tally.won / 100
    as_weaker = boards.connect_four_tally(lambda game: random_move(game, random), greedy_move, 100, seed=2)
    assert as_weaker.win_rate.high < 0.2
    monkeypatch.setattr(boards, "OPENING_PLIES", 1)

    def leftmost(game: ConnectFour) -> int:
        return min(game.moves())

    fourteen = boards.connect_four_tally(leftmost, lambda game, _: leftmost(game), 14, seed=1)
    assert fourteen.repeated > 0
    with pytest.raises(RuntimeError, match="only 14 of"):
        boards.connect_four_tally(leftmost, lambda game, _: leftmost(game), 15, seed=1)


def test_three_seats_gain_is_positive_for_who_sees_all_hands() -> None:
    """A player who tries each card and lets the careful players finish the deal."""

    def look_ahead(game: Tricks) -> int:
        def share(card: int) -> float:
            copy = Tricks(Random(0))
            copy.hands, copy.leader = [list(hand) for hand in game.hands], game.leader
            copy.table, copy.tricks = list(game.table), list(game.tricks)
            copy.play(card)
            while not copy.over:
                copy.play(careful_card(copy, Random(0)))
            return copy.shares()[game.seat]

        return max(game.moves(), key=share)

    assert of_mean(three_seats_gain(look_ahead, 60, seed=2)).low > 0.0


def test_simultaneous_gain_rewards_reading_the_habit() -> None:
    random = Random(4)
    at_random = of_mean(simultaneous_gain(lambda game, player: random.randrange(3), 400, seed=1))
    assert at_random.low < 0.0 < at_random.high

    def answer(game: RockPaperScissors, player: int) -> int:
        if not game.history:
            return 0
        mine, theirs = game.history[-1][player], game.history[-1][1 - player]
        return ((theirs if (theirs - mine) % 3 == 1 else (mine + 1) % 3) + 1) % 3

    assert of_mean(simultaneous_gain(answer, 100, seed=1)).low > 0.5
    habit = of_mean(simultaneous_gain(lambda game, player: habitual_choice(game, player, random), 400, seed=1))
    assert abs(habit.value) < 0.1


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


class Uniform:
    def probabilities(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[Any]:
        return np.asarray(mask / mask.sum())


class Always:
    """One action wherever it is legal, else a call."""

    def __init__(self, action: int) -> None:
        self._action = action

    def act(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> int:
        return self._action if mask[self._action] else leduc.CALL


def test_leduc_exploitability_is_the_known_one() -> None:
    pytest.importorskip("pyspiel", reason="extra openspiel")
    from open_spiel.python.algorithms.exploitability import exploitability

    uniform = leduc.as_open_spiel(Uniform(), leduc.information_state)
    assert exploitability(leduc.leduc(), uniform) == pytest.approx(2.3736111, abs=1e-6)  # OpenSpiel's own tests
    assert leduc.exploitability_share(Uniform()) == pytest.approx(1.0)
    assert leduc.exploitability_share(leduc.RuleBot()) < 0.5
    assert leduc.exploitability_share(leduc.Deterministic(Always(leduc.CALL))) == pytest.approx(0.6179, abs=1e-4)


class BestResponse:
    """OpenSpiel's best response to a policy, as a policy that sees what it should."""

    def __init__(self, policy: leduc.StochasticPolicy) -> None:
        from open_spiel.python.algorithms.best_response import BestResponsePolicy

        table = leduc.as_open_spiel(policy, leduc.information_state)
        best = [BestResponsePolicy(leduc.leduc(), seat, table) for seat in (0, 1)]
        self._best = {
            leduc.information_state(state, seat).tobytes(): best[seat].best_response_action(key)
            for seat in (0, 1)
            for key, states in best[seat].infosets.items()
            for state in [states[0][0]]
        }

    def act(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> int:
        return int(self._best.get(observation.tobytes(), leduc.CALL))


def test_leduc_best_response_wins_what_exploitability_says() -> None:
    pytest.importorskip("pyspiel", reason="extra openspiel")
    chips = leduc.chips_a_hand(leduc.Deterministic(BestResponse(leduc.RuleBot())), leduc.RuleBot())
    assert chips > 0.3
    assert chips == pytest.approx(leduc.exploitability_share(leduc.RuleBot()) * 2.3736111, abs=1e-5)


def test_barebones_gain_of_aiming_well_and_badly() -> None:
    pytest.importorskip("barebones_rpg", reason="extra barebones")
    from tests.studies.plain_games.encounter import fight

    def standing(combat: Any) -> list[int]:
        return [at for at, hero in enumerate(combat.players.members) if hero.is_alive()]

    def weakest(combat: Any, monster: Any) -> int:
        return min(standing(combat), key=lambda at: combat.players.members[at].stats.hp)

    assert [fight(seed) for seed in range(20)] == [fight(seed) for seed in range(20)]
    assert len({fight(seed) for seed in range(20)}) == 2
    assert of_mean(barebones_gain(weakest, 150, seed=1)).low > 0.08
    assert of_mean(barebones_gain(lambda combat, monster: standing(combat)[0], 150, seed=1)).high < 0.08
