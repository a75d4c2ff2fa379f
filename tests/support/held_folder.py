"""A data folder that another process holds, as a running game does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = (
    "import sys; from pathlib import Path; from cornerman.files.folder_lock import FolderLock; "
    "lock = FolderLock(Path(sys.argv[1]), 'a running game'); print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """The id of the process that holds the folder until the block is left."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate()
