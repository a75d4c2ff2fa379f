"""The ablation's own losses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cornerman.learning import update
from tests.studies.ablation import gradient_of

BATCH, ACTIONS = 64, 5


def gradient(by: Callable[..., object], weight: float) -> NDArray[np.float64]:
    random = np.random.default_rng(0)
    masks = random.random((2, 1, BATCH, ACTIONS)) < 0.6
    masks[..., 0] = True
    action = masks[0, 0].argmax(1)[None]
    observation = np.zeros((1, BATCH, 1))
    reward, discount = random.normal(size=(1, BATCH)), random.integers(2, size=(1, BATCH))
    weights = np.full((1, BATCH), weight)
    rows = update.Rows(observation, masks[0], action, reward, discount, observation, masks[1], weights)
    now, online, target = random.normal(size=(3, BATCH, ACTIONS))
    by(rows, 0, now, online, target, np.empty(BATCH))
    return np.asarray(now)


@pytest.mark.parametrize("variant", ["margin_and_td", "td"])
def test_variants_with_td_are_what_ships_where_nothing_is_imitated(variant: str) -> None:
    assert np.allclose(gradient(gradient_of(variant), 0.0), gradient(update.td_gradient, 0.0), rtol=1e-12)


def test_the_margin_alone_orders_actions_as_what_ships() -> None:
    assert np.allclose(gradient(gradient_of("margin"), 1.0), gradient(update.td_gradient, 1.0), rtol=1e-12)


@pytest.mark.parametrize("variant", ["margin_and_td", "td"])
def test_the_other_variants_learn_by_another_loss(variant: str) -> None:
    assert not np.allclose(gradient(gradient_of(variant), 1.0), gradient(update.td_gradient, 1.0))
