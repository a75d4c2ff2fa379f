"""live_monitor.py and live_results.py: what is noted, who is rolled back and who never is, and a record that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.contract import Source
from cornerman.evaluation.live_results import LiveBattles, LiveResult
from cornerman.evaluation.verdict import Verdict
from cornerman.models.history import FILE_NAME, History
from cornerman.models.live_monitor import PROBATION, PROBATION_BATTLES, LiveMonitor
from cornerman.models.manifest import Provenance
from tests.support.stored_versions import PASSED, filled_store, flat, store_in


def result(version: int, score: float, level: int = 5, opponent: str = "player") -> LiveResult:
    return LiveResult(version, level, opponent, score, 9, 0)


def monitor(folder: Path, said: list[str]) -> LiveMonitor:
    return LiveMonitor(filled_store(folder), said.append)


def test_live_asks_for_a_roll_back_of_a_champion_that_loses_where_its_predecessor_won(tmp_path: Path) -> None:
    record = monitor(tmp_path, [])
    assert not any(record.live(result(1, 1.0), 1, 0) for _ in range(40))
    told = [record.live(result(2, 0.0), 2, 1) for _ in range(40)]
    first = next(sentence for sentence in told if sentence)
    assert "Worse than its predecessor" in first
    assert told.index(first) >= 19, "decided by too few battles"


@pytest.mark.parametrize(("level", "opponent"), [(4, "player"), (5, "scripted")])
def test_live_compares_only_equal_difficulties_and_opponents(tmp_path: Path, level: int, opponent: str) -> None:
    record = monitor(tmp_path, [])
    for _ in range(40):
        record.live(result(1, 1.0), 1, 0)
    assert not any(record.live(result(2, 0.0, level, opponent), 2, 1) for _ in range(60))


def test_live_results_are_compared_across_sessions(tmp_path: Path) -> None:
    record = monitor(tmp_path, [])
    for _ in range(40):
        record.live(result(1, 1.0), 1, 0)
    for _ in range(15):
        assert not record.live(result(2, 0.0), 2, 1)
    again = LiveMonitor(store_in(tmp_path), print)
    assert any(again.live(result(2, 0.0), 2, 1) for _ in range(10))


def test_monitor_writes_verdicts_and_versions_to_the_history(tmp_path: Path) -> None:
    record = monitor(tmp_path, [])
    record.judged(Verdict(False, "Kept the champion: not better."), 2, None, 0)
    history = History(tmp_path, lambda: 0.0)
    assert history.gates()[0]["reason"] == "Kept the champion: not better."
    assert history.database.rows("select version from versions order by 1") == [(0,), (1,), (2,)]
    history.close()


def test_failing_history_is_reported_once_and_results_are_still_compared(tmp_path: Path) -> None:
    said: list[str] = []
    store = filled_store(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    record = LiveMonitor(store, said.append)
    for _ in range(40):
        record.live(result(1, 1.0), 1, 0)
    assert any(record.live(result(2, 0.0), 2, 1) for _ in range(40))
    assert len(said) == 1
    assert "cannot be kept" in said[0]


def test_probation_ends_after_its_number_of_battles(tmp_path: Path) -> None:
    record = on_probation(tmp_path)
    assert not record.on_probation(2)
    assert record.on_probation(3)
    for _ in range(PROBATION_BATTLES - 1):
        record.live(result(3, 1.0), 3, 2)
    assert record.on_probation(3)
    record.live(result(3, 1.0), 3, 2)
    assert not record.on_probation(3)


def on_probation(folder: Path) -> LiveMonitor:
    """Of version 3, which recorded battles alone promoted."""
    store = filled_store(folder)
    gate = {**PASSED, PROBATION: True}
    store.registry.promote(store.registry.save(flat(3), Provenance(parent=2, gate=gate)))
    return LiveMonitor(store, print)


def test_probation_survives_a_kill(tmp_path: Path) -> None:
    record = on_probation(tmp_path)
    assert record.on_probation(3)
    for _ in range(20):
        record.live(result(3, 1.0), 3, 2)
    again = LiveMonitor(store_in(tmp_path), print)  # the first was never closed
    assert again.on_probation(3)
    for left in range(PROBATION_BATTLES - 20, 0, -1):
        assert again.on_probation(3), left
        again.live(result(3, 1.0), 3, 2)
    assert not again.on_probation(3)
    once_more = LiveMonitor(store_in(tmp_path), print)
    assert not once_more.on_probation(3)


SEATS = {0: Source.PLUGIN, 1: Source.PLAYER}


def test_end_gives_a_result_of_a_battle_of_one_version_only() -> None:
    battles = LiveBattles()
    battles.start(1)
    battles.decided(1, 7, 5)
    for number in (2, 3, "4", None, 1):
        battles.reached(1, number)
    assert battles.end(1, SEATS, {0: 1, 1: -1}, False) == LiveResult(7, 5, "player", 1.0, 3, 0)
    battles.start(2)
    battles.decided(2, 7, 5)
    battles.decided(2, 8, 5)
    assert battles.end(2, SEATS, {0: 1, 1: -1}, False) is None


@pytest.mark.parametrize("case", ["switched off", "cut off", "never decided", "both seats its own", "unknown battle"])
def test_end_gives_no_result_of_a_battle_that_tells_nothing(case: str) -> None:
    battles = LiveBattles()
    if case != "unknown battle":
        battles.start(1)
    if case != "never decided":
        battles.decided(1, 7, 5)
    if case == "switched off":
        battles.void()
    seats = dict.fromkeys((0, 1), Source.PLUGIN) if case == "both seats its own" else SEATS
    assert battles.end(1, seats, {0: 1, 1: -1}, case == "cut off") is None
