"""exchange.py: versions travel whole; what strangers send can only become numbers in quarantine, or a sentence."""

from __future__ import annotations

import io
import json
import os
import stat
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import export_version, import_version, play_smoke_battle
from cornerman.models.manifest import Identity, Provenance
from cornerman.models.registry import Registry
from cornerman.policy.q_network import NetworkSpec, draw
from game_adapter.ringside.game import RINGSIDE
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle
from tests.support.failing_files import ENDLESS, failing
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


def take(receiver: Registry, path: Path) -> int:
    return import_version(receiver, IDENTITY, path)


# -------------------------------------------------------------------------------------------------------- the good way


def test_exported_version_is_imported_whole_into_quarantine(exported: Path, receiver: Registry) -> None:
    version = take(receiver, exported)
    assert version == 1
    assert receiver.load(version).flat.tobytes() == FLAT.tobytes()
    assert receiver.versions()[version].state == "quarantined"
    with pytest.raises(ModelError, match="smoke battle"):
        receiver.promote(version)
    assert receiver.champion == 0
    assert play_smoke_battle(receiver, version, GAME, ENCODER, seed=1).turns == 2
    receiver.promote(version)
    assert receiver.champion == 1


def test_quarantine_survives_a_restart_and_a_lost_note(exported: Path, receiver: Registry, tmp_path: Path) -> None:
    version = take(receiver, exported)
    assert registry_in(tmp_path / "receiver").quarantined(version)
    for name in ("champion.json", "champion.previous.json"):
        (tmp_path / "receiver" / name).write_bytes(b"")
    again = registry_in(tmp_path / "receiver")
    assert again.quarantined(version)
    assert version not in again.champions


def test_import_takes_over_only_trusted_fields(exported: Path, receiver: Registry) -> None:
    manifest = receiver.manifest(take(receiver, exported))
    assert (manifest.origin, manifest.parent, manifest.gate) == ("imported", None, None)
    assert manifest.rows == {}
    assert manifest.learning_steps == 77


def test_import_reads_a_folder_like_a_zip(sender: Registry, receiver: Registry, tmp_path: Path) -> None:
    version = take(receiver, tmp_path / "sender" / "versions" / "000000")
    assert receiver.load(version).flat.tobytes() == FLAT.tobytes()


def test_import_reads_a_compressed_zip(exported: Path, receiver: Registry, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported) as plain, zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as squeezed:
        for name in plain.namelist():
            squeezed.writestr(name, plain.read(name))
    assert take(receiver, tmp_path / "b.zip") == 1


def test_export_writes_the_same_bytes_for_the_same_version(sender: Registry, exported: Path, tmp_path: Path) -> None:
    export_version(sender, 0, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_export_refuses_a_damaged_version(sender: Registry, tmp_path: Path) -> None:
    path = tmp_path / "sender" / "versions" / "000000" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="damaged"):
        export_version(sender, 0, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


# ------------------------------------------------------------------------------------------------------------ hostile


def repacked(exported: Path, path: Path, **changes: object) -> Path:
    """The exported version with `changes` to its manifest, its SHA-256 kept."""
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(path, "w") as new:
        manifest = {**json.loads(old.read("manifest.json")), **changes}
        new.writestr("manifest.json", json.dumps(manifest))
        new.writestr("weights.safetensors", old.read("weights.safetensors"))
    return path


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
        ({"schema": 2}, "newer"),
        ({"version": -1}, "version"),
    ],
)
def test_import_refuses_what_does_not_fit_with_the_reason(
    exported: Path, receiver: Registry, tmp_path: Path, changes: Any, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        take(receiver, repacked(exported, tmp_path / "b.zip", **changes))
    assert receiver.numbers() == [0]


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "weights.safetensors/../x", "evil.py"]
)
def test_import_never_uses_names_as_paths(exported: Path, receiver: Registry, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(tmp_path / "champion.zip.new", "w") as new:
        for member in ("manifest.json", "weights.safetensors"):
            new.writestr(member, old.read(member))
        new.writestr(name, "import os")
    (tmp_path / "champion.zip.new").replace(exported)
    with pytest.raises(ModelError, match="other files than"):
        take(receiver, exported)
    assert sorted(tmp_path.rglob("*")) == before


def test_import_refuses_a_name_given_twice(exported: Path, receiver: Registry, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        new.writestr("manifest.json", old.read("manifest.json"))
        with pytest.warns(UserWarning, match="Duplicate"):
            new.writestr("manifest.json", old.read("manifest.json"))
    with pytest.raises(ModelError, match="one twice"):
        take(receiver, tmp_path / "b.zip")


def test_import_refuses_links_in_a_zip_and_in_a_folder(
    sender: Registry, exported: Path, receiver: Registry, tmp_path: Path
) -> None:
    link = zipfile.ZipInfo("manifest.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelError, match="link"):
        take(receiver, tmp_path / "b.zip")
    folder = tmp_path / "folder"
    folder.mkdir()
    try:
        os.symlink(tmp_path / "sender" / "versions" / "000000" / "manifest.json", folder / "manifest.json")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(ModelError, match="link"):
        take(receiver, folder)


def test_import_refuses_a_zip_bomb_before_unpacking(exported: Path, receiver: Registry, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("manifest.json", old.read("manifest.json"))
        bomb.writestr("weights.safetensors", b"\0" * 50_000_000)
    started = time.process_time()
    with pytest.raises(ModelError, match="larger than allowed"):
        take(receiver, tmp_path / "b.zip")
    assert time.process_time() - started < 0.5


def test_import_stops_unpacking_a_zip_bomb_with_a_false_size(
    exported: Path, receiver: Registry, tmp_path: Path
) -> None:
    with zipfile.ZipFile(exported) as old:
        manifest, size = old.read("manifest.json"), old.getinfo("weights.safetensors").file_size
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("manifest.json", manifest)
        bomb.writestr("weights.safetensors", b"\0" * 50_000_000)
    lying = packed.getvalue().replace((50_000_000).to_bytes(4, "little"), size.to_bytes(4, "little"))
    (tmp_path / "b.zip").write_bytes(lying)
    with pytest.raises(ModelError):
        take(receiver, tmp_path / "b.zip")


def test_import_does_not_read_a_zip_of_very_many_files(receiver: Registry, tmp_path: Path) -> None:
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for at in range(2000):
            archive.writestr(f"{at}", "")
    (tmp_path / "b.zip").write_bytes(many.getvalue())
    with pytest.raises(ModelError, match="more files than"):
        take(receiver, tmp_path / "b.zip")


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"PK\x05\x06" + b"\0" * 18, b"\x80\x04K\x01.", b"\0" * 5000])
def test_import_of_what_is_no_zip_is_an_error_with_a_sentence(receiver: Registry, tmp_path: Path, data: Any) -> None:
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(ModelError, match="The file to import"):
        take(receiver, tmp_path / "b.zip")


def test_import_of_a_missing_path_is_an_error_with_a_sentence(receiver: Registry, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing"):
        take(receiver, tmp_path / "nowhere.zip")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_import_of_a_mutated_zip_never_brings_other_weights(
    exported: Path, receiver: Registry, tmp_path: Path, data: Any
) -> None:
    whole = exported.read_bytes()
    # Most of the file is weights, which their SHA-256 guards; draw places in zip records and the manifest as often.
    at = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(len(whole) - 300, len(whole) - 1)))
    kind = data.draw(st.sampled_from(["flip", "cut", "splice"]))
    if kind == "flip":
        mutated = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    elif kind == "cut":
        mutated = whole[:at]
    else:
        mutated = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 8)) :]
    (tmp_path / "mutated.zip").write_bytes(mutated)
    try:
        version = take(receiver, tmp_path / "mutated.zip")
    except ModelError:
        return
    assert receiver.load(version).flat.tobytes() == FLAT.tobytes()


# ------------------------------------------------------------------------------------------------------------- faults


def test_failed_smoke_battle_leaves_an_import_in_quarantine(exported: Path, receiver: Registry) -> Any:
    class Broken(DuelBattle):
        def apply(self, action: Any) -> None:
            raise ValueError("the ring collapsed")

    class BrokenDuel(Duel):
        def new_battle(self, seed: int) -> Any:
            return Broken(seed)

    version = take(receiver, exported)
    with pytest.raises(ModelError, match="the ring collapsed"):
        play_smoke_battle(receiver, version, BrokenDuel(), ENCODER, seed=1)
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


# --------------------------------------------------------------------------------------- by way of the imports folder


@pytest.mark.parametrize("damaged", [False, True])
def test_model_in_the_imports_folder_is_offered_and_plays_or_is_refused(tmp_path: Path, damaged: bool) -> None:
    file = tmp_path / "mine" / "imports" / "friend.zip"
    with Table(RINGSIDE, tmp_path / "other", learning=False, seed=5) as other:
        flat = other.plugin.slot.champion.flat
        file.parent.mkdir(parents=True)
        export_version(other.plugin.store.registry, 0, file)
    if damaged:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 4
        file.write_bytes(data)
    with Table(RINGSIDE, tmp_path / "mine", learning=False) as table:
        plugin = table.plugin
        assert "friend.zip: press I" in plugin.metrics.notice
        plugin.controls.take_in()
        same = plugin.slot.champion.flat.tobytes() == flat.tobytes()
        assert same != damaged
        assert plugin.store.registry.champion == (0 if damaged else 1)
        assert ("was refused" in plugin.metrics.notice) == damaged
        assert file.with_name("friend.zip.refused" if damaged else "friend.zip.taken").is_file()
        table.play()
