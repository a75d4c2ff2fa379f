from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.contract import Transition
from cornerman.experience.transitions import faults, fit, layout, pack, take, unpack
from tests.support.sample_states import chain, same

ROWS = chain(5)


def test_every_field_of_a_transition_has_a_column() -> None:
    assert tuple(layout(2, 3)) == Transition.__slots__


def test_there_and_back() -> None:
    back = unpack(pack(ROWS, 2, 3))
    assert all(same(one, other) for one, other in zip(ROWS, back, strict=True))
    assert unpack(pack([], 2, 3)) == []


def test_unpacked_rows_own_their_arrays() -> None:
    columns = pack(ROWS, 2, 3)
    back = unpack(columns)
    columns["observation"][:] = 9
    assert same(back[1], ROWS[1])


def test_rows_of_another_size_do_not_pack() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        pack(ROWS, 5, 3)


def test_good_rows_have_no_faults() -> None:
    columns = pack(ROWS, 2, 3)
    assert fit(columns, 2, 3) is None
    assert not any(wrong.any() for wrong in faults(columns).values())


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


def test_take_copies() -> None:
    columns = pack(ROWS, 2, 3)
    part = take(columns, columns["index"] % 2 == 0)
    columns["index"][:] = 7
    assert part["index"].tolist() == [0, 2, 4]
