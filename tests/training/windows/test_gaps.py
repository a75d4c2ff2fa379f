"""When the time between two frames is, whether the game says it before it waits or after that."""

from __future__ import annotations

import pytest

from cornerman.training.windows.gaps import GAP_MARGIN_S, GONE_S, Gaps

FRAME_S = 0.0167


class Game:
    """A game's thread that works for so long a frame, from its beginning on, on a simulated processor."""

    def __init__(self, work_s: float, after_the_wait: bool, has_clock: bool = True) -> None:
        self.now = self.frame_begins = 100.0
        self.work_s, self.after, self.has_clock = work_s, after_the_wait, has_clock
        self.ended = False
        self.gaps = Gaps(lambda: self.processor_time)

    def processor_time(self) -> float:
        if self.ended:
            raise OSError("no such thread")
        if not self.has_clock:
            return 0.0
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


def test_without_a_clock_of_the_games_thread_it_is_taken_as_said_before_the_wait() -> None:
    within, beside = Game(0.006, after_the_wait=False, has_clock=False).met(200)
    assert (within > 0.5, beside) == (True, 0.0)
    _, beside = Game(0.006, after_the_wait=True, has_clock=False).met(200)
    assert beside > 0.3, "or the test above shows nothing"


def test_short_waits_are_no_gaps_and_old_ones_are_forgotten() -> None:
    game = Game(0.012, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 0.0047)
    assert not game.gaps.known(100.0), "too short for a slice"
    game.gaps.frame(100.0, FRAME_S, 0.008)
    assert game.gaps.known(100.0 + GONE_S)
    assert not game.gaps.known(100.01 + GONE_S)


def test_wait_is_never_taken_as_longer_than_the_frame() -> None:
    game = Game(0.006, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 10.0)  # not in seconds
    assert game.gaps.left(100.0)[0] <= FRAME_S


def test_thread_of_the_game_that_has_ended_costs_the_look_alone() -> None:
    game = Game(0.006, after_the_wait=False)
    game.gaps.frame(100.0, FRAME_S, 0.010)
    game.ended, game.now = True, 100.004
    assert game.gaps.left(100.004)[0] == pytest.approx(0.010 - 0.004 - GAP_MARGIN_S)
