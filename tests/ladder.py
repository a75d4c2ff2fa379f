"""How Ringside's bots fare against each other: `python -m tests.ladder` plays 1,000 battles a row.

Every seed is played twice with the seats swapped; a draw counts half. The interval is a 95 % normal one over the
pairs, since the two battles of a seed are not independent.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from random import Random
from typing import NamedTuple

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, STRIKE, Battle
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.opponents import BOTS, Bot

PAIRS_OF_BOTS = (("brawler", "random"), ("tactician", "brawler"), ("planner", "tactician"))
SINGLE_ACTIONS = {
    "strike": range(STRIKE, STRIKE + 3),
    "heavy": range(HEAVY, HEAVY + 3),
    "guard": (GUARD,),
    "mend": range(MEND, MEND + 3),
    "charge": (CHARGE,),
}


class Score(NamedTuple):
    """Of the first of two fighters."""

    win_rate: float
    interval: float  # half its width
    rounds: float  # mean
    drawn: float  # share of battles
    seconds: float


def play(red: Bot, blue: Bot, seed: int) -> Battle:
    battle, random, players = RINGSIDE.new_battle(seed), Random(seed), (red, blue)
    while battle.seat is not None:
        battle.apply(players[battle.seat](battle, random))
    return battle


def score(first: Bot, second: Bot, num_battles: int, first_seed: int = 0) -> Score:
    """The first fighter's win rate over pairs of battles with swapped seats."""
    start, pairs, rounds, drawn = time.perf_counter(), [], 0, 0
    for seed in range(first_seed, first_seed + num_battles // 2):
        won = 0.0
        for seat in (0, 1):
            battle = play(*((first, second) if seat == 0 else (second, first)), seed)
            assert battle.outcome is not None
            won += (battle.outcome[seat] + 1) / 4
            rounds += battle.round
            drawn += battle.outcome[0] == 0
        pairs.append(won)
    mean, battles = sum(pairs) / len(pairs), 2 * len(pairs)
    spread = sqrt(sum((won - mean) ** 2 for won in pairs) / max(len(pairs) - 1, 1) / len(pairs))
    return Score(mean, 1.96 * spread, rounds / battles, drawn / battles, time.perf_counter() - start)


def single(actions: Sequence[int]) -> Bot:
    """Always the first legal one of these actions, else the first legal strike."""

    def fighter(battle: Battle, random: Random) -> int:
        mask = battle.action_mask()
        return next(action for action in (*actions, *SINGLE_ACTIONS["strike"]) if mask[action])

    return fighter


def turns_per_second(seconds: float = 3.0) -> float:
    """Random play through action_mask and apply, choices included, on one core."""
    random, turns, seed, start = Random(1), 0, 0, time.perf_counter()
    fighter: Callable[[Battle, Random], int] = BOTS["random"]
    while time.perf_counter() - start < seconds:
        battle = RINGSIDE.new_battle(seed)
        seed += 1
        while battle.outcome is None:
            battle.apply(fighter(battle, random))
            turns += 1
    return turns / (time.perf_counter() - start)


def rows(num_battles: int) -> Iterator[tuple[str, Score]]:
    for better, worse in PAIRS_OF_BOTS:
        yield f"{better} against {worse}", score(BOTS[better], BOTS[worse], num_battles)
    for name, actions in SINGLE_ACTIONS.items():
        for bot in ("brawler", "tactician"):
            yield f"always {name} against {bot}", score(single(actions), BOTS[bot], num_battles)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ladder", description=__doc__)
    parser.add_argument("--battles", type=int, default=1000, help="battles a row (default 1000)")
    num_battles = parser.parse_args().battles
    print(f"{num_battles} battles a row, mirrored 2 against 2, seats swapped")
    print(f"{'':34} win rate (95 %)    rounds  drawn  seconds")
    for name, s in rows(num_battles):
        print(f"{name:34} {s.win_rate:.3f} ± {s.interval:.3f}      {s.rounds:5.1f}  {s.drawn:.3f}  {s.seconds:7.1f}")
    print(f"turns a second, random play: {turns_per_second():,.0f}")


if __name__ == "__main__":
    main()
