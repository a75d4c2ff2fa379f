"""Plan of bulk training: where it acts and picks rows, chosen by timings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cornerman.contract import SettingsError
from cornerman.learning.device import Choice
from cornerman.policy.q_network import NetworkSpec
from cornerman.training.bulk import plan as bulk_plan
from cornerman.training.bulk.plan import Plan, on_devices

torch = pytest.importorskip("torch", reason="devices are torch's")
device_actor = pytest.importorskip("cornerman.learning.accelerator.device_actor")
device_replay = pytest.importorskip("cornerman.learning.accelerator.device_replay")

PLAN, TOGETHER = Plan(decisions=1), 64


def planned(device: str = "cuda", plan: Plan = PLAN) -> tuple[Plan, dict[str, Choice]]:
    return on_devices(plan, Choice(device, "It learns there."), NetworkSpec(4, 3, (8,)), 16, TOGETHER)


def refused_with_torch(plan: Plan, spec: NetworkSpec) -> None:
    if plan.acting:
        raise SettingsError("too much.")


def test_acting_and_rows_go_where_a_timing_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def speed(*what: object) -> float:
        asked.append(what)
        return 2.0 if what[0] == "cuda" else 1.0

    monkeypatch.setattr(device_actor, "acting_speed", speed)
    monkeypatch.setattr(device_replay, "picking_speed", speed)
    plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("cuda", "cuda")
    assert set(devices) == {"learning", "acting", "rows"}
    assert [what[-1] for what in asked] == [2 * TOGETHER // 3] * 2 + [16 * plan.batch_size] * 2
    plan, devices = planned(plan=replace(PLAN, ray=""))
    assert (plan.acting, plan.rows_on) == ("", "cuda")
    assert "on Ray" in devices["acting"].why
    with monkeypatch.context() as patch:
        patch.setattr(bulk_plan, "refuse_impossible", refused_with_torch)
        plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("", "cuda")
    assert devices["acting"].why == "It acts with numpy. On cuda: too much."
    asked.clear()
    plan, devices = planned("cpu")
    assert (plan.acting, plan.rows_on, set(devices), asked) == ("", "", {"learning"}, [])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_leaves_everything_to_numpy() -> None:
    plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("", "")
    for what in ("acting", "rows"):
        assert "on cuda failed in a trial" in devices[what].why
