"""The study of a counter in the weights: practice held near the champion, and how its figures are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.learning import update
from tests.studies.adapters.opening import encoder, shipped
from tests.studies.counter import by_rule, lost
from tests.studies.measures.habits import HABITS
from tests.studies.measures.practice import PULL, Fighter, held_near


def test_values_are_pulled_towards_those_of_the_champion_where_an_action_is_legal() -> None:
    random = np.random.default_rng(0)
    observation = random.random((1, 4, encoder().observation_size), np.float32)
    masks, zeros = np.ones((1, 4, shipped().spec.num_actions), np.bool_), np.zeros((1, 4), np.float32)
    masks[..., 1] = False
    actions = np.zeros((1, 4), np.int64)
    rows = update.Rows(observation, masks, actions, zeros, zeros, observation, masks, zeros)
    found = []
    for away in (0.0, 0.5):
        start = shipped().q_values_batch(observation[0]) + np.float32(away)
        plain, near = start.copy(), start.copy()
        update.td_gradient(rows, 0, plain, start, start, np.empty(4))
        with held_near():
            update.td_gradient(rows, 0, near, start, start, np.empty(4))
        found.append(near - plain)
    assert np.allclose(found[0], 0.0, atol=1e-7)
    assert np.allclose(found[1], np.where(masks[0], PULL * 0.5 / 4, 0.0), atol=1e-6)


def test_fighter_draws_actions_with_the_chances_that_the_model_foresees() -> None:
    observations = np.tile(np.random.default_rng(1).random(encoder().observation_size, np.float32), (4000, 1))
    masks = np.ones((4000, shipped().spec.num_actions), np.bool_)
    masks[:, 0] = False
    actions = Fighter(HABITS[2]).act_batch(observations, masks, np.random.default_rng(2))
    shares = np.bincount(actions, minlength=masks.shape[1]) / len(actions)
    assert shares == pytest.approx(HABITS[2].probabilities(observations[:1], masks[:1])[0], abs=0.04)


def test_branch_that_is_not_promoted_gains_and_loses_nothing_and_the_worst_loss_is_told() -> None:
    rules = [{"promoted": True}, {"promoted": False}]
    fights = [{"branch searching": branch, "champion searching": 0.7} for branch in (0.8, 0.9)]
    assert by_rule([*rules, *fights]).value == pytest.approx(0.05)
    branches: list[dict[str, Any]] = [{"lost": {"one": [loss, True], "other": [-loss, False]}} for loss in (0.1, 0.3)]
    assert lost(branches).value == pytest.approx(0.2)
