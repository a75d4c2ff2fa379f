"""openspiel_game.py: OpenSpiel's games, whole and with all that a seat knows. Needs the extra `openspiel`."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.evaluation.game_check import check_game
from cornerman.experience.declaration import declaration_of

pyspiel = pytest.importorskip("pyspiel", reason="extra openspiel")
pytest.importorskip("shimmy", reason="extra openspiel")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def game(name: str, **declared: Any) -> Any:
    from game_adapter.openspiel_game import open_spiel_game

    return open_spiel_game(name, **declared)


@pytest.mark.parametrize(
    ("name", "declared"),
    [("leduc_poker", {}), ("kuhn_poker", {}), ("tic_tac_toe", {"random_opening": 2}), ("goofspiel", {"num_cards": 4})],
)
def test_game_keeps_the_contract(name: str, declared: dict[str, Any]) -> None:
    mine = game(name, **declared)
    assert mine.name == name
    findings = list(check_game(mine, 10, declaration_of(mine).max_decisions))
    assert [finding for finding in findings if finding.wrong] == []


def test_a_hand_of_leduc_is_played_to_its_end_and_pays_what_it_pays() -> None:
    """Shimmy counts deals as moves and ends long hands in the middle, with nobody paid."""
    mine, chance, lengths, outcomes = game("leduc_poker"), Random(2), set(), set()
    assert mine.most == 13.0
    for seed in range(300):
        battle, actions = mine.new_battle(seed), list[int]()
        while battle.outcome is None:
            actions.append(chance.choice([1, 2]))
            if not battle.action_mask()[actions[-1]]:
                actions[-1] = 1
            battle.apply(actions[-1])
        lengths.add(len(actions))
        outcomes.add(abs(battle.outcome[0]) * 13)
        assert battle.outcome[0] == -battle.outcome[1]
    assert max(lengths) == 8
    assert max(outcomes) == pytest.approx(13.0)


def test_a_seat_sees_its_information_state() -> None:
    battle = game("leduc_poker").new_battle(1)
    seat = battle.seat
    assert len(battle.state()[seat]) == 30
    battle.apply(2)
    battle.apply(1)
    assert np.count_nonzero(battle.state()[0][14:]) == 2, "every bet of the first round"
