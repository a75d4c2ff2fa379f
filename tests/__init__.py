"""Where tests, torture and benchmarks keep what numba compiles, and tests what they write.

Compiled code lies in one folder, not in every data folder. Folders of tests lie in memory where there is room, since
databases sync every battle to the disk: on a busy one that took longer than all the rest.
"""

import os
import shutil
from pathlib import Path

os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).resolve().parent.parent / ".pytest_cache" / "numba"))
MEMORY = Path("/dev/shm")
if (
    MEMORY.is_dir()
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free > 2**30
    and not os.statvfs(MEMORY).f_flag & getattr(os, "ST_NOEXEC", 0)
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
