"""The same seed and the same battles give the same versions, in two processes of their own.

tests/game_adapter/test_drop_in.py shows the same of Ringside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

CHILD = """
import hashlib, json, sys
from pathlib import Path
from tests.support.choosing import Choosing
from tests.support.table import Table

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
settings = {"learning_rate": 5e-3, "target_rate": 0.05, "candidate_period": 200, "practice": 4.0, "batch_size": 16,
            "burst_steps": 8, "gate_min_pairs": 10, "gate_max_pairs": 200, "seed": seed}
with Table(Choosing(), folder, **settings) as table:
    table.play(80, settle=True)
    registry = table.plugin.store.registry
    versions = {number: registry.manifest(number).sha256 for number in registry.numbers()}
    learner = table.on_owner(lambda loop: loop.updates.learner.snapshot())
found = {"versions": versions, "played": table.versions, "learner": hashlib.sha256(learner).hexdigest()}
print(json.dumps(found))
"""


def run(folder: Path, seed: int, hash_seed: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(seed)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.slow
def test_same_seed_and_battles_give_the_same_versions_in_two_processes(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", 1, "1"), run(tmp_path / "b", 1, "2")
    assert first == second
    assert len(first["versions"]) > 1, "nothing was promoted, so nothing was compared"
    assert first["learner"] != run(tmp_path / "c", 2, "1")["learner"], "the seed decides nothing"
