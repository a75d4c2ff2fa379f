"""The ablation's own losses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cornerman.learning import update
from tests.studies.ablation import VARIANTS, gradient_of

BATCH, ACTIONS = 64, 5


def gradient(by: Callable[..., object], seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    masks = random.random((2, 1, BATCH, ACTIONS)) < 0.6
    masks[..., 0] = True
    action = masks[0, 0].argmax(1)[None]
    observation = np.zeros((1, BATCH, 1))
    reward, discount, weight = random.normal(size=(1, BATCH)), random.integers(2, size=(1, BATCH)), np.ones((1, BATCH))
    rows = update.Rows(observation, masks[0], action, reward, discount, observation, masks[1], weight)
    now, online, target = random.normal(size=(3, BATCH, ACTIONS))
    by(rows, 0, now, online, target)
    return np.asarray(now)


def test_the_variant_that_ships_is_what_ships() -> None:
    assert np.allclose(gradient(gradient_of("margin_and_td")), gradient(update.td_gradient), rtol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_the_other_variants_learn_by_another_loss(variant: str) -> None:
    assert not np.allclose(gradient(gradient_of(variant)), gradient(update.td_gradient))
