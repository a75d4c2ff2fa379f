"""When the trainer may learn and how much: windows, granted time, the share of the time, and reasons to rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cornerman.training.windows.training_windows import LONGEST_GRANT_S, LOOK_PERIOD_S, SLICE_S, TrainingWindows
from tests.support.windows import windows


@pytest.mark.parametrize(
    ("window", "in_round", "in_break", "in_choice"),
    [
        ("between_rounds", False, True, False),
        ("while_choosing", False, True, True),
        ("always", True, True, True),
    ],
)
def test_setting_says_when_the_window_is_open(window: str, in_round: bool, in_break: bool, in_choice: bool) -> None:
    mine, _ = windows(window)
    steps: list[tuple[Callable[[], object], bool, str]] = [
        (lambda: None, in_round, "no battle has begun yet"),
        (mine.close_window, in_round, "a round is being played"),
        (mine.open_window, in_break, "between rounds"),
        (mine.close_window, in_round, "a round is being played"),
        (lambda: mine.choose(True), in_choice, "while you choose" if in_choice else "a round is being played"),
        (lambda: mine.choose(False), in_round, "a round is being played"),
    ]
    for do, open_now, why in steps:
        do()
        assert mine.window_open == open_now
        assert mine.why == ("always" if window == "always" else why)
        assert mine.budget() == SLICE_S * open_now
    mine.choose(True)
    mine.close_window()
    assert mine.window_open == in_round, "a new battle ends the choice of the old one"
    mine.open_window()
    mine.pause(True)
    assert not mine.window_open
    assert mine.budget() == 0.0
    assert mine.why == "learning is off"


def test_step_that_did_not_fit_is_not_begun_in_as_little_time() -> None:
    mine, clock = windows(learning_time="pump")
    mine.open_window()
    for _ in range(60):
        mine.grant(0.004)
        if budget := mine.budget():
            clock.now += 0.012
            mine.worked(0.012, budget)
    mine.grant(0.004)
    assert mine.budget() == 0.0
    mine.grant(0.020)
    assert mine.budget() > 0.0
    for _ in range(1000):
        mine.grant(0.004)
    assert mine.budget() > 0.0, "but some seconds later it is tried again"


def stops(mine: TrainingWindows, do: Callable[[], object]) -> bool:
    """Whether it ends a slice that is under way."""
    mine.budget()
    assert not mine.stop[0]
    do()
    return bool(mine.stop[0])


def test_close_window_ends_the_slice_under_way() -> None:
    mine, _ = windows("while_choosing")
    mine.open_window()
    assert not stops(mine, lambda: mine.choose(True))
    assert not stops(mine, lambda: mine.choose(False)), "the break still lasts"
    assert stops(mine, mine.close_window)
    mine.choose(True)
    assert stops(mine, lambda: mine.choose(False))
    mine.open_window()
    assert stops(mine, lambda: mine.pause(True))
    assert not stops(mine, lambda: mine.pause(False))
    always, _ = windows("always", "pump")
    assert not stops(always, always.close_window), "a window that never closes"
    assert not stops(always, lambda: always.grant(0.004))
    assert stops(always, lambda: always.grant(0.0)), "time is taken back"


def test_overrun_is_the_work_after_the_window_closed() -> None:
    mine, clock = windows()
    assert mine.run_on_ms is None
    mine.open_window()
    mine.budget()
    clock.now += 0.002
    mine.close_window()
    clock.now += 0.003
    mine.worked(0.005, SLICE_S)
    assert mine.run_on_ms == pytest.approx(3.0)
    mine.open_window()
    mine.worked(0.005, SLICE_S)
    assert mine.run_on_ms == pytest.approx(3.0), "a slice in an open window runs on nowhere"


def late_frames(mine: TrainingWindows) -> None:
    """Every second frame is late while the trainer works: its share falls to 0.6."""
    mine.worked(0.0, SLICE_S)
    for number in range(60):
        mine.worked(0.0, SLICE_S)
        mine.frame(30.0 if number % 2 else 16.7)


def test_lower_share_sleeps_between_slices_and_is_reported() -> None:
    mine, clock = windows("always")
    late_frames(mine)
    assert mine.why == "always; frames came late, so learning takes 60% of the time"
    worked = 0.0
    for _ in range(1000):
        if budget := mine.budget():
            clock.now += budget
            mine.worked(budget, budget)
            worked += budget
        else:
            clock.now += min(mine.wait_s, 0.001)
    assert worked / (clock.now - 100.0) == pytest.approx(0.6, abs=0.05)


def test_duty_cycle_bounds_the_share_and_is_reported_unless_late_frames_take_more() -> None:
    mine, _ = windows("always", duty_cycle=0.75)
    assert (mine.share, mine.why) == (0.75, "always; the settings say so, so learning takes 75% of the time")
    assert sum(mine.takes() for _ in range(100)) == 75
    late_frames(mine)
    assert (mine.share, mine.why) == (0.6, "always; frames came late, so learning takes 60% of the time")


def learn_beside(work: list[int], one_processor: bool, duty_cycle: float = 0.5) -> tuple[float, float]:
    """Two seconds of a game whose frames of 16.7 ms take so much of it to draw, in turn, and of a trainer with a part
    of the time. In tenths of a millisecond. Returns the share of the time that slices took, and the share of the frames
    during whose drawing one ran."""
    mine, clock = windows("always", duty_cycle=duty_cycle, one_processor=one_processor)
    met, worked, budget, asks_at, slice_end = set[int](), 0, 0.0, 0.0, 0.0
    for at in range(-200, 20_000):
        clock.now = 100.0 + 1e-4 * at
        number, passed = divmod(at, 167)
        drawn = work[number % len(work)]
        if passed == drawn:
            mine.frame(16.7, 0.1 * (167 - drawn))
        if budget and clock.now >= slice_end:
            mine.worked(budget, budget)
            budget = 0.0
        if at >= 0 and not budget and clock.now >= asks_at:
            budget = mine.budget()
            slice_end, asks_at = clock.now + budget, clock.now + mine.wait_s
        if budget:
            worked += 1
            met |= {number} if passed < drawn else set()
    return worked / 20_000, len(met) / 120


@pytest.mark.parametrize("work", [[30], [90], [30, 90, 140, 20]])
def test_slices_meet_no_frame_on_the_same_processor(work: list[int]) -> None:
    share, met = learn_beside(work, one_processor=True)
    assert share > 0.2
    assert met == 0.0
    share, met = learn_beside(work, one_processor=False)
    assert share == pytest.approx(0.5, abs=0.05)
    assert met > 0.4, "or the first half of this test shows nothing"


def test_small_duty_cycle_holds_between_frames_too() -> None:
    share, met = learn_beside([30], one_processor=True, duty_cycle=0.1)
    assert 0.03 < share < 0.15
    assert met == 0.0


@pytest.mark.parametrize(("learning_time", "one_processor"), [("pump", False), ("thread", True)])
def test_where_slices_keep_away_anyway_late_frames_lower_the_share(learning_time: str, one_processor: bool) -> None:
    mine, clock = windows("always", learning_time, one_processor)
    for number in range(300):
        mine.worked(0.005, SLICE_S)
        clock.now += 0.0167
        mine.frame(30.0 if number % 40 == 0 else 16.7, 9.0)
    assert "between them" not in mine.why


def test_game_without_time_between_its_frames_is_learned_from_nevertheless() -> None:
    share, met = learn_beside([160], one_processor=True)
    assert share == pytest.approx(0.5, abs=0.05)
    assert met > 0.4


def test_pause_of_the_game_makes_learning_rest_no_longer_on_the_same_processor() -> None:
    mine, clock = windows("always", one_processor=True)
    mine.frame(60_000.0, 10.0)  # the machine slept, or the game loaded
    clock.now += 0.0095
    assert mine.budget() == 0.0, "the next frame is due"
    clock.now += 0.3
    assert mine.budget() > 0.0


@pytest.mark.parametrize("draws", [True, False])
def test_learning_rests_beside_frames_while_other_programs_use_the_machine(draws: bool) -> None:
    reading = {"cpu_percent": 100.0, "own_cpu_percent": 60.0}
    mine, clock = windows("always", read_machine=lambda: dict(reading))
    for own, rests in ((60.0, False), (10.0, True), (25.0, True), (35.0, False), (25.0, False)):
        reading["own_cpu_percent"] = own
        clock.now += LOOK_PERIOD_S
        if draws:
            mine.frame(16.7)
        mine.look()
        assert mine.window_open == (not rests or not draws), f"{100 - own} % by others"
        if rests and draws:
            assert mine.why == (
                "Other programs use the whole machine: learning rests until they are done, as the settings ask."
            )


def test_heat_pauses_learning_with_a_reason_until_clearly_cooler() -> None:
    degrees, asked = 60.0, list[float]()

    def read_machine() -> dict[str, float | None]:
        asked.append(degrees)
        return {"temperature_c": degrees}

    mine, clock = windows("always", read_machine=read_machine)
    for _ in range(1000):
        mine.look()
        clock.now += 0.001
    assert len(asked) == 4, "four times a second at most"
    for degrees, open_now in ((79.9, True), (80.0, False), (76.0, False), (74.9, True), (79.0, True)):
        clock.now += LOOK_PERIOD_S
        mine.look()
        assert mine.window_open is open_now, degrees
        assert ("C: learning rests" in mine.why) is not open_now
        assert (mine.budget(hurried=True) > 0) is open_now
    assert mine.reading == {"temperature_c": degrees}


def test_granted_time_is_used_until_it_is_over() -> None:
    mine, clock = windows(learning_time="pump")
    assert mine.budget(hurried=True) == 0.0, "the window has to be open"
    mine.open_window()
    assert mine.budget() == 0.0
    assert mine.budget(hurried=True) > 0.0, "settle needs no granted time"
    assert mine.grant(0.008) == 0.008
    assert mine.budget() == pytest.approx(0.008)
    clock.now += 0.005
    assert 0.002 < mine.budget() < 0.004
    clock.now += 0.003
    assert mine.budget() == 0.0
    for seconds in (float("nan"), float("inf"), 1e300, -5.0):
        mine.grant(seconds)
        clock.now += LONGEST_GRANT_S
        assert mine.budget() == 0.0, seconds


@pytest.mark.parametrize("during", [True, False])
def test_late_frames_within_slices_lower_the_share_and_are_reported_as_the_reason(during: bool) -> None:
    mine, _ = windows("always")
    for number in range(600):
        late = number % 8 == 0
        if late is during:
            mine.budget()
            mine.worked(0.005, SLICE_S)
        mine.frame(30.0 if late else 16.7)
    assert (mine.share < 1.0) is during
    slow = f"; frames came late, so learning takes {100 * mine.share:.0f}% of the time"
    why = f"always{slow if during else ''}"
    assert mine.report() == {"open": True, "why": why, "share": mine.share, "run_on_ms": None}


def test_late_frames_are_not_learnings_while_there_is_nothing_to_learn() -> None:
    mine, clock = windows("always")
    for number in range(300):
        mine.worked(1e-5, SLICE_S, done=False)
        clock.now += 0.0167
        mine.frame(30.0 if number % 10 == 0 else 16.7, 9.0)
    assert mine.why == "always"


@pytest.mark.parametrize("duty_cycle", [1.0, 0.75])
def test_keeping_between_frames_is_said_and_ends_slices_before_the_next_frame(duty_cycle: float) -> None:
    mine, clock = windows("always", duty_cycle=duty_cycle)
    for number in range(300):
        mine.worked(0.005, SLICE_S)
        clock.now += 0.0167
        mine.frame(30.0 if number in (40, 80) else 16.7, 9.0)
    assert mine.why == "always; frames came late, so learning keeps to the time between them"
    assert mine.held_back == "Frames came late, so learning takes a part of the time alone."
    assert mine.budget() == pytest.approx(0.008)
    clock.now += 0.0095
    assert mine.budget() == 0.0
    clock.now += 1.0
    mine.frame(16.7)  # a game that no longer says what is left
    assert "between them" not in mine.why
    assert mine.budget() == SLICE_S
