"""live_monitor.py and live/results.py: what is noted, who is rolled back and who never is, and a record that fails."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cornerman.contract import Source
from cornerman.evaluation.live.adaptive import Adaptive
from cornerman.evaluation.live.results import LiveBattles, LiveResult
from cornerman.models.history import FILE_NAME
from cornerman.models.live_monitor import LiveMonitor
from tests.support.stored_versions import filled_store, store_in


def result(version: int, score: float, level: int = 5, opponent: str = "player") -> LiveResult:
    return LiveResult(version, level, opponent, score, 9, 0)


def monitor(folder: Path, said: list[str]) -> LiveMonitor:
    return LiveMonitor(filled_store(folder), said.append)


@pytest.mark.parametrize(("level", "opponent"), [(2, "player"), (5, "scripted"), (5, "player ann")])
def test_live_compares_only_equal_difficulties_and_opponents(tmp_path: Path, level: int, opponent: str) -> None:
    record = monitor(tmp_path, [])
    for _ in range(40):
        record.live(result(1, 1.0), 1, 0)
    assert not any(record.live(result(2, 0.0, level, opponent), 2, 1) for _ in range(60))


def test_live_results_are_compared_across_sessions(tmp_path: Path) -> None:
    with filled_store(tmp_path) as store:
        record = LiveMonitor(store, print)
        for _ in range(40):
            record.live(result(1, 1.0, opponent="player bob"), 1, 0)
            record.live(result(1, 0.0, opponent="player ann"), 1, 0)
        for _ in range(15):
            assert not record.live(result(2, 0.0, opponent="player bob"), 2, 1)
    again = LiveMonitor(store_in(tmp_path), print)
    assert any(again.live(result(2, 0.0, opponent="player bob"), 2, 1) for _ in range(10))


def test_failing_history_is_reported_once_and_results_are_still_compared(tmp_path: Path) -> None:
    said: list[str] = []
    store = filled_store(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    record = LiveMonitor(store, said.append)
    for _ in range(20):
        record.live(result(1, 1.0), 1, 0)
    assert any(record.live(result(2, 0.0), 2, 1) for _ in range(40))
    assert len(said) == 1
    assert "cannot be kept" in said[0]


@pytest.mark.parametrize(
    "case", ["", "two versions", "switched off", "cut off", "never decided", "both seats its own", "unknown battle"]
)
def test_end_gives_a_result_only_of_a_whole_battle_of_one_version(case: str) -> None:
    battles = LiveBattles(Adaptive(Random(1), 0.5))
    if case != "unknown battle":
        battles.start(1)
    if case != "never decided":
        battles.decided(1, 7, 5)
    if case == "two versions":
        battles.decided(1, 8, 5)
    for number in (2, 3, "4", None, 1):
        battles.reached(1, number)
    if case == "switched off":
        battles.void()
    seats = {0: Source.PLUGIN, 1: Source.PLUGIN if case == "both seats its own" else Source.PLAYER}
    found = battles.end(1, seats, {0: 1, 1: -1}, case == "cut off")
    assert found == (None if case else LiveResult(7, 5, "player", 1.0, 3, 0, 1))


@pytest.mark.parametrize(("winner", "scores"), [(0, (0.0, 1.0)), (2, (1.0, 0.0)), (4, (0.0, 0.0))])
def test_battle_of_several_sides_counts_for_the_best_of_the_plugins_seats(
    winner: int, scores: tuple[float, float]
) -> None:
    """It was dropped where they fared unlike, so only those counted that the player won."""
    battles = LiveBattles(Adaptive(Random(1), 0.5))
    battles.start(1)
    battles.decided(1, 7, 5)
    seats = {0: Source.PLAYER, **dict.fromkeys((1, 2, 3), Source.PLUGIN), 4: Source.SCRIPTED}
    found = battles.end(1, seats, {seat: 1 if seat == winner else -1 for seat in seats}, False)
    assert found is not None
    assert (found.score, found.other) == scores
    assert [*battles.outcomes] == [2 * scores[0] - 1]


def test_battles_under_way_of_a_forgotten_player_alone_give_no_result() -> None:
    battles, seats = LiveBattles(Adaptive(Random(1), 0.5)), {0: Source.PLUGIN, 1: Source.PLAYER}
    for number, name in enumerate(("ann", "bob")):
        battles.start(number, player=name)
        battles.decided(number, 7, 5)
    battles.void(player="ann")
    results = [battles.end(number, seats, {0: 1, 1: -1}, False) for number in range(2)]
    assert [each and each.opponent for each in results] == [None, "player bob"]
