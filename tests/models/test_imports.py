"""A model dropped into the imports folder is offered, checked, tried and plays; a bad one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornerman.models.exchange import export_version
from cornerman.panel.controls import Controls
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table


@pytest.mark.parametrize("damaged", [False, True])
def test_a_dropped_model_is_offered_and_plays_or_is_refused(tmp_path: Path, damaged: bool) -> None:
    with Table(RINGSIDE, tmp_path / "other", learning=False, seed=5) as other:
        flat = other.plugin.slot.champion.flat
        file = tmp_path / "mine" / "imports" / "friend.zip"
        file.parent.mkdir(parents=True)
        export_version(other.plugin.registry, 0, file)
    if damaged:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 4
        file.write_bytes(data)
    with Table(RINGSIDE, tmp_path / "mine", learning=False) as table:
        plugin = table.plugin
        assert "friend.zip: press I" in plugin.notice
        Controls(plugin).take_in()
        same = plugin.slot.champion.flat.tobytes() == flat.tobytes()
        assert same != damaged
        assert plugin.registry.champion == (0 if damaged else 1)
        assert ("was refused" in plugin.notice) == damaged
        assert file.with_name("friend.zip.refused" if damaged else "friend.zip.taken").is_file()
        table.play()
