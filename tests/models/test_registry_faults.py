"""registry.py when the disk fails: what was acknowledged is there, what is there is whole."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.files.checkpoint_file import CheckpointFile
from tests.support.failing_files import ENDLESS, failing
from tests.support.stored_versions import OPERATIONS, assert_sound, filled, opened


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_state_loads_whichever_file_operation_fails(tmp_path: Path, name: str, lasting: bool) -> None:
    """N = 1, 2, 3, ... until none is hit: a ModelError or success, and afterwards everything kept still loads."""
    template = tmp_path / "template"
    CheckpointFile(filled(template).folder).save({"x": np.arange(4)}, {"n": 0})
    for nth in range(1, ENDLESS):
        folder = tmp_path / str(nth)
        shutil.copytree(template, folder)
        registry = opened(folder)
        with failing(nth, lasting) as state, suppress(ModelError):
            OPERATIONS[name](registry)
        assert_sound(folder)
        if not state.hit:
            return
    pytest.fail("there is no end to the file operations")
