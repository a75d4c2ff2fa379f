"""A device, a processor or a TorchScript that fails: what was learned stays, and learning goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cornerman.learning import td
from cornerman.learning.learner import Learner
from tests.learning.test_learner import batch, learner

LOST = {
    "full": RuntimeError("out of memory. Tried to allocate 20 MiB.\nCompile with TORCH_USE_DEVICE_DSA."),
    "not built in": AssertionError("Torch not compiled with XPU enabled"),
    "without a word": RuntimeError(),
}
BEGINNINGS: dict[str, Callable[[Learner, Learner], None]] = {
    "restore": lambda pupil, other: pupil.restore(other.state()),
    "load": lambda pupil, other: pupil.load(other.snapshot()),
}


class Accelerator:
    """Lets "xpu" stand for a device of the test's own: its tensors are tensors here. Where it is lost, `error` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        self.error = error
        real = torch.Tensor.to

        def to(tensor: torch.Tensor, *arguments: Any, copy: bool = False, **more: Any) -> torch.Tensor:
            if "xpu" not in map(str, arguments):
                return real(tensor, *arguments, copy=copy, **more)
            if self.error is not None:
                raise self.error
            return tensor.clone() if copy else tensor

        monkeypatch.setattr(torch.Tensor, "to", to)


def eager(monkeypatch: pytest.MonkeyPatch, **more: Any) -> Learner:
    """A learner that never had TorchScript."""
    with monkeypatch.context() as patch:
        patch.setattr(td, "scripted", lambda function: None)
        return learner(**more)


def same(pupil: Learner, expected: Learner) -> None:
    """Both are in the same place, and one more burst takes them to the same one."""
    for _ in range(2):
        for name, array in expected.state().items():
            assert np.array_equal(array, pupil.state()[name]), name
        assert pupil.learn_burst(batch(8 * 2, 3)) == expected.learn_burst(batch(8 * 2, 3))


def test_a_failing_accelerator_is_left_for_the_cpu_with_everything_learned() -> None:
    """torch's "meta" device accepts every operation and raises when a figure is asked for, like a device that died."""
    expected, pupil = learner(), learner(device="meta")
    saved = learner()
    saved.learn_burst(batch(8 * 3, 7))
    pupil.restore(saved.state())
    expected.restore(saved.state())
    result = pupil.learn_burst(batch(8 * 2))
    assert pupil.device.type == "cpu"
    assert pupil.fault.startswith("The meta device failed, so learning goes on on the CPU")
    assert result == expected.learn_burst(batch(8 * 2))
    same(pupil, expected)


@pytest.mark.parametrize("lost", LOST)
def test_a_device_that_cannot_be_begun_on_is_left_for_the_cpu(monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    Accelerator(monkeypatch, LOST[lost])
    pupil, expected = learner(device="xpu"), learner()
    reason = str(LOST[lost]).split("\n")[0] or "RuntimeError"
    assert (pupil.device.type, expected.fault) == ("cpu", "")
    assert pupil.fault == f"The xpu device failed, so learning goes on on the CPU: {reason}"
    same(pupil, expected)


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_device_that_fails_when_weights_are_put_on_it_is_left_for_the_cpu_with_them(
    monkeypatch: pytest.MonkeyPatch, beginning: str, lost: str
) -> None:
    accelerator, other, expected = Accelerator(monkeypatch), learner(seed=5), learner()
    other.learn_burst(batch(8 * 3, 7))
    pupil = learner(device="xpu")
    pupil.learn_burst(batch(8))
    assert (pupil.device.type, pupil.fault) == ("xpu", "")
    accelerator.error = LOST[lost]
    for each in (pupil, expected):
        BEGINNINGS[beginning](each, other)
    assert pupil.device.type == "cpu"
    assert pupil.fault.startswith("The xpu device failed")
    same(pupil, expected)


def test_a_cpu_that_cannot_hold_the_weights_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(torch.Tensor, "to", full)
    for device in ("cpu", "xpu"):
        with pytest.raises(RuntimeError, match="not enough memory"):
            learner(device=device)


def test_a_raising_step_on_the_cpu_is_not_hidden_and_keeps_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    pupil = learner()
    pupil.warm_up()
    pupil.learn(batch(8))
    before = pupil.state()

    def fail(weights: td.Weights, *arguments: object) -> None:
        weights.online.fill_(7.0)
        raise RuntimeError("out of memory")

    working = pupil._learn_part
    monkeypatch.setattr(pupil, "_learn_part", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        pupil.learn(batch(8))
    monkeypatch.setattr(pupil, "_learn_part", working)
    assert np.array_equal(pupil.snapshot(), before["online"])
    expected = learner()
    expected.restore(before)
    same(pupil, expected)


@pytest.mark.parametrize("device", ["cpu", "xpu"])
def test_a_device_lost_between_single_steps_leaves_none_of_the_calls_steps(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    """A burst that went non-finite is done again step by step: one is applied, one dropped, then the device fails."""
    calls, working = list[int](), td.learn_part

    def dies(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("lost")
        return working(*arguments)

    Accelerator(monkeypatch)
    monkeypatch.setattr(td, "scripted", lambda function: None)
    monkeypatch.setattr(td, "learn_part", dies)
    pupil, expected, rows = learner(device=device), learner(), batch(8 * 4)
    rows.reward[8] = np.nan
    for each in (pupil, expected):
        each.learn_burst(batch(8 * 2, 7))
    calls.clear()
    if device == "cpu":
        with pytest.raises(RuntimeError, match="lost"):
            pupil.learn_burst(rows)
    else:
        result = pupil.learn_burst(rows)
        assert pupil.fault == "The xpu device failed, so learning goes on on the CPU: lost"
        assert result == expected.learn_burst(rows)
        assert (result.steps, result.dropped) == (3, 1)
    assert (pupil.steps, pupil.dropped) == (expected.steps, expected.dropped)
    same(pupil, expected)


@pytest.mark.parametrize("runs", [0, 1, 2])
@pytest.mark.parametrize("error", [RuntimeError("the kernel cannot be made"), OSError("no compiler")])
def test_a_torchscript_that_compiles_but_does_not_run_is_left_for_the_eager_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, runs: int, error: Exception
) -> None:
    calls = list[int]()

    def compiled(weights: td.Weights, kept: td.Weights, *arguments: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) <= runs:
            return td.learn_part(weights, kept, *arguments)
        weights.online.fill_(7.0)
        kept.target.fill_(7.0)
        raise error

    monkeypatch.setattr(td, "scripted", lambda function: compiled)
    pupil, expected = learner(), eager(monkeypatch)
    assert pupil.is_scripted
    with caplog.at_level(logging.WARNING, "cornerman"):
        pupil.warm_up()
    assert "TorchScript does not run here" in caplog.text
    same(pupil, expected)
    saved = learner(seed=9).state()
    pupil.restore(saved)
    assert np.array_equal(pupil.snapshot(), saved["online"])
    pupil.warm_up()
    assert not pupil.is_scripted
    assert pupil.learn_burst(batch(8 * 4)).steps == 4
    assert len(calls) == runs + 1, "it was tried again"


def test_weights_are_kept_where_torchscript_fails_in_the_midst_of_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(weights: td.Weights, kept: td.Weights, *arguments: Any) -> torch.Tensor:
        weights.online.fill_(7.0)
        kept.target.fill_(7.0)
        raise RuntimeError("the kernel cannot be made")

    saved, expected = learner(seed=9).state(), eager(monkeypatch)
    monkeypatch.setattr(td, "scripted", lambda function: compiled)
    pupil = learner(device="meta")
    pupil.restore(saved)
    with monkeypatch.context() as patch:
        patch.setattr(td, "scripted", lambda function: None)
        expected.restore(saved)
    assert pupil.learn_burst(batch(8 * 2)) == expected.learn_burst(batch(8 * 2)), "the device fails, then TorchScript"
    assert pupil.fault.startswith("The meta device failed")
    assert not pupil.is_scripted
    same(pupil, expected)
