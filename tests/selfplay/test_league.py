"""Opponent sampling, and the rating of the present policy."""

from __future__ import annotations

import json

import pytest

from cornerman.selfplay.league import League
from cornerman.selfplay.orders import ITSELF


def league() -> League:
    made = League(["random", "brawler"])
    made.enter(["version 0", "version 1"])
    return made


def test_mix_gives_a_third_each_to_itself_champions_and_bots() -> None:
    mix = league().mix(["random", "brawler"])
    assert sum(mix.values()) == pytest.approx(1.0)
    assert mix[ITSELF] == pytest.approx(1 / 3)
    assert mix["version 0"] + mix["version 1"] == pytest.approx(1 / 3)
    assert mix["random"] + mix["brawler"] == pytest.approx(1 / 3)
    assert League([]).mix([]) == {ITSELF: pytest.approx(1.0)}


def test_shares_favour_opponents_that_still_win() -> None:
    met = league()
    met.count("version 0", 90, 0, 10)
    met.count("version 1", 30, 0, 70)
    shares = met.shares(["version 0", "version 1"])
    assert shares["version 1"] > 3 * shares["version 0"] > 0.0


def test_shares_count_chips_and_not_hands() -> None:
    """Whoever wins many small pots and loses a few large ones is an opponent that still wins."""
    met, chips = league(), league()
    met.count("random", 60, 0, 40, outcome=-6.0, squares=4.0)
    met.count("brawler", 40, 0, 60, outcome=6.0, squares=4.0)
    assert met.results["random"].recent_score < 0.5 < met.results["brawler"].recent_score
    shares = met.shares(["random", "brawler"])
    assert shares["random"] > 1.5 * shares["brawler"]
    chips.count("random", 60, 0, 40, outcome=20.0, squares=100.0)
    won = league()
    won.count("random", 60, 0, 40)
    assert chips.results == won.results, "won and lost battles count as ever"


def test_fade_lowers_recent_results_and_keeps_totals() -> None:
    met = league()
    met.count("random", 100, 0, 0)
    before = met.results["random"].recent_score
    for _ in range(60):
        met.fade()
        met.count("random", 0, 2, 8)
    assert before > 0.9
    assert met.results["random"].recent_score < 0.25
    assert (met.results["random"].wins, met.results["random"].draws) == (100, 120)


def test_count_leaves_out_itself_and_strangers() -> None:
    met = league()
    met.count("present", 5, 0, 5)
    assert all(results.battles == 0 for results in met.results.values())


def test_enter_forgets_champions_of_old() -> None:
    met = league()
    met.count("version 1", 3, 0, 1)
    for newest in range(2, 200):
        met.enter([f"version {version}" for version in range(max(1, newest - 7), newest + 1)])
    assert len(met.results) == 2 + 8
    assert set(met.mix(["random"])) == {ITSELF, "random", *met.champions}


def test_rating_lies_between_the_bots_that_it_beats_and_loses_to() -> None:
    met = league()
    assert met.rating() is None, "the bots were not measured yet"
    met.take_measured([["random", "brawler", 4.0, 20]])
    assert met.bot_points["random"] == 0.0 < met.bot_points["brawler"]
    assert met.rating() is None, "no battles against them yet"
    met.count("random", 30, 0, 10)
    met.count("brawler", 10, 0, 30)
    met.count("version 1", 40, 0, 0)
    rating = met.rating()
    assert rating is not None
    assert 0.0 < rating.points < met.bot_points["brawler"]
    assert rating.low < rating.points < rating.high


def test_restore_becomes_what_state_described() -> None:
    met, again = league(), League(["random", "brawler"])
    met.count("version 1", 3, 1, 2)
    met.take_measured([["random", "brawler", 4.0, 20]])
    met.fade()
    again.restore(json.loads(json.dumps(met.state())))
    again.enter(["version 0", "version 1"])
    assert again.mix(["brawler"]) == met.mix(["brawler"])
    assert (again.results, again.bot_points) == (met.results, met.bot_points)
