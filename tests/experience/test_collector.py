from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
import pytest

from cornerman.contract import SettingsError, State, Transition
from cornerman.experience import collector as module
from cornerman.experience.collector import CAPACITY, DataCollector
from cornerman.experience.encoder import StateProcessor
from tests.support.paths import ROOT
from tests.support.sample_states import duel_state


def test_the_documents_show_the_same_example_and_it_runs() -> None:
    page = (ROOT / "docs" / "integrate.md").read_text("utf-8")
    (code,) = [code for code in re.findall(r"```python\n(.+?)```", page, re.DOTALL) if "DataCollector" in code]
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["collector"].buffer.size == names["collector"].collected == 1
    assert 8 <= len([line for line in code.splitlines() if line.strip()]) <= 14
    assert textwrap.indent(code, "    ").strip() in (module.__doc__ or "")


def collected(state: State, action: Any, after: State, reward: float, **more: Any) -> Transition:
    """The one transition that is stored."""
    collector = DataCollector(3)
    assert collector.collect_transition(state, action, after, reward, **more)
    (row,) = collector.buffer.rows()
    return row


def test_one_transition_as_the_original_design_calls_it() -> None:
    before, after = duel_state(1, 50, 50), duel_state(2, 50, 30)
    row = collected(before, 2, after, 0.25)
    np.testing.assert_array_equal(row.observation, StateProcessor().process(before))
    np.testing.assert_array_equal(row.next_observation, StateProcessor().process(after))
    assert (row.action, row.reward) == (2, 0.25)
    assert row.discount == pytest.approx(0.99)
    assert row.action_mask.all()
    assert row.next_action_mask.all()


def test_the_end_of_a_battle() -> None:
    row = collected(duel_state(), 0, duel_state(1, 50, 0), 1, done=True)
    assert row.discount == 0.0
    assert not row.next_action_mask.any()
    assert not row.next_observation.any()


def test_action_objects_turn_into_an_index() -> None:
    class Strike:
        def to_index(self) -> int:
            return 1

    assert collected(duel_state(), Strike(), duel_state(), 0.0).action == 1


def test_ten_thousand_by_default_and_the_oldest_falls_out() -> None:
    assert DataCollector(3).buffer.capacity == CAPACITY == 10_000
    collector = DataCollector(3, capacity=4)
    for number in range(6):
        collector.collect_transition(duel_state(), 0, duel_state(), number)
    assert [row.reward for row in collector.buffer.rows()] == [2, 3, 4, 5]
    assert collector.collected == 6


def test_masks_where_the_game_has_them() -> None:
    row = collected(duel_state(), 2, duel_state(), 0.0, masks=((False, False, True), (True, False, False)))
    assert row.action_mask.tolist() == [False, False, True]
    assert row.next_action_mask.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": None}, "state"),
        ({"next_state": duel_state(1, "sick", 3)}, "type"),
        ({"action": 3}, "action"),
        ({"action": "strike"}, "action"),
        ({"reward": float("nan")}, "range"),
        ({"reward": "much"}, "type"),
        ({"reward": 10**6}, "reward"),
        ({"masks": ((True, True), (True, True))}, "mask"),
        ({"masks": ((False, True, True), (True, True, True))}, "illegal"),
        ({"masks": 3}, "error"),
    ],
)
def test_bad_data_is_counted_explained_and_not_stored(changes: dict[str, Any], reason: str) -> None:
    collector = DataCollector(3)
    call = {"state": duel_state(), "action": 0, "next_state": duel_state(), "reward": 0.0, **changes}
    assert collector.collect_transition(**call) is False
    assert collector.rejected == {reason: 1}
    assert collector.examples[reason].endswith(".")
    assert (collector.buffer.size, collector.collected) == (0, 0)


@pytest.mark.parametrize("num_actions", [0, -1, 2.5, "3", None], ids=str)
def test_a_number_of_actions_that_is_none_is_a_sentence(num_actions: Any) -> None:
    with pytest.raises(SettingsError, match="num_actions must be a whole number"):
        DataCollector(num_actions=num_actions)
