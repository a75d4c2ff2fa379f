"""How many processor cores this process may use."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path


def usable_cores(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Cores by the processor, the affinity of this process and the limits of its control groups; at least 1.

    `cgroups` is where control groups are mounted, and `membership` the file that says in which ones the process is;
    both exist on Linux only.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    limits = [limit for folder in _folders(cgroups, membership) if (limit := _limit(folder)) is not None]
    return max(1, min(cores, *limits)) if limits else cores


def _folders(cgroups: Path, membership: Path) -> list[Path]:
    """The groups of this process with all that they lie in: the smallest limit counts. Inside a container the path that
    `membership` names may be the host's, so the mount itself is looked at too."""
    try:
        lines = membership.read_text("utf-8").splitlines()
    except (OSError, ValueError):  # not Linux, or /proc is hidden
        lines = []
    found = [cgroups, cgroups / "cpu", cgroups / "cpu,cpuacct"]
    for line in lines:
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "-", "")
        if controllers == "" or "cpu" in controllers.split(","):
            group = cgroups / controllers / path.lstrip("/")
            while group != cgroups and cgroups in group.parents:
                found.append(group)
                group = group.parent
    return found


def _limit(folder: Path) -> int | None:
    """Whole cores that a group may use, by cpu.max (version 2) or cpu.cfs_quota_us (version 1); None: no limit."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = (int(word) for name in names for word in (folder / name).read_text("utf-8").split())
        except (OSError, ValueError):  # not this version, or "max"
            continue
        if quota > 0 and period > 0:
            return ceil(quota / period)
    return None
