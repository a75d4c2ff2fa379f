"""What the player chose in the panel holds at the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.files.preferences import FILE_NAME, Preferences, read_preferences
from cornerman.policy.difficulty import ADAPTIVE
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"recording": 1}', '{"learning": "on"}', '{"difficulty": 9}', '{"difficulty": true}'],
)
def test_a_damaged_note_is_a_sentence_and_the_settings_count(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    said: list[str] = []
    assert read_preferences(tmp_path, said.append) == Preferences()
    assert len(said) == 1
    assert said[0].endswith("The settings count.")


def test_the_panels_switches_hold_at_the_next_start_and_untouched_ones_leave_no_note(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False, difficulty=3):
        pass
    assert not (tmp_path / FILE_NAME).exists(), "the settings go on counting"
    with Table(RINGSIDE, tmp_path, learning=False, difficulty=4) as table:
        controls = table.plugin.controls
        assert table.plugin.report()["difficulty"]["level"] == 4
        controls.set_recording(False)
        controls.set_difficulty(2)
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        report = table.plugin.report()
        assert (report["plugin"]["recording"], report["difficulty"]["level"]) == (False, 2)
        assert not report["plugin"]["learning"]


def test_what_was_switched_for_a_session_alone_is_not_kept_with_another_choice(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=True, safe_mode=True, difficulty=ADAPTIVE) as table:
        assert not table.plugin.report()["plugin"]["learning"]
        table.play_as("ann", 1)
    with Table(RINGSIDE, tmp_path, learning=True, difficulty=2) as table:
        assert table.plugin.report()["plugin"]["learning"]
        assert table.plugin.report()["difficulty"]["level"] == 2, "nobody turned the dial"
        assert list(table.plugin.live.adaptive.state()) == ["player ann"]
        table.plugin.set_learning(False)  # as a host does after three failures
        table.plugin.controls.set_difficulty(3)
    with Table(RINGSIDE, tmp_path, learning=True) as table:
        assert table.plugin.report()["plugin"]["learning"]
        assert table.plugin.report()["difficulty"]["level"] == 3
