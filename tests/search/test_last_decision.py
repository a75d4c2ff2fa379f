"""last_decision.py: what was legal, what it is worth, what was chosen and why, from references kept while playing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Floats, Transition
from cornerman.policy.policy import Policy
from cornerman.search.last_decision import MOST_ACTIONS, Decision, LastDecision, advised
from cornerman.search.thought import Thought
from game_adapter.host.match import Match
from game_adapter.ringside.game import RINGSIDE
from tests.support.opinions import valuing
from tests.support.table import Table, promote

NAMES = ("pass", "raise", "call", "fold")
VALUES = (0.1, 0.4, -0.2, 9.0)
POLICY = valuing(VALUES, version=3)
FIGURES: dict[str, Any] = {"chance": (0.0, 2.0)}


def report(action: int = 1, **changes: Any) -> dict[str, Any]:
    """What is said of a decision in which the last action is not legal."""
    mask = np.array([True, True, True, False])
    given = Decision(7, 1, POLICY, 0.0, np.zeros(1, np.float32), mask, action, None, monotonic() - 2.0)
    last = LastDecision()
    assert last.report(NAMES, FIGURES) is None
    last.newest = replace(given, **changes)
    said = last.report(NAMES, FIGURES)
    assert said is not None
    return said


def test_decision_lists_legal_actions_best_first_with_values_and_chances() -> None:
    said = report()
    assert [(each["name"], each["chosen"]) for each in said["actions"]] == [
        ("raise", True),
        ("pass", False),
        ("call", False),
    ]
    assert [each["value"] for each in said["actions"]] == pytest.approx([0.4, 0.1, -0.2])
    assert said["actions"][0]["win"] == pytest.approx(1 / (1 + np.exp(-0.8)))
    assert (said["battle_id"], said["seat"], said["version"], said["searched"]) == (7, 1, 3, False)
    assert said["expects"] == []
    assert 2.0 <= said["age_s"] < 60.0


def test_decision_of_look_ahead_has_its_gains_and_the_reply_that_it_expects() -> None:
    thought = Thought(1, 2, 0, True, gains=[(1, 0.0), (0, 0.06)], samples=1288, expects=[(3, 0.75), (2, 0.25)])
    said = report(action=0, thought=thought)
    assert [each["value"] for each in said["actions"]] == pytest.approx([0.46, 0.4, -0.2])
    assert said["expects"] == [{"name": "fold", "share": 0.75}, {"name": "call", "share": 0.25}]
    assert (said["searched"], said["samples"]) == (True, 1288)
    assert said["why"] == "Look-ahead over 1,288 continuations; best by 0.06."


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "Version 3 values it highest, by 0.30."),
        ({"action": 0}, "Tried by version 3 to learn; 0.30 below the best."),
        ({"action": 0, "temperature": 0.2}, "Drawn by version 3 at temperature 0.2; 0.30 below the best."),
        ({"policy": valuing((0.399, 0.4, 0.0, 0.0), 1, 3)}, "Version 3 values it highest, by less than 0.01."),
        ({"policy": valuing((0.4, 0.4, 0.0, 0.0), 1, 3)}, "Version 3 values it highest, and another as high."),
        ({"mask": np.array([False, True, False, False])}, "The only legal action."),
        ({"policy": valuing((0.0,) * 4, version=3)}, "At random: version 3 has learned nothing yet."),
    ],
)
def test_decision_says_why(changes: dict[str, Any], why: str) -> None:
    assert report(**changes)["why"] == why


def test_decision_shows_the_chosen_action_of_very_many() -> None:
    values = tuple(np.linspace(1.0, 0.0, 100))
    newest = Decision(
        1, 0, valuing(values), 0.5, np.zeros(1, np.float32), np.ones(100, np.bool_), 99, None, monotonic()
    )
    last = LastDecision()
    last.newest = newest
    said = last.report([str(number) for number in range(100)], FIGURES)
    assert said is not None
    assert len(said["actions"]) == MOST_ACTIONS
    assert [each["name"] for each in said["actions"] if each["chosen"]] == ["99"]


def test_decision_is_explained_once_until_what_values_mean_changes_and_forgotten_with_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    q_values = Policy.q_values

    def counted(self: Policy, seen: Floats) -> Floats:
        asked.append(1)
        return q_values(self, seen)

    monkeypatch.setattr(Policy, "q_values", counted)
    last = LastDecision()
    last.newest = Decision(7, 1, POLICY, 0.0, np.zeros(1, np.float32), np.ones(4, np.bool_), 1, None, monotonic())
    for figures in (FIGURES, FIGURES, {"chance": (0.5, 2.0)}, {}):
        assert last.report(NAMES, figures) is not None
    assert len(asked) == 3
    assert last.report(NAMES, {"forgotten": 1}) is None
    assert last.report(NAMES, {"forgotten": 1}) is None


def test_hint_is_the_best_legal_action_with_the_players_chance_to_win() -> None:
    mask, seen = np.array([True, True, True, False]), np.zeros(1, np.float32)
    said = advised(POLICY, 0, seen, mask, NAMES, {"chance": (1.5, 2.0)})
    assert (said["action"], said["seat"], said["version"]) == (1, 0, 3)
    assert [each["name"] for each in said["actions"] if each["chosen"]] == ["raise"]
    assert said["actions"][0]["win"] == pytest.approx(1 / (1 + np.exp(1.5 - 0.8))), "whom the plugin beats wins less"


def test_hint_is_no_decision_of_the_plugin_and_draws_nothing(tmp_path: Path) -> None:
    played = []
    for asked in (False, True):
        hints: list[Any] = []

        def ask(match: Match, _: int, hints: list[Any] = hints) -> None:
            seat = match.seat_to_play
            assert seat is not None
            hints.append((table.plugin.hint(seat, match.state, match.action_mask), match.action_mask))

        with Table(RINGSIDE, tmp_path / str(asked), learning=False, difficulty=3, worker="off") as table:
            assert table.plugin.hint(0, table.match().state, [True] * 11) is None, "nothing was learned"
            promote(table.plugin, 1)
            table.play(2, each_turn=ask if asked else None)
            recorded = [row.action for row in table.handed_over if isinstance(row, Transition)]
            decision = table.plugin.report()["decision"] or {}
            played.append((recorded, {**decision, "age_s": 0.0}))
            assert table.plugin.hint(0, {}, [True] * 11) is None, "a state that cannot be read"
            table.plugin.controls.set_on(False)
            assert table.plugin.hint(0, table.match().state, [True] * 11) is None
        assert len(hints) == asked * len(recorded)
        assert all(mask[hint["action"]] for hint, mask in hints)
    assert played[0] == played[1]
