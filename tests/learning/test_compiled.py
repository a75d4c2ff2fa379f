"""What numba compiles: kept on disk, checked before it is loaded, and missing without harm."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cornerman.files.packages import importable
from cornerman.learning import compiled, update
from cornerman.learning.compiled import CpuSteps, cpu_steps
from tests.support.dropped_plugins import run_python
from tests.support.paths import ROOT

PLAIN = CpuSteps()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which nothing was compiled."""
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    return tmp_path


@pytest.fixture
def numba() -> None:
    if not importable("numba"):
        pytest.skip("numba is not installed")


@pytest.mark.usefixtures("numba")
def test_cpu_steps_are_compiled_once_in_a_child_process(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    for _ in range(2):
        steps = cpu_steps(empty, lambda: told.append("compiling"))
        assert steps.compiled
        assert steps.why_slow == ""
    assert told == ["compiling"]
    folder = compiled.cache_folder(empty)
    assert folder.parent == empty / "compiled"
    assert steps.learn.stats.cache_hits  # type: ignore[attr-defined]  # of numba's dispatcher: it was not compiled here
    assert not steps.learn.stats.cache_misses  # type: ignore[attr-defined]
    code = next(path for path in folder.rglob("*.nbc"))
    code.write_bytes(code.read_bytes()[:-1] + b"!")
    assert not compiled.is_sealed(folder), "one wrong byte of machine code would end the game"
    (folder.parent / "earlier").mkdir()
    monkeypatch.setattr(sys, "executable", str(empty / "python-that-is-gone"))
    assert cpu_steps(empty).learn is update.learn_steps, "it was loaded"
    assert list(folder.parent.iterdir()) == []


@pytest.mark.usefixtures("numba")
@pytest.mark.parametrize("refusal", ["no child", "no folder", "child fails", "other results"])
def test_cpu_steps_are_plain_numpy_where_numba_or_the_disk_refuses(
    empty: Path, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    if refusal == "no folder":
        (empty / "compiled").write_text("a file in its place")
    elif refusal == "no child":
        monkeypatch.setattr(sys, "executable", str(empty / "no-python"))
    elif refusal == "child fails":
        python = empty / "python"
        python.write_text("#!/bin/sh\necho LLVM is broken >&2\nexit 3\n")
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
    else:
        monkeypatch.setattr(compiled, "is_sealed", lambda folder: True)
        monkeypatch.setattr(compiled, "build", lambda folder: lambda *arguments: (0, 0, 0.0, 0.0, 0.0))
    steps = cpu_steps(empty)
    assert steps.learn is update.learn_steps
    assert steps.why_slow.startswith("numba cannot be used, so learning is slower than it could be: ")
    assert len(steps.why_slow) > 70, "the reason"


def test_two_that_compile_at_once_leave_one_sealed_cache(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes with one NUMBA_CACHE_DIR do: neither writes into the other's folder, and the first one stays."""
    cache, running = empty / "cache", [10, 20]

    def compiling(folder: Path) -> update.LearnSteps:
        def learn(*arguments: Any) -> tuple[int, int, float, float, float]:
            folder.mkdir()
            (folder / "code").write_text(folder.name)
            if running:
                begin()
            return 0, 0, 0.0, 0.0, 0.0

        return learn

    def begin() -> None:
        number = running.pop()
        monkeypatch.setattr(os, "getpid", lambda: number)
        compiled.compile_into(cache)

    monkeypatch.setattr(compiled, "build", compiling)
    cache.mkdir()
    (cache / "code").write_text("of one that was killed")
    begin()
    assert compiled.is_sealed(cache)
    assert (cache / "code").read_text() == "cache.10"
    assert list(empty.iterdir()) == [cache]


def test_cpu_steps_without_numba_are_plain_numpy_and_say_why(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    steps = cpu_steps(empty)
    assert steps.learn is update.learn_steps
    assert "pip install numba" in steps.why_slow
    assert list(empty.iterdir()) == []


@pytest.mark.usefixtures("numba")
def test_build_leaves_numbas_own_cache_folder(empty: Path) -> None:
    import numba

    config: Any = numba.config
    before = config.CACHE_DIR
    compiled.build(empty / "cache")
    after = config.CACHE_DIR
    assert after == before


def test_two_copies_of_one_source_share_no_cache(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a shared NUMBA_CACHE_DIR each compiled in the game's process what the other had, and broke its seal."""
    here = compiled.cache_folder(empty)
    shutil.copy2(update.__file__, empty / "update.py")
    monkeypatch.setattr(update, "__file__", str(empty / "update.py"))
    assert compiled.cache_folder(empty) != here


def test_learning_on_the_cpu_imports_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from cornerman.learning import compiled, device, learner, sliced_burst\n"
        "from cornerman.training import build, training_loop; from cornerman.training.bulk import loop, run\n"
        "device.choose_device(); steps = compiled.cpu_steps(Path(sys.argv[1]))\n"
        "learner.Learner(device.TYPICAL_SPEC, on_cpu=steps.learn)\n"
        "assert 'torch' not in sys.modules"
    )
    run_python(ROOT, code, str(ROOT))
