"""Device choice by a timing, and how the trainer's thread is set up."""

import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from cornerman.contract import SettingsError
from cornerman.learning import device
from cornerman.learning.device import choose_device, configure_trainer_thread, learning_speed, signs_of_accelerators
from cornerman.policy.q_network import NetworkSpec
from tests.support.waiting import in_a_thread

SMALL = NetworkSpec(4, 3, (8,))


def speeds(**known: float | Exception) -> device.Measure:
    def measure(device: str, spec: NetworkSpec, batch_size: int) -> float:
        speed = known[device]
        if isinstance(speed, Exception):
            raise speed
        return speed

    return measure


def found(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A torch that can use these accelerators, and a machine that has signs of one."""
    torch = ModuleType("torch")
    for name in device.ACCELERATORS:
        setattr(torch, name, SimpleNamespace(is_available=lambda name=name: name in names))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(device, "signs_of_accelerators", lambda: names)


def test_choose_device_times_nothing_without_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch)
    choice = choose_device("auto", measure=speeds())
    assert (choice.device, dict(choice.timings)) == ("cpu", {})
    assert "No accelerator" in choice.why


@pytest.mark.parametrize(("cuda", "device"), [(9000.0, "cuda"), (300.0, "cpu")])
def test_choose_device_takes_the_faster_one(monkeypatch: pytest.MonkeyPatch, cuda: float, device: str) -> None:
    found(monkeypatch, "cuda", "mps")
    choice = choose_device("auto", measure=speeds(cuda=cuda, cpu=1000.0))
    assert choice.device == device
    assert choice.timings == {"cuda": cuda, "cpu": 1000.0}
    assert f"{cuda:.0f}" in choice.why
    assert "1000" in choice.why
    assert ("small networks" in choice.why) == (device == "cpu")


@pytest.mark.parametrize("error", [RuntimeError("no kernel image"), NotImplementedError("no such operation")])
def test_choose_device_leaves_a_device_that_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    found(monkeypatch, "xpu")
    for setting in ("auto", "xpu"):
        choice = choose_device(setting, measure=speeds(xpu=error, cpu=1.0))
        assert choice.device == "cpu"
        assert str(error) in choice.why


def test_choose_device_obeys_a_setting_and_refuses_one_that_names_no_device_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found(monkeypatch, "mps")
    assert choose_device("mps", measure=speeds(mps=1.0)).device == "mps"  # the CPU might be faster
    assert choose_device("cpu", measure=speeds()).device == "cpu"
    with pytest.raises(SettingsError, match=r"'cuda', which is not there \(found: mps\)"):
        choose_device("cuda", measure=speeds())
    with pytest.raises(SettingsError, match="'tpu' is not known"):
        choose_device("tpu", measure=speeds())
    found(monkeypatch)
    with pytest.raises(SettingsError, match="no accelerator was found"):
        choose_device("xpu", measure=speeds())


def test_learning_speed_is_measured_on_the_cpu_and_raises_for_a_broken_device() -> None:
    assert learning_speed("cpu", SMALL, 8) > 1.0
    with pytest.raises(RuntimeError, match="nowhere device failed"):
        learning_speed("nowhere", SMALL, 8)


def test_without_torch_no_accelerator_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert signs_of_accelerators() == ()
    assert choose_device("auto", measure=speeds()).device == "cpu"
    with pytest.raises(SettingsError, match="no accelerator was found"):
        choose_device("cuda", measure=speeds())
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))  # a stub: its __spec__ is None
    assert signs_of_accelerators() == ()


@pytest.mark.parametrize(
    ("version", "drivers", "expected"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", ["cuda"], ()),
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", ["cuda"], ("cuda",)),
        ("cuda = '13.0'\n", [], ()),
        ("cuda = None\nhip = '7.1.2'\n", ["hip"], ("cuda",)),
        ("cuda = None\nxpu: Optional[str] = '20250301'\n", ["xpu", "cuda"], ("xpu",)),
        ("", ["cuda"], ()),
    ],
)
def test_torch_is_imported_only_where_its_build_and_a_driver_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, drivers: list[str], expected: tuple[str, ...]
) -> None:
    (tmp_path / "version.py").write_text(version)
    for driver in drivers:
        (tmp_path / driver).touch()
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(device, "SIGNS", {kind: (f"{tmp_path}/{kind}*",) for kind in device.SIGNS})
    monkeypatch.setattr(sys, "platform", "linux")
    assert signs_of_accelerators() == expected
    asked = list[str]()

    def found() -> tuple[str, ...]:
        asked.append("torch")
        return ()

    monkeypatch.setattr(device, "found_accelerators", found)
    assert choose_device("auto", measure=speeds()).device == "cpu"
    assert bool(asked) == bool(expected)

    monkeypatch.setattr(sys, "platform", "darwin")
    for machine in ("arm64", "x86_64"):
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        assert ("mps" in signs_of_accelerators()) == (bool(version) and machine == "arm64"), (
            "an Apple processor is a sign of mps"
        )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="one thread's priority can be lowered on Linux only")
def test_configure_trainer_thread_lowers_the_priority_of_its_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TRAINER_NICENESS", 10)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def niceness() -> int:
        assert configure_trainer_thread()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert in_a_thread(niceness) == max(own, device.TRAINER_NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have a scheduling class on Linux only")
@pytest.mark.parametrize("one", [True, False])
def test_trainer_that_wakes_up_interrupts_no_frame_of_a_game_on_the_same_processor(
    monkeypatch: pytest.MonkeyPatch, one: bool
) -> None:
    monkeypatch.setattr(device, "only_one", lambda: one)

    def scheduled() -> int:
        configure_trainer_thread()
        return os.sched_getscheduler(threading.get_native_id())

    assert in_a_thread(scheduled) == (os.SCHED_BATCH if one else os.SCHED_OTHER)


def test_configure_trainer_thread_survives_a_refused_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    assert in_a_thread(configure_trainer_thread) is False
