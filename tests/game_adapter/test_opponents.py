"""Ringside's bots: legal everywhere, a ladder, no single action wins, and the planner does not peek."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.opponents import BOTS
from game_adapter.ringside.roster import SHAPES
from tests.ladder import PAIRS_OF_BOTS, SINGLE_ACTIONS, score, single

shapes = st.sampled_from(SHAPES)


@pytest.mark.parametrize("name", BOTS)
@settings(max_examples=12, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**63 - 1))
def test_bots_act_legally_in_every_shape_and_change_no_battle(name: str, shape: str, seed: int) -> None:
    battle, random = RINGSIDE.new_battle(seed, shape), Random(seed)
    while battle.seat is not None:
        state = battle.state()
        fighter = BOTS[name] if battle.seat == seed % 2 else BOTS["random"]
        action = fighter(battle, random)
        assert battle.action_mask()[action]
        assert battle.state() == state
        battle.apply(action)


def test_bots_repeat_their_decisions_with_the_same_generator() -> None:
    for name, bot in BOTS.items():
        texts = []
        for _ in range(2):
            battle, random, told = RINGSIDE.new_battle(9), Random(1), []
            while battle.seat is not None:
                told.append(battle.apply(bot(battle, random)).text())
            texts.append(told)
        assert texts[0] == texts[1], name


@pytest.mark.parametrize(("better", "worse"), PAIRS_OF_BOTS)
def test_each_bot_beats_the_one_below(better: str, worse: str) -> None:
    """Over fewer battles than `python -m tests.ladder` plays; 60 % is far below what that shows."""
    num_battles = 80 if better == "planner" else 600
    result = score(BOTS[better], BOTS[worse], num_battles, first_seed=50_000)
    assert result.win_rate > 0.6
    assert 4 < result.rounds < 14
    assert result.drawn < 0.03


@pytest.mark.parametrize("bot", ["brawler", "tactician"])
@pytest.mark.parametrize("skill", SINGLE_ACTIONS)
def test_no_single_action_wins_by_being_repeated(skill: str, bot: str) -> None:
    num_battles = 1000 if (skill, bot) == ("heavy", "brawler") else 200  # the closest one is looked at closely
    assert score(single(SINGLE_ACTIONS[skill]), BOTS[bot], num_battles, first_seed=60_000).win_rate < 0.45


def test_tactician_uses_every_skill() -> None:
    used = set()
    for seed in range(12):
        battle, random = RINGSIDE.new_battle(seed), Random(seed)
        while battle.seat is not None:
            used.add(battle.apply(BOTS["tactician"](battle, random)).skill)
    assert used >= {"strike", "heavy", "mend", "guard", "charge"}


def test_planner_decides_alike_whatever_the_battles_chances() -> None:
    for seed in range(25):
        battle, random = RINGSIDE.new_battle(seed), Random(seed)
        for _ in range(seed % 7):
            battle.apply(BOTS["tactician"](battle, random))
        choices = {BOTS["planner"](battle.copy(chances), Random(3)) for chances in (None, 1, 2, 3)}
        assert len(choices) == 1
