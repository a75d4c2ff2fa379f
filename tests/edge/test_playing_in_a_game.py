"""Playing backends in a running game: the same decisions, the hot swap, and a device that disappears in mid-battle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.edge.hef_kit import hef_name
from game_adapter.host.match import Match
from game_adapter.ringside.game import RINGSIDE
from tests.support import hailo_stand_in
from tests.support.table import Table, promote
from tests.support.waiting import wait_for

QUIET: dict[str, Any] = {"learning": False, "recording": False, "worker": "off", "look_ahead": False}


def test_onnxruntime_decides_as_numpy_does_over_a_hot_swap(tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason="the extra onnx is not installed")
    with Table(RINGSIDE, tmp_path, playing_backend="onnxruntime", **QUIET) as table:
        plugin, choose, decided = table.plugin, table.plugin.choose_action, list[int]()

        def compared(battle_id: int, seat: int, state: Any, action_mask: Any) -> int | None:
            action = choose(battle_id, seat, state, action_mask)
            seen = plugin.encoder.encode(state, seat), plugin.encoder.mask(action_mask)
            assert action == plugin.slot.champion.act(*seen, np.random.default_rng(0))
            decided.append(plugin.slot.champion.version)
            return action

        plugin.choose_action = compared  # type: ignore[method-assign]
        for _ in range(2):
            promote(plugin, 1)
            table.play()
            wait_for(lambda: plugin.backends.of(plugin.slot.champion))
            assert plugin.report()["played_by"]["backend"] == "onnxruntime"
        assert len(set(decided)) == 2
        assert "onnxruntime" in plugin.report()["played_by"]["why"]


def test_hat_that_disappears_in_mid_battle_costs_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = hailo_stand_in.install(monkeypatch)
    with Table(RINGSIDE, tmp_path, **QUIET) as table:
        promote(table.plugin, 1)
        champion = table.plugin.slot.champion
    hailo_stand_in.compile_hef(champion, tmp_path / "hef" / hef_name(champion))
    turns = list[int]()

    def pull_out(match: Match, turn: int) -> None:
        turns.append(turn)
        hardware.present = turn < 6

    with Table(RINGSIDE, tmp_path, playing_backend="hailo", **QUIET) as table:
        table.play()
        assert table.plugin.report()["played_by"]["backend"] == "hailo"
        before = table.plugin.messages()
        table.play(each_turn=pull_out)
        hardware.present = True
        table.play()
        report = table.plugin.report()
        assert max(turns) > 6
        assert (report["version"], report["played_by"]["backend"]) == (champion.version, "numpy")
        [message] = table.plugin.messages()[len(before) :]
        assert message.startswith("Decisions are computed by numpy, not by hailo: ")
        assert set(table.versions) == {champion.version}
