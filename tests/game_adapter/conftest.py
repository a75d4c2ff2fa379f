"""Fixtures of the games' side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dropped_plugins import forgotten_modules


@pytest.fixture(autouse=True)
def dummy_drivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No screen and no sound device; no pygame session outlives a test."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    yield
    if pygame := sys.modules.get("pygame"):
        pygame.quit()


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[Path]:
    """An empty plugins folder; what a test loads from it does not meet the next one."""
    (tmp_path / "plugins").mkdir()
    with forgotten_modules():
        yield tmp_path / "plugins"
