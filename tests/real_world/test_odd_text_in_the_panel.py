"""Kind 2: text that cannot be drawn or encoded, on its way to the panel, the report and the files at the end."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cornerman.panel.panel import Panel
from cornerman.training.metrics import Metrics
from tests.support.choosing import Choosing
from tests.support.fake_panel import REPORT, FakePlugin
from tests.support.table import Table

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
pygame = pytest.importorskip("pygame")

ODD = [
    "half a pair \ud83d",
    "a NUL \0 in it",
    "\udcff from a file name",
    "a\nbreak\x1b[31m",
    "\uffff\ufffe",
    "x" * 100_000,
    "مرحبا 日本語 👾",
    " ",
    "\u200b",  # no width
]


def with_text_everywhere(report: Any, text: str) -> Any:
    """A report whose every text is this one."""
    if isinstance(report, dict):
        return {key: with_text_everywhere(value, text) for key, value in report.items()}
    if isinstance(report, list):
        return [with_text_everywhere(value, text) for value in report]
    return text if isinstance(report, str) else report


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("size", [(420, 380), (960, 600)], ids=str)
def test_panel_draws_whatever_text_a_report_holds(text: str, size: tuple[int, int]) -> None:
    report = with_text_everywhere(copy.deepcopy(REPORT), text)
    report["recorder"]["rejected"] = {text: 2}
    panel = Panel(FakePlugin(report), lambda: report)
    for page in range(6):
        panel.event(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_1 + page))
        panel.answer = text
        panel.draw(pygame.Surface(size))
        for written in panel.written:
            written.text.encode()
            assert min(written.text, default=" ") >= " "


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_say_cleans_its_text(text: str) -> None:
    metrics = Metrics()
    metrics.say(text)
    metrics.event(text)
    for cleaned in (metrics.notice, *metrics.messages(), *(event["text"] for event in metrics.events())):
        assert "\0" not in cleaned
        cleaned.encode()
    metrics.notice = text
    metrics.notice.encode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folder names that are no text")
@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", "Café 日本語".encode(), b"a\nb\x01"])
def test_data_folder_of_any_name_is_played_in_said_drawn_and_saved(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "settings.toml").write_text("dificulty = 2\n")
    with Table(Choosing(), folder, warmup_fraction=0.0) as table:
        assert "Did you mean difficulty?" in table.plugin.metrics.notice
        table.plugin.on_draw(pygame.Surface((960, 600)))
        table.play(20, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0
        json.dumps(table.plugin.report()).encode()
    assert (folder / "resume.safetensors").is_file()
    assert (folder / "quality.json").is_file()
    with Table(Choosing(), folder) as again:
        assert again.on_owner(lambda loop: loop.updates.steps) > 0
        assert len({item.battle_id for item in again.handed_over}) == 20
    (folder / "battles.sqlite").write_bytes(b"ruined")
    with Table(Choosing(), folder, learning=False) as table:
        ruined = [sentence for sentence in table.plugin.messages() if "battles" in sentence]
        assert len(ruined) == 1
        assert ruined[0].isprintable()
