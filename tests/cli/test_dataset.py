"""Battles exported and imported: what comes back, what is refused, and a summary."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.cli import dataset
from cornerman.contract import BattleEnd, ModelError, Source
from cornerman.experience.transitions import StoredBattle, pack
from tests.support.sample_states import ACTIONS as NAMES
from tests.support.sample_states import chain
from tests.support.stored_battles import FORMAT


def battles(count: int = 3) -> list[StoredBattle]:
    seats = {0: Source.PLUGIN, 1: Source.PLAYER}
    return [
        StoredBattle(
            BattleEnd(at, {0: 1, 1: -1} if at % 2 else {}, at % 2 == 0, seats), pack(chain(at + 2, seed=at), 2, 3)
        )
        for at in range(count)
    ]


@pytest.fixture(params=[".npz", ".jsonl"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"battles{request.param}"


def test_battles_of_another_game_or_version_are_refused(path: Path) -> None:
    for other in (replace(FORMAT, game="x"), replace(FORMAT, game_version="x"), replace(FORMAT, encoder_version="x")):
        dataset.export(path, other, battles())
        with pytest.raises(ModelError, match="another game or version"):
            dataset.load(path, FORMAT)


def test_file_of_battles_does_not_name_the_player(path: Path) -> None:
    named = [StoredBattle(replace(battle.end, player="ann"), battle.columns) for battle in battles()]
    dataset.export(path, FORMAT, named)
    assert [battle.end.player for battle in dataset.load(path, FORMAT).battles] == [""] * 3


def test_any_damage_is_a_sentence(path: Path) -> None:
    dataset.export(path, FORMAT, battles())
    data, random = path.read_bytes(), Random(5)
    for _ in range(300):
        spoilt = bytearray(data)
        for _ in range(random.randrange(1, 5)):
            spoilt[random.randrange(len(spoilt))] = random.randrange(256)
        path.write_bytes(bytes(spoilt[: random.choice([len(spoilt), random.randrange(len(spoilt))])]))
        try:
            loaded = dataset.load(path, FORMAT)
        except ModelError:  # anything else fails the test
            continue
        for battle in loaded.battles:
            assert np.isfinite(battle.columns["observation"]).all()


def jsonl(tmp_path: Path, **rows: Any) -> Path:
    path = tmp_path / "battles.jsonl"
    dataset.export(path, FORMAT, battles(1))
    head, line = path.read_text().splitlines()
    value = json.loads(line)
    value["rows"].update(rows)
    path.write_text(f"{head}\n{json.dumps(value)}\n")
    return path


@pytest.mark.parametrize(
    "rows",
    [
        {"action": [0, 1.5]},
        {"action": ["0", "1"]},
        {"action": [0, 2**70]},
        {"seat": [0, 2**64]},
        {"action_mask": [[1, 1, 1], [1, 1, 1]]},
        {"observation": [[0.1, 0.2], [0.1]]},
        {"observation": [[0.1], [0.1]]},
        {"reward": [0.1]},
        {"reward": [[0.1], None]},
        {"reward": None},
    ],
)
def test_a_line_that_lies_about_its_rows_is_refused(tmp_path: Path, rows: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"battles"):
        dataset.load(jsonl(tmp_path, **rows), FORMAT)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "MAX_IMPORT_BYTES", 10**6)
    path = tmp_path / "battles.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("action.npy", bytes(10**7))
    with pytest.raises(ModelError, match="unpacks to 10,000,000 bytes"):
        dataset.load(path, FORMAT)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "battles.npz"
    np.savez(path, action=np.array([{}], object))
    with pytest.raises(ModelError, match=r"no readable \.npz"):
        dataset.load(path, FORMAT)


def test_summary_tells_the_game_s_own_fighter_from_the_plugin() -> None:
    own, theirs = battles(2)
    own.columns["version"][:] = -1
    theirs.columns["version"][0] = -1  # a version took over in mid-battle
    theirs.columns["source"][-1], theirs.columns["opponent"][-1] = Source.PLAYER, Source.PLUGIN
    own.columns["opponent"][:] = Source.PLUGIN
    summary = dataset.summarize([own, theirs], NAMES)
    assert +summary.counts[dataset.DECIDED_BY] == {"game's own fighter": 3, "plugin": 1, "player": 1}
    assert summary.counts[dataset.AGAINST] == {"game's own fighter": 2, "plugin": 1, "scripted": 2}
    won = own._replace(end=theirs.end)
    outcomes = dataset.summarize([won, theirs], NAMES).outcomes
    assert (outcomes["game's own fighter"], outcomes["plugin"]) == ({"won": 1}, {"won": 1})


def test_summary_counts_what_must_not_be_learned_from() -> None:
    stored = battles(1)
    stored[0].columns["reward"][:] = np.inf
    summary = dataset.summarize(stored, NAMES)
    assert +summary.counts[dataset.REFUSED] == {"reward": 2}
    assert ["reward", "2", "100%"] in [line.split() for line in summary.text().splitlines()]


def test_summary_has_its_figures_in_one_column_also_beside_long_names() -> None:
    lines = dataset.summarize(battles(1), [f"{name:x<40}" for name in NAMES]).text().splitlines()
    assert len({len(line) for line in lines if line.endswith(("share", "%"))}) == 1
