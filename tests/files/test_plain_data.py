"""plain_data.py: what a game may put into its states comes back as it was, and nothing else is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.files.plain_data import from_bytes, to_bytes

KEYS = st.one_of(st.text(max_size=5), st.integers(), st.tuples(st.integers(), st.text(max_size=3)), st.none())
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9), st.binary(max_size=9)
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.frozensets(st.integers(), max_size=3),
        st.sets(st.text(max_size=3), max_size=3),
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    again = from_bytes(to_bytes(value))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.int16).reshape(2, 3), np.zeros((0, 2), np.float32), np.array([True]), np.float64(2)]
)
def test_arrays_and_numpy_numbers_come_back_with_type_and_shape(array: Any) -> None:
    again = from_bytes(to_bytes({"board": [array]}))["board"][0]
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array, strict=True)


def test_key_that_marks_what_json_lacks_may_be_a_games_own() -> None:
    value = {"\0": "array", "of": 3}
    assert from_bytes(to_bytes(value)) == value


def test_objects_of_a_games_own_are_refused_by_their_type() -> None:
    with pytest.raises(ValueError, match=r"holds builtins.object, which is no plain data"):
        to_bytes({"deck": [object()]})
