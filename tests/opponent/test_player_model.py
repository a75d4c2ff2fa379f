"""Model of the player: foresees habits after few battles, costs nothing without them, and survives its arrays."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Bools, Floats, ModelError
from cornerman.opponent.conditions import action_groups, words_of
from cornerman.opponent.player_model import PlayerModel
from cornerman.opponent.predictor import ChampionPredictor, Predictor
from cornerman.opponent.regression import Loss
from cornerman.opponent.rules import Decisions, RuleList
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support.habits import (
    ACTIONS,
    FEATURES,
    GUARD,
    Habit,
    battles,
    champion,
    guards_when_low,
    hurt_one_waits,
    learned,
    never_guards,
    no_habit,
)


def model_of(habit: Habit, num_battles: int) -> PlayerModel:
    return learned(battles(champion(), habit, num_battles, seed=1))


def accuracy(predictor: Predictor, decisions: Decisions) -> float:
    chances = predictor.probabilities(decisions.observations, decisions.action_masks)
    return float((chances.argmax(1) == decisions.actions).mean())


@pytest.mark.parametrize("habit", [never_guards, guards_when_low, hurt_one_waits])
def test_model_foresees_a_habit_that_the_champion_has_not_after_five_battles(habit: Habit) -> None:
    (later,) = battles(champion(), habit, 1, seed=99, length=1_000)
    alone = accuracy(ChampionPredictor(champion()), later)
    assert alone < 0.9
    assert accuracy(model_of(habit, 5), later) > max(0.95, alone + 0.1)


def guards_when_either_is_low(observations: Floats, masks: Bools) -> Bools:
    thought = masks.copy()
    low = ((observations[:, 0] < 0.3) | (observations[:, 1] < 0.3)).nonzero()[0]
    thought[low] = False
    thought[low, GUARD] = True
    return thought


@pytest.mark.parametrize(("habit", "either"), [(guards_when_low, False), (guards_when_either_is_low, True)])
def test_evidence_of_the_last_rule_is_what_it_explains_beyond_its_price(habit: Habit, either: bool) -> None:
    (played,) = battles(champion(), habit, 1, seed=1, length=500)
    values, at = champion().q_values_batch(played.observations), (np.arange(500), played.actions)
    found = RuleList(100.0)
    for _ in found.fit(values, played, FEATURES, ACTIONS):
        pass
    *before, rule = found.rules
    assert rule.either is either
    without, with_it = (
        np.log(RuleList(100.0, rules).probabilities(values, played.observations, played.action_masks)[at]).sum()
        for rules in (before, found.rules)
    )
    assert rule.evidence + rule.price == pytest.approx(with_it - without, rel=0.05)


def test_model_of_a_player_without_habits_has_no_rules_and_foresees_what_the_champion_does() -> None:
    model = model_of(no_habit, 5)
    (later,) = battles(champion(), no_habit, 1, seed=99, length=1_000)
    rules = [each.rules for each in model.explanations if isinstance(each, RuleList) and each.sharpness > 100]
    assert not any(rules)
    assert accuracy(model, later) == 1.0
    assert model.score.hits == model.score.champion_hits == model.score.decisions == 150


def test_player_who_always_does_the_same_has_no_rule_twice() -> None:
    (played,) = battles(champion(), no_habit, 1, seed=1, length=1_000)
    played, found = played._replace(actions=np.full(1_000, GUARD)), RuleList(500.0)
    for _ in found.fit(np.zeros_like(played.action_masks, np.float32), played, FEATURES, ACTIONS):
        pass
    assert found.rules
    assert not any(one.says_the_same(other) for one, other in combinations(found.rules, 2))


@pytest.mark.parametrize(
    ("learned_nothing", "wait", "most"), [(False, False, 40), (True, False, 25), (False, True, 25)]
)
def test_rules_are_searched_less_often_where_that_changes_little(
    monkeypatch: pytest.MonkeyPatch, learned_nothing: bool, wait: bool, most: int
) -> None:
    search, searched = RuleList.fit, list[RuleList]()

    def noted(explanation: RuleList, *arguments: Any) -> Any:
        searched.append(explanation)
        return search(explanation, *arguments)

    monkeypatch.setattr(RuleList, "fit", noted)
    policy = Policy(champion().spec, np.zeros_like(champion().flat)) if learned_nothing else champion()
    model, played = PlayerModel(policy, FEATURES, ACTIONS), battles(champion(), guards_when_low, 20, seed=1, length=12)
    for at, battle in enumerate(played):
        for _ in model.learn(battle, (len(played) - 1 - at) * wait):
            pass
    assert len(searched) <= most
    (later,) = battles(champion(), guards_when_low, 1, seed=99, length=1_000)
    assert learned_nothing or accuracy(model, later) > 0.95


def test_model_scores_a_battle_before_it_learns_it() -> None:
    model = model_of(guards_when_low, 1)
    (battle,) = battles(champion(), guards_when_low, 1, seed=1)
    foreseen = champion().q_values_batch(battle.observations)
    hits = np.where(battle.action_masks, foreseen, -np.inf).argmax(1) == battle.actions
    assert model.score.decisions == 30
    assert model.score.hits == model.score.champion_hits == hits.sum() < 25


def test_model_follows_a_player_who_changes() -> None:
    model = learned(battles(champion(), guards_when_low, 8, seed=5), model_of(never_guards, 8))
    (later,) = battles(champion(), guards_when_low, 1, seed=99, length=1_000)
    assert accuracy(model, later) > 0.95


def test_arrays_make_a_model_that_foresees_the_same() -> None:
    model = model_of(guards_when_low, 4)
    arrays = {name: array.copy() for name, array in model.arrays().items()}
    again = PlayerModel.from_arrays(arrays, champion())
    (later,) = battles(champion(), no_habit, 1, seed=99, length=200)
    chances = again.probabilities(later.observations, later.action_masks)
    assert np.allclose(chances, model.probabilities(later.observations, later.action_masks), atol=1e-9)
    assert np.allclose(chances.sum(1), 1.0)
    assert not chances[~later.action_masks].any()


def test_model_foresees_who_plays_quite_unlike_the_champion() -> None:
    other = champion(seed=11)
    model = learned(battles(other, no_habit, 12, seed=1))
    (later,) = battles(other, no_habit, 1, seed=99, length=1_000)
    alone = accuracy(ChampionPredictor(champion()), later)
    assert accuracy(model, later) > alone + 0.2
    again = PlayerModel.from_arrays(model.arrays(), champion())
    assert accuracy(again, later) == accuracy(model, later)


@pytest.mark.parametrize("change", ["scale", "words", "leanings", "sharpness"])
def test_arrays_of_a_regression_that_do_not_fit_are_refused(change: str) -> None:
    arrays = dict(learned(battles(champion(seed=11), no_habit, 5, seed=1)).arrays())
    name = next(name for name in arrays if name.endswith(".leanings")).replace("leanings", change)
    arrays[name] = np.array(-1.0) if change == "sharpness" else arrays[name][:-1]
    with pytest.raises(ModelError, match="model of a player"):
        PlayerModel.from_arrays(arrays, champion())


def test_kinds_of_actions_are_whole_groups_where_there_are_very_many_actions() -> None:
    names = [*(f"play card {number}" for number in range(300)), *(f"attack {number}" for number in range(300)), "wait"]
    groups = action_groups(names, np.ones((1, len(names)), np.bool_), np.array([*range(94), 300, 600]))
    for kind in (("play",), ("attack",), ("play", "attack")):
        wanted = np.array([name.split()[0] in kind for name in names])
        assert (groups == wanted).all(1).any(), kind


def test_gradient_of_the_regression_is_the_slope_of_its_loss() -> None:
    (battle,) = battles(champion(), guards_when_low, 1, seed=3)
    inputs = np.concatenate([np.ones((battle.num, 1)), battle.observations], 1)
    words = words_of(ACTIONS)
    loss = Loss(champion().q_values_batch(battle.observations), battle, inputs, words)
    at = np.random.default_rng(0).normal(0.0, 0.3, words.shape[1] * inputs.shape[1] + 1)
    slope = loss(at)[1]
    for place in (0, 7, 40, len(at) - 1):
        step = np.zeros(len(at))
        step[place] = 1e-5
        assert (loss(at + step)[0] - loss(at - step)[0]) / 2e-5 == pytest.approx(slope[place], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", np.array([])),
        ("weights", np.array([np.nan])),
        ("0.sharpness", np.array(-1.0)),
        ("0.shares", np.array([2.0])),
        ("0.literals", np.array([[99.0, -1.0, 0.0, 1.0]])),
        ("0.groups", np.zeros((1, 2), np.bool_)),
        ("0.conditions", np.array([3])),
        ("0.either", None),
        ("pairs", np.array([[[0, 99]]])),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, value: np.ndarray | None) -> None:
    arrays = dict(model_of(guards_when_low, 2).arrays())
    first = min(at for at in range(len(arrays["weights"])) if len(arrays.get(f"{at}.shares", ())))
    name = name.replace("0.", f"{first}.")
    arrays.pop(name)
    if value is not None:
        arrays[name] = value
    with pytest.raises(ModelError, match="model of a player"):
        PlayerModel.from_arrays(arrays, champion())


def test_model_of_a_game_with_many_actions_stays_small() -> None:
    names, spec = tuple(f"action {at}" for at in range(8_192)), NetworkSpec(8, 8_192, (4,))
    policy, random = Policy(spec, np.full(spec.num_parameters, 0.1, np.float32)), np.random.default_rng(0)
    masks = np.zeros((10, 8_192), np.bool_)
    masks[:, :30] = True
    tracemalloc.start()
    try:
        model = PlayerModel(policy, [f"feature {at}" for at in range(8)], names)
        learned([Decisions(random.random((10, 8), np.float32), masks, np.arange(10))], model)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_model_learns_on_where_a_later_battle_is_the_first_with_features_of_whoever_acts() -> None:
    first, *later = battles(champion(), hurt_one_waits, 8, seed=1)
    first.observations[:, 3], first.observations[:, 4] = 1.0, 0.0  # one character acts in all of it
    model = PlayerModel(champion(), FEATURES, ACTIONS)
    for battle in (first, *later):
        for _ in model.learn(battle):
            PlayerModel.from_arrays(model.arrays(), champion())  # another process may ask for it at any time
    (new,) = battles(champion(), hurt_one_waits, 1, seed=99, length=1_000)
    assert accuracy(model, new) > 0.95
