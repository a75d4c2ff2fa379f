"""`cornerman ghost`: from battles that a player fought to a fighter in another data folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cornerman.cli import ghost
from cornerman.contract import Bot, CornermanError
from cornerman.training.bulk import bar
from game_adapter.ringside.game import RINGSIDE
from tests.cli.conftest import Run
from tests.support.choosing import Choosing, Described, at_random
from tests.support.table import Table

HOOKS_ALONE = Described()
GAME = ["--game", "game_adapter.ringside.game:RINGSIDE", "--data"]


def test_ghost_of_a_player_is_listed_exported_imported_fought_and_forgotten(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, file = tmp_path / "here", tmp_path / "ann.ghost"
    with Table(RINGSIDE, here, from_nothing=False) as table:
        table.play_as("ann", 2)
        table.play_as("a name of more than twenty-four letters", 1)

    def printed(*arguments: object, status: int = 0) -> str:
        ended = run(arguments[0], *GAME, here, *arguments[1:])
        assert ended.status == status
        return ended.out + ended.err

    assert [line.find(" stored battle") for line in printed("ghost").splitlines()] == [41, 41]
    page = tmp_path / "report.html"
    assert "Working out the habits of ann from 2 battles" in run("report", here, *GAME[:2], "--out", page).err
    assert "moves were foreseen" in page.read_text("utf-8").partition("<h3>ann</h3>")[2]
    with monkeypatch.context() as patched:
        patched.setattr(bar, "PERIOD_S", 0.0)
        exported = printed("ghost", "export", "ann", file)
    assert "learning how ann plays, 0 s, 1 of 2 battles ..." in exported
    assert "The ghost of 2 battles" in exported

    def fails(*_: object) -> None:
        raise CornermanError("the smoke battle ends in smoke")

    with monkeypatch.context() as patched:
        patched.setattr(ghost, "smoke_battle", fails)
        assert "ends in smoke" in printed("ghost", "import", file, status=1)
        assert "imported" not in printed("ghost", "list")
    assert "has played a smoke battle" in printed("ghost", "import", file)
    assert "battles, imported" in printed("ghost", "list")
    assert "The ghost of ann against version " in printed("ghost", "play", "ann", "--battles", 4)
    assert "ghost:ann" in printed("evaluate", "--bot", "ghost:ann", "--battles", "2", "--agent", "brawler")
    assert "no battle of bob is stored" in printed("ghost", "play", "bob", status=1)
    assert run("ghost", *GAME, tmp_path / "empty", "play", file, "--battles", 2).status == 0
    assert "no battle of bob is stored" in printed("evaluate", "--bot", "ghost:bob", status=1)
    assert "The ghost of " in printed("ghost", "play", file, "--battles", "2")
    assert "there is a ghost ann already" in printed("ghost", "import", file, status=1)
    (here / "ghosts" / "ann.ghost").write_bytes(b"damaged")
    for command in (("ghost", "play", "ann"), ("evaluate", "--bot", "ghost:ann")):
        assert "ann.ghost: The ghost's file" in printed(*command, status=1)
    (here / "ghosts" / "ann.ghost").unlink()
    assert "ghost:ann" in printed("evaluate", "--bot", "ghost:ann", "--battles", "2", "--agent", "brawler")
    assert "no battle of -h is stored" in printed("ghost", "export", "--", "-h", file, status=1)
    assert "has played a smoke battle" in printed("ghost", "import", file)
    assert "no battle of bob is stored" in run("ghost", "export", "--data", here, "bob", *GAME[:2], file).err
    required = "ghost export: error: the following arguments are required: FILE"
    assert required in printed("ghost", "export", "ann", status=2)
    assert "there is no data folder" in run("ghost", *GAME, tmp_path / "nowhere").err
    (tmp_path / "a b.ghost").write_bytes(file.read_bytes())
    assert "is no name for a ghost" in printed("ghost", "import", tmp_path / "a b.ghost", status=1)
    with Table(RINGSIDE, here, from_nothing=False) as table:
        assert table.plugin.forget().endswith(".")
        table.on_owner(lambda loop: None)
        assert ", 1 imported ghost, and all that was in memory." in table.plugin.metrics.notice
    assert "No player's battles are stored, and no ghost" in printed("ghost")


def test_ghost_files_are_said_to_fight_in_headless_battles_alone(tmp_path: Path, run: Run) -> None:
    class Fought(Choosing):
        bots: Mapping[str, Bot] = {"random": at_random, "other": at_random}

    here, file = tmp_path / "here", tmp_path / "ann.ghost"
    with Table(Fought(), here) as table:
        table.play_as("ann", 2)
    game = ["--game", "tests.cli.test_ghost:HOOKS_ALONE", "--data", here]
    exported = run("ghost", *game, "export", "ann", file).out
    assert "it fights where choosing has headless battles, which here it has not" in exported
    for command in (("import", file), ("play", "ann")):
        refused = run("ghost", *game, *command)
        assert refused.status == 1
        assert "the player's own ghost fights where the game asks for host.ghost_action" in refused.err
    assert not (here / "ghosts").exists()
    headless = ("ghost", "--game", "tests.cli.test_commands:CHOOSING", "--data", here, "play", "ann", "--battles", 2)
    assert "The ghost of ann against version 0, which has learned nothing: " in run(*headless).out
