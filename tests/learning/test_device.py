"""Device choice by a timing, and how the trainer's thread is set up."""

import os
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cornerman.contract import SettingsError
from cornerman.learning import device
from cornerman.learning.device import choose_device, configure_trainer_thread, learning_speed
from cornerman.policy.q_network import NetworkSpec

SMALL = NetworkSpec(4, 3, (8,))


def speeds(**known: float | Exception) -> device.Measure:
    def measure(device: str, spec: NetworkSpec, batch_size: int) -> float:
        speed = known[device]
        if isinstance(speed, Exception):
            raise speed
        return speed

    return measure


def found(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in device.ACCELERATORS:
        room = SimpleNamespace(is_available=lambda name=name: name in names)
        monkeypatch.setattr(torch, name, room, raising=False)


def test_without_an_accelerator_it_is_the_cpu_and_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch)
    choice = choose_device("auto", measure=speeds())
    assert (choice.device, dict(choice.timings)) == ("cpu", {})
    assert "No accelerator" in choice.why


@pytest.mark.parametrize(("cuda", "device"), [(9000.0, "cuda"), (300.0, "cpu")])
def test_the_faster_of_accelerator_and_cpu_is_chosen(monkeypatch: pytest.MonkeyPatch, cuda: float, device: str) -> None:
    found(monkeypatch, "cuda", "mps")
    choice = choose_device("auto", measure=speeds(cuda=cuda, cpu=1000.0))
    assert choice.device == device
    assert choice.timings == {"cuda": cuda, "cpu": 1000.0}
    assert f"{cuda:.0f}" in choice.why
    assert "1000" in choice.why
    assert ("small networks" in choice.why) == (device == "cpu")


@pytest.mark.parametrize("error", [RuntimeError("no kernel image"), NotImplementedError("no such operation")])
def test_a_device_that_fails_its_trial_step_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    found(monkeypatch, "xpu")
    for setting in ("auto", "xpu"):
        choice = choose_device(setting, measure=speeds(xpu=error, cpu=1.0))
        assert choice.device == "cpu"
        assert str(error) in choice.why


def test_a_setting_is_obeyed_even_where_the_cpu_might_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, "cuda", "mps")
    assert choose_device("mps", measure=speeds(mps=1.0)).device == "mps"
    assert choose_device("cpu", measure=speeds()).device == "cpu"


def test_a_setting_that_names_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, "mps")
    with pytest.raises(SettingsError, match=r"'cuda', which is not there \(found: mps\)"):
        choose_device("cuda", measure=speeds())
    with pytest.raises(SettingsError, match="'tpu' is not known"):
        choose_device("tpu", measure=speeds())
    found(monkeypatch)
    with pytest.raises(SettingsError, match="no accelerator was found"):
        choose_device("xpu", measure=speeds())


def test_the_real_measure_runs_on_the_cpu_and_reports_a_broken_device() -> None:
    assert learning_speed("cpu", SMALL, 8) > 1.0
    with pytest.raises(RuntimeError, match="meta device failed"):
        learning_speed("meta", SMALL, 8)


# --------------------------------------------------------------------------------------------------------- thread


def in_a_thread(function: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="one thread's priority can be lowered on Linux only")
def test_only_the_trainers_thread_is_made_modest() -> None:
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def niceness() -> int:
        assert configure_trainer_thread()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert in_a_thread(niceness) == max(own, device.TRAINER_NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_the_trainers_thread_uses_one_torch_thread_and_no_denormals() -> None:
    def denormal() -> tuple[int, float]:
        configure_trainer_thread()
        return torch.get_num_threads(), float((torch.full((64,), 1e-38) * 0.01).sum())

    threads, tiny = in_a_thread(denormal)
    assert threads == 1
    if torch.set_flush_denormal(False):  # False where the processor cannot
        assert tiny == 0.0
    assert float((torch.full((64,), 1e-38) * 0.01).sum()) > 0.0


def test_a_priority_that_may_not_be_lowered_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    assert in_a_thread(configure_trainer_thread) is False
