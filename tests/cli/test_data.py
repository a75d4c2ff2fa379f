"""`cornerman data`: a table of what is stored, a plot, exports and imports, and sentences for what cannot be done."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cornerman.cli.data import identity_of
from cornerman.contract import BattleEnd, Source
from cornerman.experience.battle_store import FILE_NAME
from cornerman.models.manifest import Provenance
from tests.cli.conftest import Run
from tests.support.choosing import Gym
from tests.support.held_folder import held


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


def test_the_table_shows_rows_by_source_actions_and_outcomes(data: Path, run: Run) -> None:
    status, out, _ = run("data", "--data", data)
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["40", "battles,", "0", "of", "them", "cut", "off;", "80", "decisions"] in rows
    actions = {row[0]: int(row[1]) for row in rows if row and row[0] in ("left", "right", "wait")}
    assert sum(actions.values()) == 80
    assert "wait" not in actions
    assert ["never:", "wait"] in rows
    for title in ("decided by", "against"):
        counted = rows[rows.index([*title.split(), "decisions", "share"]) + 1 :]
        assert int(next(row[1] for row in counted if row[:1] == ["player"])) == 20
    assert not any("learned" in row for row in rows)
    outcomes = rows[rows.index(["outcome", "for", "won", "drawn", "lost"]) + 1 :]
    player = next(row for row in outcomes if row[:1] == ["player"])
    assert sum(map(int, player[1:])) == 20


@pytest.mark.parametrize("ending", ["npz", "jsonl"])
def test_there_and_back_with_a_bad_row_refused(data: Path, tmp_path: Path, run: Run, ending: str) -> None:
    path, target = tmp_path / f"out.{ending}", tmp_path / "target"
    status, out, _ = run("data", "--data", data, "--export", path)
    assert (status, "Exported 40 battles with 80 decisions" in out) == (0, True)
    refused = 0
    if ending == "jsonl":
        lines = path.read_text().splitlines()
        battle = json.loads(lines[1])
        battle["rows"]["reward"][0] = 1e9
        path.write_text("\n".join([lines[0], json.dumps(battle), *lines[2:]]))
        refused = 1
    if ending == "npz":
        Gym(target).store.close()  # a first version, so that the folder says which game it is of
    live_only = [] if ending == "npz" else ["--game", "tests.cli.test_commands:LIVE_ONLY"]
    for new, decisions, here in ((40, 80 - refused, 0), (0, 0, 40)):
        status, out, _ = run("data", "--data", target, "--import", path, *live_only)
        assert (status, f"Imported {new} battles with {decisions} decisions" in out) == (0, True)
        assert (f"{here} battles were here already" in out) == bool(here)
        assert ("1 decisions refused: reward" in out) == bool(refused)
        assert f"40 battles, 0 of them cut off; {80 - refused} decisions" in out
    again = Gym(target, held_out_fraction=0.0)
    assert len(set(again.experience.buffers.player.columns()["battle_id"].tolist())) == 40
    assert again.experience.buffers.player.size == 80 - refused


def test_import_counts_battles_that_are_alike(data: Path, tmp_path: Path, run: Run) -> None:
    path, target = tmp_path / "out.jsonl", tmp_path / "target"
    run("data", "--data", data, "--export", path)
    Gym(target).store.close()
    header, battle, *_ = path.read_text().splitlines()
    for times, new, here in ((1, 1, 0), (3, 2, 1), (3, 0, 3)):
        path.write_text("\n".join([header, *[battle] * times]))
        status, out, _ = run("data", "--data", target, "--import", path)
        assert (status, f"Imported {new} battles" in out) == (0, True)
        assert (f"{here} battles were here already" in out) == bool(here)


def test_a_plot(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "data.png"
    assert f"Drawn to {path}" in run("data", "--data", data, "--plot", path).out
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "cannot be drawn" in run("data", "--data", data, "--plot", tmp_path / "data.xyz").err
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, _, error = run("data", "--data", data, "--plot", "data.png")
    assert (status, "pip install matplotlib" in error) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--export", "battles.csv"], "exported to .npz or .jsonl, not to battles.csv"),
        (["--export", "no-such-folder/battles.npz"], "cannot be written"),
        (["--import", "battles.csv"], "imported from .npz or .jsonl"),
        (["--import", "missing.npz"], "missing"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(data: Path, run: Run, arguments: list[str], words: str) -> None:
    status, _, error = run("data", "--data", data, *arguments)
    assert status == 1
    assert error.startswith("cornerman data: ")
    assert words in error


def test_a_running_game_is_left_alone(data: Path, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "battles.npz"
    run("data", "--data", data, "--export", path)
    before = (data / FILE_NAME).read_bytes()
    with held(data) as process:
        status, _, error = run("data", "--data", data, "--import", path)
        assert (status, f"process {process}" in error) == (1, True)
        assert run("data", "--data", data).status == 0
    assert (data / FILE_NAME).read_bytes() == before


def test_a_folder_without_anything(tmp_path: Path, run: Run) -> None:
    assert "no data folder" in run("data", "--data", tmp_path / "none").err
    assert not (tmp_path / "none").exists()
    assert identity_of(tmp_path) is None
    assert run("data", "--data", tmp_path, "--game", "tests.support.choosing:NO_GAME").status == 1
    Gym(tmp_path)
    status, _, error = run("data", "--data", tmp_path, "--export", tmp_path / "out.npz")
    assert (status, "nothing to export" in error) == (1, True)
    assert "0 battles" in run("data", "--data", tmp_path).out


def test_the_newest_readable_version_says_which_game_it_is(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    gym.registry.save(gym.slot.champion.flat, Provenance())
    (tmp_path / "versions/000001/manifest.json").write_text("garbage")
    identity = identity_of(tmp_path)
    assert identity is not None
    assert (identity.game, identity.action_names) == ("choosing", ("left", "right", "wait"))
