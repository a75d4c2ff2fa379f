"""NAME, for Cornerman. It runs as it is, as a game of 21 stones: put your own rules where it says "yours".

cornerman check NAME:GAME          says what is still wrong, each with the fix
cornerman train --game NAME:GAME   learns by self-play
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

MOST = 3


class Battle:
    """One battle without a window. Yours: wrap the rules that your game has; nothing here may draw or wait."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # yours: all chance of a battle from this, never from module `random`
        self.stones = self.random.randint(15, 21)
        self.turn = 0

    @property
    def seat(self) -> int | None:
        """Who decides now, 0 or 1; None after the end. One seat may decide several times in a turn."""
        return None if self.stones == 0 else self.turn

    @property
    def outcome(self) -> dict[int, int] | None:
        """Per seat 1 (won), 0 (drawn) or -1 (lost), or a score between; None while the battle goes on."""
        return {1 - self.turn: 1, self.turn: -1} if self.stones == 0 else None

    def state(self) -> Any:
        """Plain data of everything that matters, as a fresh copy: later turns must not change it."""
        return {"stones": self.stones}

    def action_mask(self) -> Sequence[bool]:
        """Which of GAME.action_names may be chosen now; at least one."""
        return [number <= self.stones for number in range(1, MOST + 1)]

    def apply(self, action: int) -> None:
        """Play the action of that number; ValueError where it is not legal."""
        if not 0 <= action < MOST or not self.action_mask()[action]:
            raise ValueError(f"{action + 1} stones cannot be taken from {self.stones}")
        self.stones -= action + 1
        self.turn = 1 - self.turn


def careful(battle: Battle, random: Random) -> int:
    """Yours: the fighter that your game has, as a bot. It returns a legal action, or None where it has played its whole
    turn through your own code."""
    best = battle.stones % (MOST + 1) if battle.stones <= 2 * MOST else 0  # it sees the end, and no plan before it
    return best - 1 if best else random.randrange(min(MOST, battle.stones))


class Game:
    """What Cornerman reads once, at load; contract.py lists everything that may be declared."""

    name, version = "NAME", "1"  # a new version where actions or features change: what was learned is then put aside
    action_names = tuple(f"take {number}" for number in range(1, MOST + 1))
    import_name = "NAME:GAME"  # how another process finds this object; it must come without a window
    own_fighter = "careful"  # the bot that moves where choose_action gives None: until a version has beaten it
    # base_model = Path(__file__).with_name("model.zip")  # yours, once there is one: `cornerman versions export`

    # What a seat sees: features of your own, as here, or the standard characters (max_characters, stats), or both.
    max_characters = 0
    # What encode divides by, so that habits are said in your own numbers.
    feature_scales: Mapping[str, float] = {"stones": 21}
    feature_names = ("stones", *(f"stones mod {MOST + 1} is {rest}" for rest in range(MOST + 1)))

    def encode(self, state: Any, seat: int) -> Sequence[float]:
        """What `seat` may know of a state, about -1 to 1; leave out what is hidden from it."""
        rests = [float(state["stones"] % (MOST + 1) == rest) for rest in range(MOST + 1)]
        return [state["stones"] / 21, *rests]

    @property
    def bots(self) -> dict[str, Any]:
        """Bots by name, weakest first."""
        return {"random": lambda battle, random: random.randrange(min(MOST, battle.stones)), "careful": careful}

    def new_battle(self, seed: int) -> Battle:
        """A battle that `seed` decides; another seed gives another battle."""
        return Battle(seed)


GAME = Game()
