from __future__ import annotations

from dataclasses import asdict, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.transitions import (
    DataFormat,
    NStep,
    battle_from_bytes,
    battle_to_bytes,
    end_as_dict,
    end_from_dict,
    faults,
    fit,
    format_from_dict,
    layout,
    n_step_columns,
    pack,
    unpack,
)
from tests.support.sample_states import chain, same
from tests.support.stored_battles import FORMAT, battle

ROWS = chain(5)


def test_every_field_of_a_transition_has_a_column() -> None:
    assert tuple(layout(2, 3)) == Transition.__slots__


def test_unpacked_rows_own_their_arrays() -> None:
    columns = pack(ROWS, 2, 3)
    back = unpack(columns)
    columns["observation"][:] = 9
    assert same(back[1], ROWS[1])


def test_rows_of_another_size_do_not_pack() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        pack(ROWS, 5, 3)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("observation", float("nan"), "observation"),
        ("observation", -11, "observation"),
        ("next_observation", float("inf"), "next observation"),
        ("reward", float("nan"), "reward"),
        ("reward", 1e9, "reward"),
        ("discount", 1.5, "discount"),
        ("discount", -0.1, "discount"),
        ("discount", float("nan"), "discount"),
        ("action", 3, "illegal"),
        ("action", -1, "illegal"),
        ("action", 2**40, "illegal"),
        ("action_mask", False, "illegal"),
        ("next_action_mask", False, "next mask"),
        ("source", 9, "source"),
        ("opponent", -1, "source"),
    ],
)
def test_each_fault_is_found_in_its_row_only(column: str, value: Any, reason: str) -> None:
    columns = pack(ROWS, 2, 3)
    columns[column][2] = value
    found = {name: np.flatnonzero(wrong).tolist() for name, wrong in faults(columns).items() if wrong.any()}
    assert found == {reason: [2]}


def test_what_does_not_fit_is_named() -> None:
    columns = pack(ROWS, 2, 3)
    assert "observation" in (fit(columns, 4, 3) or "")
    assert "float64" in (fit({**columns, "reward": columns["reward"].astype(float)}, 2, 3) or "")
    assert "(4,)" in (fit({**columns, "seat": columns["seat"][:4]}, 2, 3) or "")
    del columns["seat"]
    assert "must be" in (fit(columns, 2, 3) or "")


def test_a_battle_as_bytes_comes_back() -> None:
    end = battle(7)[0]
    found = battle_from_bytes(battle_to_bytes(end, ROWS, FORMAT), FORMAT)
    assert found.end == end
    assert all(same(one, other) for one, other in zip(unpack(found.columns), ROWS, strict=True))
    for sizes in ((3, 3), (2, 4), (1, 3)):
        with pytest.raises(ModelError, match="stored battle does not hold"):
            battle_from_bytes(battle_to_bytes(end, ROWS, FORMAT), DataFormat("duel", "1", "abc", *sizes))


@given(st.integers(0, 10**6))
def test_bytes_that_lie_are_a_battle_or_a_sentence(seed: int) -> None:
    random, lying = Random(seed), bytearray(battle_to_bytes(battle(7)[0], ROWS, FORMAT))
    for _ in range(random.randrange(1, 6)):
        lying[random.randrange(len(lying))] = random.randrange(256)
    try:
        found = battle_from_bytes(bytes(lying[: random.choice([len(lying), random.randrange(len(lying))])]), FORMAT)
    except ModelError:
        return
    assert len(found) == len(ROWS)


@pytest.mark.parametrize(
    "value", [[], 3, {}, {"game": "duel"}, {"game": 1, "game_version": "1"}, {**asdict(FORMAT), "more": 1}]
)
def test_a_format_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ModelError, match="format of stored battles"):
        format_from_dict(value)
    assert format_from_dict(asdict(FORMAT)) == FORMAT
    with pytest.raises(ModelError, match="wrong types"):
        format_from_dict({**asdict(FORMAT), "observation_size": "2"})


@pytest.mark.parametrize("player", [7, None, "x" * 101, "a\nb"], ids=str)
def test_end_of_a_battle_with_a_wrong_name_of_the_player_is_refused(player: Any) -> None:
    head = end_as_dict(BattleEnd(1, {0: 1.0}, False, {0: Source.PLAYER}, player="ann"))
    assert end_from_dict(head).player == "ann"
    with pytest.raises(ModelError, match="player's name"):
        end_from_dict({**head, "player": player})
    del head["player"]
    assert end_from_dict(head).player == ""  # as earlier versions wrote it


# -------------------------------------------------------------------------------------------------- n-step returns


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
