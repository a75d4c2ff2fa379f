"""Kind 16: seats that decide at the same time, each `on_turn` with the same state and next state, lose nothing."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from cornerman.contract import Source
from tests.support.recordings import Bench, change, plain
from tests.support.sample_states import EVERY, duel_state


def play(order: Any, rounds: int, copies: bool, healths: list[list[int]], **end: Any) -> Bench:
    """Rounds in which every seat decides in the same state; `order(round)` is the order in which they are told."""
    seats = len(healths[0])
    bench = Bench()
    bench.begin(dict.fromkeys(range(seats), Source.PLUGIN))
    for at in range(rounds):
        before, after = duel_state(at + 1, *healths[at]), duel_state(at + 2, *healths[at + 1])
        for seat in order(at):
            given = (
                (duel_state(at + 1, *healths[at]), duel_state(at + 2, *healths[at + 1])) if copies else (before, after)
            )
            bench.turn(seat, *given, action=seat % 3)
    bench.end(end.get("outcome", dict.fromkeys(range(seats), 0)), end.get("truncated", False))
    return bench


def expected(bench: Bench, seat: int, healths: list[list[int]], truncated: bool) -> list[tuple[Any, ...]]:
    """Every decision of a seat is credited with its own round and runs to the next one."""
    states, rows = [duel_state(at + 1, *each) for at, each in enumerate(healths)], []
    for at in range(len(healths) - 1):
        last = at == len(healths) - 2 and not truncated
        following = [0.0] * 18 if last else bench.encoder.encode(states[at + 1], seat).tolist()
        observation = bench.encoder.encode(states[at], seat).tolist()
        reward = round(change(bench.rewards, states[at], states[at + 1], seat), 9)
        mask = (False,) * 3 if last else EVERY
        rows.append((seat, at, observation, EVERY, seat % 3, reward, following, mask, float(not last)))
    return rows


@pytest.mark.parametrize("seats", [2, 3, 4])
@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("truncated", [False, True])
def test_every_decision_of_every_seat_is_kept_and_credited_with_its_round(
    seats: int, copies: bool, truncated: bool
) -> None:
    random = Random(seats)
    healths = [[random.randrange(1, 100) for _ in range(seats)] for _ in range(9)]
    bench = play(lambda _: random.sample(range(seats), seats), 8, copies, healths, truncated=truncated)
    assert bench.rejected == {}
    for seat in range(seats):
        rows = [plain(row) for row in bench.rows if row.seat == seat]
        assert rows == expected(bench, seat, healths, truncated)


def test_sequential_turns_follow_simultaneous_ones() -> None:
    bench = Bench()
    bench.begin()
    start, both, after = duel_state(1, 50, 50), duel_state(2, 40, 45), duel_state(2, 40, 20)
    for seat in (1, 0):
        bench.turn(seat, start, both)
    bench.turn(0, both, after)
    bench.end()
    rewards = {(row.seat, row.index): round(row.reward, 6) for row in bench.rows}
    assert rewards == {(0, 0): -0.025, (1, 0): round(0.025 - 0.125 - 1, 6), (0, 1): round(0.125 + 1, 6)}


def test_a_rejected_decision_of_one_seat_costs_the_other_nothing() -> None:
    bench = Bench()
    bench.begin()
    for at in range(3):
        states = duel_state(at + 1, 90 - at, 80), duel_state(at + 2, 89 - at, 80)
        bench.turn(0, *states, action=99 if at == 1 else 0)
        bench.turn(1, *states)
    bench.end({0: 0, 1: 0})
    assert bench.rejected == {"action": 1}
    assert [row.index for row in bench.rows if row.seat == 1] == [0, 1, 2]
    assert [row.index for row in bench.rows if row.seat == 0] == [0, 2]
