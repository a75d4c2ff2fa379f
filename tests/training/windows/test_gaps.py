"""When the time between two frames is, whether the game says it before it waits or after that."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from cornerman.training.windows.gaps import GAP_MARGIN_S, GONE_S, Gaps

FRAME_S = 0.0167


class Game:
    """A game's thread that works for so long a frame, from its beginning on, on a simulated processor."""

    def __init__(self, work_s: float, after_the_wait: bool) -> None:
        self.now = 100.0
        self.work_s, self.after = work_s, after_the_wait
        self.ended = False
        self.gaps = Gaps(lambda: self.processor_time)

    def processor_time(self) -> float:
        if self.ended:
            raise OSError("no such thread")
        frames, passed = divmod(self.now - 100.0, FRAME_S)
        return frames * self.work_s + min(passed, self.work_s)

    def met(self, frames: int) -> tuple[float, float]:
        """Time steps of slices that began in the wait, and that went on into a frame's work; both as shares of all."""
        within = beside = steps = 0
        slice_end, asks_at = 0.0, 0.0
        for number in range(frames):
            for step in range(167):
                passed = 1e-4 * step
                self.now = 100.0 + number * FRAME_S + passed
                if step == round(1e4 * (0.0 if self.after else self.work_s)):
                    self.gaps.frame(self.now, FRAME_S, FRAME_S - self.work_s)
                if self.now >= max(slice_end, asks_at) and self.gaps.known(self.now):
                    left, rest_until = self.gaps.left(self.now)
                    slice_end, asks_at = (0.0, rest_until) if rest_until else (self.now + left, 0.0)
                if number >= frames // 2:
                    steps += 1
                    within += self.now < slice_end and passed >= self.work_s
                    beside += self.now < slice_end and passed < self.work_s
        return within / steps, beside / steps


@pytest.mark.parametrize("after_the_wait", [False, True])
@pytest.mark.parametrize("work_s", [0.002, 0.006, 0.0105])
def test_slices_meet_the_wait_and_no_work_whichever_way_a_game_says_it(work_s: float, after_the_wait: bool) -> None:
    within, beside = Game(work_s, after_the_wait).met(400)
    assert beside < 0.005
    assert within > (1.0 - work_s / FRAME_S - GAP_MARGIN_S / FRAME_S) - 0.02


def test_without_a_clock_of_the_games_thread_no_gap_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "pthread_getcpuclockid", raising=False)
    gaps = Gaps()
    gaps.frame(100.0, FRAME_S, 0.010)
    assert not gaps.known(100.0), "before the wait and after it would look the same"


def test_frames_that_something_else_held_up_do_not_look_as_if_said_after_the_wait() -> None:
    game = Game(0.006, after_the_wait=False)
    game.met(10)
    waits = game.now = 100.0 + 10 * FRAME_S + 0.006
    game.gaps.frame(waits, FRAME_S, FRAME_S - 0.006)
    for passed in range(20, 250, 2):  # the thread waits for a disk, and uses no time
        game.now = waits
        game.gaps.left(waits + 1e-3 * passed)
    game.gaps.frame(waits + 0.25, 0.25, 0.0)
    game.gaps.frame(waits + 0.26, FRAME_S, 0.010)
    left, rest_until = game.gaps.left(waits + 0.26)
    assert left == pytest.approx(0.010 - GAP_MARGIN_S)
    assert rest_until == 0.0


def test_little_work_after_a_frame_was_said_is_not_taken_for_the_next_one() -> None:
    game = Game(0.006, after_the_wait=False)
    for _ in range(100):
        game.now = 100.0
        game.gaps.frame(100.0, FRAME_S, 0.010)
        game.now = 100.0004
        game.gaps.left(100.0004)
    assert game.gaps.left(100.0004)[1] == 0.0


def test_after_a_long_frame_the_next_gap_is_not_left_out() -> None:
    game = Game(0.006, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 0.010)
    game.gaps.frame(100.2, 0.2, 0.010)
    left, rest_until = game.gaps.left(100.208)
    assert left == pytest.approx(0.001)
    assert rest_until == pytest.approx(100.2 + FRAME_S)


def test_short_waits_are_no_gaps_and_old_ones_are_forgotten() -> None:
    game = Game(0.012, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 0.0047)
    assert not game.gaps.known(100.0), "too short for a slice"
    game.gaps.frame(100.0, FRAME_S, 0.008)
    assert game.gaps.known(100.0 + GONE_S)
    assert not game.gaps.known(100.01 + GONE_S)


@pytest.mark.parametrize(("frame_s", "slack_s"), [(0.004, 0.012), (1.67e-5, 0.010), (0.0, 0.010), (-1.0, 0.010)])
def test_frame_without_room_for_such_a_wait_is_no_gap(frame_s: float, slack_s: float) -> None:
    gaps = Game(0.006, after_the_wait=False).gaps
    for odd in ((frame_s, slack_s), (FRAME_S, float("nan")), (float("nan"), 0.010), (FRAME_S, -1.0)):
        gaps.frame(100.0, *odd)
        assert not gaps.known(100.0)
    gaps.frame(100.0, FRAME_S, 10.0)  # not in seconds
    gaps.frame(100.0, FRAME_S, 10.0)
    assert gaps.left(100.0)[0] <= FRAME_S


def test_thread_of_the_game_that_has_ended_costs_nothing_but_looks() -> None:
    game = Game(0.006, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 0.010)
    game.ended = True
    assert game.gaps.left(100.004)[0] == pytest.approx(0.010 - 0.004 - GAP_MARGIN_S)
    gaps = Gaps()
    thread = Thread(target=gaps.frame, args=(100.0, FRAME_S, 0.010))
    thread.start()
    thread.join()
    gaps.frame(101.0, FRAME_S, 0.008)  # another thread draws now
    assert gaps.left(101.0)[0] == pytest.approx(0.008 - GAP_MARGIN_S)
