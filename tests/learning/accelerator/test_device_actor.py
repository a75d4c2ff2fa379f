"""Acting on a device, torch's "cpu" standing for it: the same decisions as with numpy, and numpy where it fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.orders import PRESENT, collecting
from cornerman.selfplay.worker import Worker
from cornerman.settings import Settings
from game_adapter.ringside.game import RINGSIDE
from tests.support.opinions import opinion

torch = pytest.importorskip("torch", reason="torch is what acts on a device")
from cornerman.learning.accelerator import td  # noqa: E402
from cornerman.learning.accelerator.device_actor import NUMPY, DeviceActor, acting_speed, choose_acting  # noqa: E402

ENCODER = Encoder(RINGSIDE)
SPEC = NetworkSpec(ENCODER.observation_size, ENCODER.num_actions, (16, 8))
ROWS = 3000


def policy(seed: int, version: int = 3) -> Policy:
    return Policy(SPEC, opinion(SPEC, seed), version)


def actor(plays: Policy) -> DeviceActor:
    made = DeviceActor(SPEC, "cpu")
    made.take(plays)
    return made


def rows(seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    masks = random.random((ROWS, SPEC.num_actions)) < 0.4
    masks[np.arange(ROWS), random.integers(0, SPEC.num_actions, ROWS)] = True
    return random.normal(size=(ROWS, SPEC.observation_size)).astype(np.float32), masks


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_device_actor_decides_as_numpy_does(epsilon: float) -> None:
    observations, masks = rows()
    wanted = policy(1).act_batch(observations, masks, np.random.default_rng(2), epsilon)
    made = actor(policy(2, 5))
    made.take(policy(1, 6))
    assert made.version == 6
    found = made.act_batch(observations, masks, np.random.default_rng(2), epsilon)
    assert found.dtype == np.int64
    assert masks[np.arange(ROWS), found].all()
    assert (found == wanted).mean() > 0.999  # two that are worth the same within float32 may be told apart otherwise
    assert len(set(found.tolist())) > 3


def test_device_actor_plays_any_legal_action_where_nothing_was_learned() -> None:
    made = actor(Policy(SPEC, np.zeros(SPEC.num_parameters, np.float32)))
    observations, masks = rows()
    found = made.act_batch(observations, masks, np.random.default_rng(0))
    assert masks[np.arange(ROWS), found].all()
    assert np.bincount(found, minlength=SPEC.num_actions).min() > 100


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), AssertionError("no CUDA here")])
def test_device_actor_leaves_a_failing_device_and_decides_the_same(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    made = actor(policy(1))
    observations, masks = rows()

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(td, "forward", fails)
    found = made.act_batch(observations, masks, np.random.default_rng(2), 0.2)
    assert (found == policy(1).act_batch(observations, masks, np.random.default_rng(2), 0.2)).all()
    assert made.fault == f"Acting on cpu failed, so it continues with numpy: {error}"
    monkeypatch.undo()
    made.take(policy(2, 9))
    found = made.act_batch(observations, masks, np.random.default_rng(0))
    assert (found == policy(2).act_batch(observations, masks, np.random.default_rng(0))).all()
    absent = DeviceActor(SPEC, "cuda")
    absent.take(policy(1))
    assert torch.cuda.is_available() or absent.fault.startswith("Acting on cuda failed")
    assert len(absent.act_batch(observations, masks, np.random.default_rng(0))) == ROWS


def test_worker_reports_a_device_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    order = collecting(Settings(), {PRESENT: 7}, {"itself": 1.0}, {"itself": 1.0}, acting="cpu")
    worker = Worker(RINGSIDE, SPEC.hidden, 0, 0)
    columns, notes = worker.obey({PRESENT: policy(1).flat}, order)
    assert "fault" not in notes
    assert set(columns["version"].tolist()) == {7}
    monkeypatch.setattr(td, "forward", lambda *_: (_ for _ in ()).throw(RuntimeError("device lost")))
    columns, notes = worker.obey({PRESENT: policy(2).flat}, {**order, "versions": {PRESENT: 8}})
    assert notes["fault"].endswith("device lost")
    assert set(columns["version"].tolist()) == {7, 8}, "7 where a decision was still open"
    assert notes["decisions"] > 0


@pytest.mark.parametrize(("there", "where"), [(3e6, "cuda"), (1e5, NUMPY)])
def test_the_faster_one_is_chosen_and_both_timings_are_told(there: float, where: str) -> None:
    choice = choose_acting("cuda", SPEC, 682, lambda device, spec, rows: there if device == "cuda" else 1e6)
    assert choice.device == where
    assert choice.timings == {"cuda": there, NUMPY: 1e6}
    for part in (f"{there:,.0f} decisions a second on cuda", "1,000,000 with numpy", "682 at a time"):
        assert part in choice.why

    def fails(device: str, spec: NetworkSpec, rows: int) -> float:
        raise RuntimeError("no kernel image")

    choice = choose_acting("cuda", SPEC, 10, fails)
    assert (choice.device, dict(choice.timings)) == (NUMPY, {})
    assert "no kernel image" in choice.why


def test_acting_speed_times_both_ways() -> None:
    assert acting_speed("cpu", SPEC, 64) > 0.0
    assert acting_speed(NUMPY, SPEC, 64) > 0.0
    with pytest.raises(RuntimeError, match="Acting on meta failed"):
        acting_speed("meta", SPEC, 64)
