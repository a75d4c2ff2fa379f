"""What learns on the CPU is tested as if neither numba nor torch were installed; `make without` does so for more."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT

FILES = ("test_update.py", "test_learner.py", "test_sliced_burst.py", "test_device.py")


def test_learning_passes_its_tests_without_numba_and_torch() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, *(f"tests/learning/{name}" for name in FILES)],
        cwd=ROOT,
        env={**os.environ, "CORNERMAN_WITHOUT": "numba,torch"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "numba is not installed" in ended.stdout
    assert "failed" not in ended.stdout
