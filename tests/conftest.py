"""Every test runs with one thread, without a screen or a sound device.

CORNERMAN_WITHOUT=numba,torch runs the tests as if these packages were not installed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
for package in filter(None, os.environ.get("CORNERMAN_WITHOUT", "").split(",")):
    sys.modules[package] = None  # type: ignore[assignment]  # importing it raises ImportError
# Else every process of the hundreds compiles all modules, and rewrites all tests, again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: its children would hear no Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("busy machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy machine")


@pytest.fixture(autouse=True, scope="session")
def usual_priority() -> Iterator[None]:
    """The trainer's thread and the process that compiles keep theirs: beside other programs they would hardly run, and
    commands give theirs to the thread that calls them."""
    from cornerman.learning import compiled, device  # not above: numpy comes with it, and is to use one thread

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "TRAINER_NICENESS", 0)
        patch.setattr(compiled, "CHILD_NICENESS", 0)
        yield


@pytest.fixture(autouse=True)
def closed_databases() -> Iterator[None]:
    """Close what a test left open, as the end of a process does; Python 3.13 warns of it, and warnings are errors."""
    from cornerman.files.database import Database  # not above: numpy comes with it, and is to use one thread

    opened: list[Database] = []
    init = Database.__init__

    def noted(database: Database, *values: Any, **named: Any) -> None:
        init(database, *values, **named)
        opened.append(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "__init__", noted)
        yield
    for thread in threading.enumerate():
        if thread.name == "cornerman-versions":  # it closes its own: closed under it, Python 3.13 crashed
            thread.join()
    for database in opened:
        database.close()


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[Path]:
    """An empty plugins folder; modules that a test loads from it are gone afterwards: a package is loaded once a
    process."""
    (tmp_path / "plugins").mkdir()
    before = set(sys.modules)
    yield tmp_path / "plugins"
    for name in set(sys.modules) - before:
        if "plugins" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow ones first: at the end of a run in several processes none is waited for alone, and with `--dist worksteal`
    none is taken from the process that has already made what its module shares.

    Names that differ between processes are refused: of those nothing would run.
    """
    if named := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"give ids to parameters whose text holds an address: {named[0]}")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for a process or a thread of their own."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """What a test logged or compared may hold half a surrogate pair, which pytest-xdist cannot send."""

    def sendable(value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, dict):
            return {name: sendable(each) for name, each in value.items()}
        return type(value)(map(sendable, value)) if isinstance(value, list | tuple) else value

    return sendable((yield))
