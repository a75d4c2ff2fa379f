"""`learn_steps` of update.py compiled by numba: one call that never holds the interpreter. Plain numpy without numba.

Compiling takes seconds and holds the interpreter, so a child process does it once and leaves the result in a cache on
disk; this process then only loads it: as machine code without numba, or where that fails with numba, which takes 120 MB
more. Beside a game that draws, plain numpy learns meanwhile. Whatever numba or the disk refuse costs memory or speed,
never learning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.files import interpreter
from cornerman.files.packages import importable, version_of
from cornerman.learning import kernels, update, with_numba
from cornerman.learning.learner import first_line, made_up_rows
from cornerman.learning.native import elf, machine_code
from cornerman.learning.processors import Interruptible, only_one
from cornerman.policy.q_network import NetworkSpec, draw

log = logging.getLogger("cornerman")

FOLDER, SEAL = "compiled", "seal.json"
COMPILING_S, BESIDE_FRAMES_S = 180.0, 1800.0
"""How long compiling may take: while it is waited for, and in all."""
POLL_S = 0.02
CHILD_NICENESS = 10
"""Not the idle class: on a busy machine a game that was killed left it for up to 3 s, now 1.6 s."""


class Way(NamedTuple):
    """A way to compile: `make` fills a folder in a child process, `load` gives the function from there; `quick`: within
    milliseconds."""

    name: str
    make: Callable[[Path], object]
    load: Callable[[Path], update.LearnSteps]
    quick: bool = False


@dataclass(frozen=True, slots=True)
class CpuSteps:
    """What learns on the CPU, and as a sentence why it is the slower way; "" where it is compiled."""

    learn: update.LearnSteps = update.learn_steps
    why_slow: str = ""


def ways() -> list[Way]:
    """The ways to compile on this system, best first."""
    numba = Way("numba", lambda folder: trial(with_numba.build(folder)), with_numba.build)
    code = Way("machine-code", make_machine_code, machine_code.load, quick=True)
    return [code, numba] if machine_code.supported() else [numba]


def changing(found: Iterator[CpuSteps | None], changed: Callable[[CpuSteps], object]) -> update.LearnSteps:
    """Called like `learn_steps`: plain numpy until the steps are found, then these, from the next burst on."""
    now: update.LearnSteps = update.learn_steps

    def learn(
        weights: update.Array, sizes: NDArray[np.int64], rows: update.Rows, span: tuple[int, int, int], *rest: Any
    ) -> update.Sums:
        nonlocal now
        if span[0] == 0 and (steps := next(found, None)) is not None:
            now = steps.learn
            changed(steps)
        return now(weights, sizes, rows, span, *rest)

    return learn


def cpu_steps(
    data: Path,
    compiling: Callable[[], object] = lambda: None,
    draws: Callable[[], bool] | None = None,
    changed: Callable[[CpuSteps], object] = lambda steps: None,
) -> CpuSteps:
    """The compiled steps from the cache in folder `data`, which a child process fills first; else plain numpy.

    `compiling` is called before the long part. Blocks for seconds, without the interpreter, until the game draws: then
    numpy learns until the compiled steps, or the reason why there are none, are given to `changed`. Without `draws`
    there is no game beside it. Trainer's thread.
    """
    found, end, told = _find(data, draws), time.monotonic() + COMPILING_S, False
    while (steps := next(found)) is None:
        if draws and draws():
            return CpuSteps(changing(found, changed), "It learns with numpy; machine code is being compiled.")
        if time.monotonic() > end:
            return CpuSteps(why_slow=f"Compiling took more than {COMPILING_S:.0f} s, so learning is slower.")
        if not told:
            compiling()
        told = True
        time.sleep(POLL_S)
    return steps


def _find(data: Path, draws: Callable[[], bool] | None) -> Iterator[CpuSteps | None]:
    """None again and again while a child process compiles, which ends with this iterator; at last the steps.

    Steps that take long to load are not loaded in the middle of a game.
    """
    if not importable("numba"):
        yield CpuSteps(why_slow="numba is not installed, so learning is slower than it could be (pip install numba).")
        return
    expected, why = trial(update.learn_steps), ""
    folders = {way: cache_folder(data, way.name) for way in ways()}
    for way in sorted(folders, key=lambda way: not is_sealed(folders[way])):  # what failed once is not tried every time
        folder = folders[way]
        try:
            if not is_sealed(folder):
                yield from _fill_in_a_child(folder, way.name)
                if draws and draws() and not way.quick:
                    yield CpuSteps(why_slow="The learning step is compiled: it learns faster from the next start on.")
                    return
            learn = way.load(folder)
            if not np.allclose(trial(learn), expected, rtol=1e-3, atol=1e-4):
                raise ArithmeticError("what was compiled computes something else than numpy does")
            yield CpuSteps(Interruptible(learn) if draws and only_one() else learn)
            return
        except Exception as error:  # numba and LLVM raise anything, and the cache is another program's format
            log.warning("the learning step compiled as %s cannot be used", way.name, exc_info=True)
            why = f"numba cannot be used, so learning is slower than it could be: {first_line(error)}"
            shutil.rmtree(folder, ignore_errors=True)
    yield CpuSteps(why_slow=why)


def cache_folder(data: Path, way: str) -> Path:
    """Where what was compiled of this very source, one `way`, lies: in NUMBA_CACHE_DIR where that is set, else in data.

    Numba loads code only for the path that it was compiled from, so two copies of one source have a folder each; and
    machine code is for one kind of processor. The name begins with who compiled it: this Python, from that path, here.
    """
    files = (module.__file__ for module in (update, kernels, with_numba, elf, machine_code))
    source = b"".join(Path(file or "").read_bytes() for file in (*files, __file__))
    who = _hash(f"{sys.prefix}\n{update.__file__}\n{machine_code.processor()}".encode())
    what = _hash(source + f"{sys.version}\n{version_of('numba')}\n{version_of('llvmlite')}".encode())
    shared = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(shared, "cornerman") if shared else data / FOLDER) / f"{who}-{what}-{way}"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def make_machine_code(folder: Path) -> None:
    """Compile to machine code, and call it here first: where it cannot run, this process ends and not the game."""
    machine_code.save(folder, with_numba.linked())
    trial(machine_code.load(folder))


def fill(given: Mapping[str, Any]) -> None:
    """Compile one way into the folder `given["cache"]`; the main function of a child process.

    The process ends with the pipe that is its standard input, however the game has ended.
    """
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(CHILD_NICENESS)
    compile_into(Path(given["cache"]), next(way.make for way in ways() if way.name == given["way"]))


def compile_into(folder: Path, make: Callable[[Path], object]) -> None:
    """Compile in a folder of this process's own, seal that and move it into place, unless another was faster.

    Processes that share a cache may all find it empty at once.
    """
    own = _half_written(folder, os.getpid())
    try:
        make(own)
        seal(own)
        if not is_sealed(folder):
            shutil.rmtree(folder, ignore_errors=True)
            own.replace(folder)
    except OSError:
        if not is_sealed(folder):
            raise
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _half_written(folder: Path, process: int) -> Path:
    """Where a process compiles what goes into the folder."""
    return folder.with_name(f"{folder.name}.{process}")


def seal(folder: Path) -> None:
    """Note what the files of the cache hold: they are machine code, and one wrong byte would end the game."""
    (folder / SEAL).write_text(json.dumps(_sums(folder)), "utf-8")


def is_sealed(folder: Path) -> bool:
    """Whether the cache is complete and as it was when it was sealed."""
    try:
        sums: object = json.loads((folder / SEAL).read_bytes())
        return bool(sums) and sums == _sums(folder)
    except (OSError, ValueError):
        return False


def trial(learn: update.LearnSteps) -> np.ndarray[Any, Any]:
    """Weights after four steps on made-up rows; the first call of a compiled function compiles or loads it."""
    spec = NetworkSpec(6, 5, (8, 8))
    rows = made_up_rows(spec, 4, 8)
    rows.weight[:, ::2] = 1.0
    weights = np.zeros((4, spec.num_parameters), np.float32)
    weights[:2] = draw(spec, np.random.default_rng(0))
    sizes = update.sizes_of(spec)
    scratch = np.empty(update.scratch_size(spec, 8), np.float32)
    with np.errstate(all="ignore"):
        learn(weights, sizes, rows, (0, 4, 0), update.Rates(0.001, 10.0, 0.01), np.zeros(1, np.uint8), scratch)
    return weights


def _fill_in_a_child(folder: Path, way: str) -> Iterator[None]:
    """None again and again until the folder is filled; the child process ends with this iterator.

    CornermanError or OSError where no child process can be started, RuntimeError where it cannot compile.
    """
    command = interpreter.command("cornerman.learning.compiled:fill", {"cache": str(folder), "way": way})
    folder.parent.mkdir(parents=True, exist_ok=True)
    who, what, _ = folder.name.split("-", 2)
    if folder.parent.name == FOLDER:  # the data folder's own: what else this Python compiled is of an earlier source
        for old in folder.parent.glob(f"{who}-*"):
            if not old.name.startswith(f"{who}-{what}-"):
                shutil.rmtree(old, ignore_errors=True)
    hidden, end = getattr(subprocess, "CREATE_NO_WINDOW", 0), time.monotonic() + BESIDE_FRAMES_S
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=pipe, stdout=nowhere, stderr=errors, creationflags=hidden) as child,
    ):
        try:
            while child.poll() is None and time.monotonic() < end:
                yield
        finally:
            child.kill()
            status = child.wait()
            shutil.rmtree(_half_written(folder, child.pid), ignore_errors=True)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
    if status:
        raise RuntimeError(said[-1] if said else f"the process that compiles ended with status {status}")


def _sums(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SEAL)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
