"""Advantages: what decisions taken by lot show of the actions, by least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Source, Transition
from cornerman.learning.advantages import FAR, FIRM, MOST_DECISIONS, WARY, Episode, Lots, fit

FEATURES, ACTIONS, LENGTH = 4, 3, 10


def row(observation: NDArray[np.float32], mask: NDArray[np.bool_], action: int) -> Transition:
    return Transition(observation, mask, action, 0.0, observation, mask, 1.0, 0, 0, 0, Source.PLUGIN, Source.PLAYER, -1)


def episodes(num: int, worth: NDArray[np.float64], seed: int = 0) -> list[Episode]:
    """Battles of `LENGTH` decisions by lot; the chance to win grows by `worth` `[1 + F, A]` of each action taken."""
    random, found = np.random.default_rng(seed), []
    for _ in range(num):
        seen = random.choice((-1.0, 1.0), (LENGTH, FEATURES)).astype(np.float32)
        masks = random.random((LENGTH, ACTIONS)) < 0.8
        masks[:, 0] = True
        actions = [int(random.choice(np.flatnonzero(mask))) for mask in masks]
        gained = sum(float(np.r_[1.0, each] @ worth[:, action]) for each, action in zip(seen, actions, strict=True))
        won = random.random() < 0.5 + gained
        rows = [row(*each) for each in zip(seen, masks, actions, strict=True)]
        found.append(Episode(rows, 1.0 if won else -1.0))
    return found


def worth_of(*entries: tuple[int, int, float]) -> NDArray[np.float64]:
    """Zero but for (row, action, value)."""
    worth = np.zeros((1 + FEATURES, ACTIONS))
    for at, action, value in entries:
        worth[at, action] = value
    return worth


def states(num: int = 400) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    seen = np.random.default_rng(99).choice((-1.0, 1.0), (num, FEATURES)).astype(np.float32)
    return seen, np.ones((num, ACTIONS), np.bool_)


def test_action_that_helps_a_little_everywhere_is_found() -> None:
    found = [fit(episodes(300, worth_of((0, 2, 0.05)), seed)).best(*states()) for seed in range(5)]
    assert np.mean(np.stack(found) == 2) > 0.55, "chance has a third"


def test_action_that_helps_in_some_states_is_found_there() -> None:
    seen, masks = states()
    best = fit(episodes(1000, worth_of((1, 1, 0.05)))).best(seen, masks)
    assert np.mean((best == 1) == (seen[:, 0] > 0)) > 0.9


def test_best_is_legal() -> None:
    seen, masks = states()
    masks[:, 2] = False
    masks[::2, 1] = False
    best = fit(episodes(100, worth_of((0, 2, 0.05)))).best(seen, masks)
    assert masks[np.arange(len(best)), best].all()


def test_weights_solve_the_ridge_regression_of_single_decisions() -> None:
    """With one decision a battle no return is estimated: the outcome less the fitted value."""
    battles = [Episode(each.rows[:1], each.outcome) for each in episodes(300, worth_of((0, 2, 0.3), (2, 1, 0.2)))]
    known = fit(battles)
    rows = [each.rows[0] for each in battles]
    seen, masks = np.stack([each.observation for each in rows]), np.stack([each.action_mask for each in rows])
    basis = np.hstack([np.ones((300, 1)), (seen - known.mean) / known.scale])
    outcomes = np.array([each.outcome for each in battles])
    values = basis @ np.linalg.solve(basis.T @ basis + FIRM * np.eye(1 + FEATURES), basis.T @ outcomes)
    taken = np.eye(ACTIONS)[[each.action for each in rows]] - masks / masks.sum(1, keepdims=True)
    design = (basis[:, :, None] * taken[:, None, :]).reshape(300, -1)
    penalty = np.repeat([FIRM, *[WARY] * FEATURES], ACTIONS)
    right = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ (outcomes - np.clip(values, -1.0, 1.0)))
    np.testing.assert_allclose(known.weight.ravel(), right, atol=1e-6)


def test_feature_that_never_changed_and_one_far_off_decide_nothing() -> None:
    battles = episodes(100, worth_of((0, 2, 0.2)))
    for each in battles:
        for decision in each.rows:
            decision.observation[3] = 0.5
    known = fit(battles)
    seen, masks = states()
    seen[:, 3] = 1e9
    far = seen.copy()
    far[:, 3] = 0.0
    np.testing.assert_array_equal(known.best(seen, masks), known.best(far, masks))
    seen[:, 0] = 1e9
    far[:, 0] = known.mean[0] + FAR * known.scale[0]
    np.testing.assert_array_equal(known.best(seen, masks), known.best(far, masks))


def test_lots_keep_the_newest_decisions_and_are_fitted_anew_by_what_is_new() -> None:
    lots = Lots()
    for each in episodes(50, worth_of((0, 1, 0.05))):
        lots.add(each)
    first = lots.advantages()
    lots.add(episodes(1, worth_of())[0])
    assert lots.advantages() is first, "one battle of 51 changes little"
    for each in episodes(MOST_DECISIONS // LENGTH, worth_of((0, 2, 0.05)), 1):
        lots.add(each)
    np.testing.assert_array_equal(
        lots.advantages().weight, fit(episodes(MOST_DECISIONS // LENGTH, worth_of((0, 2, 0.05)), 1)).weight
    )


def test_one_battle_of_one_decision_is_enough_to_fit() -> None:
    lots = Lots()
    lots.add(Episode(episodes(1, worth_of())[0].rows[:1], 1.0))
    assert np.isfinite(lots.advantages().weight).all()
