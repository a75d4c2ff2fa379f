"""Value accuracy, and what recorded battles say against a policy that might play live."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cornerman.contract import CANDIDATE, ModelError
from cornerman.evaluation.live.offline_check import MIN_BATTLES, OfflineCheck, value_accuracy
from cornerman.evaluation.live.trials import LiveTrials
from cornerman.experience.experience import HeldOutBattle
from cornerman.policy.policy import Policy
from tests.support.trials import chance_policy, watched


def held_out(outcome: float, action_mask: list[bool]) -> HeldOutBattle:
    return HeldOutBattle(
        np.zeros((4, 3), np.float32),
        np.tile(np.array(action_mask), (4, 1)),
        np.zeros(4, np.int64),
        np.full(4, outcome, np.float32),
    )


def test_value_accuracy_is_the_share_of_decisions_whose_legal_value_has_the_outcomes_sign() -> None:
    policy = Policy(chance_policy().spec, np.array([0.0] * 9 + [-1.0, -0.5, 2.0], np.float32))
    won, lost = held_out(1.0, [True, True, False]), held_out(-1.0, [True, True, False])
    assert value_accuracy(policy, [won]) == 0.0, "the only value above 0 is illegal"
    assert value_accuracy(policy, [won, lost]) == 0.5
    assert value_accuracy(policy, [held_out(1.0, [True, True, True]), held_out(0.0, [True, True, True])]) == 1.0
    assert value_accuracy(policy, [held_out(0.0, [True, True, True])]) is None
    assert value_accuracy(policy, []) is None


def check_after(policy: Policy, battles: int = MIN_BATTLES, outcome: float = -1.0) -> LiveTrials:
    trials = LiveTrials(lambda: 0)
    for number in range(battles):
        watched(trials, policy, number, outcome)
    return trials


def test_nothing_speaks_against_a_policy_that_does_what_the_better_one_did() -> None:
    trials = check_after(chance_policy())
    assert trials.waits_for() == ""
    assert trials.check.agreement == pytest.approx(1.0)


def test_what_is_missing_is_said() -> None:
    assert check_after(chance_policy(), MIN_BATTLES - 3).waits_for() == "it watches 3 more battles first"


ALWAYS_THE_FIRST = Policy(chance_policy().spec, np.array([0.0] * 9 + [1.0, 0.0, 0.0], np.float32))


@pytest.mark.parametrize("policy", [chance_policy(-1.0), ALWAYS_THE_FIRST])
def test_policy_that_does_something_else_is_not_tried(policy: Policy) -> None:
    said = "0% of the results (60% would do) and the moves 0% better than a guess (25% would do)"
    assert said in check_after(policy).waits_for()


def test_policy_whose_play_collapsed_is_not_tried() -> None:
    weights = np.zeros((3, 3))
    weights[:, 0] = [1.0, 1.0, 1.0]
    weights[1, 1] = 1.5  # right in two of three kinds of decisions, but only two actions of three
    policy = Policy(chance_policy().spec, np.concatenate([weights.ravel(), np.zeros(3)]).astype(np.float32))
    trials = check_after(policy)
    assert trials.check.figures()["variety greedy"] < 2.0
    assert trials.check.figures()["variety recorded"] == pytest.approx(3.0)
    assert trials.check.agreement == pytest.approx(0.5)
    assert trials.waits_for() == "", "two actions of three are no collapse"


def test_policy_that_expects_less_than_the_champion_gets_is_not_tried() -> None:
    assert "it expects only -0.50 of battles" in check_after(chance_policy(bias=-1.5), outcome=1.0).waits_for()


def test_check_goes_on_from_a_checkpoint_and_refuses_what_is_none() -> None:
    check, again = check_after(chance_policy(), outcome=0.5).check, OfflineCheck()
    again.restore(json.loads(json.dumps(check.state())))
    assert again.figures() == check.figures()
    assert again.objection() == check.objection()
    with pytest.raises(ModelError, match="battles watched"):
        again.restore([{"same": "many"}])
    assert again.figures()["battles"] == 0


def test_who_decides_by_lot_is_told_from_who_can_be_foreseen() -> None:
    assert not check_after(chance_policy()).check.by_lot
    assert check_after(chance_policy(-1.0)).check.by_lot
    assert not check_after(chance_policy(-1.0), MIN_BATTLES - 1).check.by_lot, "too few battles to tell"
    learned_nothing = Policy(chance_policy().spec, np.zeros(12, np.float32))
    assert check_after(learned_nothing).check.agreement is None
    assert not check_after(learned_nothing).check.by_lot


def test_policy_is_not_asked_whether_it_foresees_decisions_of_a_policy() -> None:
    trials = check_after(chance_policy(-1.0))
    for number in range(MIN_BATTLES):
        watched(trials, chance_policy(), number, version=CANDIDATE)
    assert trials.check.by_lot, "who decides by lot beside a candidate still does"
    assert trials.check.agreement == check_after(chance_policy(-1.0)).check.agreement
