"""A trick-taking card game for three: who takes the most tricks wins.

Eighteen cards, 1 to 6 in clubs, hearts and stars; everybody is dealt six. The suit led must be followed by who can; the
highest star takes the trick, without a star the highest card of the suit led. Who takes a trick leads the next.
"""

from __future__ import annotations

from random import Random

SEATS, SUITS, RANKS = 3, 3, 6
TRUMP = 2
CARD_NAMES = tuple(f"{rank} of {suit}" for suit in ("clubs", "hearts", "stars") for rank in range(1, RANKS + 1))


def suit_of(card: int) -> int:
    return card // RANKS


def rank_of(card: int) -> int:
    return card % RANKS


class Tricks:
    """A card is a number from 0 to 17. `table` holds the cards of the present trick, the leader's first."""

    def __init__(self, random: Random) -> None:
        deck = list(range(SUITS * RANKS))
        random.shuffle(deck)
        self.hands = [sorted(deck[seat::SEATS]) for seat in range(SEATS)]
        self.leader = random.randrange(SEATS)
        self.table: list[int] = []
        self.played: list[int] = []  # everything that was played in earlier tricks
        self.tricks = [0] * SEATS

    @property
    def seat(self) -> int:
        """Who is to play."""
        return (self.leader + len(self.table)) % SEATS

    @property
    def over(self) -> bool:
        return not any(self.hands)

    def moves(self) -> list[int]:
        """The cards that may be played."""
        hand = self.hands[self.seat]
        follow = [card for card in hand if self.table and suit_of(card) == suit_of(self.table[0])]
        return follow or hand

    def play(self, card: int) -> None:
        if card not in self.moves():
            raise ValueError(f"The {CARD_NAMES[card]} may not be played now.")
        self.hands[self.seat].remove(card)
        self.table.append(card)
        if len(self.table) == SEATS:
            self.leader = (self.leader + self.table.index(best_of(self.table))) % SEATS
            self.tricks[self.leader] += 1
            self.played += self.table
            self.table = []

    def shares(self) -> list[float]:
        """What each seat has of the win: 1, or its share where several took the most tricks."""
        winners = [taken == max(self.tricks) for taken in self.tricks]
        return [won / sum(winners) for won in winners]


def best_of(cards: list[int]) -> int:
    """Which of the cards on the table takes the trick."""
    return max(cards, key=lambda card: (suit_of(card) == TRUMP, suit_of(card) == suit_of(cards[0]), rank_of(card)))


def random_card(game: Tricks, random: Random) -> int:
    return random.choice(game.moves())


def careful_card(game: Tricks, random: Random) -> int:
    """Takes a trick as cheaply as it can when it plays last, with its best card before that, else plays its lowest."""
    cards = sorted(game.moves(), key=lambda card: (suit_of(card) == TRUMP, rank_of(card)))
    taking = [card for card in cards if best_of([*game.table, card]) == card]
    if not taking:
        return cards[0]
    return taking[0] if len(game.table) == SEATS - 1 else taking[-1]
