"""Kind 10: where /proc is hidden, or psutil raises something odd, figures are missing and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from cornerman.training.machine import Machine
from tests.support.choosing import Choosing
from tests.support.table import Table

ODD = (
    FileNotFoundError(2, "No such file or directory", "/proc/stat"),
    PermissionError(13, "Permission denied"),
    psutil.AccessDenied(1),
    psutil.NoSuchProcess(1),
    KeyError("MemAvailable"),
    IndexError("list index out of range"),
    NotImplementedError("platform not supported"),
    AttributeError("module 'psutil._psutil_linux' has no attribute 'getpriority'"),
    SystemError("returned a result with an exception set"),
)


def raising(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def hide_everything(patch: pytest.MonkeyPatch, error: Exception) -> None:
    for name in ("cpu_percent", "cpu_count", "virtual_memory", "sensors_battery", "sensors_temperatures", "Process"):
        patch.setattr(psutil, name, raising(error), raising=False)


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
def test_every_figure_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception) -> None:
    with monkeypatch.context() as patch:
        hide_everything(patch, error)
        machine = Machine(period_s=0.0, sysfs=tmp_path / "hidden")
        for _ in range(12):
            assert set(machine.read().values()) == {None}
    machine = Machine(period_s=0.0, sysfs=tmp_path)
    for name in ("cpu_percent", "virtual_memory", "sensors_battery"):
        monkeypatch.setattr(psutil, name, raising(error), raising=False)
    figures = [machine.read() for _ in range(12)][-1]
    assert figures["cpu_percent"] is figures["memory_percent"] is figures["battery_percent"] is None


@pytest.mark.parametrize("answer", [None, float("nan"), "a lot", -1j, SimpleNamespace()], ids=str)
def test_figures_that_are_no_numbers_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda *_: answer)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: answer)
    machine = Machine(period_s=0.0, sysfs=tmp_path)
    figures = [machine.read() for _ in range(12)][-1]
    assert figures["cpu_percent"] is figures["memory_percent"] is None


@pytest.mark.parametrize("how", ["hidden", "not installed", "broken at import"])
def test_plugin_plays_and_learns_where_the_machine_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    if how == "hidden":
        hide_everything(monkeypatch, FileNotFoundError(2, "No such file or directory", "/proc/stat"))
    elif how == "not installed":
        monkeypatch.setitem(sys.modules, "psutil", None)
    else:
        monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=raising(OSError("undefined symbol"))))
    with Table(Choosing(), tmp_path, warmup_fraction=0.0) as table:
        table.play(40, settle=True)
        report = table.plugin.report()
        assert report["learner"]["steps"] > 0
        assert report["window"]["open"]
        assert report["machine"]["cpu_percent"] is report["machine"]["memory_mb"] is None
