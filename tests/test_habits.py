"""The habit players of the study `adapt`."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from game_adapter.ringside.game import RINGSIDE
from tests.studies.adapters.opening import encoder, shipped
from tests.studies.measures.duel import duel, playing
from tests.studies.measures.habits import HABITS, NO_HABIT, OTHERS, HabitPlayer


@pytest.mark.parametrize("player", [*HABITS, *OTHERS], ids=lambda player: player.name)
def test_habit_player_wins_30_to_50_percent_against_the_shipped_model(player: HabitPlayer) -> None:
    scores = duel(playing(player), playing(shipped()), 250, seed=1)
    assert 0.30 - 3 * 0.022 <= scores.mean() <= 0.50 + 3 * 0.022  # three standard errors of 500 battles


def test_player_without_a_habit_plays_as_the_shipped_model() -> None:
    ours = duel(playing(NO_HABIT), playing(shipped()), 50, seed=2)
    assert (ours.sum(1) == 1.0).all()  # the same battle twice, with the sides swapped


def test_probabilities_are_those_of_legal_actions_and_of_what_the_bots_do() -> None:
    random, player = Random(3), HABITS[2]
    played, expected = np.zeros(11), np.zeros(11)
    for seed in range(6):
        battle = RINGSIDE.new_battle(seed)
        while battle.seat is not None:
            mask = np.array(battle.action_mask())
            chances = player.probabilities(encoder().encode(battle.state(), battle.seat)[None], mask[None])[0]
            assert chances.sum() == pytest.approx(1.0)
            assert not chances[~mask].any()
            action = player.bot(battle, random)
            played[action] += 1
            expected += chances
            battle.apply(action)
    assert np.abs(played - expected).max() < 20
    rows = np.arange(64)
    batch = RINGSIDE.new_battles(64, 3)
    observations, masks = np.zeros((64, encoder().observation_size), np.float32), np.zeros((64, 11), np.bool_)
    batch.observe(observations, masks)
    actions = player.batched_bot(batch, rows, np.random.default_rng(0))
    assert (player.probabilities(observations, masks)[rows, actions] > 0).all()
