"""`cornerman versions`: the table, the tree, the picture, and every change with its sentence; bad input as well."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.cli.commands.stored import identity_for
from cornerman.cli.doctor import examine
from cornerman.cli.versions import StoredVersions, tree_lines
from cornerman.evaluation.arena import BattleRecord
from cornerman.evaluation.ratings import Rating
from cornerman.evaluation.verdict import GateBattle, Verdict
from cornerman.models.champions import Champions
from cornerman.models.history import History
from cornerman.models.manifest import Provenance
from cornerman.models.registry import Registry, VersionEntry
from cornerman.models.store import Store
from cornerman.models.weights import Ladder
from cornerman.policy.difficulty import Rung
from cornerman.policy.q_network import NetworkSpec, draw
from game_adapter.ringside.game import RINGSIDE
from tests.cli.conftest import Run
from tests.studies.measures.hooks_only import HooksOnly
from tests.support.held_folder import held
from tests.support.stored_versions import damage, path_of, store_in
from tests.support.table import Table

GAME = ["--game", "game_adapter.ringside.game:RINGSIDE"]
LIVE_ONLY = HooksOnly()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Versions 0 to 2 of Ringside, 2 playing; 1 and 2 passed a gate whose battles are in the history."""
    identity, folder = identity_for(RINGSIDE), tmp_path / "data"
    spec = NetworkSpec(identity.observation_size, identity.num_actions, (8,))
    registry, history = Registry(folder, identity, spec, lambda: 1_700_000_000.0), History(folder, lambda: 0.0)
    for version in range(3):
        battles = [
            GateBattle("candidate", opponent, BattleRecord(seed, seed % 2, float(seed % 3 > 0), 9, 40, False))
            for opponent in ("champion", "random")
            for seed in range(30)
        ]
        score = 1.051 if version == 1 else 0.61  # older gates stored 1/2 and a difference
        verdict = Verdict(True, "Promoted: 61% against the champion over 40 pairs.", 40, score, battles=tuple(battles))
        rows = {"player": 12, "self-play": 3400}
        provenance = Provenance(version - 1, 500 * version, rows, verdict.as_dict()) if version else Provenance()
        assert registry.save(draw(spec, np.random.default_rng(version)), provenance) == version
        registry.promote(version)
        if version:
            history.add_gate(verdict, version - 1, version)
    history.close()
    return folder


@pytest.fixture
def versions(run: Run, data: Path) -> Run:
    """Runs `cornerman versions` on the data folder."""
    return partial(run, "versions", *GAME, "--data", data)


def test_the_table_has_every_column(versions: Run) -> None:
    status, text, _ = versions()
    assert status == 0
    row = next(line for line in text.splitlines() if line.split()[:1] == ["2"])
    assert re.fullmatch(
        r" +2  champion +2023-11-14 22:13 +1 +1,000 +61%  \+\d+ \([+-]\d+ to \+\d+\) +12 player, 3,400 self-play", row
    )
    assert " 500  100%  " in text
    assert "Bots on the same scale: random +0" in text


def test_ratings_are_on_one_scale_whether_the_game_is_known_or_not(data: Path) -> None:
    with closing(History(data, lambda: 0.0)) as history:
        for battle in range(20):  # a stronger bot, and earlier in the alphabet
            history.add_battle("gate", "2", "brawler", float(battle % 3 == 0), 5)
    known, unknown = (StoredVersions(data, identity_for(RINGSIDE), game) for game in (RINGSIDE, None))
    assert known.read() == unknown.read()
    assert "Bots on the same scale: brawler +" in "\n".join(unknown.lines())
    lowest = "The bot that these battles rate lowest stands at 0: --game says which is the weakest."
    assert (lowest in known.lines(), lowest in unknown.lines()) == (False, True)


def test_rating_that_came_with_a_version_is_shown_with_and_without_a_history(data: Path, versions: Run) -> None:
    identity = identity_for(RINGSIDE)
    registry = Registry(data, identity, NetworkSpec(identity.observation_size, identity.num_actions, (8,)), time)
    policy = registry.load(2)
    registry.save_ladder(2, Ladder((Rung(policy, points=100.0),), 0, Rung(policy, points=854.0, low=840.0, high=868.0)))
    assert "+854 (+840 to +868)" in versions().out
    (data / "history.sqlite").unlink()
    assert "+854 (+840 to +868)" in versions("--tree").out
    assert versions("rollback")[0] == 0
    assert "+854 (+840 to +868)" in versions().out, "also of one that does not play, as after an import"
    path_of(data, 2, "ladder.safetensors").unlink()
    assert "No version is rated: " in (text := versions().out)
    assert " not rated " in text


def test_the_tree_and_the_picture(tmp_path: Path, versions: Run) -> None:
    picture = tmp_path / "versions.png"
    status, text, _ = versions("--tree", "--plot", picture)
    assert status == 0
    assert re.search(r"^2  champion  \+\d+ \(.+\)  1,000 steps$", text, re.MULTILINE)
    assert picture.read_bytes().startswith(b"\x89PNG")
    status, _, text = versions("--plot", tmp_path / "versions.nonsense")
    assert (status, "cannot be drawn" in text) == (1, True)


def test_promote_and_roll_back(versions: Run) -> None:
    assert versions("rollback") == (0, "Version 1 plays again; version 2 is kept as rolled back.\n", "")
    status, text, _ = versions("promote", "2")
    assert (status, text.startswith("Version 2 plays from the next start on, after version 1")) == (0, True)
    assert versions("promote", "2") == (0, "Version 2 plays already.\n", "")
    assert re.search(r"^ +2  champion", versions().out, re.MULTILINE)


def test_version_that_has_learned_nothing_is_not_said_to_play(versions: Run) -> None:
    words = "Version 0 has learned nothing and does not play except with the setting from_nothing: "
    versions("rollback")
    assert versions("rollback").out.startswith(words)
    assert versions("promote", "0").out.startswith(f"Version 0 is the champion now. {words}")
    versions("promote", "2")
    moved = "Version 0 is the champion now; rollback brings version 2 back."
    assert versions("promote", "0").out.startswith(f"{moved} {words}")
    text = versions().out
    assert re.search(r"^ +0  untrained", text, re.MULTILINE)
    assert words in text
    assert versions("--tree").out.startswith("0  untrained")


def test_export_and_import_through_quarantine(tmp_path: Path, versions: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert versions("export", "2").status == 0
    file = tmp_path / "version-2.zip"
    status, text, _ = versions("import", file)
    assert (status, "has played a smoke battle" in text) == (0, True)
    assert "Version 3 is the same and was imported before" in versions("import", file).out
    assert versions("promote", "3").status == 0
    damage(file, file.stat().st_size // 2)
    assert versions("import", file).status == 1
    assert "   4  " not in versions().out


def test_import_into_a_game_with_hooks_alone_leaves_quarantine(
    tmp_path: Path, data: Path, versions: Run, run: Run
) -> None:
    file, target = tmp_path / "version-2.zip", tmp_path / "target"
    versions("export", "2", file)
    shutil.copytree(data, target)
    game = ["--data", target, "--game", "tests.cli.test_versions:LIVE_ONLY"]
    status, text, _ = run("versions", "import", file, *game)
    assert (status, text.startswith("Version 3 was imported and gives usable values; ringside offers no")) == (0, True)
    assert run("versions", "promote", 3, *game).status == 0
    assert re.search(r"^ +3  champion", run("versions", *game).out, re.MULTILINE)


def test_import_begins_a_data_folder_and_a_refused_file_begins_none(tmp_path: Path, data: Path, run: Run) -> None:
    file, new, wrongs = RINGSIDE.base_model, tmp_path / "new" / "data", ("tests.cli.test_commands:CHOOSING", "nobody")
    for wrong in wrongs:
        assert run("versions", "import", file, "--data", new, "--game", wrong).status == 1
    assert f"{data} may be meant" in run("versions", *GAME, "--data", tmp_path, "import", file).err
    assert not new.parent.exists()
    assert run("versions", *GAME, "--data", tmp_path / ("a" * 300), "import", file).status == 1
    where = [*GAME, "--data", new]
    assert run("versions", "import", file, *where).out.startswith("Version 1 was imported and has played")
    identity = identity_for(RINGSIDE)
    spec = NetworkSpec(identity.observation_size, identity.num_actions, (8,))
    with Store(new, identity, spec, who="a start of the game") as store:
        assert Champions(store, 0, print, print).slot.champion.version == 0, "what has learned nothing is no newer"
    assert run("versions", "promote", 1, *where).out.startswith(
        "Version 1 plays from the next start on, after version 0"
    )
    with Table(RINGSIDE, new, from_nothing=False) as table:
        assert table.plugin.report()["playing"] == "version 1"


def test_prune_keeps_what_plays_and_what_played_last(versions: Run) -> None:
    versions("promote", "0")
    status, text, _ = versions("prune", "--keep", "1")
    assert (status, text.startswith("Deleted 1 version, 2 are left (version 0")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promote", "9"], "there is no version 9; there are 0, 1, 2"),
        (["export", "9", "x.zip"], "there is no version 9"),
        (["export", "1", "no/such/folder/x.zip"], "could not be written"),
        (["export", "1", "x.onnx"], "a .zip is written, not x.onnx; 'cornerman export 1 x.onnx' writes ONNX"),
        (["import", "nothing.zip"], "there is no nothing.zip"),
        (["prune", "--keep", "0"], "--keep must be at least 1"),
        (["--data", "nowhere"], "nowhere holds no versions"),
    ],
)
def test_bad_input_is_a_sentence(versions: Run, arguments: list[str], sentence: str) -> None:
    status, _, text = versions(*arguments)
    assert status == 1
    assert text.startswith("cornerman versions: ")
    assert sentence in text


def test_a_running_game_is_left_alone(data: Path, versions: Run) -> None:
    with held(data) as pid:
        for arguments in (["promote", "0"], ["rollback"], ["prune", "--keep", "1"]):
            status, _, text = versions(*arguments)
            assert (status, f"process {pid}" in text) == (1, True)
        assert versions().status == 0
    assert versions("rollback").status == 0


def test_damaged_weights_are_shown_and_evaluating_changes_nothing(data: Path, versions: Run, run: Run) -> None:
    damage(path_of(data, 2, "weights.safetensors"))
    for arguments in ((), ("--tree",)):
        status, text, _ = versions(*arguments)
        row = next(line for line in text.splitlines() if line.split()[:1] == ["2"])
        assert (status, "damaged" in row, "wrong SHA-256" in row) == (0, True, True)
    assert any("The weights of version 2" in line and "SHA-256" in line for line in examine("cpu", data)[0])
    before = (data / "champion.json").read_bytes()
    status, _, text = run("evaluate", *GAME, "--data", data, "--battles", 2, "--bot", "random")
    assert (status, "No trained version is left." in text) == (0, True)
    assert (data / "champion.json").read_bytes() == before


def test_a_damaged_history_costs_only_the_ratings(data: Path, versions: Run) -> None:
    (data / "history.sqlite").write_bytes(b"nonsense" * 100)
    status, text, _ = versions()
    assert status == 0
    assert "champion" in text
    assert "The history cannot be" in text
    assert (data / "history.sqlite").read_bytes() == b"nonsense" * 100, "reading changes nothing"


def test_the_table_needs_no_torch(data: Path) -> None:
    code = (
        "import sys; from cornerman.__main__ import main; "
        f"main(['versions', '--data', {str(data)!r}]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., VersionEntry]:
    """A version of any number and parent, for a list."""
    with store_in(tmp_path_factory.mktemp("versions")) as store:
        store.registry.save(np.zeros(store.registry.spec.num_parameters, np.float32), Provenance())
        manifest = store.registry.manifest(0)

    def made(version: int, parent: int | None, state: str = "kept") -> VersionEntry:
        changed = replace(manifest, version=version, parent=parent, learning_steps=100 * version)
        return VersionEntry(version, state, changed)

    return made


def test_tree_lines_draws_a_family(entry: Callable[..., VersionEntry]) -> None:
    entries = [
        entry(0, None),
        entry(1, 0),
        entry(2, 1, "rolled back"),
        entry(3, 1, "champion"),
        entry(4, 0),
        entry(6, 5),
        VersionEntry(7, "damaged", None, "It is damaged."),
    ]
    ratings = {"3": Rating(112.4, 60.2, 164.0, 200)}
    assert tree_lines(entries, ratings) == [
        "0  kept",
        "+- 1  kept  100 steps",
        "|  +- 2  rolled back  200 steps",
        "|  3  champion  +112 (+60 to +164)  300 steps",
        "4  kept  400 steps",
        "",
        "6  kept  600 steps",
        "",
        "7  damaged: It is damaged.",
    ]
    assert "".join(tree_lines(entries, ratings)).isascii(), "any console and pipe can show it"
    assert tree_lines([], {}) == []
    lines = tree_lines([entry(version, version - 1 if version else None) for version in range(3000)], {})
    assert len(lines) == 3000
    assert max(len(line) for line in lines) < 40, "a long line of descent stays in one column"


@given(parents=st.dictionaries(st.integers(0, 12), st.none() | st.integers(0, 12)))
def test_tree_lines_shows_every_version_once_whatever_its_parent_is_said_to_be(
    entry: Callable[..., VersionEntry], parents: Mapping[int, int | None]
) -> None:
    lines = tree_lines([entry(version, parent) for version, parent in parents.items()], {})
    assert sorted(int(line.lstrip("|+- ").split()[0]) for line in lines if line) == sorted(parents)
