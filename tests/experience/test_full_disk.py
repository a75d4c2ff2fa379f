"""Record, promote and forget while SQLite or the disk fails: a state that loads, and a sentence; never a lost history.

All operations and every file operation of theirs: `make torture`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import plugin_operations
from tests.support.failing_files import ENDLESS, Failing, failing, failing_record, full_disk


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "template"
    plugin_operations.prepare(folder)
    return folder


@pytest.mark.parametrize("name", ["promote", "forget"])
def test_whichever_statement_of_the_record_fails_nothing_is_lost_and_it_is_said(
    template: Path, tmp_path: Path, name: str
) -> None:
    with failing_record():
        for nth in range(1, ENDLESS):
            states: list[Failing] = []

            @contextmanager
            def statement_fails(nth: int = nth, states: list[Failing] = states) -> Iterator[None]:
                with failing(nth, files=False) as state:
                    states.append(state)
                    yield

            home = tmp_path / "home"
            assert plugin_operations.fault(template, home, name, statement_fails) == "", nth
            shutil.rmtree(home)
            if not states[0].hit:
                assert nth > 5, "no statement was ever let fail"
                return
    pytest.fail("there is no end to the statements")


@pytest.mark.skipif(os.name == "nt", reason="no limit of that kind on Windows")
@pytest.mark.parametrize("name", ["record", "promote", "import"])
def test_on_a_full_disk_too(template: Path, tmp_path: Path, name: str) -> None:
    assert plugin_operations.fault(template, tmp_path / "home", name, lambda: full_disk(8192)) == ""


def test_what_is_done_while_nothing_fails_is_done(template: Path, tmp_path: Path) -> None:
    """So that the checks above look at something."""
    for name, operation in plugin_operations.OPERATIONS.items():
        home = tmp_path / name
        assert plugin_operations.fault(template, home, name, lambda: failing(ENDLESS)) == ""
        opened = plugin_operations.opened(home)
        assert operation.done(opened), name
        opened.plugin.on_quit()
