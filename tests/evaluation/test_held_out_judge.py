"""Value accuracy, and the judge of games without headless battles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest

from cornerman.evaluation.held_out_judge import HeldOutJudge, value_accuracy
from cornerman.evaluation.verdict import Verdict
from cornerman.experience.experience import HeldOutBattle
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

FEATURES, ACTIONS = 4, 3


def linear(weights: Any, bias: Sequence[float] = (0.0, 0.0, 0.0)) -> Policy:
    """A policy whose Q-values are `observation @ weights + bias`."""
    spec = NetworkSpec(FEATURES, ACTIONS, ())
    return Policy(spec, np.concatenate([np.asarray(weights, np.float32).ravel(), np.asarray(bias, np.float32)]), 0)


def battles(num: int, seed: int = 0) -> list[HeldOutBattle]:
    """Feature 0 tells who wins; features 1 to 3 tell which action the winner takes."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(num):
        length = int(random.integers(6, 12))
        outcome = np.where(np.arange(length) % 2 == 0, 1, -1) * int(random.choice([-1, 1]))
        observation = random.normal(0.0, 1.0, (length, FEATURES)).astype(np.float32)
        action = observation[:, 1:].argmax(1)
        observation[:, 0] = outcome + random.normal(0.0, 0.3, length)
        returns = (outcome * 0.97 ** np.arange(length)[::-1]).astype(np.float32)
        made.append(HeldOutBattle(observation, np.ones((length, ACTIONS), bool), action, outcome, returns))
    return made


KNOWS = np.zeros((FEATURES, ACTIONS))
KNOWS[0] = 0.8
KNOWS[1:] = 0.05 * np.eye(3)
KNOWS_NOTHING = np.zeros((FEATURES, ACTIONS))
KNOWS_NOTHING[1:] = 0.05 * np.eye(3)


def judged(candidate: Policy, champion: Policy, seen: list[HeldOutBattle]) -> Verdict:
    verdict = HeldOutJudge(candidate, champion, seen).advance(10_000)
    assert verdict is not None
    return verdict


@pytest.mark.parametrize(
    ("bias", "right"),
    # The last action is legal at two of the winner's four decisions, and at none of the loser's three.
    [((-8.0, -8.0, 1.0), 2 + 3), ((-10.0, -10.0, -1.0), 0 + 3), ((11.0, 11.0, 20.0), 4 + 0)],
)
def test_value_accuracy_is_the_share_of_estimates_with_the_sign_of_the_outcome(
    bias: tuple[float, float, float], right: int
) -> None:
    outcome = np.array([1, -1, 1, -1, 1, -1, 1])
    mask = np.ones((7, ACTIONS), bool)
    mask[:, 2] = [True, False, True, False, False, False, False]
    observation, action = np.zeros((7, FEATURES), np.float32), np.zeros(7, np.int64)
    battle = HeldOutBattle(observation, mask, action, outcome, outcome.astype(np.float32))
    policy = linear(np.zeros((FEATURES, ACTIONS)), bias)
    assert value_accuracy(policy, [battle]) == pytest.approx(right / 7)
    drawn = replace(battle, outcome=np.zeros(7, np.int64))
    assert value_accuracy(policy, [drawn, battle]) == pytest.approx(right / 7), "draws are left out"
    assert value_accuracy(policy, [drawn]) is value_accuracy(policy, []) is None


def test_a_better_estimate_is_promoted_on_probation() -> None:
    verdict = judged(linear(KNOWS), linear(KNOWS_NOTHING), battles(30))
    assert verdict.promote
    assert "probation" in verdict.reason
    assert verdict.figures["accuracy candidate"] > 0.9
    assert verdict.figures["error candidate"] < verdict.figures["error champion"]
    json.dumps(verdict.as_dict(), allow_nan=False)


def moved(play: Any) -> Any:
    """KNOWS with other preferences among the actions."""
    weights = KNOWS.copy()
    weights[1:] = play
    return weights


@pytest.mark.parametrize(
    ("candidate", "champion", "num", "why"),
    [
        (linear(KNOWS_NOTHING), linear(KNOWS), 30, "fell"),
        (linear(KNOWS), linear(KNOWS), 30, "no surely better estimate"),
        (linear(KNOWS), linear(KNOWS_NOTHING), 11, "too few"),
        (linear(moved(0.0), bias=(0.01, 0.0, 0.0)), linear(KNOWS_NOTHING), 30, "collapsed"),
        (linear(moved(0.05 * np.roll(np.eye(3), 1, axis=1))), linear(KNOWS_NOTHING), 30, "agreement"),
    ],
    ids=["worse", "equal", "too few battles", "collapsed to one action", "moved away from the winners"],
)
def test_the_champion_is_kept(candidate: Policy, champion: Policy, num: int, why: str) -> None:
    verdict = judged(candidate, champion, battles(num))
    assert not verdict.promote
    assert why in verdict.reason


def test_equal_estimates_with_noise_pass_at_most_5_times_of_100() -> None:
    random, passed, runs = np.random.default_rng(3), 0, 200
    for run in range(runs):
        first, second = (linear(KNOWS + random.normal(0.0, 0.02, KNOWS.shape)) for _ in range(2))
        passed += judged(first, second, battles(20, seed=run)).promote
    assert passed / runs <= 0.05 + 3 * sqrt(0.05 * 0.95 / runs)


def test_illegal_actions_do_not_count_as_estimates() -> None:
    """A huge value of an action that the mask forbids must not be taken for the estimate."""
    seen = [
        replace(battle, action_mask=np.tile([True, True, False], (len(battle.action), 1))) for battle in battles(30)
    ]
    poisoned = linear(KNOWS, bias=(0.0, 0.0, 1000.0))
    verdict = judged(poisoned, linear(KNOWS_NOTHING), seen)
    assert verdict.figures["error candidate"] < 0.2


def test_battles_are_judged_one_at_a_time() -> None:
    judge = HeldOutJudge(linear(KNOWS), linear(KNOWS_NOTHING), battles(30))
    for done in range(1, 30):
        judge.advance(1)
        assert judge.pairs == done
    assert judge.verdict is None
    assert judge.advance(10) is not None
