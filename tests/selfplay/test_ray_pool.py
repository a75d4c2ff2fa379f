"""Workers as actors of a local Ray: they answer as processes do, and one that is killed is replaced.

Run in a process of its own, so that nothing of Ray stays behind in the tests'.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.support.paths import ROOT

CODE = """
import json, os, signal, time
import numpy as np
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.ray_pool import RayPool
from cornerman.selfplay.worker import PRESENT

def wait_for(which):
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        answer = pool.answer(which, 0.2)
        if answer is not None:
            return answer
    raise SystemExit("no answer")

pool = RayPool("game_adapter.ringside.game:RINGSIDE", (8,), 0, 2)
mix = {"itself": 0.5, "random": 0.5}
order = {"kind": "collect", "versions": {PRESENT: 7}, "mix": mix, "mix_beside": {"itself": 1.0}, "epsilon": 0.1}
arrays = {PRESENT: draw(NetworkSpec(57, 11, (8,)), np.random.default_rng(0))}
for which in (0, 1):
    pool.order(which, arrays, {**order, "n_step": 3, "gamma": 0.99})
found = [wait_for(which)[1]["decisions"] for which in (0, 1)]
before = pool.pids
pool.order(0, arrays, {**order, "n_step": 3, "gamma": 0.99})
os.kill(before[0], signal.SIGKILL)
columns, notes = wait_for(0)
after, replaced = pool.pids, pool.replaced
pool.close()
print(json.dumps([found, notes["decisions"], len(columns["action"]), replaced, before, after]))
"""


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.slow
def test_actors_answer_and_a_lost_one_is_replaced() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])}
    environment["RAY_USAGE_STATS_ENABLED"] = "0"
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found, decisions, rows, replaced, before, after = json.loads(done.stdout.strip().splitlines()[-1])
    assert found == [32 * (1024 + 16)] * 2
    assert decisions == 32 * (1024 + 16)
    assert rows > 0.8 * decisions
    assert replaced == 1
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_reports_and_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C goes to the whole group, SIGTERM to the one process; and --resume goes on, with Ray or without."""
    (tmp_path / "settings.toml").write_text('device = "cpu"\nhidden = [16]\ngate_min_pairs = 2\ngate_max_pairs = 4\n')
    command = [sys.executable, "-m", "cornerman", "train", "--game", "game_adapter.ringside.game:RINGSIDE"]
    command += ["--data", str(tmp_path), "--workers", "1", "--report-battles", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])}
    environment["RAY_USAGE_STATS_ENABLED"] = "0"
    running = subprocess.Popen(
        [*command, "--engine", "ray", "--minutes", "5", "--checkpoint", "0.01"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    children: list[psutil.Process] = []
    try:
        end = time.monotonic() + 60.0
        while not (tmp_path / "bulk" / "resume.previous.safetensors").is_file():
            assert time.monotonic() < end
            assert running.poll() is None, running.communicate()[0]
            time.sleep(0.1)
        children = psutil.Process(running.pid).children(recursive=True)
        assert any("RayWorker" in child.name() for child in children)
        if how is signal.SIGINT:
            os.killpg(running.pid, how)
        else:
            running.send_signal(how)
        out = running.communicate(timeout=60.0)[0]
        assert running.returncode == 0, out
        for part in ("Stopped; everything is saved", "Cross table"):
            assert part in out
        assert "Traceback" not in out
        assert not psutil.wait_procs(children, timeout=10.0)[1], "everything of Ray ends too"
    finally:
        running.kill()
        for child in children:
            if child.is_running():
                child.kill()
    again = subprocess.run(
        [*command, "--decisions", "1", "--resume"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert again.returncode == 0, again.stderr
    assert "Goes on from" in again.stdout
    assert "begin anew" not in again.stdout
