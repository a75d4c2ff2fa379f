from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import Transition
from cornerman.experience.transitions import NStep, fit, n_step_columns, pack, unpack
from tests.support.sample_states import chain, same


def slow(rows: list[Transition], n: int, gamma: float) -> list[Transition]:
    """n-step rows of one seat's whole chain, each by its own loop."""
    result = []
    for start, first in enumerate(rows):
        reward, used = 0.0, rows[start : start + n]
        for k, row in enumerate(used):
            reward += gamma**k * row.reward
        last = used[-1]
        result.append(
            replace(
                first,
                reward=reward,
                discount=gamma ** len(used) * last.discount,
                next_observation=last.next_observation,
                next_action_mask=last.next_action_mask,
            )
        )
    return result


def alike(ours: list[Transition], theirs: list[Transition]) -> bool:
    """Whether they are equal in any order, rewards to five places."""
    ours, theirs = ([replace(row, reward=round(row.reward, 5)) for row in rows] for rows in (ours, theirs))
    key = lambda row: (row.battle_id, row.seat, row.index)  # noqa: E731 - used by both sorts, nowhere else
    pairs = zip(sorted(ours, key=key), sorted(theirs, key=key), strict=True)
    return all(same(one, other) for one, other in pairs)


@given(
    n=st.integers(1, 7),
    gamma=st.sampled_from([0.0, 0.5, 0.99, 1.0]),
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    ends=st.booleans(),
    seed=st.integers(0, 999),
)
def test_n_step_equals_a_plain_loop(n: int, gamma: float, lengths: list[int], ends: bool, seed: int) -> None:
    chains = [chain(length, seat % 2, seat // 2, seed + seat, ends) for seat, length in enumerate(lengths)]
    left = [list(rows) for rows in chains]
    random, steps, rows = Random(seed), NStep(n, gamma), []
    while any(left):  # battles and seats interleaved
        rows += steps.push(random.choice([rest for rest in left if rest]).pop(0))
    for battle_id in range(2):
        rows += steps.end(battle_id)
    assert alike(rows, [row for rows in chains for row in slow(rows, n, gamma)])
    assert steps.clear() == 0


def test_push_returns_each_transition_as_soon_as_it_is_complete() -> None:
    steps = NStep(3, 0.9)
    counts = [len(steps.push(row)) for row in chain(6)]
    assert counts == [0, 0, 1, 1, 1, 3]
    assert steps.end(7) == []


def test_returns_never_reach_over_a_missing_decision() -> None:
    steps, transitions = NStep(3, 0.9), chain(6)
    del transitions[2]
    rows = [row for transition in transitions for row in steps.push(transition)]
    for found in (rows, unpack(n_step_columns(pack(transitions, 2, 3), 3, 0.9))):
        assert alike(found, slow(transitions[:2], 3, 0.9) + slow(transitions[2:], 3, 0.9))


def test_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        NStep(0, 0.9)
    with pytest.raises(ValueError, match="at least 1"):
        n_step_columns(pack(chain(2), 2, 3), 0, 0.9)


# --------------------------------------------------------------------------------------------------- many at once


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_n_step_columns_equals_one_by_one_in_any_order(n: int, seed: int) -> None:
    random, one_by_one = np.random.default_rng(seed), NStep(n, 0.9)
    lengths = random.integers(0, 7, (12, 2)).tolist()
    rows = [row for at, each in enumerate(lengths) for seat in (0, 1) for row in chain(each[seat], seat, at, seed + at)]
    wanted = [row for transition in rows for row in one_by_one.push(transition)]
    wanted += [row for battle_id in range(12) for row in one_by_one.end(battle_id)]
    shuffled = random.permutation(len(rows))
    columns = n_step_columns({name: column[shuffled] for name, column in pack(rows, 2, 3).items()}, n, 0.9)
    assert fit(columns, 2, 3) is None
    assert alike(unpack(columns), wanted)
