"""On a CUDA device, where there is one: it learns and picks rows as the CPU does, and is left when it fails."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.experience.transitions import layout
from cornerman.learning.device import choose_device, learning_speed
from cornerman.learning.learner import Learner
from cornerman.learning.update import Rates
from cornerman.policy.q_network import NetworkSpec
from cornerman.training.bulk.plan import Plan
from cornerman.training.bulk.run import train
from game_adapter.ringside.game import RINGSIDE
from tests.support.bulk_command import RINGSIDE_NAME
from tests.support.learning import noise

torch = pytest.importorskip("torch", reason="torch is what learns there")
if not torch.cuda.is_available():
    pytest.skip("there is no CUDA device", allow_module_level=True)
from cornerman.learning.accelerator import td  # noqa: E402
from cornerman.learning.accelerator.cuda_graphs import MOST_STEPS, GraphBurst  # noqa: E402
from cornerman.learning.accelerator.device_replay import DeviceReplay, choose_rows  # noqa: E402

SPEC, RATES, BATCH = NetworkSpec(57, 16, (128, 128)), Rates(0.001), 64
ROOT = Path(__file__).resolve().parents[3]


def learner(device: str, batch_size: int = BATCH) -> Learner:
    return Learner(SPEC, batch_size=batch_size, rates=RATES, seed=3, device=device)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cuda_learns_what_the_cpu_learns(sign: float, caplog: pytest.LogCaptureFixture) -> None:
    there, here, rows = learner("cuda"), learner("cpu"), noise(BATCH * 31, SPEC)
    rows.weight *= sign
    rows.reward[BATCH * 3] = np.nan  # one step is dropped
    with caplog.at_level(logging.WARNING):
        results = [each.learn_burst(rows) for each in (there, here)]  # 31 steps are bursts of 16, 8, 4, 2 and 1
    assert (there.device, there.fault, caplog.messages) == ("cuda", "", [])
    assert [(each.steps, each.dropped) for each in (there, here)] == [(30, 1), (30, 1)]
    for name in ("loss", "td_error", "gradient_norm"):
        assert getattr(results[0], name) == pytest.approx(getattr(results[1], name), rel=1e-3)
    for name, array in here.state().items():
        # Adam makes whole steps of gradients that are nothing but rounding, so a few weights lie further apart.
        far = np.abs(there.state()[name] - array) > 1e-3 * np.abs(array) + 1e-5
        assert far.mean() < 0.01, name
        np.testing.assert_allclose(there.state()[name], array, rtol=1e-2, atol=0.01, err_msg=name)


def test_a_recorded_burst_gives_the_weights_of_the_same_operations_one_by_one() -> None:
    def burst(weights: Any, rows: Any) -> Any:
        return td.learn_burst(weights, SPEC, rows, RATES)

    graphs, random = GraphBurst(torch.cuda, burst), np.random.default_rng(1)
    start = torch.from_numpy(random.normal(0.0, 0.1, (4, SPEC.num_parameters)).astype(np.float32)).cuda()
    start[2:] = 0.0
    both = [td.Weights(start.clone(), torch.zeros(1, device="cuda")) for _ in range(2)]
    for seed, count in enumerate((1, 2, MOST_STEPS, 4, MOST_STEPS, 1, 8)):
        prepared = learner("cpu").prepare(noise(BATCH * count, SPEC, seed))
        rows = td.TensorRows(*(torch.from_numpy(column).cuda() for column in prepared))
        found, wanted = graphs(both[0], rows), burst(both[1], rows)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(both[0].parameters, both[1].parameters, rtol=1e-3, atol=1e-3)
        assert both[0].steps.item() == both[1].steps.item()
    assert graphs.refused == ""


def test_cuda_stops_after_the_steps_under_way() -> None:
    pupil, stop = learner("cuda"), np.ones(1, np.uint8)
    rows = pupil.prepare(noise(BATCH * (MOST_STEPS + 4), SPEC))
    assert pupil.learn_rows(rows, stop=stop).steps == MOST_STEPS


def test_rows_picked_on_cuda_are_those_picked_here() -> None:
    sizes, random = (SPEC.observation_size, SPEC.num_actions), np.random.default_rng(0)
    ring = DeviceReplay(500, *sizes, np.random.default_rng(1), "cuda")
    twin = ReplayBuffer(500, *sizes, np.random.default_rng(1))
    for count in (1, 200, 290, 3, 470, 500, 1200, 70):
        part: dict[str, Any] = {
            name: random.integers(0, 2, (count, *shape)).astype(kind) for name, (shape, kind) in layout(*sizes).items()
        }
        ring.append_many(part)
        twin.append_many(part)
        found, wanted = ring.sample(64), twin.sample(64)
        for (name, there), (_, here) in zip(found.columns(), wanted.columns(), strict=True):
            assert str(there.device) == "cuda:0"
            np.testing.assert_array_equal(there.cpu().numpy(), here, err_msg=name)
    pupil = learner("cuda")
    assert pupil.learn_burst(ring.sample(4 * BATCH)).steps == 4
    assert (pupil.device, ring.fault) == ("cuda", "")


def test_timings_choose_between_cuda_and_the_cpu() -> None:
    chosen = choose_device("auto", SPEC, BATCH, learning_speed)
    assert set(chosen.timings) == {"cuda", "cpu"}
    for choice in (chosen, choose_rows("cuda", SPEC, 16 * 256)):
        assert choice.device == max(choice.timings, key=lambda where: choice.timings[where])
    assert choose_device("cuda", SPEC, BATCH).device == "cuda"


def test_full_device_is_left_for_the_cpu_with_everything_learned() -> None:
    many = 8192  # whose Q-values and gradients do not fit into what is kept ready
    there, here = learner("cuda", many), learner("cpu", many)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.0)
    try:
        result = there.learn_burst(noise(many * 2, SPEC, 1))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert there.fault.startswith("The cuda device failed, so learning continues on the CPU: CUDA out of memory")
    assert (there.device, there.steps) == ("cpu", 2)
    assert result == here.learn_burst(noise(many * 2, SPEC, 1))


def test_device_that_is_lost_is_left_for_the_cpu_with_everything_learned() -> None:
    """In a process of its own: a failed assertion on the device makes every later call of CUDA fail."""
    script = """
import numpy as np, torch
from tests.learning.accelerator.test_on_cuda import BATCH, SPEC, learner, noise
there, here = learner("cuda"), learner("cpu")
there.learn_burst(noise(BATCH * 3, SPEC))
here.restore(there.state())
torch.zeros(1, device="cuda")[torch.tensor([5], device="cuda")]
results = [each.learn_burst(noise(BATCH * 3, SPEC, 1)) for each in (there, here)]
assert results[0] == results[1] and there.steps == 6, results
assert all(np.array_equal(there.state()[name], array) for name, array in here.state().items())
print(there.fault)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("The cuda device failed, so learning continues on the CPU: CUDA error")


def test_bulk_training_learns_on_cuda(tmp_path: Path) -> None:
    said: list[str] = []
    settings = 'device = "cuda"\nfrom_nothing = true\nhidden = [32]\ngate_min_pairs = 2\ngate_max_pairs = 4\n'
    (tmp_path / "settings.toml").write_text(settings)
    plan = Plan(decisions=60_000, batch_size=64, uses=1.0, capacity=50_000, candidate_steps=400, report_battles=2)
    version = train(RINGSIDE, RINGSIDE_NAME, tmp_path, plan, 1, say=said.append)
    assert version > 0, "nothing that it learned passed the gate"
    text = "\n".join(said)
    assert "The settings ask for cuda." in text
    assert "failed" not in text


def test_game_learns_on_cuda_while_it_is_played(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('device = "cuda"\n')
    command = [sys.executable, "-m", "game_adapter", "--plugins", str(ROOT / "plugin"), "--data", str(tmp_path)]
    command += ["--headless", "--from-nothing", "--battles", "20", "--out", str(tmp_path), "--json"]
    ran = subprocess.run(
        [*command, str(tmp_path / "lines")], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text("utf-8").splitlines()]
    assert lines[-2]["steps"] > 100
    assert lines[-1]["summary"]["now"] > lines[-1]["summary"]["untrained"]
    assert "cuda\n" in ran.stdout
    assert "failed" not in ran.stdout + ran.stderr
