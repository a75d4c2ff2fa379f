"""Learning on the test's own thread: stands in for the training service, so that every call can be watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from cornerman.plugin import Cornerman
from cornerman.training.training_loop import TrainingLoop


class LocalTraining:
    """The loop without a thread; commands run at once."""

    alive = running = owns_files = False
    works = draws = True

    def __init__(
        self, build: Callable[[Any, Callable[[], None], Callable[[], bool]], TrainingLoop], *_: object
    ) -> None:
        self._build = build
        self.loop: TrainingLoop | None = None

    def start(self, *_: object) -> None:
        self.loop = self._build(np.zeros(1, np.uint8), self._nothing, lambda: False)

    def stop(self) -> bool:
        if self.loop is not None:
            self.loop.close()
        return True

    def call(self, command: Callable[[TrainingLoop | None], None]) -> None:
        command(self.loop)

    call_owner = call

    def settle(self, timeout_s: float) -> bool:
        del timeout_s
        return True

    def status(self) -> dict[str, Any]:
        window = {"open": False, "why": "", "share": 0.0, "run_on_ms": None}
        return {"gave_up": False, "works": self.works, "trouble": "", "window": window, "machine": {}}

    def _nothing(self, *_: object) -> None:
        """Time and windows: there are none."""

    pause = choose = frame = pump = battle_starts = open_window = close_window = start_later = watch = erase_log = (
        _nothing
    )


def local_plugin(game: Any, folder: Any, **settings: Any) -> tuple[Cornerman, TrainingLoop]:
    """A plugin that learns on this thread, and its loop."""
    with patch("cornerman.plugin.TrainingService", LocalTraining):
        plugin = Cornerman()
        plugin.on_load(game, str(folder), settings)
    training: Any = plugin.training
    assert isinstance(training, LocalTraining)
    assert training.loop is not None
    return plugin, training.loop
