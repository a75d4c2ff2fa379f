"""A device that fails: what was learned stays, and learning continues on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.learning import update
from cornerman.learning.learner import Learner
from cornerman.learning.update import Rates
from cornerman.policy.q_network import NetworkSpec
from tests.support.learning import noise, same_state

torch = pytest.importorskip("torch", reason="only torch learns on a device")
stand_in = pytest.importorskip("tests.support.accelerator")

SPEC = NetworkSpec(6, 5, (16, 16))


def learner(**more: Any) -> Learner:
    return Learner(SPEC, **{"batch_size": 8, "rates": Rates(0.01), "seed": 3, **more})


def same(pupil: Learner, expected: Learner) -> None:
    """Both are in the same place, and one more burst takes them to the same one."""
    for _ in range(2):
        same_state(pupil, expected)
        assert pupil.learn_burst(noise(8 * 2, SPEC, 3)) == expected.learn_burst(noise(8 * 2, SPEC, 3))


def test_a_device_learns_what_the_cpu_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.Accelerator(monkeypatch)
    there, here, rows = learner(device="xpu"), learner(), noise(8 * 12, SPEC)
    rows.reward[8 * 3] = np.nan  # one step is dropped
    results = [each.learn_burst(rows) for each in (there, here)]
    assert (there.device, there.fault, there.steps, there.dropped) == ("xpu", "", 11, 1)
    assert (results[0].steps, results[0].dropped) == (11, 1)
    for name in ("loss", "td_error", "gradient_norm"):
        assert getattr(results[0], name) == pytest.approx(getattr(results[1], name), rel=1e-4)
    for name, array in here.state().items():
        # Adam makes whole steps of 0.01 of gradients that are nothing but rounding, so a few weights lie further apart
        np.testing.assert_allclose(there.state()[name], array, rtol=1e-3, atol=5e-4, err_msg=name)


def test_a_device_stops_after_the_step_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.Accelerator(monkeypatch)
    pupil, stop = learner(device="xpu"), np.ones(1, np.uint8)
    rows = pupil.prepare(noise(8 * 5, SPEC))
    assert [pupil.learn_rows(rows, at, stop=stop).steps for at in range(3)] == [1, 1, 1]
    stop[0] = 0
    assert pupil.learn_rows(rows, 3, stop=stop).steps == 2


def test_a_failing_device_is_left_for_the_cpu_with_everything_learned() -> None:
    """torch's "meta" device accepts every operation and raises when a figure is asked for, like a device that died."""
    expected, pupil = learner(), learner(device="meta")
    saved = learner()
    saved.learn_burst(noise(8 * 3, SPEC, 7))
    for each in (expected, pupil):
        each.restore(saved.state())
    result = pupil.learn_burst(noise(8 * 2, SPEC))
    assert pupil.device == "cpu"
    assert pupil.fault.startswith("The meta device failed, so learning continues on the CPU")
    assert result == expected.learn_burst(noise(8 * 2, SPEC))
    same(pupil, expected)


@pytest.mark.parametrize("lost", stand_in.LOST)
@pytest.mark.parametrize("later", [False, True])
def test_a_device_lost_at_the_start_or_later_is_left_for_the_cpu(
    monkeypatch: pytest.MonkeyPatch, lost: str, later: bool
) -> None:
    accelerator = stand_in.Accelerator(monkeypatch, None if later else stand_in.LOST[lost])
    pupil, expected = learner(device="xpu"), learner()
    assert pupil.device == ("xpu" if later else "cpu")
    accelerator.error = stand_in.LOST[lost]
    same(pupil, expected)
    reason = str(stand_in.LOST[lost]).split("\n")[0] or type(stand_in.LOST[lost]).__name__
    assert pupil.fault == f"The xpu device failed, so learning continues on the CPU: {reason}"
    assert pupil.device == "cpu"


def test_without_torch_a_device_is_left_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cornerman.learning.accelerator.torch_steps", None)
    pupil = learner(device="cuda")
    assert pupil.device == "cpu"
    assert pupil.fault.startswith("The cuda device failed")
    same(pupil, learner())


def test_a_failing_step_on_the_cpu_is_not_hidden() -> None:
    def fails(*arguments: object) -> update.Sums:
        raise MemoryError

    with pytest.raises(MemoryError):
        learner(on_cpu=fails).learn_burst(noise(8, SPEC))
