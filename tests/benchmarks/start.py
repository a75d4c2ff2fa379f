"""What the plugin adds to a game's start where learning is off, in processes of their own, with and without in turns.

The game is the host and the rules without a window; what is added is everything from the plugin's import on, numpy's
and psutil's included. Where learning is on, torch and the warm-up come on top: that is measured too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.figures import Figure
from tests.support.paths import ROOT

GAME = """
import json, sys, time
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE

def memory_mb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

host = Host({plugins!r}, {data!r}, RINGSIDE, {settings!r})
before, begun, busy = memory_mb(), time.perf_counter(), time.process_time()
host.load()
took, cpu = 1e3 * (time.perf_counter() - begun), 1e3 * (time.process_time() - busy)
figures = {{"ms": took, "cpu_ms": cpu, "mb": memory_mb() - before, "torch": "torch" in sys.modules}}
print(json.dumps({{**figures, "plugins": len(host.loaded)}}))
host.quit()
"""


def run(repeats: int) -> list[Figure]:
    """Added milliseconds and megabytes; the first start compiles, writes the first version, and is not counted."""
    if not sys.platform.startswith("linux"):
        from tests.benchmarks.figures import not_measured

        return [not_measured("start.added_ms", "ms", "lower", "memory is read from /proc, which only Linux has")]
    with tempfile.TemporaryDirectory() as data:
        start(Path(data), learning=False)
        without, off = [], []
        for _ in range(repeats):
            without.append(start(Path(data), learning=False, plugins=Path(data) / "none"))
            off.append(start(Path(data), learning=False))
        on = start(Path(data), learning=True)
    assert all(found["plugins"] == 1 for found in off)

    def added(name: str) -> float:
        return median(b[name] - a[name] for a, b in zip(without, off, strict=True))

    learning = f"with learning {on['ms']:.0f} ms and {on['mb']:.0f} MB, in the loading screen"
    note = f"{added('cpu_ms'):.0f} ms of the processor; {learning}"
    return [
        Figure("start.added_ms", added("ms"), "ms", "lower", repeats, "", note),
        Figure("start.added_mb", added("mb"), "MB", "lower", repeats),
        Figure("start.torch_imported", float(max(found["torch"] for found in off)), "", "lower", repeats),
    ]


def start(data: Path, learning: bool, plugins: Path = ROOT / "plugin") -> dict[str, float]:
    """One start of the game in a fresh process."""
    code = GAME.format(plugins=str(plugins), data=str(data / "kept"), settings={"learning": learning})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(data / "compiled")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found
