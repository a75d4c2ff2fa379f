"""What is compiled: kept on disk, checked before it is loaded, loaded without numba, and missing without harm."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.files import interpreter
from cornerman.files.packages import importable
from cornerman.learning import compiled, update, with_numba
from cornerman.learning.compiled import CpuSteps, Way, cpu_steps
from cornerman.learning.native import machine_code
from cornerman.learning.native.machine_code import MachineCode
from cornerman.learning.processors import Interruptible
from cornerman.learning.update import Rates
from cornerman.policy.q_network import NetworkSpec
from tests.support.dropped_plugins import run_python
from tests.support.learning import random_rows, random_weights, run
from tests.support.paths import ROOT
from tests.support.plain_network import PlainSpec


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which nothing was compiled."""
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    return tmp_path


@pytest.fixture
def numba() -> None:
    if not importable("numba"):
        pytest.skip("numba is not installed")


@pytest.fixture
def filled(numba: None) -> Path:
    """The cache that all tests share."""
    cpu_steps(Path())
    return compiled.cache_folder(Path(), compiled.ways()[0].name)


def test_cpu_steps_are_compiled_once_in_a_child_process(
    filled: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child copies here what was compiled; that it compiles, tests/game_adapter/test_drop_in.py shows."""

    def copying(entry: str, given: dict[str, str]) -> list[str]:
        assert (entry, given["way"]) == ("cornerman.learning.compiled:fill", compiled.ways()[0].name)
        return [sys.executable, "-c", f"import shutil; shutil.copytree({str(filled)!r}, {given['cache']!r})"]

    monkeypatch.setattr(interpreter, "command", copying)
    told: list[str] = []
    for _ in range(2):
        assert cpu_steps(empty, lambda: told.append("compiling")).why_slow == ""
    assert told == ["compiling"]
    folder = compiled.cache_folder(empty, compiled.ways()[0].name)
    assert folder.parent == empty / "compiled"
    code = max(folder.rglob("*"), key=lambda path: path.stat().st_size)
    code.write_bytes(code.read_bytes()[:-1] + b"!")
    assert not compiled.is_sealed(folder), "one wrong byte of machine code would end the game"
    who = folder.name.split("-")[0]
    for name in (f"{who}-earlier-machine-code", "another-earlier-machine-code"):
        (folder.parent / name).mkdir()
    monkeypatch.setattr(sys, "executable", str(empty / "python-that-is-gone"))
    assert cpu_steps(empty).learn is update.learn_steps, "it was loaded"
    left = [path.name for path in folder.parent.iterdir()]
    assert left == ["another-earlier-machine-code"], "another Python's, as the game's where doctor runs from one"


@pytest.mark.usefixtures("numba")
@pytest.mark.skipif(not machine_code.supported(), reason="this system compiles in the game's process")
def test_machine_code_is_loaded_without_numba_and_llvm() -> None:
    """They take 120 MB of the game's memory."""
    code = (
        "import sys; from pathlib import Path; from cornerman.learning import compiled\n"
        "assert not compiled.cpu_steps(Path(sys.argv[1])).why_slow\n"
        "assert not {'numba', 'llvmlite'} & set(sys.modules)"
    )
    run_python(ROOT, code, str(ROOT))


@pytest.mark.usefixtures("numba")
@pytest.mark.parametrize("one", [True, False])
def test_steps_are_interruptible_in_a_game_that_shares_one_processor(
    monkeypatch: pytest.MonkeyPatch, one: bool
) -> None:
    monkeypatch.setattr(compiled, "only_one", lambda: one)
    in_a_game, in_bulk = cpu_steps(Path(), draws=lambda: False).learn, cpu_steps(Path()).learn
    assert [isinstance(learn, Interruptible) for learn in (in_a_game, in_bulk)] == [one, False]
    np.testing.assert_array_equal(compiled.trial(in_a_game), compiled.trial(in_bulk))


@pytest.mark.long
@pytest.mark.usefixtures("numba")
def test_numba_in_this_process_gives_the_weights_of_machine_code_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what learns where machine code cannot be loaded; and a session may end on one and go on with the other."""
    loaded = cpu_steps(Path()).learn
    assert isinstance(loaded, MachineCode) == machine_code.supported()
    monkeypatch.setattr(machine_code, "supported", lambda: False)
    in_process = cpu_steps(Path()).learn
    assert in_process.stats.cache_hits  # type: ignore[attr-defined]  # of numba's dispatcher: it was not compiled here
    assert not in_process.stats.cache_misses  # type: ignore[attr-defined]
    for spec in (NetworkSpec(32, 16, (64, 64)), NetworkSpec(37, 11, (128,)), PlainSpec(7, 5, (9, 13, 6))):
        random = np.random.default_rng(0)
        rows, weights = random_rows(spec, 300, 30, random), random_weights(spec, random).astype(np.float32)
        others = weights.copy()
        assert run(loaded, weights, spec, rows, Rates()) == run(in_process, others, spec, rows, Rates())
        np.testing.assert_array_equal(weights, others)


def test_the_next_way_is_taken_where_one_fails_and_the_log_says_so(
    empty: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(folder: Path) -> update.LearnSteps:
        raise PermissionError("memory may not be run here")

    def learn(*arguments: Any) -> update.Sums:
        return update.learn_steps(*arguments)

    monkeypatch.setattr(compiled, "importable", lambda name: True)
    monkeypatch.setattr(compiled, "is_sealed", lambda folder: True)
    monkeypatch.setattr(
        compiled, "ways", lambda: [Way("one", print, refuse), Way("other", print, lambda folder: learn)]
    )
    assert cpu_steps(empty) == CpuSteps(learn)
    assert "compiled as one cannot be used" in caplog.text
    assert "memory may not be run here" in caplog.text
    caplog.clear()
    monkeypatch.setattr(compiled, "is_sealed", lambda folder: folder.name.endswith("-other"))
    assert cpu_steps(empty) == CpuSteps(learn)
    assert not caplog.text, "what failed in an earlier session is compiled for nothing in every one"


def test_steps_change_over_where_a_burst_begins_and_that_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "learn_steps", lambda *of: "numpy")
    steps, told = CpuSteps(lambda *of: "compiled"), list[CpuSteps]()  # type: ignore[arg-type]
    learn: Any = compiled.changing(iter([None, steps]), told.append)
    found = [learn(None, None, None, (first, 16, 0)) for first in (0, 16, 0, 16, 0)]
    assert (found, told) == (["numpy"] * 2 + ["compiled"] * 3, [steps])


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
        monkeypatch.setattr(
            compiled, "ways", lambda: [Way("wrong", print, lambda folder: lambda *of: (0, 0, 0.0, 0.0, 0.0))]
        )
    steps = cpu_steps(empty)
    assert steps.learn is update.learn_steps
    assert steps.why_slow.startswith("numba cannot be used, so learning is slower than it could be: ")
    assert len(steps.why_slow) > 70, "the reason"


def test_two_that_compile_at_once_leave_one_sealed_cache(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes with one NUMBA_CACHE_DIR do: neither writes into the other's folder, and the first one stays."""
    cache, running = empty / "cache", [10, 20]

    def compiling(folder: Path) -> None:
        folder.mkdir()
        (folder / "code").write_text(folder.name)
        if running:
            begin()

    def begin() -> None:
        number = running.pop()
        monkeypatch.setattr(os, "getpid", lambda: number)
        compiled.compile_into(cache, compiling)

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
    with_numba.build(empty / "cache")
    after = config.CACHE_DIR
    assert after == before


@pytest.mark.parametrize(
    ("changed", "value", "clears"),
    [
        ("machine_code.processor", lambda: "another", False),
        ("sys.prefix", "another", False),
        ("version_of", lambda package: "another", True),
    ],
)
def test_another_processor_python_or_numba_has_another_cache(
    empty: Path, monkeypatch: pytest.MonkeyPatch, changed: str, value: object, clears: bool
) -> None:
    """Code for one processor may end the process on another: data folders are copied, and virtual machines move. What a
    newer numba in the same Python compiles takes its place."""
    here = compiled.cache_folder(empty, "machine-code").name.split("-")
    monkeypatch.setattr(f"cornerman.learning.compiled.{changed}", value)
    there = compiled.cache_folder(empty, "machine-code").name.split("-")
    assert here != there
    assert (here[0] == there[0]) is clears


def test_two_copies_of_one_source_share_no_cache(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a shared NUMBA_CACHE_DIR each compiled in the game's process what the other had, and broke its seal."""
    here = compiled.cache_folder(empty, "machine-code")
    shutil.copy2(update.__file__, empty / "update.py")
    monkeypatch.setattr(update, "__file__", str(empty / "update.py"))
    assert compiled.cache_folder(empty, "machine-code") != here
