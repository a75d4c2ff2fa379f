"""`cornerman data`: a table of what is stored, a plot, exports and imports, and sentences for what cannot be done."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cornerman.__main__ import main
from cornerman.cli.data import identity_of
from cornerman.contract import BattleEnd, Source
from cornerman.experience.battle_store import FILE_NAME
from cornerman.models.manifest import Provenance
from tests.support.choosing import Gym
from tests.support.held_folder import held

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 20 battles of the player and 20 without one."""
    folder = tmp_path_factory.mktemp("data")
    gym = Gym(folder)
    gym.play(20)
    for item in list(gym.inbox):  # the same battles once more, as if both seats had been the plugin's
        seats = {0: Source.PLUGIN, 1: Source.PLUGIN}
        ours = {"seats": seats} if isinstance(item, BattleEnd) else {"source": Source.PLUGIN, "opponent": Source.PLUGIN}
        gym.store.battles.take(replace(item, **ours))
    gym.work()
    gym.training.close()
    gym.store.close()
    return folder


def table(output: Output) -> list[list[str]]:
    return [line.split() for line in output.readouterr().out.splitlines()]


def test_the_table_shows_rows_by_source_actions_and_outcomes(data: Path, capsys: Output) -> None:
    assert main(["data", "--data", str(data)]) == 0
    rows = table(capsys)
    assert ["40", "battles,", "0", "of", "them", "cut", "off;", "80", "decisions"] in rows
    actions = {row[0]: int(row[1]) for row in rows if row and row[0] in ("left", "right", "wait")}
    assert sum(actions.values()) == 80
    assert "wait" not in actions
    for title in ("decided by", "against"):
        counted = rows[rows.index([*title.split(), "decisions", "share"]) + 1 :]
        assert int(next(row[1] for row in counted if row[:1] == ["player"])) == 20
    assert not any("learned" in row for row in rows)
    outcomes = rows[rows.index(["outcome", "for", "won", "drawn", "lost"]) + 1 :]
    player = next(row for row in outcomes if row[:1] == ["player"])
    assert sum(map(int, player[1:])) == 20


@pytest.mark.parametrize("ending", ["npz", "jsonl"])
def test_there_and_back_with_a_bad_row_refused(data: Path, tmp_path: Path, capsys: Output, ending: str) -> None:
    path, target = tmp_path / f"out.{ending}", tmp_path / "target"
    assert main(["data", "--data", str(data), "--export", str(path)]) == 0
    assert "Exported 40 battles with 80 decisions" in capsys.readouterr().out
    refused = 0
    if ending == "jsonl":
        lines = path.read_text().splitlines()
        battle = json.loads(lines[1])
        battle["rows"]["reward"][0] = 1e9
        path.write_text("\n".join([lines[0], json.dumps(battle), *lines[2:]]))
        refused = 1
    Gym(target).store.close()  # a first version, so that the folder says which game it is of
    for new, decisions, here in ((40, 80 - refused, 0), (0, 0, 40)):
        assert main(["data", "--data", str(target), "--import", str(path)]) == 0
        out = capsys.readouterr().out
        assert f"Imported {new} battles with {decisions} decisions" in out
        assert (f"{here} battles were here already" in out) == bool(here)
        assert ("1 decisions refused: reward" in out) == bool(refused)
        assert f"40 battles, 0 of them cut off; {80 - refused} decisions" in out
    again = Gym(target, held_out_fraction=0.0)
    assert len(set(again.experience.buffers.player.columns()["battle_id"].tolist())) == 40
    assert again.experience.buffers.player.size == 80 - refused


def test_import_counts_battles_that_are_alike(data: Path, tmp_path: Path, capsys: Output) -> None:
    path, target = tmp_path / "out.jsonl", tmp_path / "target"
    assert main(["data", "--data", str(data), "--export", str(path)]) == 0
    Gym(target).store.close()
    header, battle, *_ = path.read_text().splitlines()
    for times, new, here in ((1, 1, 0), (3, 2, 1), (3, 0, 3)):
        path.write_text("\n".join([header, *[battle] * times]))
        capsys.readouterr()
        assert main(["data", "--data", str(target), "--import", str(path)]) == 0
        out = capsys.readouterr().out
        assert f"Imported {new} battles" in out
        assert (f"{here} battles were here already" in out) == bool(here)


def test_a_plot(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "data.png"
    assert main(["data", "--data", str(data), "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"Drawn to {path}" in capsys.readouterr().out
    assert main(["data", "--data", str(data), "--plot", str(tmp_path / "data.xyz")]) == 1
    assert "cannot be drawn" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["data", "--data", str(data), "--plot", "data.png"]) == 1
    assert "pip install matplotlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--export", "battles.csv"], "exported to .npz or .jsonl, not to battles.csv"),
        (["--export", "no-such-folder/battles.npz"], "cannot be written"),
        (["--import", "battles.csv"], "imported from .npz or .jsonl"),
        (["--import", "missing.npz"], "missing"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(data: Path, capsys: Output, arguments: list[str], words: str) -> None:
    assert main(["data", "--data", str(data), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("cornerman data: ")
    assert words in error


def test_a_running_game_is_left_alone(data: Path, tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "battles.npz"
    assert main(["data", "--data", str(data), "--export", str(path)]) == 0
    before = (data / FILE_NAME).read_bytes()
    with held(data) as process:
        assert main(["data", "--data", str(data), "--import", str(path)]) == 1
        assert f"process {process}" in capsys.readouterr().err
        assert main(["data", "--data", str(data)]) == 0
    assert (data / FILE_NAME).read_bytes() == before


def test_a_folder_without_anything(tmp_path: Path, capsys: Output) -> None:
    assert main(["data", "--data", str(tmp_path / "none")]) == 1
    assert "no data folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert identity_of(tmp_path) is None
    assert main(["data", "--data", str(tmp_path), "--game", "tests.support.choosing:NO_GAME"]) == 1
    Gym(tmp_path)
    assert main(["data", "--data", str(tmp_path), "--export", str(tmp_path / "out.npz")]) == 1
    assert "nothing to export" in capsys.readouterr().err
    assert main(["data", "--data", str(tmp_path)]) == 0
    assert "0 battles" in capsys.readouterr().out


def test_the_newest_readable_version_says_which_game_it_is(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.registry.save(gym.slot.champion.flat, Provenance())
    (tmp_path / "versions/000001/manifest.json").write_text("garbage")
    identity = identity_of(tmp_path)
    assert identity is not None
    assert (identity.game, identity.action_names) == ("choosing", ("left", "right", "wait"))
