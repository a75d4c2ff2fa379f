"""A game whose rules are slow pure Python, about 500 decisions a second on one core, as many hobby games' are.

Two hunters on a map with walls. After every action the distances of the whole map are flooded anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

SIZE, WALLS = 64, 0.2
STEPS = ((0, -1), (0, 1), (-1, 0), (1, 0))
STRIKE, BRACE = 4, 5
REACH, DAMAGE = 4, 30
MOST_TURNS, TURNS_A_ROUND = 16, 2
Cell = tuple[int, int]


class SlowBattle:
    """Seat 0 decides first; whoever has more health when a hunter falls or the turns are over wins."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        middle = SIZE // 2
        self._at = [(middle - 2, middle), (middle + 2, middle)]
        cells = [(x, y) for x in range(SIZE) for y in range(SIZE) if (x, y) not in self._at]
        self._open = {cell for cell in cells if self._random.random() >= WALLS} | set(self._at)
        self._health, self._braced, self._turns = [100, 100], [False, False], 0
        self._distances = self._flooded()

    @property
    def seat(self) -> int | None:
        return None if self.outcome is not None else self._turns % 2

    @property
    def round(self) -> int:
        return min(self._turns, MOST_TURNS - 1) // TURNS_A_ROUND + 1

    @property
    def outcome(self) -> Mapping[int, int] | None:
        first, second = self._health
        if self._turns < MOST_TURNS and min(first, second) > 0:
            return None
        result = (first > second) - (first < second)
        return {0: result, 1: -result}

    def state(self) -> dict[str, Any]:
        """The standard characters; `at` and `near` are the game's own."""
        characters = [
            {"name": f"hunter {seat}", "seat": seat, "health": self._health[seat], "maxHealth": 100}
            | {"attack": DAMAGE, "defense": 50 * self._braced[seat], "speed": 10, "at": self._at[seat]}
            for seat in (0, 1)
        ]
        return {"round": self.round, "characters": characters, "near": self._near}

    def action_mask(self) -> Sequence[bool]:
        x, y = self._at[self._turns % 2]
        free = [(x + dx, y + dy) in self._open - {self._at[1 - self._turns % 2]} for dx, dy in STEPS]
        return [*free, self._near, True]

    def apply(self, action: int) -> None:
        if not self.action_mask()[action]:
            raise ValueError(f"{GAME.action_names[action]} is not possible here")
        seat, other = self._turns % 2, 1 - self._turns % 2
        self._braced[seat] = action == BRACE
        if action < STRIKE:
            (x, y), (dx, dy) = self._at[seat], STEPS[action]
            self._at[seat] = x + dx, y + dy
        elif action == STRIKE:
            damage = self._random.randint(DAMAGE // 2, DAMAGE) // (1 + self._braced[other])
            self._health[other] = max(0, self._health[other] - damage)
        self._turns += 1
        self._distances = self._flooded()

    @property
    def _near(self) -> bool:
        return self._distances.get(self._at[1 - self._turns % 2], SIZE * SIZE) <= REACH

    def _flooded(self) -> dict[Cell, int]:
        """Distances of all cells from whoever decides next."""
        start = self._at[self._turns % 2]
        distances, waiting = {start: 0}, deque([start])
        while waiting:
            x, y = cell = waiting.popleft()
            for dx, dy in STEPS:
                following = x + dx, y + dy
                if following in self._open and following not in distances:
                    distances[following] = distances[cell] + 1
                    waiting.append(following)
        return distances


class SlowGame:
    """The game's own side of `contract.HeadlessGame`; it holds no state."""

    name, version, import_name = "slow-game", "1", "tests.support.slow_game:GAME"
    action_names = ("north", "south", "west", "east", "strike", "brace")
    feature_names = ("dx", "dy", "near")

    @property
    def bots(self) -> Mapping[str, Any]:
        return {"random": at_random, "hunter": hunt}

    def encode(self, state: Mapping[str, Any], seat: int) -> list[float]:
        """Where the other hunter is, and whether it can be struck."""
        (x, y), (other_x, other_y) = (state["characters"][which]["at"] for which in (seat, 1 - seat))
        return [(other_x - x) / SIZE, (other_y - y) / SIZE, float(state["near"])]

    def new_battle(self, seed: int) -> SlowBattle:
        return SlowBattle(seed)


def at_random(battle: SlowBattle, random: Random) -> int:
    """Any legal action."""
    return random.choice([action for action, legal in enumerate(battle.action_mask()) if legal])


def hunt(battle: SlowBattle, random: Random) -> int:
    """Strike where possible, else any legal action."""
    return STRIKE if battle.action_mask()[STRIKE] else at_random(battle, random)


GAME = SlowGame()
