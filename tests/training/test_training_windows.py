"""When the trainer may learn and how much: windows, granted time, the share of the time, and reasons to rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cornerman.settings import Settings, with_values
from cornerman.training.training_windows import (
    BUSY_SHARE,
    LEAST_SHARE,
    LONGEST_GRANT_S,
    LOOK_PERIOD_S,
    SLICE_S,
    Frames,
    TrainingWindows,
)
from tests.support.windows import windows

# ---------------------------------------------------------------------------------------------------------- windows


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
    assert mine.window_open == in_round
    mine.open_window()
    assert mine.window_open == in_break
    mine.close_window()
    assert mine.window_open == in_round
    mine.choose(True)
    assert mine.window_open == in_choice
    mine.choose(False)
    assert mine.window_open == in_round
    mine.choose(True)
    mine.close_window()
    assert mine.window_open == in_round, "a new battle ends the choice of the old one"
    mine.open_window()
    mine.pause(True)
    assert not mine.window_open
    assert mine.budget() == 0.0
    assert mine.why == "learning is off"


def test_window_says_why_it_is_open_or_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, _ = windows("while_choosing")
    assert mine.why == "a round is being played"
    mine.choose(True)
    assert mine.why == "while you choose"
    mine.open_window()
    assert mine.why == "between rounds"
    assert windows("always")[0].why == "always"


def test_settings_reach_the_window() -> None:
    settings = with_values(
        Settings(),
        {"training_window": "while_choosing", "learning_time": "pump", "rest_on_battery": True},
        "here",
    )
    mine = TrainingWindows.from_settings(settings, lambda: {"on_battery": 1.0}, lambda: True, lambda paused: None)
    assert (mine.window, mine.learning_time) == ("while_choosing", "pump")
    mine.look()
    assert "battery" in mine.rest


# -------------------------------------------------------------------------------------------------------- granted time


def test_own_thread_may_work_while_the_window_is_open() -> None:
    mine, clock = windows()
    assert mine.budget() == 0.0
    mine.open_window()
    for _ in range(50):
        assert mine.budget() == SLICE_S
        clock.now += SLICE_S
        mine.worked(SLICE_S, SLICE_S)
    mine.close_window()
    assert mine.budget() == 0.0


def test_granted_time_is_used_until_it_is_over() -> None:
    mine, clock = windows(learning_time="pump")
    mine.open_window()
    assert mine.budget() == 0.0
    assert mine.grant(0.008) == 0.008
    assert mine.budget() == pytest.approx(0.008)
    clock.now += 0.005
    assert 0.002 < mine.budget() < 0.004
    clock.now += 0.003
    assert mine.budget() == 0.0


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, -5.0])
def test_granted_time_of_any_length_ends(seconds: float) -> None:
    mine, clock = windows(learning_time="pump")
    mine.open_window()
    mine.grant(seconds)
    clock.now += LONGEST_GRANT_S
    assert mine.budget() == 0.0


def test_share_takes_whole_offers() -> None:
    mine, _ = windows(learning_time="pump", read_machine=lambda: {"cpu_percent": 99.0, "own_cpu_percent": 5.0})
    assert all(mine.takes() for _ in range(40))
    mine.look()
    assert [mine.takes() for _ in range(8)] == [False, False, False, True] * 2
    assert mine.share == BUSY_SHARE


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


def test_settle_needs_no_granted_time() -> None:
    for learning_time in ("pump", "thread"):
        mine, _ = windows(learning_time=learning_time)
        assert mine.budget(hurried=True) == 0.0, "but the window has to be open"
        mine.open_window()
        assert mine.budget(hurried=True) > 0.0


# ------------------------------------------------------------------------------------------------- how long a slice


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
    always, _ = windows("always")
    assert not stops(always, always.close_window), "a window that never closes"


def test_time_taken_back_ends_the_slice_under_way() -> None:
    mine, _ = windows("always", "pump")
    assert not stops(mine, lambda: mine.grant(0.004))
    assert stops(mine, lambda: mine.grant(0.0))


def test_only_late_frames_within_slices_lower_the_share() -> None:
    for during in (True, False):
        mine, clock = windows("always")
        for number in range(600):
            late = number % 8 == 0
            if late is during:
                mine.budget()
                mine.worked(0.005, SLICE_S)
            clock.now += 0.0167
            mine.frame(30.0 if late else 16.7)
        assert (mine.share < 1.0) is during


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


# ---------------------------------------------------------------------------------------------- a share of the time


def frames(mine: Frames, count: int, late_every: int, learned: bool) -> None:
    for number in range(count):
        mine.frame(30.0 if late_every and number % late_every == 0 else 16.7, learned)


def test_late_frames_only_while_learning_lower_the_share() -> None:
    mine = Frames()
    frames(mine, 600, 0, learned=False)
    frames(mine, 600, 8, learned=True)
    assert mine.share < 0.3
    frames(mine, 6000, 8, learned=True)
    assert mine.share == LEAST_SHARE, "it never stops altogether"
    frames(mine, 6000, 0, learned=True)
    assert mine.share == 1.0


def test_late_frames_without_learning_keep_the_share() -> None:
    mine = Frames()
    for _ in range(20):
        frames(mine, 64, 8, learned=False)
        frames(mine, 64, 8, learned=True)
    assert mine.share == 1.0


def test_single_late_frame_or_pause_of_the_game_keeps_the_share() -> None:
    mine = Frames()
    frames(mine, 300, 0, learned=True)
    mine.frame(40.0, True)
    frames(mine, 299, 0, learned=True)
    for pause_ms in (900.0, 5000.0, 0.0, -1.0):
        mine.frame(pause_ms, True)
    frames(mine, 300, 0, learned=True)
    assert mine.share == 1.0


def test_game_of_thirty_frames_a_second_is_not_late() -> None:
    mine = Frames()
    for _ in range(1000):
        mine.frame(33.3, True)
    assert mine.share == 1.0


def test_lower_share_sleeps_between_slices_and_is_reported() -> None:
    reading = {"cpu_percent": 99.0, "own_cpu_percent": 5.0}
    mine, clock = windows("always", read_machine=lambda: dict(reading))
    mine.look()
    assert mine.share == BUSY_SHARE
    assert mine.why == "always; the machine is busy, so learning takes 25 % of the time"
    worked = 0.0
    for _ in range(1000):
        if budget := mine.budget():
            clock.now += budget
            mine.worked(budget, budget)
            worked += budget
        else:
            clock.now += min(mine.wait_s, 0.001)
    assert worked / (clock.now - 100.0) == pytest.approx(BUSY_SHARE, abs=0.05)


def test_late_frames_are_reported_as_the_reason() -> None:
    mine, _ = windows("always")
    for number in range(1200):
        if number % 2 == 0:
            mine.budget()
            mine.worked(0.005, SLICE_S)
        mine.frame(30.0 if number % 10 == 0 else 16.7)
    assert mine.share < 1.0
    assert mine.why == f"always; frames came late, so learning takes {100 * mine.share:.0f} % of the time"
    assert mine.report()["why"] == mine.why


def test_own_load_does_not_make_the_machine_busy() -> None:
    reading = {"cpu_percent": 100.0, "own_cpu_percent": 60.0}
    mine, clock = windows(read_machine=lambda: dict(reading))
    mine.look()
    assert mine.share == 1.0
    for own, share in ((10.0, BUSY_SHARE), (25.0, BUSY_SHARE), (35.0, 1.0), (25.0, 1.0)):
        reading["own_cpu_percent"] = own
        clock.now += LOOK_PERIOD_S
        mine.look()
        assert mine.share == share, f"{100 - own} % by others"


# ------------------------------------------------------------------------------------------------------ reasons to rest


def test_heat_pauses_learning_with_a_reason_until_clearly_cooler() -> None:
    reading: dict[str, float | None] = {"temperature_c": 60.0}
    mine, clock = windows("always", read_machine=lambda: dict(reading))
    for degrees, open_now in ((79.9, True), (80.0, False), (76.0, False), (74.9, True), (79.0, True)):
        reading["temperature_c"] = degrees
        clock.now += LOOK_PERIOD_S
        mine.look()
        assert mine.window_open is open_now, degrees
        assert ("C: learning rests" in mine.why) is not open_now
        assert (mine.budget(hurried=True) > 0) is open_now
    assert mine.reading == reading


def test_machine_is_read_four_times_a_second_at_most() -> None:
    asked: list[int] = []

    def read_machine() -> dict[str, float | None]:
        asked.append(1)
        return {}

    mine, clock = windows(read_machine=read_machine)
    for _ in range(1000):
        mine.look()
        clock.now += 0.001
    assert len(asked) == 4


def test_report_is_plain_data() -> None:
    mine, _ = windows()
    assert mine.report() == {"open": False, "why": "a round is being played", "share": 1.0, "run_on_ms": None}
