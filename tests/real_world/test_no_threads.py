"""Kind 11: a system that starts no thread: it plays, records, cannot learn, and says why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from game_adapter.ringside.game import RINGSIDE
from tests.support.table import NO_GATE, Table

START = threading.Thread.start


def refusing(error: Exception, name: str = "") -> Callable[[threading.Thread], None]:
    """`Thread.start` that raises for threads whose name begins so."""

    def start(self: threading.Thread) -> None:
        if self.name.startswith(name):
            raise error
        START(self)

    return start


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError("no stack")], ids=str)
def test_no_thread_at_all_costs_learning_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(threading.Thread, "start", refusing(error))
    with Table(RINGSIDE, tmp_path) as table:
        table.play(2)
        report = table.plugin.report()
        assert (report["plugin"]["on"], report["plugin"]["learning"]) == (True, False)
        assert report["plugin"]["notice"] == f"Learning is off, no thread could be started for it ({error})."
        assert table.plugin.messages()[-1] == report["plugin"]["notice"], "the host says it too"
        assert (report["recorder"]["kept"], report["record"]["battles"]) == (2, 2)
        table.plugin.controls.roll_back()
        table.plugin.controls.forget()
        notice = table.plugin.metrics.notice
        assert notice.startswith("Forgotten: 2 recorded battles"), notice


def test_no_thread_for_the_watchdog_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refusing(RuntimeError("can't start new thread"), "cornerman-watch"))
    with Table(RINGSIDE, tmp_path, **NO_GATE) as table:
        table.play(3, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0


def test_switched_on_again_when_there_are_threads_it_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Table(RINGSIDE, tmp_path, learning=False, **NO_GATE) as table:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refusing(RuntimeError("can't start new thread"), "cornerman"))
            table.plugin.controls.set_learning(True)
            assert not table.plugin.training.alive
            table.play(1)
        table.plugin.controls.set_learning(True)
        table.play(3, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0
        assert table.plugin.report()["plugin"]["learning"]
