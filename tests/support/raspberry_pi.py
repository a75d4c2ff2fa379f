"""A root folder with the files that a Raspberry Pi's kernel offers."""

from __future__ import annotations

from pathlib import Path

FIRMWARE = "devices/platform/soc/soc:firmware"


def put(root: Path, **texts: str) -> Path:
    """Write files below `root`; `proc__meminfo="..."` becomes proc/meminfo. Returns `root`."""
    for name, text in texts.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def raspberry_pi(
    root: Path, memory_mb: int = 3792, throttled: str | None = "0\n", name: str = "Raspberry Pi 4 Model B Rev 1.4"
) -> Path:
    """`throttled`: the word of the firmware in the file of the kernel; None: no such file."""
    meminfo = f"MemTotal:       {1024 * memory_mb} kB\nMemFree:          100000 kB\n"
    tree = "proc__device-tree__model"
    put(root, proc__meminfo=meminfo, **{tree: f"{name}\0"})
    if throttled is not None:
        folder = root / "sys" / FIRMWARE
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "get_throttled").write_text(throttled, "utf-8")
    return root


def vcgencmd(root: Path, answer: str) -> None:
    """The firmware's own command, which answers this."""
    put(root, usr__bin__vcgencmd=f"#!/bin/sh\n[ $1 = get_throttled ] && echo '{answer}'\n")
    (root / "usr/bin/vcgencmd").chmod(0o755)
