"""`cornerman ghost`: from battles that a player fought to a fighter in another data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.__main__ import main
from cornerman.cli import ghost
from cornerman.contract import CornermanError
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table

GAME = ["--game", "game_adapter.ringside.game:RINGSIDE", "--data"]


def test_ghost_of_a_player_is_listed_exported_imported_fought_and_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, file = tmp_path / "here", tmp_path / "ann.ghost"
    with Table(RINGSIDE, here, from_nothing=False) as table:
        table.play_as("ann", 2)

    def printed(*arguments: str, status: int = 0) -> str:
        assert main([arguments[0], *GAME, str(here), *arguments[1:]]) == status
        out, error = capsys.readouterr()
        return out + error

    assert "ann" in printed("ghost")
    page = tmp_path / "report.html"
    assert main(["report", str(here), *GAME[:2], "--out", str(page)]) == 0
    assert "Working out the habits of ann from 2 battles" in capsys.readouterr().err
    assert "moves were foreseen" in page.read_text("utf-8").partition("<h3>ann</h3>")[2]
    assert "The ghost of 2 battles" in printed("ghost", "export", "ann", str(file))

    def fails(*_: object) -> None:
        raise CornermanError("the smoke battle ends in smoke")

    with monkeypatch.context() as patched:
        patched.setattr(ghost, "smoke_battle", fails)
        assert "ends in smoke" in printed("ghost", "import", str(file), status=1)
        assert "imported" not in printed("ghost", "list")
    assert "has played a smoke battle" in printed("ghost", "import", str(file))
    assert "battles, imported" in printed("ghost", "list")
    assert "The ghost of ann against version " in printed("ghost", "play", "ann", "--battles", "4")
    assert "ghost:ann" in printed("evaluate", "--bot", "ghost:ann", "--battles", "2", "--agent", "brawler")
    assert "no battle of bob is stored" in printed("ghost", "play", "bob", status=1)
    assert main(["ghost", *GAME, str(tmp_path / "empty"), "play", str(file), "--battles", "2"]) == 0
    assert "no battle of bob is stored" in printed("evaluate", "--bot", "ghost:bob", status=1)
    assert "The ghost of " in printed("ghost", "play", str(file), "--battles", "2")
    assert "there is a ghost ann already" in printed("ghost", "import", str(file), status=1)
    (here / "ghosts" / "ann.ghost").write_bytes(b"damaged")
    for command in (("ghost", "play", "ann"), ("evaluate", "--bot", "ghost:ann")):
        assert "ann.ghost: The ghost's file" in printed(*command, status=1)
    (here / "ghosts" / "ann.ghost").unlink()
    assert "ghost:ann" in printed("evaluate", "--bot", "ghost:ann", "--battles", "2", "--agent", "brawler")
    assert "no battle of -h is stored" in printed("ghost", "export", "--", "-h", str(file), status=1)
    assert "has played a smoke battle" in printed("ghost", "import", str(file))
    assert main(["ghost", "export", "--data", str(here), "bob", *GAME[:2], str(file)]) == 1
    assert "no battle of bob is stored" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        printed("ghost", "export", "ann")
    assert "ghost export: error: the following arguments are required: FILE" in capsys.readouterr().err
    assert main(["ghost", *GAME, str(tmp_path / "nowhere")]) == 1
    assert "there is no data folder" in capsys.readouterr().err
    (tmp_path / "a b.ghost").write_bytes(file.read_bytes())
    assert "is no name for a ghost" in printed("ghost", "import", str(tmp_path / "a b.ghost"), status=1)
    with Table(RINGSIDE, here, from_nothing=False) as table:
        assert table.plugin.forget().endswith(".")
        table.on_owner(lambda loop: None)
        assert ", 1 imported ghost, and all that was in memory." in table.plugin.metrics.notice
    assert "No player's battles are stored, and no ghost" in printed("ghost")
