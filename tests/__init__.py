"""What numba compiles for tests, torture and benchmarks is kept in one folder, not compiled for every data folder."""

import os
from pathlib import Path

os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).resolve().parent.parent / ".pytest_cache" / "numba"))
