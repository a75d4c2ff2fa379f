"""A Raspberry Pi: its model, memory, throttling and HAT from the kernel's files, and the settings and packages for it.

`root` is the folder that holds `proc`, `sys` and `dev`. A file that is missing or strange counts as not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornerman.files.packages import importable

ROOT = Path("/")
NEEDED = ("numpy", "psutil", "safetensors")
"""Packages without which nothing is played; this file needs none of them."""
PROFILES: dict[int, dict[str, Any]] = {
    1: {"duty_cycle": 0.25, "replay_capacity": 5_000, "practice_capacity": 10_000, "idle_practice": 1_000},
    2: {"duty_cycle": 0.5, "practice_capacity": 20_000, "idle_practice": 2_000},
    4: {"duty_cycle": 0.75, "idle_practice": 5_000},
    8: {},
}
"""By GB of memory: settings in place of the defaults (docs/edge.md)."""
FULL = 0.75
"""A machine of so many GB has at least this share of it left when firmware and kernel have taken theirs."""
HAILO_VENDOR = "0x1e60"
FLAGS = ("under-voltage", "frequency capped", "throttled", "at its soft temperature limit")
"""What bits 0 to 3 of the firmware's word mean now, and bits 16 to 19 since the start."""


@dataclass(frozen=True, slots=True)
class Throttling:
    """The firmware's word on power and heat, as `vcgencmd get_throttled` prints it."""

    word: int

    @property
    def under_voltage(self) -> bool:
        return bool(self.word & 0b0001)

    @property
    def slowed(self) -> bool:
        return bool(self.word & 0b1110)

    def flags(self, since_start: bool = False) -> list[str]:
        """Names of the flags that are set now, or that have been set since the start."""
        word = self.word >> 16 if since_start else self.word
        return [name for bit, name in enumerate(FLAGS) if word >> bit & 1]


def parse_throttling(text: str) -> Throttling | None:
    """From "50005" of the kernel or "throttled=0x50005" of vcgencmd; None for anything else."""
    try:
        return Throttling(int(text.strip().removeprefix("throttled="), 16))
    except ValueError:
        return None


def throttling_file(sysfs: Path) -> Path | None:
    """The kernel's file with the firmware's word, under /sys; None where there is none."""
    return next(files_like(sysfs, "devices/platform/*/*firmware/get_throttled"), None)


def model(root: Path = ROOT) -> str:
    """ "Raspberry Pi 5 Model B Rev 1.0"; "" on another machine."""
    name = text_of(root / "proc/device-tree/model")
    return name if name.startswith("Raspberry Pi") else ""


def memory_gb(root: Path = ROOT) -> float | None:
    """Memory that firmware and kernel left, in GiB; None where the system does not say."""
    for line in text_of(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal" and rest.split()[:1] and rest.split()[0].isdecimal():
            return int(rest.split()[0]) / 2**20
    return None


def profile_size(root: Path = ROOT) -> int:
    """Which line of PROFILES fits; the smallest where the memory is not known."""
    memory = memory_gb(root) or 0.0
    return max((size for size in PROFILES if memory >= FULL * size), default=min(PROFILES))


def profile_values(profile: str, root: Path = ROOT) -> dict[str, Any]:
    """Settings in place of the defaults, for the setting `profile`: auto, desktop or pi."""
    if profile == "desktop" or (profile == "auto" and not model(root)):
        return {}
    return PROFILES[profile_size(root)]


def hat(root: Path = ROOT) -> str:
    """Vendor and product of the HAT, from its own memory; "" where there is none."""
    words = (text_of(root / "proc/device-tree/hat" / name) for name in ("vendor", "product"))
    return " ".join(word for word in words if word)


def hailo(root: Path = ROOT) -> tuple[bool, bool]:
    """Whether a Hailo chip is on the PCIe bus, and whether its driver is loaded."""
    loaded = (root / "dev/hailo0").exists()
    vendors = map(text_of, files_like(root, "sys/bus/pci/devices/*/vendor"))
    return loaded or HAILO_VENDOR in vendors, loaded


def to_install(root: Path = ROOT) -> list[str]:
    """The exact lines to type for what is missing, here or on another machine; torch is never among it."""
    wanted = [*NEEDED, *["numba"] * (sys.maxsize > 2**32), *["pygame"] * bool(model(root))]  # 32 bits: no numba
    wanted = [package for package in wanted if not importable(package)]
    if not wanted:
        return []
    if not model(root) or sys.prefix != sys.base_prefix:
        return [f"{sys.executable} -m pip install {' '.join(wanted)}"]
    system = " --system-site-packages" if hailo(root)[0] else ""  # for hailo_platform
    # Raspberry Pi OS lets pip install into a virtual environment alone.
    return [f"python3 -m venv{system} ~/cornerman", f"~/cornerman/bin/pip install {' '.join(wanted)}"]


def files_like(folder: Path, pattern: str) -> Iterator[Path]:
    """Files by a pattern, sorted; none where the folder cannot be listed."""
    try:
        return iter(sorted(folder.glob(pattern)))
    except OSError:
        return iter(())


def text_of(file: Path) -> str:
    """What a file says, without the zero byte at the end of a device tree's texts; "" where it cannot be read."""
    try:
        return file.read_text("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""
