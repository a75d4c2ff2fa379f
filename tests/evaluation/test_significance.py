"""The sequential test keeps its promises in simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.evaluation.significance import MARGIN, Bounds, Sample, SequentialTest, best_of, lost

SERIES = 2000
Rule = Callable[[SequentialTest], bool | None]
SLACK = 3 * sqrt(0.05 * 0.95 / SERIES)  # three standard errors of the simulation


def draw_pairs(
    random: np.random.Generator, strength: float, correlation: float, draws: float, shape: tuple[int, int]
) -> Any:
    """Pair scores: either battle is won, drawn or lost by one uniform number; with chance |correlation| the second
    battle's number is the first one's (positive) or its mirror image (negative: the seed favours a side)."""
    first, second = random.random(shape), random.random(shape)
    coupled = random.random(shape) < abs(correlation)
    second = np.where(coupled, first if correlation > 0 else 1.0 - first, second)
    won = strength - draws / 2

    def score(luck: Any) -> Any:
        return np.where(luck < won, 1.0, np.where(luck < won + draws, 0.5, 0.0))

    return (score(first) + score(second)) / 2


def accepted(test: SequentialTest) -> bool | None:
    return test.accepted


def promoted_share(pairs: Any, bounds: Bounds | None = None, rule: Rule = accepted) -> float:
    """The share of series of pair scores that `rule`, asked after every pair, answers with True."""
    promoted = 0
    for series in pairs.tolist():
        test = SequentialTest(bounds or Bounds())
        for pair_score in series:
            test.add(pair_score)
            answer = rule(test)
            if answer is not None:
                promoted += answer
                break
    return promoted / len(pairs)


# correlation within a pair, share of drawn battles
MODELS = [(-0.8, 0.0), (-0.3, 0.1), (0.0, 0.0), (0.0, 0.3), (0.2, 0.0)]


@pytest.mark.parametrize(("correlation", "draws"), MODELS)
@pytest.mark.parametrize(
    ("strength", "least", "most"), [(0.5, 0.0, 0.05 + SLACK), (0.6, 0.90, 1.0), (0.45, 0.0, 0.005)]
)
def test_who_is_equal_or_worse_seldom_passes_and_who_wins_60_percent_mostly(
    strength: float, least: float, most: float, correlation: float, draws: float
) -> None:
    pairs = draw_pairs(np.random.default_rng(1), strength, correlation, draws, (SERIES, 200))
    assert least <= promoted_share(pairs) <= most


def stops_when_the_interval_clears_half(test: SequentialTest) -> bool | None:
    """The rule that people reach for: look after every pair, stop as soon as the 95 % interval is above one half."""
    if test.num_pairs < 20:
        return None
    return True if test.interval[0] > 0.5 else (False if test.num_pairs >= 200 else None)


@pytest.mark.parametrize(
    ("bounds", "rule"),
    [
        (Bounds(), stops_when_the_interval_clears_half),
        (Bounds(min_pairs=2, alpha=0.2), accepted),
        (Bounds(alpha=0.15), accepted),
    ],
)
def test_the_simulation_is_sharp_enough_to_catch_a_rule_that_stops_early(bounds: Bounds, rule: Rule) -> None:
    pairs = draw_pairs(np.random.default_rng(1), 0.5, 0.0, 0.0, (SERIES, 200))
    assert promoted_share(pairs, bounds, rule) > 0.05 + SLACK


# -------------------------------------------------------------------------------- candidates one after the other


def test_a_thousand_equal_candidates_hardly_ever_replace_their_champion() -> None:
    """Over 8 champions, the count of candidates beginning anew with each promotion; without it, it were 30 each."""
    random, replaced = np.random.default_rng(2), 0
    for _ in range(8):
        turned_down = 0
        for pairs in draw_pairs(random, 0.5, -0.3, 0.1, (1000, 100)):
            if promoted_share(pairs[None], Bounds.after(turned_down, max_pairs=100)):
                replaced, turned_down = replaced + 1, 0
            else:
                turned_down += 1
    assert replaced <= 8


@pytest.mark.parametrize("turned_down", [0, 4, 19])
def test_a_candidate_of_60_percent_still_passes_after_others_were_turned_down(turned_down: int) -> None:
    bounds = Bounds.after(turned_down)
    pairs = draw_pairs(np.random.default_rng(5), 0.6, -0.3, 0.1, (300, bounds.max_pairs))
    assert promoted_share(pairs, bounds) >= 0.90


def test_bounds_of_the_first_candidate_are_those_of_the_settings() -> None:
    assert Bounds.after(0, 15, 40) == Bounds(min_pairs=15, max_pairs=40)
    assert Bounds.after(19).alpha == pytest.approx(0.05 / 20)
    assert Bounds.after(19).max_pairs == pytest.approx(2 * Bounds.after(0).max_pairs, abs=5)


# ------------------------------------------------------------------------------------------------- losses elsewhere


def test_best_of_is_a_result_that_stands_out_or_the_mean_of_those_that_are_alike() -> None:
    assert best_of([]) == Sample(0, 0.0)
    assert best_of([Sample(400, 0.5), Sample(400, 0.8), Sample(400, 0.6)]) == Sample(400, 0.8)
    alike = best_of([Sample(400, 0.70), Sample(400, 0.72), Sample(400, 0.71)])
    assert alike.battles >= 800
    assert alike.score == pytest.approx(0.715, abs=0.006)
    assert best_of([Sample(400, 0.7), Sample(2, 1.0)]).score < 0.72, "two battles prove nothing"


def test_lost_tells_three_points_of_many_battles_and_passes_what_is_equal() -> None:
    best = Sample(4096, 0.70)
    assert lost(Sample(4096, 0.67), best, 4096) is True
    assert lost(Sample(4096, 0.70), best, 4096) is False
    assert lost(Sample(1024, 0.68), best, 4096) is None, "too early to say"
    assert lost(Sample(1024, 0.60), best, 4096) is True
    assert lost(Sample(1024, 0.75), best, 4096) is False
    assert lost(Sample(2, 0.5), Sample(2, 1.0), 2) is False, "two battles prove nothing"


def test_a_few_draws_do_not_show_that_nobody_loses() -> None:
    """Against a bot that the best champion has drawn all battles with: three of 200 lost are a loss, 1.5 points."""
    best = Sample(400, 0.5, 0.0)
    assert lost(Sample(20, 0.5, 0.0), best, 400) is None
    assert lost(Sample(400, 0.5, 0.0), best, 400) is False
    assert lost(Sample(400, 0.4925, 0.00375), best, 400) is True
    assert lost(Sample(400, 0.49875, 0.000625), best, 400) is False, "one lost battle proves nothing"


def chain(battles: int, step: float, seed: int) -> tuple[float, float]:
    """What the last of 60 candidates that the check lets pass has lost, each better than the one before by `step`, and
    the share of them that it refused."""
    random, level, refused = np.random.default_rng(seed), 0.75, 0

    def found(level: float) -> Sample:
        return Sample(battles, random.binomial(battles, level) / battles)

    results = [found(level)]
    for _ in range(60):
        if lost(found(level + step), best_of(results), battles):
            refused += 1
        else:
            level += step
            results.append(found(level))
    return level - 0.75, refused / 60


@pytest.mark.parametrize(("battles", "most"), [(4096, 0.045), (400, 0.1)])
def test_losses_do_not_add_up_over_promotions(battles: int, most: float) -> None:
    """Sixty candidates of a point less each: a comparison with the last champion alone would let them all pass."""
    found = [chain(battles, -0.01, seed)[0] for seed in range(10)]
    assert -most < np.mean(found) < 0.0


@pytest.mark.parametrize(("battles", "most"), [(4096, 0.12), (400, 0.35)])
def test_equal_candidates_are_seldom_refused_for_a_loss(battles: int, most: float) -> None:
    refused = [chain(battles, 0.0, seed)[1] for seed in range(10)]
    assert np.mean(refused) < most
    assert MARGIN == 0.015


# ------------------------------------------------------------------------------------------------------- single rules


def filled(scores: Sequence[float], bounds: Bounds | None = None) -> SequentialTest:
    test = SequentialTest(bounds or Bounds())
    for score in scores:
        test.add(score)
    return test


def test_nothing_is_decided_before_the_least_number_of_pairs() -> None:
    test = SequentialTest(Bounds())
    for _ in range(19):
        test.add(1.0)
        assert test.accepted is None
    test.add(1.0)
    assert test.accepted is True


def test_identical_play_is_refused_at_once_and_is_not_undecided() -> None:
    test = filled([0.5] * 20)
    assert test.accepted is False
    assert not test.undecided
    assert test.score == 0.5


def test_used_up_pairs_keep_the_champion_as_undecided() -> None:
    test = filled([0.0, 1.0, 0.0, 1.0, 0.75] * 40)  # 0.55, in the middle between the two
    assert test.num_pairs == 200
    assert test.accepted is False
    assert test.undecided


def points_game(random: np.random.Generator, lead: float, num_pairs: int) -> list[tuple[float, float]]:
    """Pairs of a game for points, in which a battle gains or costs some 12 % of the most there is to win."""
    battles = 0.5 + lead + random.normal(0.0, 0.06, (num_pairs, 2)).clip(-0.3, 0.3)
    return list(zip(battles.mean(1).tolist(), ((battles - 0.5) ** 2).mean(1).tolist(), strict=True))


@pytest.mark.parametrize(("lead", "least", "most"), [(0.0, 0.0, 0.05 + SLACK), (0.012, 0.9, 1.0), (-0.012, 0.0, 0.0)])
def test_a_game_for_points_is_judged_on_its_own_scale(lead: float, least: float, most: float) -> None:
    """A lead of a fifth of a standard deviation is what 60 % is where battles are won or lost."""
    random, promoted = np.random.default_rng(8), 0
    for _ in range(SERIES):
        test = SequentialTest(Bounds())
        for pair in points_game(random, lead, 200):
            test.add(*pair)
            if test.accepted is not None:
                break
        promoted += test.accepted is True
    assert least <= promoted / SERIES <= most


def test_no_worse_holds_down_to_half_as_much_worse_as_upper_is_better() -> None:
    assert filled([0.5] * 20).no_worse
    assert filled([0.25, 0.75, 0.5, 0.375] * 10).no_worse  # 0.469
    assert not filled([0.25, 0.75, 0.5, 0.25] * 10).no_worse  # 0.4375


def test_a_run_of_luck_is_not_certainty() -> None:
    """Twenty alike pairs must leave a variance: the prior's share of it."""
    assert filled([0.75] * 20).variance == pytest.approx(5 * 0.125 / 25)
    assert filled([]).interval == (0.0, 1.0)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60))
def test_figures_equal_the_plain_formulas(scores: list[float]) -> None:
    test = filled(scores)
    n, mean = len(scores), float(np.mean(scores))
    variance = (float(((np.array(scores) - mean) ** 2).sum()) + 5 * 0.125) / (n + 5)
    llr = n / 2 * np.log((variance + (mean - 0.5) ** 2) / (variance + (mean - 0.6) ** 2))
    assert test.score == pytest.approx(mean)
    assert test.variance == pytest.approx(variance)
    assert test.llr == pytest.approx(llr, abs=1e-9)
    assert 0.0 <= test.interval[0] <= mean + 1e-9
    assert mean - 1e-9 <= test.interval[1] <= 1.0


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=20, max_size=60))
def test_mirrored_scores_mirror_the_ratio(scores: list[float]) -> None:
    """What speaks for 0.60 against 0.50 speaks for 0.40 against 0.50 when winner and loser change places."""
    mirrored = filled([1.0 - score for score in scores], Bounds(lower=0.4, upper=0.5))
    assert filled(scores).llr == pytest.approx(-mirrored.llr, abs=1e-9)
