"""Plan of bulk training: where it picks its batches, and how large they are, chosen by timings."""

from __future__ import annotations

import pytest

from cornerman.learning.device import Choice
from cornerman.policy.q_network import NetworkSpec
from cornerman.training.bulk.plan import LARGER, Plan, on_devices

torch = pytest.importorskip("torch", reason="devices are torch's")
device_replay = pytest.importorskip("cornerman.learning.accelerator.device_replay")

PLAN = Plan(decisions=1)


def planned(device: str = "cuda") -> tuple[Plan, dict[str, Choice]]:
    return on_devices(PLAN, Choice(device, "It learns there."), NetworkSpec(4, 3, (8,)), 16)


def test_batches_are_picked_where_a_timing_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def speed(*what: object) -> float:
        asked.append(what)
        return 2.0 if what[0] == "cuda" else 1.0

    monkeypatch.setattr(device_replay, "picking_speed", speed)
    plan, devices = planned()
    assert (plan.rows_on, set(devices)) == ("cuda", {"learning", "rows"})
    assert (plan.batch_size, plan.candidate_steps) == (LARGER * PLAN.batch_size, PLAN.candidate_steps // LARGER)
    assert [what[-1] for what in asked] == [16 * plan.batch_size] * 2
    asked.clear()
    plan, devices = planned("cpu")
    assert (plan, set(devices), asked) == (PLAN, {"learning"}, [])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_leaves_the_batches_to_numpy() -> None:
    plan, devices = planned()
    assert plan.rows_on == ""
    assert "on cuda failed in a trial" in devices["rows"].why
