"""Kind 7: whatever fails inside on_quit, the rest of it still happens: files are closed, the lock is released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cornerman.experience.event_queue import EventQueue
from cornerman.files import preferences
from cornerman.files.checkpoint_file import FILE_NAME
from cornerman.files.quality_note import QualityNote
from cornerman.models.history import History
from cornerman.plugin import Cornerman
from cornerman.training.service import TrainingService
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import NO_GATE, Table

FAILING: dict[str, tuple[Any, str]] = {
    "abandoning a battle": (EventQueue, "abandon"),
    "stopping the trainer": (TrainingService, "stop"),
    "keeping what was recorded": (EventQueue, "items"),
    "the counts": (QualityNote, "write"),
    "the history": (History, "close"),
    "the switches": (preferences, "replace_file"),
}


@pytest.mark.parametrize("learning", [False, True], ids=["without a trainer", "with one"])
@pytest.mark.parametrize("what", FAILING)
def test_quit_does_the_rest_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, learning: bool
) -> None:
    table = Table(RINGSIDE, tmp_path, learning=learning)
    plugin = table.plugin
    plugin.controls.set_difficulty(2)
    table.play(1)
    if learning:
        table.on_owner(lambda loop: None)  # the trainer has loaded, and written the switches
    match = table.match()
    match.play(match.decide())
    if not learning:
        plugin.store.history()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"no {what} today")

    with monkeypatch.context() as patch:
        patch.setattr(*FAILING[what], fail)
        with pytest.raises(RuntimeError, match="today"):
            plugin.on_quit()
    if plugin.training.running:
        plugin.on_quit()
    with Table(RINGSIDE, tmp_path, learning=False) as again:
        assert not again.plugin.store.read_only, "the lock was released"
        written = learning or what != "the switches"  # a trainer wrote them when they were changed
        assert again.plugin.switches.level == (2 if written else 5)
        stored = len({item.battle_id for item in again.handed_over})
        assert stored >= 1, "the battle that was over is there"


@pytest.mark.parametrize(
    "error", [OverflowError("int too big to convert"), MemoryError(), OSError(28, "No space left")]
)
def test_quit_saves_what_was_learned_though_the_last_events_cannot_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with Table(RINGSIDE, tmp_path, training_window="always", **NO_GATE) as table:
        table.play(2, settle=True)
        (tmp_path / FILE_NAME).unlink(missing_ok=True)
        match = table.match()
        match.play(match.decide())

        def fail(*_: object) -> int:
            raise error

        table.on_owner(lambda loop: monkeypatch.setattr(loop.experience, "take_live", fail))
    assert (tmp_path / FILE_NAME).is_file()
    monkeypatch.undo()
    with Table(RINGSIDE, tmp_path) as again:
        assert again.on_owner(lambda loop: loop.updates.steps) > 0


def test_quit_of_a_plugin_that_never_loaded_is_silent(tmp_path: Path) -> None:
    Cornerman().on_quit()
    assert not any(tmp_path.iterdir())
