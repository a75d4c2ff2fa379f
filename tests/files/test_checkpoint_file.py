"""Checkpoint file: the learner's state between sessions survives damage and failing disks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.files.checkpoint_file import FILE_NAME, CheckpointFile
from tests.support.stored_versions import damage


def save(file: CheckpointFile, mark: int) -> None:
    file.save({"w": np.full(50, mark, np.float32), "steps": np.array(mark)}, {"mark": mark, "random": 2**127 + mark})


def mark_of(file: CheckpointFile) -> int | None:
    saved, _ = file.load()
    if saved is None:
        return None
    arrays, notes = saved
    assert notes["random"] == 2**127 + notes["mark"]
    assert float(arrays["w"][0]) == int(arrays["steps"]) == notes["mark"]
    return int(notes["mark"])


def test_a_damaged_state_gives_way_to_the_one_before_with_a_sentence(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path)
    save(file, 1)
    save(file, 2)
    assert mark_of(CheckpointFile(tmp_path)) == 2
    damage(tmp_path / FILE_NAME, -30)
    saved, sentences = file.load()
    assert saved is not None
    assert saved[1]["mark"] == 1
    assert "damaged" in sentences[0]
    file.erase()
    assert list(tmp_path.iterdir()) == [], "both copies"
    assert file.load() == (None, [])


def test_state_of_another_game_is_refused_and_the_one_before_it_fits_again(tmp_path: Path) -> None:
    first, other = CheckpointFile(tmp_path, "first"), CheckpointFile(tmp_path, "other")
    save(CheckpointFile(tmp_path), 1)
    assert mark_of(first) == 1, "one that says nothing fits any"
    save(first, 2)
    saved, sentences = other.load()
    assert saved is not None
    assert saved[1]["mark"] == 1
    assert "another game" in sentences[0]
    save(other, 3)
    assert (mark_of(first), mark_of(other)) == (2, 3)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_flipped_bit_and_no_cut_is_believed(tmp_path: Path, data: st.DataObject) -> None:
    file = CheckpointFile(tmp_path)
    file.erase()
    save(file, 1)
    whole = (tmp_path / FILE_NAME).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    (tmp_path / FILE_NAME).write_bytes(data.draw(st.sampled_from([flipped, whole[:at]])))
    saved, sentences = file.load()
    assert saved is None
    assert len(sentences) == 1
