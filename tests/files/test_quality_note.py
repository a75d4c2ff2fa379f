"""What was rejected in the last session can be read afterwards, by `cornerman doctor` above all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cornerman.files.quality_note import FILE_NAME, QualityNote, quality_lines
from tests.support.recordings import Bench


def noted(folder: Path) -> str:
    return "\n".join(quality_lines(folder))


def counted(recorded: int = 0, **rejected: int) -> dict[str, Any]:
    """As `Recorder.quality` gives it."""
    empty = Bench().recorder.quality()
    counts = {"recorded": recorded, "rejected": rejected, "examples": dict.fromkeys(rejected, "It is empty.")}
    assert counts.keys() <= empty.keys()
    return {**empty, **counts}


def test_write_when_more_was_rejected_and_at_the_end(tmp_path: Path) -> None:
    note, path, written = QualityNote(tmp_path), tmp_path / FILE_NAME, []
    for counts, ending in (
        (counted(), True),  # nothing was recorded: what is known of the last session stays
        (counted(1, mask=1), False),
        (counted(1, mask=1), False),
        (counted(6, mask=1), False),
        (counted(6, mask=1), True),
        (counted(6, mask=2), False),
    ):
        note.write(counts, ending)
        written.append(path.exists())
        path.unlink(missing_ok=True)
    assert written == [False, True, False, False, True, True]


def test_lines_count_clamped_numbers_abandoned_battles_and_other_actions(tmp_path: Path) -> None:
    counts, more = counted(7, mask=2), {"abandoned": 2, "not_as_chosen": 3, "clamped": {"health": 4}}
    assert more.keys() <= counts.keys()
    counts |= more
    counts["examples"] |= {"health": "health is -900 of 100.", "not as chosen": "In battle 4, it did."}
    QualityNote(tmp_path).write(counts)
    assert "7 decisions recorded in the last session, 2 events rejected" in noted(tmp_path)
    assert "2 x mask: It is empty." in noted(tmp_path)
    assert "4 x health: health is -900 of 100." in noted(tmp_path)
    assert "2 battles never ended" in noted(tmp_path)
    assert "3 times the game played another action than was chosen. In battle 4, it did." in noted(tmp_path)
    QualityNote(tmp_path).write(counts | {"abandoned": 1})
    assert "1 battle never ended and was abandoned" in noted(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recorded": 1, "rejected": 5, "examples": {}}', '{"recorded"'])
def test_a_damaged_note_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    (line,) = quality_lines(tmp_path)
    assert line.endswith(".")


def test_erased_it_is_gone_and_a_folder_that_cannot_be_written_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note = QualityNote(tmp_path)
    note.write(counted(1))
    note.erase()
    note.erase()
    note.write(counted(), ending=True)
    assert list(tmp_path.iterdir()) == []
    assert "nothing was recorded yet" in noted(tmp_path)
    missing = QualityNote(tmp_path / "missing")
    for ending, lines in ((False, 1), (False, 1), (True, 2)):  # once a battle
        missing.write(counted(1, mask=1), ending)
        assert caplog.text.count("could not be written") == lines
