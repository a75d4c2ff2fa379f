"""exchange.py: versions travel whole; what strangers send can only become numbers in quarantine, or a sentence."""

from __future__ import annotations

import json
import stat
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.experience.encoder import Encoder
from cornerman.files.tensor_file import pack, unpack
from cornerman.models.exchange import export_version, import_version, play_smoke_battle
from cornerman.models.manifest import Identity, Provenance
from cornerman.models.registry import Registry
from cornerman.models.weights import Ladder, ladder_bytes
from cornerman.policy.difficulty import Rung
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from game_adapter.ringside.game import RINGSIDE
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle
from tests.support.failing_files import ENDLESS, failing
from tests.support.stored_versions import damage, mutated
from tests.support.table import Table

GAME = Duel()
ENCODER = Encoder(GAME)
SPEC = NetworkSpec(OBSERVATION_SIZE, NUM_LEVELS, (8,))
IDENTITY = Identity(GAME.name, GAME.version, ENCODER.version, GAME.action_names, ENCODER.observation_size)
FLAT = draw(SPEC, np.random.default_rng(5))


def registry_in(folder: Path) -> Registry:
    return Registry(folder, IDENTITY, SPEC, lambda: 1_700_000_000.0)


@pytest.fixture
def sender(tmp_path: Path) -> Registry:
    registry = registry_in(tmp_path / "sender")
    rows = {"player": 12, "plugin": 3}
    registry.promote(registry.save(FLAT, Provenance(learning_steps=77, rows=rows, gate={"promote": True})))
    return registry


@pytest.fixture
def exported(sender: Registry, tmp_path: Path) -> Path:
    export_version(sender, 0, tmp_path / "champion.zip")
    return tmp_path / "champion.zip"


@pytest.fixture
def receiver(tmp_path: Path) -> Registry:
    registry = registry_in(tmp_path / "receiver")
    registry.promote(registry.save(np.zeros_like(FLAT), Provenance()))
    return registry


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in ("manifest.json", "weights.safetensors")}


def zipped(path: Path, files: Mapping[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def take(receiver: Registry, path: Path) -> int:
    return import_version(receiver, IDENTITY, path)


@pytest.mark.parametrize("compressed", [False, True])
def test_exported_version_is_imported_whole_into_quarantine(
    exported: Path, receiver: Registry, tmp_path: Path, compressed: bool
) -> None:
    path = zipped(tmp_path / "b.zip", contents(exported), zipfile.ZIP_DEFLATED) if compressed else exported
    version = take(receiver, path)
    assert version == 1
    assert receiver.load(version).flat.tobytes() == FLAT.tobytes()
    assert receiver.versions()[version].state == "quarantined"
    manifest = receiver.manifest(version)
    trusted = (manifest.origin, manifest.parent, manifest.gate, manifest.rows, manifest.learning_steps)
    assert trusted == ("imported", None, None, {}, 77)
    with pytest.raises(ModelError, match="'cornerman versions import FILE --game"):
        receiver.promote(version)
    for name in ("champion.json", "champion.previous.json"):
        (tmp_path / "receiver" / name).write_bytes(b"")
    receiver = registry_in(tmp_path / "receiver")
    assert receiver.quarantined(version), "also after a restart and a lost note"
    assert receiver.champions == (0,)
    assert play_smoke_battle(receiver, version, GAME, ENCODER).turns == 2
    receiver.promote(version)
    assert receiver.champion == 1


def test_export_writes_the_same_bytes_for_the_same_version_and_refuses_a_damaged_one(
    sender: Registry, exported: Path, tmp_path: Path
) -> None:
    export_version(sender, 0, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()
    path = tmp_path / "sender" / "versions" / "000000" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="damaged"):
        export_version(sender, 0, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"game": "chess"}, "'chess'"),
        ({"encoder_version": "other"}, "another layout"),
        ({"action_names": ["a"] * NUM_LEVELS}, "other actions"),
        ({"hidden": [16]}, "shapes"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"weights_bytes": 5}, "larger than allowed"),
        ({"weights_bytes": 2**39}, "claims"),
        ({"version": -1}, "version"),
    ],
)
def test_import_refuses_what_does_not_fit_with_the_reason(
    exported: Path, receiver: Registry, tmp_path: Path, changes: Any, says: str
) -> None:
    files = contents(exported)
    files["manifest.json"] = json.dumps({**json.loads(files["manifest.json"]), **changes}).encode()
    with pytest.raises(ModelError, match=says):
        take(receiver, zipped(tmp_path / "b.zip", files))
    assert receiver.numbers() == [0]


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "weights.safetensors/../x", "evil.py"]
)
def test_import_never_uses_names_as_paths(exported: Path, receiver: Registry, tmp_path: Path, name: str) -> None:
    zipped(exported, {**contents(exported), name: b"import os"})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelError, match="other files than"):
        take(receiver, exported)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_import_refuses_a_name_given_twice_links_and_very_many_files(receiver: Registry, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("manifest.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    names: dict[str, list[Any]] = {
        "one twice": ["manifest.json"] * 2,
        "link": [link],
        "more files than": [f"{at}" for at in range(2000)],
    }
    for says, members in names.items():
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            for member in members:
                archive.writestr(member, "/etc/passwd")
        with pytest.raises(ModelError, match=says):
            take(receiver, tmp_path / "b.zip")


@pytest.mark.parametrize("lies", [False, True])
def test_import_refuses_a_zip_bomb_before_unpacking_and_stops_one_with_a_false_size(
    exported: Path, receiver: Registry, tmp_path: Path, lies: bool
) -> None:
    files = contents(exported)
    size, files["weights.safetensors"] = len(files["weights.safetensors"]), bytes(50_000_000)
    bomb = zipped(tmp_path / "b.zip", files, zipfile.ZIP_DEFLATED)
    if lies:
        whole = bomb.read_bytes()
        bomb.write_bytes(whole.replace((50_000_000).to_bytes(4, "little"), size.to_bytes(4, "little")))
    started = time.process_time()
    with pytest.raises(ModelError, match="." if lies else "larger than allowed"):
        take(receiver, bomb)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"PK\x05\x06" + b"\0" * 18, b"\x80\x04K\x01.", b"\0" * 5000])
def test_import_of_what_is_no_zip_is_an_error_with_a_sentence(receiver: Registry, tmp_path: Path, data: Any) -> None:
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(ModelError, match="The file to import"):
        take(receiver, tmp_path / "b.zip")
    with pytest.raises(ModelError, match="missing"):
        take(receiver, tmp_path / "nowhere.zip")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_import_of_a_mutated_zip_never_brings_other_weights(
    exported: Path, receiver: Registry, tmp_path: Path, data: Any
) -> None:
    # Most of the file is weights, which their SHA-256 guards; zip records and the manifest lie at the end.
    (tmp_path / "mutated.zip").write_bytes(mutated(data, exported.read_bytes(), end=300))
    try:
        version = take(receiver, tmp_path / "mutated.zip")
    except ModelError:
        return
    assert receiver.load(version).flat.tobytes() == FLAT.tobytes()


def test_failed_smoke_battle_leaves_an_import_in_quarantine(exported: Path, receiver: Registry) -> Any:
    class Broken(DuelBattle):
        def apply(self, action: Any) -> None:
            raise ValueError("the ring collapsed")

    class BrokenDuel(Duel):
        def new_battle(self, seed: int) -> Any:
            return Broken(seed)

    version = take(receiver, exported)
    with pytest.raises(ModelError, match="the ring collapsed"):
        play_smoke_battle(receiver, version, BrokenDuel(), ENCODER)
    assert receiver.quarantined(version)


@pytest.mark.parametrize("what", ["export", "import"])
@pytest.mark.parametrize("lasting", [False, True])
def test_nothing_is_lost_whichever_file_operation_fails(
    sender: Registry, exported: Path, tmp_path: Path, what: Any, lasting: bool
) -> None:
    whole = exported.read_bytes()
    for nth in range(1, ENDLESS):
        receiver = registry_in(tmp_path / f"receiver {nth}")
        with failing(nth, lasting) as state:
            try:
                if what == "export":
                    export_version(sender, 0, exported)
                else:
                    take(receiver, exported)
            except ModelError as error:
                sentence = str(error)
                assert "No space left" in sentence
        assert exported.read_bytes() == whole
        assert not any(entry.state == "damaged" for entry in registry_in(tmp_path / f"receiver {nth}").versions())
        if not state.hit:
            return
    pytest.fail("there is no end to the file operations")


def test_second_import_of_a_version_finds_the_first_unless_that_is_damaged(
    exported: Path, receiver: Registry, tmp_path: Path
) -> None:
    assert [take(receiver, exported), take(receiver, exported)] == [1, 1]
    damage(tmp_path / "receiver" / "versions" / "000001" / "weights.safetensors", 300)
    assert [take(receiver, exported), take(receiver, exported)] == [2, 2]


@pytest.mark.parametrize("damaged", [False, True])
def test_model_in_the_imports_folder_is_offered_and_plays_or_is_refused(tmp_path: Path, damaged: bool) -> None:
    file = tmp_path / "mine" / "imports" / "friend.zip"
    with Table(RINGSIDE, tmp_path / "other", learning=False, seed=5) as other:
        flat = other.plugin.slot.champion.flat
        file.parent.mkdir(parents=True)
        export_version(other.plugin.store.registry, 0, file)
    if damaged:
        damage(file, file.stat().st_size // 2)
    with Table(RINGSIDE, tmp_path / "mine", learning=False) as table:
        plugin = table.plugin
        assert "friend.zip: press I" in plugin.metrics.notice
        plugin.controls.import_model()
        same = plugin.slot.champion.flat.tobytes() == flat.tobytes()
        assert same != damaged
        assert plugin.store.registry.champion == (0 if damaged else 1)
        assert ("was refused" in plugin.metrics.notice) == damaged
        assert file.with_name("friend.zip.refused" if damaged else "friend.zip.taken").is_file()
        table.play()


def ladder() -> Ladder:
    policies = [Policy(SPEC, draw(SPEC, np.random.default_rng(seed))) for seed in range(3)]
    rungs = [Rung(policy, 0.1 * at, 100.0 * at, 90.0 * at, 110.0 * at) for at, policy in enumerate(policies)]
    return Ladder(tuple(rungs), 1, Rung(Policy(SPEC, FLAT), points=400.0, low=390.0, high=410.0))


def test_ladder_travels_with_its_version(sender: Registry, receiver: Registry, tmp_path: Path) -> None:
    sender.save_ladder(0, ladder())
    export_version(sender, 0, tmp_path / "with.zip")
    version = import_version(receiver, IDENTITY, tmp_path / "with.zip")
    found = receiver.ladder(version)
    assert found is not None
    assert (found.first, found.top.points) == (1, 400.0)
    assert [rung.points for rung in found.rungs] == [0.0, 100.0, 200.0]
    assert [rung.policy.version for rung in found.rungs] == [-10, -11, -12]
    for rung, was in zip(found.rungs, ladder().rungs, strict=True):
        assert np.array_equal(rung.policy.flat, was.policy.flat.astype(np.float16))
    assert receiver.ladder(0) is None
    assert np.array_equal(found.top.policy.flat, FLAT)


def other_ladder(change: str) -> bytes:
    """A ladder file with one thing wrong."""
    arrays, notes = unpack(ladder_bytes(ladder()), "it")
    note = json.loads(notes["ladder"])
    if change == "rating":
        note["rated"][1]["points"] = float("1e9")
    elif change == "long rating":
        note["rated"][-1]["points"] = 10**400
    elif change == "order":
        note["rated"].reverse()
    elif change == "first":
        note["first"] = 3
    elif change == "rung":
        del arrays["rung1"]
    elif change == "network":
        arrays["rung1"] = arrays["rung1"][1:]
    elif change == "type":
        arrays["rung1"] = arrays["rung1"].astype(np.float32)
    elif change == "note":
        note["rated"] = "none"
    return pack(arrays, {"ladder": json.dumps(note)})


@pytest.mark.parametrize(
    "change", ["rating", "long rating", "order", "first", "rung", "network", "type", "note", "cut"]
)
def test_version_with_a_damaged_ladder_is_refused(
    sender: Registry, receiver: Registry, tmp_path: Path, change: str
) -> None:
    export_version(sender, 0, tmp_path / "plain.zip")
    data = other_ladder(change)[: -7 if change == "cut" else None]
    path = zipped(tmp_path / "changed.zip", {**contents(tmp_path / "plain.zip"), "ladder.safetensors": data})
    with pytest.raises(ModelError, match="ladder of the version to import"):
        import_version(receiver, IDENTITY, path)
    assert receiver.numbers() == [0]
