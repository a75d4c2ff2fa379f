"""Recorded transitions against a slow twin, what every row carries, threads and memory."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.transitions import row_bytes
from tests.support.recordings import SEATS, WON, Bench, change, plain
from tests.support.sample_states import EVERY, duel_state

Turn = tuple[int, dict[str, Any], tuple[bool, ...], int, dict[str, Any]]


def draw_battle(seed: int) -> tuple[dict[int, Source], list[Turn], dict[int, int]]:
    """Turns of up to three seats in any order: one may play often, another never; states move between turns too."""
    random = Random(seed)
    num_seats = random.randint(1, 3)
    moment = duel_state(1, *(100 for _ in range(num_seats)))
    turns: list[Turn] = []
    for _ in range(random.randrange(12)):
        moment = deepcopy(moment)
        moment["round"] += random.randrange(2)
        if random.random() < 0.3:  # a poison between the turns
            random.choice(moment["characters"])["health"] -= 5
        after = deepcopy(moment)
        random.choice(after["characters"])["health"] -= random.randrange(20)
        mask = random.choice([EVERY, (True, False, True), (False, True, False)])
        legal = [at for at, allowed in enumerate(mask) if allowed]
        turns.append((random.randrange(num_seats), moment, mask, random.choice(legal), after))
        moment = after
    seats = {seat: random.choice(list(Source)) for seat in range(num_seats)}
    return seats, turns, {seat: random.choice([-1, 0, 1]) for seat in seats}


def twin(bench: Bench, turns: list[Turn], outcome: dict[int, int], truncated: bool) -> list[tuple[Any, ...]]:
    """What must come out, read off the whole list of turns: seat by seat, decision by decision."""
    expected = []
    for seat in outcome:
        mine = [at for at, turn in enumerate(turns) if turn[0] == seat]
        for index, at in enumerate(mine):
            _, state, mask, action, _ = turns[at]
            if index + 1 < len(mine):
                _, last, last_mask, _, _ = turns[mine[index + 1]]
                reward, discount = change(bench.rewards, state, last, seat), 1.0
            else:
                last, last_mask, discount = turns[-1][4], mask, 1.0
                reward = change(bench.rewards, state, last, seat)
                if not truncated:
                    reward, discount = reward + outcome[seat], 0.0
            following = bench.encoder.encode(last, seat)
            if discount == 0.0:
                following, last_mask = np.zeros_like(following), (False,) * 3
            observation = bench.encoder.encode(state, seat).tolist()
            expected.append(
                (seat, index, observation, mask, action, round(reward, 9), following.tolist(), last_mask, discount)
            )
    return sorted(expected)


@given(st.integers(0, 10**9), st.booleans())
def test_transitions_against_a_slow_twin(seed: int, truncated: bool) -> None:
    seats, turns, outcome = draw_battle(seed)
    bench = Bench()
    bench.begin(seats)
    for seat, state, mask, action, after in turns:
        bench.turn(seat, state, after, action, action_mask=mask)
    bench.end(outcome, truncated)
    assert sorted(plain(row) for row in bench.rows) == twin(bench, turns, outcome, truncated)
    assert bench.rejected == {}
    assert bench.ends == [BattleEnd(1, outcome, truncated, seats)]
    assert isinstance(bench.out[-1], BattleEnd)
    assert bench.recorder.recorded == len(bench.rows)


def test_the_loser_s_last_decision_gets_the_outcome_and_the_last_blow() -> None:
    bench = Bench()
    bench.begin()
    bench.turn(1, duel_state(1, 50, 20))
    bench.turn(0, duel_state(1, 50, 20), duel_state(1, 50, 0))
    bench.end({0: 1, 1: -1})
    loser, winner = sorted(bench.rows, key=lambda row: -row.seat)
    assert loser.reward == pytest.approx(-1 - 0.5 * 20 / 100)
    assert winner.reward == pytest.approx(1 + 0.5 * 20 / 100)
    assert [row.discount for row in bench.rows] == [0.0, 0.0]
    assert not loser.next_action_mask.any()
    assert not loser.next_observation.any()


def test_rows_carry_where_they_come_from() -> None:
    bench = Bench()
    bench.begin({0: Source.PLAYER, 1: Source.PLUGIN, 2: Source.PLUGIN}, battle_id=9)
    state = duel_state(1, 9, 9, 9)
    for seat in (0, 1, 2, 0):
        if seat:
            bench.news.chose(9, seat, action=0, version=4)
        bench.turn(seat, state, battle_id=9)
    bench.end({0: 0, 1: 0, 2: 0}, battle_id=9)
    first = next(row for row in bench.rows if row.seat == 0)
    other = next(row for row in bench.rows if row.seat == 1)
    assert (first.battle_id, first.index, first.source, first.opponent) == (9, 0, Source.PLAYER, Source.PLUGIN)
    assert (first.version, other.version) == (-1, 4)
    assert other.opponent is Source.UNKNOWN  # a player and a plugin sit opposite
    assert [row.index for row in bench.rows if row.seat == 0] == [0, 1]


def test_a_hundred_kinds_of_garbage_never_raise() -> None:
    random = Random(3)
    junk: list[Any] = [None, True, -1, 3, 1.5, float("nan"), "x", [], {}, [1], {"round": 1}]
    junk += [duel_state(), object(), b"\0", EVERY]
    bench = Bench()
    for _ in range(3000):
        pick: Callable[[], Any] = lambda: random.choice(junk)  # noqa: E731 - a name for the shortest possible draw
        battle_id = random.choice([1, 1, 1, pick()])
        call = random.randrange(12)
        if call == 0:
            bench.recorder.start(battle_id, random.choice([SEATS, pick()]))
        elif call == 1:
            bench.recorder.end(battle_id, random.choice([WON, pick()]), random.choice([True, False, pick()]))
        else:
            bench.turn(pick(), pick(), pick(), pick(), battle_id=battle_id, action_mask=pick())
    assert sum(bench.rejected.values()) > 1000
    assert len(bench.recorder.rejected) < 20
    assert all(len(sentence) < 400 for sentence in bench.recorder.examples.values())


def test_a_battle_that_never_ends_is_handed_over_in_parts() -> None:
    bench = Bench(max_battle_bytes=5_000)
    bench.begin()
    for turn in range(300):
        bench.turn(turn % 2, duel_state(1, 100, 90 - turn % 7), action=turn % 3)
    bench.end()
    assert bench.rejected == {}
    parts: list[list[Transition]] = [[]]
    for item in bench.out:
        if isinstance(item, BattleEnd):
            parts.append([])
        else:
            parts[-1].append(item)
    assert parts.pop() == []
    assert [end.truncated for end in bench.ends] == [True] * (len(parts) - 1) + [False]
    assert max(map(len, parts)) == 5_000 // row_bytes(18, 3)
    assert sum(map(len, parts)) == 300 - 2 * (len(parts) - 1)  # of each part the seats' last decisions are open
    for part in parts:
        for seat in (0, 1):
            indices = [row.index for row in part if row.seat == seat]
            assert indices == list(range(len(indices)))


@pytest.mark.parametrize(
    ("given", "name"), [("ann", "ann"), (None, ""), (7, ""), ("a\nb", "a?b"), ("x" * 200, "x" * 100)], ids=str
)
def test_battle_carries_the_name_of_its_player(given: Any, name: str) -> None:
    bench = Bench()
    bench.recorder.start(1, SEATS, None, given)
    bench.recorder.end(1, {0: 1, 1: -1})
    assert [end.player for end in bench.ends] == [name]
    assert bench.recorder.clamped.total() == (name != (given or ""))
