"""The same seed and the same battles give the same versions, in two processes of their own."""

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
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.table import Table

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
found = {}
games = {
    "choosing": (Choosing(), 80, {"learning_rate": 5e-3, "target_rate": 0.05, "candidate_period": 200, "practice": 4.0,
                                  "batch_size": 16, "burst_steps": 8, "gate_min_pairs": 10, "gate_max_pairs": 200}),
    "ringside": (RINGSIDE, 3, {"practice": 2.0}),
}
for name, (game, battles, settings) in games.items():
    with Table(game, folder / name, **{**settings, "seed": seed}) as table:
        table.play(battles, settle=True)
        registry = table.plugin.store.registry
        versions = {number: registry.manifest(number).sha256 for number in registry.numbers()}
        learner = table.on_owner(lambda loop: loop.updates.learner.snapshot())
    found[name] = {"versions": versions, "played": table.versions, "learner": hashlib.sha256(learner).hexdigest()}
print(json.dumps(found))
"""


def run(folder: Path, seed: int, hash_seed: str) -> dict[str, dict[str, Any]]:
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
    found: dict[str, dict[str, Any]] = json.loads(ended.stdout)
    return found


@pytest.mark.slow
def test_same_seed_and_battles_give_the_same_versions_in_two_processes(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", 1, "1"), run(tmp_path / "b", 1, "2")
    assert first == second
    assert len(first["choosing"]["versions"]) > 1, "nothing was promoted, so nothing was compared"
    other = run(tmp_path / "c", 2, "1")
    for name in first:
        assert first[name]["learner"] != other[name]["learner"], "the seed decides nothing"
