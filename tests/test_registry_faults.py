"""registry.py when the disk fails or the process is killed: what was acknowledged is there, what is there is whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.registry import Registry
from cornerman.version_manifest import Provenance
from tests.failing_files import ENDLESS, failing
from tests.test_registry import PASSED, filled, flat, opened


def save_and_promote(registry: Registry) -> None:
    registry.promote(registry.save(flat(3), Provenance(parent=2, gate=PASSED), learner={"m": flat(1)}))


OPERATIONS = {
    "save and promote": save_and_promote,
    "roll back": lambda registry: registry.roll_back(),
    "prune": lambda registry: registry.prune(keep=1),
    "forget": lambda registry: registry.erase_trained_from_player(),
    "save the learner": lambda registry: registry.resume.save({"x": np.arange(5)}, {"n": 1}),
    "open": lambda registry: opened(registry._dir),
}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_whichever_file_operation_fails_the_state_still_loads(tmp_path, name, lasting):
    """N = 1, 2, 3, ... until none is hit: a ModelError or success, and afterwards everything kept still loads."""
    template = tmp_path / "template"
    filled(template).resume.save({"x": np.arange(4)}, {"n": 0})
    for nth in range(1, ENDLESS):
        folder = tmp_path / str(nth)
        shutil.copytree(template, folder)
        registry = opened(folder)
        with failing(nth, lasting) as state, suppress(ModelError):
            OPERATIONS[name](registry)
        assert_sound(folder, forgotten=name == "forget")
        if not state.hit:
            return
    pytest.fail("there is no end to the file operations")


def assert_sound(folder: Path, forgotten: bool) -> None:
    registry = opened(folder)
    policy, sentences = registry.load_champion()
    assert sentences == []
    assert policy is not None
    assert policy.flat.tobytes() == flat(policy.version).tobytes()
    assert policy.version in (1, 2, 3)
    assert not any(entry.state == "damaged" for entry in registry.versions())
    saved, _ = registry.resume.load()
    assert forgotten or saved is not None
    assert registry.save(flat(9), Provenance(parent=policy.version)) >= 3


KILLED = """
import sys
from tests.test_registry_faults import *
registry = opened(Path(sys.argv[1]))
if registry.champion is None:
    registry.promote(registry.save(flat(0), Provenance()))
for _ in range(10_000):
    parent = registry.champion
    number = max(registry.numbers()) + 1
    version = registry.save(flat(number), Provenance(parent=parent, gate=PASSED), learner={"m": flat(1)})
    registry.promote(version)
    print(version, flush=True)
    registry.prune(keep=4)
    registry.resume.save({"x": np.full(1000, version)}, {"version": version})
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_killed_at_any_moment_the_acknowledged_champion_plays(tmp_path):
    acknowledged, random = -1, np.random.default_rng(0)
    for _ in range(3):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(float(random.uniform(0.0, 0.08)))
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split("\n")
        process.stdout.close()
        process.wait()
        acknowledged = max([acknowledged, *(int(line) for line in lines[:-1] if line)])
        registry = opened(tmp_path)
        policy, sentences = registry.load_champion()
        assert sentences == []
        assert policy is not None
        assert policy.version >= acknowledged
        assert policy.flat.tobytes() == flat(policy.version).tobytes()
        assert registry.resume.load()[1] == []
