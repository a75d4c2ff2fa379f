"""Links an ELF object file to one block of code that runs at any page of memory: bytes in, bytes out.

Only what LLVM emits for pure functions: code and constants, no writable data. x86-64 and aarch64, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SECTION, SYMBOL, RELOCATION = struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ"), struct.Struct("<QQq")
PROGBITS, SYMTAB, RELA, WRITABLE, LOADED = 1, 2, 4, 1, 2
X86_64, AARCH64 = 62, 183
STUBS = {X86_64: bytes.fromhex("ff25020000009090"), AARCH64: bytes.fromhex("5000005800021fd6")}
"""Code that jumps to the address `[8 bytes]` behind it, for each `e_machine`."""
PAGE_OFFSETS = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4}
"""aarch64 relocations of the lower 12 bits of an address, and by how many bits an instruction shifts them."""


@dataclass(frozen=True, slots=True)
class Linked:
    """`code` is called at offset `entry`; before that the address of each external function belongs at its offset."""

    code: bytes
    entry: int
    externals: dict[str, int] = field(default_factory=dict)

    def bound(self, addresses: dict[str, int]) -> bytes:
        """The code with the addresses of external functions in their places."""
        code = bytearray(self.code)
        for name, at in self.externals.items():
            struct.pack_into("<Q", code, at, addresses[name])
        return bytes(code)


def link(data: bytes, entry: str) -> Linked:
    """The sections of object file `data` in one block, with its function `entry`.

    ValueError where the file holds what this linker does not know, such as writable data.
    """
    machine, table, count = *struct.unpack_from("<H", data, 18), *struct.unpack_from("<Q", data, 40), 0
    (count,) = struct.unpack_from("<H", data, 60)
    if data[:6] != b"\x7fELF\x02\x01" or machine not in STUBS:
        raise ValueError("the object file is not ELF for x86-64 or aarch64")
    sections = [SECTION.unpack_from(data, table + i * SECTION.size) for i in range(count)]
    contents = [data[at : at + size] for _, _, _, _, at, size, *_ in sections]
    code, places = _placed(sections, contents)
    symbols, strings = next((contents[i], contents[s[6]]) for i, s in enumerate(sections) if s[1] == SYMTAB)
    addresses, names, externals = [], {}, {}
    for name_at, _, _, section, value, _ in SYMBOL.iter_unpack(symbols):
        name = strings[name_at : strings.index(b"\0", name_at)].decode()
        if section == 0 and name:
            code += bytes(-len(code) % 16)
            value, externals[name] = len(code), len(code) + 8
            code += STUBS[machine] + bytes(8)
        addresses.append(value + places.get(section, 0))
        names[name] = addresses[-1]
    relocate = _relocate_x86_64 if machine == X86_64 else _relocate_aarch64
    for section, content in zip(sections, contents, strict=True):
        if section[1] == RELA and section[7] in places:
            for offset, info, addend in RELOCATION.iter_unpack(content):
                relocate(code, info & 0xFFFFFFFF, places[section[7]] + offset, addresses[info >> 32] + addend)
    return Linked(bytes(code), names[entry], externals)


def _placed(sections: list[tuple[int, ...]], contents: list[bytes]) -> tuple[bytearray, dict[int, int]]:
    """Code and constants one after the other, and where each section lies in them."""
    code, places = bytearray(), {}
    for i, (_, kind, flags, _, _, size, _, _, alignment, _) in enumerate(sections):
        if not flags & LOADED or not size:
            continue
        if flags & WRITABLE:
            raise ValueError("the object file holds writable data")
        if kind == PROGBITS:  # others tell debuggers how to unwind
            code += bytes(-len(code) % alignment)
            places[i] = len(code)
            code += contents[i]
    return code, places


def _relocate_x86_64(code: bytearray, kind: int, at: int, target: int) -> None:
    """R_X86_64_PC32 and R_X86_64_PLT32 (System V ABI, AMD64 supplement, table 4.9)."""
    if kind not in (2, 4):
        raise ValueError(f"the object file holds a relocation of type {kind}")
    struct.pack_into("<i", code, at, target - at)


def _relocate_aarch64(code: bytearray, kind: int, at: int, target: int) -> None:
    """Calls, jumps, pages and offsets in them (ELF for the Arm 64-bit architecture, section 5.7)."""
    (word,) = struct.unpack_from("<I", code, at)
    if kind in (282, 283):
        word |= (target - at) >> 2 & 0x3FFFFFF
    elif kind == 275:
        pages = (target >> 12) - (at >> 12)
        word |= (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
    elif kind in PAGE_OFFSETS:
        word |= (target & 0xFFF) >> PAGE_OFFSETS[kind] << 10
    elif kind == 261:
        word = (target - at) & 0xFFFFFFFF
    else:
        raise ValueError(f"the object file holds a relocation of type {kind}")
    struct.pack_into("<I", code, at, word)
