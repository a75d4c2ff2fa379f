"""Live test: equal candidates are rarely promoted, worse ones soon withdrawn, better ones promoted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from cornerman.contract import CANDIDATE, BattleEnd, ModelError, Source
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.live.trials import FIRST_WAIT, MOST_CUT_OFF, MOST_WAIT, LiveBounds, LiveTest, LiveTrials
from cornerman.evaluation.verdict import Verdict
from tests.support.trials import chance_policy, decisions, watched

SERIES = 150


def trials_of(champion: float, candidate: float, seed: int = 0) -> list[tuple[bool, int]]:
    """Whether a candidate that wins so often was promoted, and after how many of its battles, in every series."""
    random, found = np.random.default_rng(seed), []
    for _ in range(SERIES):
        test = LiveTest()
        while test.better is None:
            tried = bool(random.random() < test.share)
            test.add(tried, float(random.random() < (candidate if tried else champion)))
        found.append((test.better, test.num_battles))
    return found


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.8])
def test_equal_candidate_is_promoted_in_at_most_5_of_100_trials(strength: float) -> None:
    share = np.mean([promoted for promoted, _ in trials_of(strength, strength)])
    assert share <= 0.05 + 3 * sqrt(0.05 * 0.95 / SERIES)


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.9])
def test_candidate_of_20_points_less_is_withdrawn_after_15_battles(strength: float) -> None:
    found = trials_of(strength, strength - 0.2)
    assert np.mean([battles for _, battles in found]) <= 15
    assert np.mean([promoted for promoted, _ in found]) <= 0.02


@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_candidate_of_30_points_more_is_mostly_promoted(strength: float) -> None:
    assert np.mean([promoted for promoted, _ in trials_of(strength, strength + 0.3)]) >= 0.75


def test_nothing_is_decided_before_both_have_played_their_least_number_of_battles() -> None:
    test = LiveTest()
    for _ in range(20):
        test.add(True, 1.0)
    assert (test.better, test.share) == (None, 0.5)
    for _ in range(LiveBounds().min_battles - 1):
        test.add(False, 0.0)
    assert test.better is None
    test.add(False, 0.0)
    assert test.better is True
    assert test.share == LiveBounds().shares[1]


def test_test_goes_on_from_its_scores_and_refuses_what_is_none() -> None:
    test = LiveTest()
    for score in (1.0, 0.0, 0.5):
        test.add(True, score)
        test.add(False, score / 2)
    again = LiveTest(scores=json.loads(json.dumps(test.state())))
    assert (again.difference, again.num_battles) == (test.difference, 3)
    with pytest.raises(ModelError, match="live test"):
        LiveTest(scores={"player": ["x"]})  # type: ignore[dict-item]  # as a damaged checkpoint would


def test_candidate_is_compared_at_the_same_player_alone_and_no_name_is_in_the_checkpoint() -> None:
    trials = ready()
    for number in range(60):  # equal: half against the one, who always wins, and none against the other
        for tried, player in (True, "ann"), (False, "bob" if number % 2 else "ann"):
            trials.take(replace(result(tried, float(player == "bob")), opponent=f"player {player}"))
        trials.take(replace(result(True, 1.0), level=4))
        trials.take(replace(result(False, 0.0), level=3))
    state = trials.state()
    assert {name: (len(new), len(old)) for name, (new, old) in state["scores"].items()} == {
        "earlier 0": (60, 30),
        "earlier 3": (0, 30),
        "live 4 player": (60, 0),
        "live 3 player": (0, 60),
    }
    verdict = trials.advance()
    assert verdict is not None
    assert "a score of 0% in 60 live battles where the champion has 0% in 30" in verdict.reason
    trials.restore(state)
    assert trials.pairs == 120


def result(tried: bool, score: float, battle_id: int = 0) -> LiveResult:
    return LiveResult(CANDIDATE if tried else 0, 5, "player", score, 3, 0, battle_id, 1)


def ready(turned_down: Callable[[], int] = lambda: 0) -> LiveTrials:
    """Trials with a candidate on trial after none, or so many, were turned down."""
    trials = LiveTrials(turned_down)
    for number in range(8):
        watched(trials, chance_policy(), number)
    return trials.begin()


def test_trial_counts_how_its_battles_stood_at_the_end() -> None:
    trials = ready()
    trials.watch(chance_policy(), [], BattleEnd(77, {0: 1, 1: -1}, False, {0: Source.PLUGIN}, {0: 0.5, 1: -0.5}), bool)
    trials.take(result(True, 1.0, 77))
    trials.take(result(False, 0.0, 5))
    assert trials.state()["scores"] == {"live 5 player": ([0.5 + 0.25 * 1.5], [0.0])}


def test_each_candidate_that_is_turned_down_makes_the_next_one_wait_longer_and_prove_more() -> None:
    counted = 0
    trials = ready(lambda: counted)
    for turned_down in (1, 2, 3):
        while trials.advance() is None:
            trials.take(result(True, 0.0))
            trials.take(result(False, 1.0))
        counted = turned_down
        wait = FIRST_WAIT * 2 ** (turned_down - 1)
        assert trials.waits_for() == f"{wait} more battles to go, since the last one was turned down or taken back"
        for number in range(wait):
            assert trials.waits_for()
            watched(trials, chance_policy(), number)
        assert not trials.waits_for()
        trials.begin()
    counted = 1000
    trials.drop()
    assert trials.waits_for().startswith(f"{MOST_WAIT} more battles")
    assert won(trials.begin()).pairs > won(ready()).pairs


def won(trials: LiveTrials) -> Verdict:
    """The verdict on a candidate that wins every battle where the champion loses every one."""
    while (verdict := trials.advance()) is None:
        trials.take(result(True, 1.0))
        trials.take(result(False, 0.0))
    return verdict


@pytest.mark.parametrize("watched_before", [True, False])
def test_candidate_that_has_proved_better_is_promoted_which_ends_the_waiting(watched_before: bool) -> None:
    trials = ready()
    if not watched_before:
        trials.check.clear()  # as after a start without a checkpoint: it does not matter what the check says now
    verdict = won(trials)
    assert verdict.promote
    assert "a score of 100% in" in verdict.reason
    assert verdict.score == 1.0
    assert not trials.running
    assert bool(trials.waits_for()) is not watched_before, "the new champion has turned nobody down"


def test_candidate_whose_battles_are_all_cut_off_is_withdrawn() -> None:
    trials, kinds = ready(), {0: Source.PLUGIN}
    for number in range(MOST_CUT_OFF):
        trials.take(result(False, 0.5))
        assert trials.advance() is None
        rows = decisions(number, 0, Source.PLUGIN, version=CANDIDATE)
        trials.watch(chance_policy(), rows, BattleEnd(number, {}, True, kinds), bool)
    verdict = trials.advance()
    assert verdict is not None
    assert not verdict.promote
    assert verdict.interval == (0.0, 1.0)
    assert f"its last {MOST_CUT_OFF} battles were cut off" in verdict.reason


def test_trials_go_on_from_a_checkpoint() -> None:
    trials = ready()
    trials.take(result(True, 1.0))
    again = LiveTrials(lambda: 0)
    again.restore(json.loads(json.dumps(trials.state())))
    assert again.running
    assert json.dumps(again.state()) == json.dumps(trials.state())
    assert again.check.figures() == trials.check.figures()
    again.drop()
    assert again.waits_for() == "", "what was watched before need not be watched again"
    with pytest.raises(ModelError, match="live trials"):
        again.restore({"since": None})
    with pytest.raises(ModelError, match="battles watched"):
        again.restore({**trials.state(), "watched": [["x"]]})
