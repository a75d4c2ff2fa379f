"""How learning gives way to frames, and how long they are with it and without."""

from __future__ import annotations

from random import Random

import pytest

from cornerman.training.windows.frames import FRAMES_A_REPORT, LEAST_SHARE, Frames, FrameTimes


def test_frame_times_are_told_apart_by_whether_learning_could_go_on() -> None:
    times = FrameTimes()
    assert times.report()["with"] == {"p50_ms": None, "p99_ms": None, "frames": 0}
    for _ in range(10 * FRAMES_A_REPORT):
        times.add(16.0, learning=True)
        times.add(4.0, learning=False)
    for odd in (-1.0, 0.0, 1e9, float("inf"), float("nan"), 1e-9):
        times.add(odd, learning=False)
    for _ in range(FRAMES_A_REPORT):
        times.add(40.0, learning=True)
    report = times.report()
    assert report["with"]["p50_ms"] == pytest.approx(16.0, rel=0.01)
    assert report["with"]["p99_ms"] == pytest.approx(40.0, rel=0.01)
    assert report["without"]["p99_ms"] == pytest.approx(4.0, rel=0.01)
    assert [report[each]["frames"] for each in ("with", "without")] == [11 * FRAMES_A_REPORT, 10 * FRAMES_A_REPORT + 1]


def frames(mine: Frames, count: int, late_every: int, learned: bool) -> None:
    for number in range(count):
        mine.frame(30.0 if late_every and number % late_every == 0 else 16.7, learned)


def test_late_frames_only_while_learning_lower_the_share() -> None:
    mine = Frames()
    for _ in range(20):
        frames(mine, 64, 8, learned=False)
        frames(mine, 64, 8, learned=True)
    assert mine.share == 1.0, "they are late without learning, too"
    frames(mine, 600, 0, learned=False)
    frames(mine, 600, 8, learned=True)
    assert mine.share < 0.3
    frames(mine, 6000, 8, learned=True)
    assert mine.share == LEAST_SHARE, "it never stops altogether"
    frames(mine, 6000, 0, learned=True)
    assert mine.share == 1.0


def test_frame_is_late_by_what_is_seen_however_many_there_are_a_second() -> None:
    mine = Frames()
    for late_ms, lower in ((5.9, False), (8.4, True)):  # of 240 a second; the second one missed its picture
        for number in range(1200):
            mine.frame(late_ms if number % 8 == 0 else 4.2, True)
        assert (mine.share < 0.3) is lower


@pytest.mark.parametrize("usual_ms", [16.7, 33.3])
def test_single_late_frame_or_pause_of_a_game_of_any_speed_keeps_the_share(usual_ms: float) -> None:
    mine = Frames()
    for unusual_ms in (2.4 * usual_ms, 900.0, 5000.0, 0.0, -1.0, usual_ms):
        for _ in range(300):
            mine.frame(usual_ms, True)
        mine.frame(unusual_ms, True)
        assert mine.share == 1.0


@pytest.mark.parametrize("late_every", [60, 4])  # a sixtieth is less than what lowers the share
def test_late_frames_beside_learning_make_it_keep_to_the_time_between_them_and_try_again_later(late_every: int) -> None:
    mine = Frames()
    frames(mine, 54, 0, learned=True)  # so that the share is judged just after the second late one
    for number in range(600):
        mine.frame(30.0 if number % late_every == 0 and not mine.between else 16.7, learned=True, gap_known=True)
        assert mine.share == 1.0
    assert mine.between
    tried = 0
    for number in range(20 * 3600):  # twenty minutes in which frames come late beside learning alone
        tried += not mine.between
        mine.frame(30.0 if number % late_every == 0 and not mine.between else 16.7, learned=True, gap_known=True)
        assert mine.share == 1.0
    assert 0.0003 < tried / (20 * 3600) < 0.2
    for _ in range(3 * 3600):
        mine.frame(16.7, learned=True, gap_known=True)
    assert not mine.between, "a lighter scene"


def test_frames_that_are_late_between_learning_too_end_that_and_lower_the_share_where_they_are_many() -> None:
    mine, kept = Frames(), 0
    for number in range(3600):
        mine.frame(30.0 if number % 60 == 0 else 16.7, learned=True, gap_known=True)
        kept += mine.between
    assert kept < 1800, "the machine makes them late, whether it learns beside them or not"
    mine = Frames()
    frames(mine, 600, 0, learned=False)
    for number in range(1200):
        mine.frame(30.0 if number % 8 == 0 else 16.7, learned=True, gap_known=True)
    assert mine.share < 0.5


def test_a_time_between_frames_that_is_known_now_and_then_keeps_the_share_from_nothing() -> None:
    mine = Frames()
    for number in range(3600):
        late = number % 4 == 0 and not mine.between
        mine.frame(30.0 if late else 16.7, learned=True, gap_known=number % 60 > 30)
    assert mine.share < 0.3


@pytest.mark.parametrize("unknown", [0, 1200])
def test_it_is_tried_again_within_minutes_and_one_late_frame_then_changes_nothing(unknown: int) -> None:
    mine = Frames()
    frames(mine, 20, 0, learned=True)
    frames(mine, unknown, 4, learned=True)  # while the time between two was not known
    for number in range(10):
        mine.frame(30.0 if number % 4 == 0 else 16.7, learned=True, gap_known=True)
    assert mine.between
    passed = 0
    while mine.between:
        mine.frame(16.7, learned=True, gap_known=True)
        passed += 1
        assert passed < 2 * 3600
    assert passed > 3600
    mine.frame(30.0, learned=True, gap_known=True)
    assert not mine.between
    mine.frame(30.0, learned=False, gap_known=True)
    assert not mine.between, "not beside learning"


def test_frames_that_a_machine_makes_late_are_not_taken_for_learnings() -> None:
    mine, changes = Frames(), 0
    lots = Random(1)
    for number in range(20 * 3600):
        before = mine.between
        mine.frame(30.0 if lots.random() < 0.1 else 16.7, learned=number % 1200 < 600, gap_known=True)
        changes += mine.between != before
    assert changes < 20, "in twenty minutes"


def test_learning_that_makes_more_late_than_the_machine_does_keeps_between_frames() -> None:
    mine, lots, kept = Frames(), Random(1), 0
    for number in range(10 * 3600):
        learned = number % 1200 < 600
        late = 0.15 if learned and not mine.between else 0.03
        mine.frame(30.0 if lots.random() < late else 16.7, learned, gap_known=True)
        kept += learned and mine.between
    assert kept > 0.7 * 5 * 3600
