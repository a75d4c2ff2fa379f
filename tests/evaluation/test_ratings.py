"""Ratings: known strengths are found again, intervals hold them as often as they say, nothing runs to infinity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.evaluation.ratings import LEAST_BATTLES, MOST_GAIN, Meeting, gain_of, rate, rate_linked, win_share


def test_two_players_have_the_closed_form() -> None:
    """With an anchor and very many battles the prior is nothing: 400 log10(p / (1 - p))."""
    ratings = rate([Meeting("a", "anchor", 75_000, 100_000)], {"anchor": 1000.0})
    assert ratings["a"].points == pytest.approx(1000 + 400 * np.log10(3), abs=0.5)
    assert ratings["anchor"].points == ratings["anchor"].low == ratings["anchor"].high == 1000.0
    assert list(ratings) == ["a", "anchor"]


def expected_score(points: float, other_points: float) -> float:
    """The score that a difference of points stands for: 400 points are odds of ten to one."""
    return float(1.0 / (1.0 + 10.0 ** ((other_points - points) / 400.0)))


@pytest.mark.parametrize(("points", "share"), [(-1e9, 0.0), (1e9, 1.0), (-300.0, expected_score(-300.0, 0.0))])
def test_win_share_of_any_points_is_a_share(points: float, share: float) -> None:
    assert win_share(points, 0.0) == pytest.approx(share, abs=1e-9)
    assert win_share(0.0, points) == pytest.approx(1.0 - share, abs=1e-9)


TRUE = {"anchor": 0.0, "v0": -150.0, "v1": 20.0, "v2": 130.0, "v3": 260.0}


def tournament(random: np.random.Generator, battles: int) -> list[Meeting]:
    names = list(TRUE)
    return [
        Meeting(a, b, float(random.binomial(battles, expected_score(TRUE[a], TRUE[b]))), battles)
        for at, a in enumerate(names)
        for b in names[at + 1 :]
    ]


def test_known_strengths_are_found_again() -> None:
    ratings = rate(tournament(np.random.default_rng(0), 4000), {"anchor": 0.0})
    assert list(ratings) == ["v3", "v2", "v1", "anchor", "v0"]
    for name, points in TRUE.items():
        assert ratings[name].points == pytest.approx(points, abs=15.0)
        assert ratings[name].battles == 16_000


def test_intervals_hold_the_truth_about_95_times_of_100() -> None:
    random, held = np.random.default_rng(1), list[bool]()
    for _ in range(200):
        ratings = rate(tournament(random, 200), {"anchor": 0.0})
        held += [ratings[name].low <= TRUE[name] <= ratings[name].high for name in TRUE if name != "anchor"]
    assert 0.93 <= np.mean(held) <= 0.98


def test_who_won_everything_is_strong_but_not_infinitely() -> None:
    ratings = rate([Meeting("a", "anchor", 40, 40)], {"anchor": 0.0})
    assert 300 < ratings["a"].points < 1500
    assert ratings["a"].high - ratings["a"].low > 300


def test_those_who_never_met_an_anchor_are_placed_around_it_with_wide_intervals() -> None:
    ratings = rate([Meeting("a", "b", 30, 40), Meeting("c", "anchor", 20, 40)], {"anchor": 500.0})
    assert ratings["a"].points > 500 > ratings["b"].points
    assert ratings["a"].high - ratings["a"].low > 1000
    assert ratings["c"].points == pytest.approx(500, abs=1)


def test_nobody_is_rated_without_a_link_to_an_anchor_or_with_few_battles() -> None:
    met = [Meeting("b", "a", 9, 40), Meeting("a", "anchor", 30, 40), Meeting("few", "a", 9, LEAST_BATTLES - 1)]
    met += [Meeting("x", "y", 30, 40), Meeting("x", "anchor", 0, 0), Meeting("c", "b", 20, 40)]
    assert rate_linked(met, {"anchor": 0.0}).keys() == {"a", "b", "c", "anchor"}
    assert rate_linked(met, {}) == {}


def test_nobody_met_and_anchors_alone() -> None:
    assert rate([], {"anchor": 0.0}) == {}
    ratings = rate([Meeting("x", "y", 3, 10), Meeting("x", "x", 1, 1)], {"x": 0.0, "y": 100.0})
    assert [(name, rating.points) for name, rating in ratings.items()] == [("y", 100.0), ("x", 0.0)]


meetings = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(0, 50), st.integers(0, 50)), max_size=10
)


def test_gain_of_a_stored_score_above_one_is_the_most() -> None:
    assert gain_of(1.3, 100) == MOST_GAIN > gain_of(0.6, 100) > 0.0


@settings(deadline=None, max_examples=60)
@given(meetings)
def test_rate_is_finite_whichever_way_round_results_are_told(
    raw: list[tuple[str, str, int, int]],
) -> None:
    met = [Meeting(a, b, float(min(score, battles)), battles) for a, b, score, battles in raw]
    turned = [Meeting(m.opponent, m.player, m.battles - m.score, m.battles) for m in met]
    one, other = rate(met, {"a": 0.0}), rate(turned, {"a": 0.0})
    assert one.keys() == other.keys()
    for name, rating in one.items():
        assert np.isfinite([rating.points, rating.low, rating.high]).all()
        assert rating.low <= rating.points <= rating.high
        assert other[name].points == pytest.approx(rating.points, abs=1e-3)
