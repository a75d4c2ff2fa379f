"""registry.py when the disk fails: what was acknowledged is there, what is there is whole."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.models.manifest import Provenance
from cornerman.models.registry import Registry
from tests.models.test_registry import PASSED, filled, flat, opened
from tests.support.failing_files import ENDLESS, failing


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
