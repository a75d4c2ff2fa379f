"""Training windows with a clock of the test's own."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from cornerman.training.windows import training_windows
from cornerman.training.windows.training_windows import TrainingWindows


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def windows(
    window: str = "between_rounds", learning_time: str = "thread", one_processor: bool = False, **more: Any
) -> tuple[TrainingWindows, Clock]:
    clock = Clock()
    with patch.object(training_windows, "only_one", lambda: one_processor):
        return TrainingWindows(window, learning_time, clock=clock, **more), clock
