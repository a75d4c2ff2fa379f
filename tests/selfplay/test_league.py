"""Who is met how often in bulk training."""

from __future__ import annotations

import json

import pytest

from cornerman.selfplay.league import ITSELF, League


def league() -> League:
    made = League(["random", "brawler"])
    made.enter(["version 0", "version 1"])
    return made


def test_always_all_three_kinds() -> None:
    mix = league().mix(["random", "brawler"])
    assert sum(mix.values()) == pytest.approx(1.0)
    assert mix[ITSELF] == pytest.approx(1 / 3)
    assert mix["version 0"] + mix["version 1"] == pytest.approx(1 / 3)
    assert mix["random"] + mix["brawler"] == pytest.approx(1 / 3)


def test_a_kind_that_is_missing_goes_to_itself() -> None:
    alone = League([])
    assert alone.mix([]) == {ITSELF: pytest.approx(1.0)}


def test_who_still_wins_is_met_more_often() -> None:
    met = league()
    met.count("version 0", 90, 0, 10)
    met.count("version 1", 30, 0, 70)
    shares = met.shares(["version 0", "version 1"])
    assert shares["version 1"] > 3 * shares["version 0"] > 0.0


def test_old_results_fade_and_totals_stay() -> None:
    met = league()
    met.count("random", 100, 0, 0)
    before = met.standings["random"].recent_score
    for _ in range(60):
        met.fade()
        met.count("random", 0, 2, 8)
    assert before > 0.9
    assert met.standings["random"].recent_score < 0.25
    assert met.standings["random"].wins == 100
    assert met.standings["random"].draws == 120


def test_battles_against_itself_or_a_stranger_count_for_nobody() -> None:
    met = league()
    met.count("present", 5, 0, 5)
    assert all(standing.battles == 0 for standing in met.standings.values())


def test_it_comes_back_from_a_checkpoint() -> None:
    met, again = league(), League(["random", "brawler"])
    met.count("version 1", 3, 1, 2)
    met.fade()
    again.restore(json.loads(json.dumps(met.as_dict())))
    again.enter(["version 0", "version 1"])
    assert again.mix(["brawler"]) == met.mix(["brawler"])
    assert again.standings == met.standings
