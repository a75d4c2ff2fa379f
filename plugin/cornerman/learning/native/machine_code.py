"""`learn_steps` as machine code that needs neither numba nor LLVM once it is made: they would take 120 MB of memory.

A process that has numba makes it (with_numba.py); the game maps it into memory and calls it as a C function, which does
not hold the interpreter. Linux on x86-64 and aarch64.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cornerman.learning.native.elf import Linked
from cornerman.learning.update import Array, Rates, Rows, Sums

CODE, PLACES = "code.bin", "code.json"
KINDS = ("f", "?", "l", "f", "f", "f", "?", "f", "f", "l", "B", "f")
"""Types of the arrays that are given: the columns of `Rows`, weights, sizes, stop and scratch."""


def supported() -> bool:
    """Whether this system can run it; others compile in the game's process."""
    return sys.platform.startswith("linux") and platform.machine() in ("x86_64", "aarch64") and sys.maxsize > 2**32


def processor() -> str:
    """What the processor is and can do; machine code for one may end the process on another. "" if not Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(sorted(set(re.findall(r"^(?:model name|flags|Features|CPU part)\s*:.*$", text, re.MULTILINE))))


class MachineCode:
    """Called like `learn_steps`; arrays are float32, C-contiguous, and not checked for their sizes."""

    def __init__(self, linked: Linked) -> None:
        self._memory, address = in_memory(linked)
        self._call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(address)

    def __call__(
        self,
        weights: Array,
        sizes: NDArray[np.int64],
        rows: Rows,
        span: tuple[int, int, int],
        rates: Rates,
        stop: NDArray[np.uint8],
        scratch: Array,
    ) -> Sums:
        arrays: tuple[Array, ...] = (*rows, weights, sizes, stop, scratch)
        if any(a.dtype.char != kind or not a.flags.c_contiguous for a, kind in zip(arrays, KINDS, strict=True)):
            raise TypeError(f"the compiled step takes other arrays than {[(a.dtype.char, a.strides) for a in arrays]}")
        addresses = np.array([array.ctypes.data for array in arrays], np.uintp)
        shape = (*rows.observation.shape, rows.action_mask.shape[2], weights.shape[1], sizes.size)
        numbers, values = np.array([*shape, *span], np.int64), np.array([*rates, 0, 0, 0, 0, 0], np.float64)
        self._call(addresses.ctypes.data, numbers.ctypes.data, values.ctypes.data)
        applied, dropped, *sums = values[3:].tolist()
        return int(applied), int(dropped), *sums


def in_memory(linked: Linked) -> tuple[mmap.mmap, int]:
    """Memory that holds the code while it is kept, and the address of the function.

    OSError where the system does not let memory be run, AttributeError where it lacks a function that is called.
    """
    process = ctypes.CDLL(None)
    functions = {name: ctypes.cast(process[name], ctypes.c_void_p).value or 0 for name in linked.externals}
    file = os.memfd_create("cornerman")
    try:
        os.write(file, linked.bound(functions))
        memory = mmap.mmap(file, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
    finally:
        os.close(file)
    return memory, np.frombuffer(memory, np.uint8).ctypes.data + linked.entry


def load(folder: Path) -> MachineCode:
    """What `save` left in the folder, in memory."""
    places = json.loads((folder / PLACES).read_text("utf-8"))
    return MachineCode(Linked((folder / CODE).read_bytes(), **places))


def save(folder: Path, linked: Linked) -> None:
    """Write what `load` loads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CODE).write_bytes(linked.code)
    (folder / PLACES).write_text(json.dumps({"entry": linked.entry, "externals": linked.externals}), "utf-8")
