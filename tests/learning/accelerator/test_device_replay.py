"""Rows on a device, torch's "cpu" standing for it: the parent is the naive twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.experience.replay_buffer import Batch, ReplayBuffer
from cornerman.experience.transitions import layout
from cornerman.policy.q_network import NetworkSpec

torch = pytest.importorskip("torch", reason="torch holds the rows on a device")
from cornerman.learning.accelerator.device_replay import HERE, DeviceReplay, choose_rows, picking_speed  # noqa: E402

SPEC = NetworkSpec(6, 3, (4,))


def columns(count: int, random: np.random.Generator) -> dict[str, Any]:
    made = {name: np.zeros((count, *shape), kind) for name, (shape, kind) in layout(6, 3).items()}
    made["observation"][:] = random.normal(size=(count, 6))
    made["next_observation"][:] = random.normal(size=(count, 6))
    made["action"][:] = random.integers(0, 3, count)
    made["next_action_mask"][:] = random.random((count, 3)) < 0.5
    made["reward"][:] = random.normal(size=count)
    return made


def rings(capacity: int = 50) -> tuple[ReplayBuffer, DeviceReplay]:
    return (
        ReplayBuffer(capacity, 6, 3, np.random.default_rng(1)),
        DeviceReplay(capacity, 6, 3, np.random.default_rng(1), "cpu"),
    )


def same(found: Batch[Any], wanted: Batch[Any]) -> None:
    for (name, one), (_, other) in zip(found.columns(), wanted.columns(), strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other)), name
        assert np.asarray(one).dtype == np.asarray(other).dtype


def test_device_replay_draws_and_saves_what_its_parent_does() -> None:
    random = np.random.default_rng(0)
    twin, ring = rings()
    for count in (1, 20, 29, 3, 47, 50, 120, 7, 43, 57):
        part = columns(count, random)
        twin.append_many(part)
        ring.append_many(part)
        found = ring.sample(64)
        assert isinstance(found.action, torch.Tensor)
        same(found, twin.sample(64))
    row = twin.rows()[0]
    for _ in range(60):
        twin.append(row)
        ring.append(row)
    same(ring.sample(64), twin.sample(64))
    assert twin.clear() == ring.clear() == 50
    part = columns(5, random)
    twin.append_many(part)
    ring.append_many(part)
    same(ring.sample(64), twin.sample(64))
    assert not ring.fault

    state = ring.state()
    wanted = {name: array.tobytes() for name, array in twin.state().items()}
    assert {name: array.tobytes() for name, array in state.items()} == wanted
    again = rings()[1]
    again.restore(state)
    same(again.sample(64), twin.sample(64))


def test_device_replay_leaves_a_failing_device_and_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    twin, ring = rings()
    part = columns(70, np.random.default_rng(0))
    twin.append_many(part)
    ring.append_many(part)
    same(ring.sample(64), twin.sample(64))

    def fails(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "index_select", fails)
        same(ring.sample(64), twin.sample(64))
    assert ring.fault == "Rows on cpu failed, so they come from here: CUDA out of memory"
    ring.append_many(part)
    twin.append_many(part)
    same(ring.sample(64), twin.sample(64))
    ring = DeviceReplay(10, 6, 3, np.random.default_rng(0), "cuda")
    assert torch.cuda.is_available() or ring.fault.startswith("Rows on cuda failed")
    ring.append_many(columns(5, np.random.default_rng(0)))
    assert len(ring.sample(4).action) == 4


@pytest.mark.parametrize(("there", "where"), [(3e6, "cuda"), (1e5, HERE)])
def test_the_faster_way_is_chosen_and_both_timings_are_told(there: float, where: str) -> None:
    choice = choose_rows("cuda", SPEC, 4096, lambda at, device, spec, rows: there if at == "cuda" else 1e6)
    assert choice.device == where
    assert choice.timings == {"cuda": there, HERE: 1e6}
    for part in (f"{there:,.0f} rows a second picked on cuda", "1,000,000 sent there", "4096 at a time"):
        assert part in choice.why

    def fails(at: str, device: str, spec: NetworkSpec, rows: int) -> float:
        raise RuntimeError("no kernel image")

    choice = choose_rows("cuda", SPEC, 10, fails)
    assert (choice.device, dict(choice.timings)) == (HERE, {})
    assert "no kernel image" in choice.why


def test_picking_speed_times_both_ways() -> None:
    assert picking_speed(HERE, "cpu", SPEC, 256) > 0.0
    assert picking_speed("cpu", "cpu", SPEC, 256) > 0.0
