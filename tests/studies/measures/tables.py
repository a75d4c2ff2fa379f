"""How a player fares at the card table of three and in repeated rock-paper-scissors: its score over chance."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.studies.plain_games.rock_paper_scissors import ROUNDS, RockPaperScissors, habitual_choice
from tests.studies.plain_games.three_seats import SEATS, Tricks, careful_card


def three_seats_gain(card: Callable[[Tricks], int], num_deals: int, seed: int) -> list[float]:
    """Per deal: the share of the win that `card` takes against two careful players, minus a third.

    Every deal is played three times, with `card` in each seat, so that the luck of the deal cancels.
    """
    gains = []
    for at in range(num_deals):
        share = 0.0
        for seat in range(SEATS):
            game, random = Tricks(Random(f"deal {seed} {at}")), Random(f"play {seed} {at}")
            while not game.over:
                game.play(card(game) if game.seat == seat else careful_card(game, random))
            share += game.shares()[seat]
        gains.append((share - 1.0) / SEATS)
    return gains


def simultaneous_gain(choose: Callable[[RockPaperScissors, int], int], num_games: int, seed: int) -> list[float]:
    """Per game: rounds won minus rounds lost against a habit, over all rounds; `choose` alternates seats."""
    random, gains = Random(seed), []
    for at in range(num_games):
        game, player = RockPaperScissors(), at % 2
        while not game.over:
            mine, theirs = choose(game, player), habitual_choice(game, 1 - player, random)
            game.play(*((mine, theirs) if player == 0 else (theirs, mine)))
        gains.append((game.score if player == 0 else -game.score) / ROUNDS)
    return gains
