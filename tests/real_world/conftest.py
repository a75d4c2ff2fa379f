"""A plugins folder of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dropped_plugins import forgotten_modules


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[Path]:
    """An empty plugins folder; what a test loads from it does not meet the next one."""
    (tmp_path / "plugins").mkdir()
    with forgotten_modules():
        yield tmp_path / "plugins"
