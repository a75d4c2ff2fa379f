"""Workers as actors of a local Ray: they answer as processes do, and one that is killed is replaced.

Run in a process of its own, so that nothing of Ray stays behind in the tests'.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from cornerman.selfplay.worker import BULK
from tests.support.paths import ROOT

CODE = """
import json, os, signal
from functools import partial
import numpy as np
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.pool import WorkerPool
from cornerman.selfplay.ray_pool import RayCluster
from cornerman.selfplay.orders import PRESENT, collecting
from cornerman.settings import Settings
from tests.support.waiting import wait_for

order = collecting(Settings(), {PRESENT: 7}, {"itself": 0.5, "random": 0.5}, {"itself": 1.0})
arrays = {PRESENT: draw(NetworkSpec(57, 11, (8,)), np.random.default_rng(0))}
with RayCluster() as cluster:
    pool = WorkerPool(partial(cluster.start, "game_adapter.ringside.game:RINGSIDE", (8,), 0), 2)
    for which in (0, 1):
        pool.order(which, arrays, order)
    found = [wait_for(lambda: pool.answer(which, 0.2), 60.0)[1]["decisions"] for which in (0, 1)]
    before = pool.pids
    pool.order(0, arrays, order)
    os.kill(before[0], signal.SIGKILL)
    columns, notes = wait_for(lambda: pool.answer(0, 0.2), 60.0)
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
    assert found == [BULK.turns * (BULK.batched + BULK.beside)] * 2
    assert decisions == BULK.turns * (BULK.batched + BULK.beside)
    assert rows > 0.8 * decisions
    assert replaced == 1
    assert before[0] != after[0]
    assert before[1] == after[1]
