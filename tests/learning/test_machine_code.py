"""Object files linked and called without a linker: the same results as their source, and refusals."""

from __future__ import annotations

import ctypes
import platform
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.files.packages import importable
from cornerman.learning import update
from cornerman.learning.native import elf, machine_code
from cornerman.learning.native.elf import Linked, link
from cornerman.policy.q_network import NetworkSpec
from tests.support.learning import on_cpu, random_rows, random_weights

SOURCE = """
@table = internal constant [3 x double] [double 2.0, double 3.0, double 5.0], align 4096
declare double @pow(double, double)
define internal double @look_up(i64 %i) noinline {
  %at = getelementptr [3 x double], ptr @table, i64 0, i64 %i
  %value = load double, ptr %at
  ret double %value
}
define double @power(i64 %i, double %y) {
  %x = call double @look_up(i64 %i)
  %result = call double @pow(double %x, double %y)
  %more = fadd double %result, 0.125
  ret double %more
}
"""
WRITABLE = "@count = global i64 1 define i64 @read() { %value = load i64, ptr @count ret i64 %value }"


def object_file(source: str, triple: str, pic: bool = True) -> bytes:
    """What LLVM makes of its assembler; skips without it."""
    if not importable("llvmlite"):
        pytest.skip("llvmlite is not installed")
    from llvmlite import binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple).create_target_machine(reloc="pic" if pic else "static", codemodel="small")
    module = llvm.parse_assembly(f'target triple = "{triple}" {source}')
    return bytes(target.emit_object(module))


@pytest.mark.skipif(not machine_code.supported(), reason="no machine code on this system")
def test_linked_code_calls_reads_its_constants_and_calls_the_c_library() -> None:
    linked = link(object_file(SOURCE, f"{platform.machine()}-unknown-linux-gnu"), "power")
    assert set(linked.externals) == {"pow"}
    memory, at = machine_code.in_memory(linked)
    power = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double)(at)
    assert [power(i, 3.0) for i in range(3)] == [8.125, 27.125, 125.125]
    del memory


def test_aarch64_code_is_linked_to_the_addresses_that_its_instructions_then_name() -> None:
    """Reads the linked instructions as a processor would; they run in `make aarch64` only."""
    code = link(object_file(SOURCE, "aarch64-unknown-linux-gnu"), "power").code
    table = code.index(struct.pack("<3d", 2.0, 3.0, 5.0))
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
    pages, calls, offsets = set(), set(), set()
    for i, word in enumerate(words[: table // 4]):
        if word & 0x9F000000 == 0x90000000:  # adrp
            pages.add(i * 4 // 4096 * 4096 + ((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3) * 4096)
        if word & 0xFC000000 in (0x94000000, 0x14000000):  # bl, b
            calls.add(i * 4 + ((word & 0x3FFFFFF) ^ 0x2000000) * 4 - 0x8000000)
        if word & 0xFFC00000 == 0x91000000 and word >> 5 & 31 == word & 31 != 31:  # add to the page in place
            offsets.add(word >> 10 & 0xFFF)
    assert table // 4096 * 4096 in pages
    assert table % 4096 in offsets
    stub = code.index(elf.STUBS[elf.AARCH64])
    assert {0, stub} == calls


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: b"MZ" + bytes(62), "not ELF"),
        (lambda: object_file(SOURCE, "riscv64-unknown-linux-gnu"), "not ELF for x86-64 or aarch64"),
        (lambda: object_file(WRITABLE, "x86_64-unknown-linux-gnu"), "writable data"),
        (lambda: object_file(SOURCE, "x86_64-unknown-linux-gnu", pic=False), "relocation of type"),
    ],
    ids=["not ELF", "another processor", "writable data", "absolute addresses"],
)
def test_what_the_linker_does_not_know_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        link(data(), "power")


@pytest.mark.skipif(not machine_code.supported(), reason="no machine code on this system")
def test_a_function_that_the_system_lacks_is_refused(tmp_path: Path) -> None:
    machine_code.save(tmp_path, Linked(bytes(64), 0, {"cornerman_is_not_in_libc": 8}))
    with pytest.raises(AttributeError, match="cornerman_is_not_in_libc"):
        machine_code.load(tmp_path)


@pytest.mark.skipif(not machine_code.supported(), reason="no machine code on this system")
@pytest.mark.parametrize("change", ["float64", "strides", "int32"])
def test_machine_code_refuses_arrays_that_it_would_misread(change: str) -> None:
    learn, spec = on_cpu("compiled"), NetworkSpec(4, 3, (6, 5))
    random = np.random.default_rng(0)
    rows = random_rows(spec, 2, 4, random)
    rows = update.Rows(*(c.astype(np.float32) if c.dtype.kind == "f" else c for c in rows))
    weights, scratch = random_weights(spec, random).astype(np.float32), np.empty(update.scratch_size(spec, 4), "f4")
    if change == "float64":
        rows = rows._replace(reward=rows.reward.astype(np.float64))
    elif change == "strides":
        rows = rows._replace(observation=np.asfortranarray(rows.observation))
    else:
        rows = rows._replace(action=rows.action.astype(np.int32))
    with pytest.raises(TypeError, match="takes other arrays"):
        learn(weights, update.sizes_of(spec), rows, (0, 2, 0), update.Rates(), np.zeros(1, np.uint8), scratch)
