"""Rock, paper, scissors over twenty rounds, both players choosing at once, and a player with a habit."""

from __future__ import annotations

from random import Random

NAMES = ("rock", "paper", "scissors")
ROUNDS = 20


class RockPaperScissors:
    """`history` holds the choices of every round so far; a choice beats the one before it in `NAMES`."""

    def __init__(self) -> None:
        self.history: list[tuple[int, int]] = []

    @property
    def over(self) -> bool:
        return len(self.history) == ROUNDS

    @property
    def score(self) -> int:
        """Rounds won by player 0 minus rounds won by player 1."""
        return sum((0, 1, -1)[(first - second) % 3] for first, second in self.history)

    def play(self, first: int, second: int) -> None:
        """Both choices of one round."""
        if self.over:
            raise ValueError("The twenty rounds are over.")
        if not {first, second} <= {0, 1, 2}:
            raise ValueError("A choice is 0, 1 or 2.")
        self.history.append((first, second))


def habitual_choice(game: RockPaperScissors, player: int, random: Random) -> int:
    """Most people's habit: stay with what won, otherwise go on to what would have beaten the other's last choice."""
    if not game.history or random.random() < 0.3:
        return random.randrange(3)
    mine, theirs = game.history[-1][player], game.history[-1][1 - player]
    return mine if (mine - theirs) % 3 == 1 else (theirs + 1) % 3


def random_choice(game: RockPaperScissors, player: int, random: Random) -> int:
    return random.randrange(3)
