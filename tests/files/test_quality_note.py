"""What was rejected in the last session can be read afterwards, by `cornerman doctor` above all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.files.quality_note import FILE_NAME, QualityNote, quality_lines
from tests.support.recordings import Bench
from tests.support.sample_states import duel_state


def noted(folder: Path) -> str:
    return "\n".join(quality_lines(folder))


def spoilt() -> Bench:
    """A recorder of a battle with faults."""
    bench = Bench()
    bench.begin()
    bench.turn(0)
    bench.turn(0, duel_state(1, "sick", 3))
    bench.turn(0, action=99)
    bench.turn(0, duel_state(1, "ill", 3))
    bench.end()
    bench.turn(0)
    return bench


def test_write_when_more_was_rejected_and_at_the_end(tmp_path: Path) -> None:
    note, bench, path = QualityNote(tmp_path), Bench(), tmp_path / FILE_NAME
    note.write(bench.recorder.quality(), ending=True)
    assert not path.exists()  # nothing was recorded: what is known of the last session stays
    bench = spoilt()
    note.write(bench.recorder.quality())
    path.unlink()
    note.write(bench.recorder.quality())
    assert not path.exists()
    bench.recorder.recorded += 5
    note.write(bench.recorder.quality())
    assert not path.exists()
    note.write(bench.recorder.quality(), ending=True)
    assert f"{bench.recorder.recorded} decisions recorded" in noted(tmp_path)
    path.unlink()
    bench.turn(0)
    note.write(bench.recorder.quality())
    assert path.exists()


def test_lines_count_clamped_numbers_abandoned_battles_and_other_actions(tmp_path: Path) -> None:
    counts = {"recorded": 7, "rejected": {"mask": 2}, "abandoned": 2, "not_as_chosen": 3}
    counts |= {"clamped": {"health": 4}, "examples": {"health": "health is -900 of 100.", "mask": "It is empty."}}
    QualityNote(tmp_path).write(counts)
    assert "7 decisions recorded in the last session, 2 events rejected" in noted(tmp_path)
    assert "2 x mask: It is empty." in noted(tmp_path)
    assert "4 x health: health is -900 of 100." in noted(tmp_path)
    assert "2 battles never ended" in noted(tmp_path)
    assert "3 times the game played another action" in noted(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recorded": 1, "rejected": 5, "examples": {}}', '{"recorded"'])
def test_a_damaged_note_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    (line,) = quality_lines(tmp_path)
    assert line.endswith(".")


def test_erased_it_is_gone_and_a_folder_that_cannot_be_written_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note, bench = QualityNote(tmp_path), spoilt()
    note.write(bench.recorder.quality())
    note.erase()
    note.erase()
    bench.recorder.forget()
    assert bench.recorder.quality()["examples"] == bench.recorder.quality()["rejected"] == {}
    note.write(bench.recorder.quality(), ending=True)
    assert list(tmp_path.iterdir()) == []
    assert "nothing was recorded yet" in noted(tmp_path)
    missing, counts = QualityNote(tmp_path / "missing"), spoilt().recorder.quality()
    for _ in range(3):  # once a battle
        missing.write(counts)
    assert caplog.text.count("could not be written") == 1
    missing.write(counts, ending=True)
    assert caplog.text.count("could not be written") == 2
