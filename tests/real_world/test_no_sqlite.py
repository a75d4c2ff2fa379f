"""Kind 13: a Python without sqlite3 plays and learns from memory; nothing is kept, which is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.experience.battle_store import FILE_NAME, BattleStore
from cornerman.experience.transitions import DataFormat
from cornerman.files import database
from cornerman.models.history import History
from tests.support.choosing import Choosing
from tests.support.dropped_plugins import run_python
from tests.support.paths import ROOT
from tests.support.table import Table

SESSION = """
import sys
from pathlib import Path

HIDE
from tests.support.choosing import Choosing
from tests.support.table import Table

with Table(Choosing(), Path(sys.argv[1]), batch_size=8, burst_steps=2, warmup_fraction=0.0) as table:
    table.play(10, settle=True)
    plugin = table.plugin
    report = plugin.report()
    assert report["learner"]["steps"] > 0, report
    assert report["plugin"]["learning"], plugin.messages()
    assert report["recorder"]["recorded"] == 20
    print(*plugin.messages(), *(event["text"] for event in plugin.metrics.events()), sep="\\n")
assert "sqlite3" not in sys.modules or sys.modules["sqlite3"] is None
"""


@pytest.mark.parametrize("module", ["sqlite3", "_sqlite3"])
def test_a_session_plays_and_learns_and_says_that_nothing_is_kept(tmp_path: Path, module: str) -> None:
    hide = f"sys.modules[{module!r}] = None"
    said = run_python(ROOT, SESSION.replace("HIDE", hide), str(tmp_path))
    assert "Recorded battles cannot be kept or read: this Python has no sqlite3 module." in said
    assert not list(tmp_path.glob("*.sqlite"))
    assert (tmp_path / "champion.json").exists() or list(tmp_path.glob("versions/*"))


def test_each_file_says_so_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "sqlite3", None)
    with pytest.raises(ModelError, match="The history cannot be kept or read: this Python has no sqlite3 module"):
        History(tmp_path, lambda: 0.0)
    said: list[str] = []
    store = BattleStore(tmp_path, DataFormat("duel", "1", "abc", 2, 3), said.append)
    store.open()
    store.open()
    assert store.reached() is None
    assert len(said) == 1
    store.close()


def test_forget_erases_what_a_python_with_sqlite3_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Table(Choosing(), tmp_path, learning=False) as table:
        table.play(2)
    assert (tmp_path / FILE_NAME).exists()
    monkeypatch.setattr(database, "sqlite3", None)
    with Table(Choosing(), tmp_path, learning=False) as table:
        table.play(1)
        assert table.plugin.report()["recorder"]["kept"] == 0
        table.plugin.store.battles.forget()
    assert not (tmp_path / FILE_NAME).exists()
