"""A game that offers hooks alone: its own fighter plays, whoever wins is imitated, and a candidate earns its place."""

from __future__ import annotations

from pathlib import Path

from cornerman.contract import CANDIDATE
from tests.studies.measures.hooks_only import HooksOnly, series
from tests.support.local_training import local_plugin


def test_weak_fighter_is_replaced_by_what_imitates_its_player(tmp_path: Path) -> None:
    """What it must be worth is measured by `make study ONLY=harm`; here, that all of it works together."""
    played = series("brawler", "tactician", 150, 0, tmp_path)
    assert played["versions"][:20] == [-1] * 20, "the game's own fighter plays"
    assert played["versions"][-1] >= 1, played["events"]
    won = [outcome > 0 for outcome in played["won"]]
    assert sum(won[-50:]) >= sum(won[:50]) + 8


def test_candidate_plays_whole_battles_and_only_where_the_champion_would(tmp_path: Path) -> None:
    plugin, _ = local_plugin(HooksOnly(), tmp_path, device="cpu")
    champion = plugin.slot.champion
    plugin.champions.try_out(type(champion)(champion.spec, champion.flat + 0.01, CANDIDATE), 1.0)
    plugin.on_battle_start(1, {0: "player", 1: "plugin"})
    assert plugin.live.tries(1)
    plugin.champions.try_out(None)
    plugin.on_battle_start(2, {0: "player", 1: "plugin"})
    assert not plugin.live.tries(2)
    plugin.on_quit()
