"""registry.py: what is saved comes back or is refused with a sentence, nothing damaged plays, faults lose nothing."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.models.manifest import Identity, Provenance
from tests.support.failing_files import ENDLESS, failing
from tests.support.stored_versions import (
    IDENTITY,
    NOW,
    OPERATIONS,
    PASSED,
    assert_sound,
    damage,
    filled,
    flat,
    mutated,
    opened,
    path_of,
)


def test_manifest_holds_every_field_of_the_design(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    registry.save(flat(0), Provenance())
    registry.save(flat(1), Provenance(parent=0, learning_steps=400, rows={"player": 30, "plugin": 70}, gate=PASSED))
    stored = json.loads(path_of(tmp_path, 1, "manifest.json").read_text("utf-8"))
    assert stored["schema"] == 1
    expected: dict[str, Any] = {
        "game": "toy",
        "game_version": "1.0",
        "encoder_version": "layout-1",
        "action_names": list("abcde"),
    }
    expected |= {"parent": 0, "learning_steps": 400, "rows": {"player": 30, "plugin": 70}, "gate": PASSED}
    assert stored.items() >= {**expected, "created": "2023-11-14T22:13:20+00:00"}.items()
    assert stored["shapes"]["hidden0.weight"] == [18, 8]
    assert stored["plugin_version"]
    assert len(stored["sha256"]) == 64
    assert "61% against the champion" in path_of(tmp_path, 1, "card.md").read_text("utf-8")


def test_manifest_is_kept_without_battles_while_its_file_is_the_same(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    registry.save(flat(0), Provenance(gate={**PASSED, "battles": [["candidate", "champion", 1, 0, 1.0, 3, 0]]}))
    assert registry.manifest(0).gate == {name: each for name, each in PASSED.items() if name != "battles"}
    assert registry.manifest(0) is registry.manifest(0)
    path_of(tmp_path, 0, "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match="schema"):
        registry.manifest(0)


def test_save_refuses_weights_that_are_not_finite(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    poisoned = flat(0)
    poisoned[3] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        registry.save(poisoned, Provenance())
    assert registry.numbers() == []


@pytest.mark.parametrize(
    ("identity", "says"),
    [
        (Identity("chess", "1.0", "layout-1", IDENTITY.action_names, 18), "'toy'"),
        (Identity("toy", "1.0", "layout-1", IDENTITY.action_names, 19), "another layout"),
    ],
)
def test_load_refuses_versions_of_another_game_with_the_reason(tmp_path: Path, identity: Identity, says: str) -> None:
    filled(tmp_path, 1)
    with pytest.raises(ModelError, match=says):
        opened(tmp_path, identity).load(0)
    policy, sentences = opened(tmp_path, identity).load_champion()
    assert policy is None
    assert any(says in sentence for sentence in sentences)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_load_never_returns_other_weights_from_a_mutated_file(tmp_path: Path, data: Any) -> None:
    """Flip, cut, grow or overwrite: either a ModelError, or exactly the numbers that were saved."""
    if not (tmp_path / "versions").exists():
        filled(tmp_path, 1)
    name = data.draw(st.sampled_from(["weights.safetensors", "manifest.json"]))
    path = path_of(tmp_path, 0, name)
    whole = path.read_bytes()
    refusal = "the same numbers, so nothing to refuse"
    try:
        path.write_bytes(mutated(data, whole))
        policy = opened(tmp_path).load(0)
        assert policy.flat.tobytes() == flat(0).tobytes()
    except ModelError as error:
        refusal = str(error)
    finally:
        path.write_bytes(whole)
    assert 20 < len(refusal) < 500


def test_load_champion_falls_back_from_a_damaged_champion_to_its_predecessor(tmp_path: Path) -> None:
    filled(tmp_path)
    damage(path_of(tmp_path, 2, "weights.safetensors"))
    registry = opened(tmp_path)
    policy, sentences = registry.load_champion()
    assert policy is not None
    assert policy.version == registry.champion == 1
    assert any("version 2" in sentence and "damaged" in sentence for sentence in sentences)
    assert "Version 1 takes its place." in sentences
    again, sentences = opened(tmp_path).load_champion()
    assert again is not None
    assert (again.version, sentences) == (1, [])


def test_untrained_version_that_alone_is_left_is_not_said_to_take_a_champions_place(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    for values in (np.zeros_like(flat(0)), flat(1)):
        registry.promote(registry.save(values, Provenance()))
    damage(path_of(tmp_path, 1, "weights.safetensors"))
    policy, sentences = opened(tmp_path).load_champion()
    assert policy is not None
    assert (policy.version, sentences[-1]) == (0, "No trained version is left.")


def test_load_champion_returns_none_with_a_sentence_where_nothing_is_usable(tmp_path: Path) -> None:
    assert opened(tmp_path / "new" / "folder").load_champion() == (None, []), "a new folder is no fault"
    filled(tmp_path)
    for version in range(3):
        path_of(tmp_path, version, "manifest.json").unlink()
    policy, sentences = opened(tmp_path).load_champion()
    assert policy is None
    assert "starts anew" in sentences[-1]
    assert [entry.state for entry in opened(tmp_path).versions()] == ["damaged"] * 3
    (tmp_path / "new" / "versions").write_text("not a folder")
    with pytest.raises(ModelError, match="cannot be used"):
        opened(tmp_path / "new")


def test_champions_are_rebuilt_when_both_files_are_lost(tmp_path: Path) -> None:
    registry = filled(tmp_path)
    registry.save(flat(9), Provenance(parent=2, gate={"promote": False}))
    files = [tmp_path / name for name in ("champion.json", "champion.previous.json")]
    for path in files:
        path.write_bytes(b"\0\xff")
    registry = opened(tmp_path)
    assert registry.champions == (0, 1, 2)
    assert any("rebuilt" in sentence for sentence in registry.load_champion()[1])
    for path in files:
        path.unlink()
    assert opened(tmp_path).load_champion()[1] == [], "as after a kill before the first of them was written"
    assert all(path.exists() for path in files)


def test_promote_and_roll_back_keep_the_order(tmp_path: Path) -> None:
    registry = filled(tmp_path, 4)
    assert (registry.champion, registry.predecessor, registry.champions[0]) == (3, 2, 0)
    assert registry.roll_back() == 2
    assert opened(tmp_path).champions == (0, 1, 2)
    assert [entry.state for entry in registry.versions()] == ["kept", "predecessor", "champion", "rolled back"]
    registry.promote(3)
    assert (registry.champion, registry.predecessor) == (3, 2)
    registry.promote(3)
    assert registry.champions == (0, 1, 2, 3)


def test_promote_refuses_a_damaged_version(tmp_path: Path) -> None:
    registry = filled(tmp_path, 2)
    version = registry.save(flat(5), Provenance(parent=1))
    damage(path_of(tmp_path, version, "weights.safetensors"))
    with pytest.raises(ModelError, match="damaged"):
        registry.promote(version)
    assert opened(tmp_path).champion == 1


def test_prune_keeps_version_0_the_champions_and_the_newest(tmp_path: Path) -> None:
    registry = filled(tmp_path, 8)
    registry.roll_back()
    registry.roll_back()  # champion 5, predecessor 4, newest 7
    assert registry.prune(keep=3) == [1, 2, 3, 6]
    assert registry.numbers() == [0, 4, 5, 7]
    registry = opened(tmp_path)
    assert registry.champions == (0, 4, 5)
    assert registry.load_champion()[0] is not None
    assert registry.prune(keep=10) == []


def test_forget_erases_versions_learned_from_the_player_and_their_descendants(tmp_path: Path) -> None:
    registry = filled(tmp_path, 2)
    taught = registry.save(flat(2), Provenance(parent=1, rows={"player": 1, "plugin": 9}, gate=PASSED))
    child = registry.save(flat(3), Provenance(parent=taught, rows={"self-play": 9}))
    grandchild = registry.save(flat(4), Provenance(parent=child, rows={"self-play": 9}))
    flagged = registry.save(flat(5), Provenance(parent=0, from_player=True))
    orphan = registry.save(flat(6), Provenance(parent=99))  # what it learned from is unknown
    clean = registry.save(flat(7), Provenance(parent=0, rows={"self-play": 9}))
    last = registry.save(flat(8), Provenance(parent=clean, rows={"player": 1}))
    for version in (taught, child, grandchild, clean, last):
        registry.promote(version)
    (tmp_path / "versions" / ".new-000009").mkdir()
    registry.prune(keep=7)
    assert taught not in registry.numbers()
    assert registry.erase_trained_from_player() == [child, grandchild, flagged, orphan, last]
    registry = opened(tmp_path)
    assert registry.champions == (0, clean)
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == ["000000", f"{clean:06}"]
    assert registry.save(flat(9), Provenance()) == last + 1, "a number is never used twice"


def test_temporary_files_of_a_kill_are_removed_once_old(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    fresh, old = tmp_path / "versions" / ".new-000001", tmp_path / "versions" / ".new-000002"
    for folder, age_s in ((fresh, 10.0), (old, 7200.0)):
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"half")
        os.utime(folder, (NOW - age_s, NOW - age_s))
    (tmp_path / "versions" / ".gone-000003").mkdir()
    assert opened(tmp_path).numbers() == [0]
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == [".new-000001", "000000"]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_state_loads_whichever_file_operation_fails(tmp_path: Path, name: str, lasting: bool) -> None:
    """N = 1, 2, 3, ... until none is hit: a ModelError or success, and afterwards everything kept still loads."""
    template = tmp_path / "template"
    CheckpointFile(filled(template).folder).save({"x": np.arange(4)}, {"n": 0})
    for nth in range(1, ENDLESS):
        folder = tmp_path / str(nth)
        shutil.copytree(template, folder)
        registry = opened(folder)
        with failing(nth, lasting) as state, suppress(ModelError):
            OPERATIONS[name](registry)
        assert_sound(folder)
        if not state.hit:
            return
    pytest.fail("there is no end to the file operations")


@pytest.mark.parametrize(("origin", "untrained"), [("imported", 0), ("trained", 2)])
def test_number_0_is_left_for_an_untrained_version_by_an_import_alone_and_never_given_twice(
    tmp_path: Path, origin: str, untrained: int
) -> None:
    registry = opened(tmp_path)
    if origin == "trained":
        registry.save(np.zeros_like(flat(0)), Provenance())
    assert registry.save(flat(1), Provenance(origin=origin, learning_steps=9)) == 1
    if origin == "trained":
        shutil.rmtree(path_of(tmp_path, 0, "manifest.json").parent)
    assert registry.save(np.zeros_like(flat(0)), Provenance()) == untrained
