"""Another Python beside the game: it imports this very copy of the package, and never the program that started it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornerman.contract import CornermanError

LOWEST_NICENESS = 19
_BOOTSTRAP = """
import importlib, importlib.util, json, sys
given = json.loads(sys.argv[1])
sys.path[:] = given["path"]
spec = importlib.util.spec_from_file_location("cornerman", given["init"], submodule_search_locations=[given["folder"]])
sys.modules["cornerman"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
module, _, function = given["entry"].partition(":")
getattr(importlib.import_module(module), function)(given)
"""


def command(entry: str, given: Mapping[str, Any]) -> list[str]:
    """Command line of a process that calls `entry` ("module:function" of this package) with `given`, as plain data.

    CornermanError in a frozen program, and in one that embeds Python: to start it again would start the game again.
    """
    if getattr(sys, "frozen", False) or not Path(sys.executable or "").name.lower().startswith("python"):
        raise CornermanError("this program has no Python to start another process with")
    folder = Path(__file__).resolve().parents[1]
    own = {
        "path": [os.path.abspath(path) for path in sys.path],
        "init": str(folder / "__init__.py"),
        "folder": str(folder),
        "entry": entry,
    }
    return [sys.executable, "-c", _BOOTSTRAP, json.dumps({**given, **own})]


def lower_priority() -> None:
    """Let the game go first: the idle class on Linux, the lowest priority elsewhere; refused, it goes on without.

    On Linux that holds for the calling thread alone, so a worker's reader thread stays as quick as the game.
    """
    import psutil

    try:
        if sys.platform.startswith("linux"):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        else:
            lowest = psutil.IDLE_PRIORITY_CLASS if sys.platform == "win32" else LOWEST_NICENESS
            psutil.Process().nice(lowest)
    except (OSError, psutil.Error):
        return
