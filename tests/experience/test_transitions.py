from __future__ import annotations

from dataclasses import asdict
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.experience.transitions import (
    DataFormat,
    battle_from_bytes,
    battle_to_bytes,
    end_as_dict,
    end_from_dict,
    faults,
    fit,
    format_from_dict,
    layout,
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
