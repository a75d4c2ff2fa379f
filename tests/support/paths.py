"""Where the repository's folders are, for tests at any depth and for processes that they start."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugin"


def environment(*paths: Path, **changes: str) -> dict[str, str]:
    """That of a process with these folders to import from: the plugin's and the repository's unless given."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths or (PLUGINS, ROOT))), **changes}
