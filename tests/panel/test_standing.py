"""Standing: ratings of versions and bots, the list of versions, and the rolling share of battles won."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cornerman.models.manifest import Provenance
from cornerman.models.weights import Ladder
from cornerman.panel.standing import BATTLES_A_POINT, MOST_POINTS, rolling_share
from cornerman.policy.difficulty import Rung
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table, on_owner, promote
from tests.support.waiting import wait_for


@pytest.mark.parametrize(
    ("learning", "from_nothing"),
    [(True, True), (False, False)],
    ids=["with a trainer, an untrained version may play", "without, it may not"],
)
def test_versions_are_listed_newest_first_and_read_again_when_another_one_plays(
    tmp_path: Path, learning: bool, from_nothing: bool
) -> None:
    with Table(RINGSIDE, tmp_path, learning=learning, practice=0.0) as table:
        plugin = table.plugin
        plugin.slot.from_nothing = from_nothing
        wait_for(lambda: [each["version"] for each in plugin.report()["versions"]] == [0])
        promote(plugin, 2, {"player": 5})
        wait_for(lambda: [each["version"] for each in plugin.report()["versions"]] == [2, 1, 0])
        newest, _, oldest = plugin.report()["versions"]
        assert (newest["playing"], newest["parent"], newest["note"]) == (True, 1, "learned from your battles")
        assert (oldest["playing"], oldest["can_play"], oldest["origin"]) == (False, from_nothing, "not trained yet")
        assert oldest["note"] == "it has not learned anything" * (not from_nothing)
        plugin.controls.roll_back()
        wait_for(lambda: [each["playing"] for each in plugin.report()["versions"]] == [False, True, False])
        assert plugin.report()["versions"][0]["note"] == "rolled back; learned from your battles"
        on_owner(plugin, lambda loop: plugin.store.registry.save(plugin.slot.champion.flat, Provenance()))
        wait_for(lambda: [each["version"] for each in plugin.report()["versions"]] == [3, 2, 1, 0])
        on_owner(plugin, lambda loop: plugin.champions.prune(1))
        assert [each["version"] for each in plugin.report()["versions"]] == [3, 1, 0], "in the first report after it"


@pytest.mark.parametrize("learning", [True, False])
def test_stored_versions_are_in_the_first_report(tmp_path: Path, learning: bool) -> None:
    with Table(RINGSIDE, tmp_path, learning=learning, practice=0.0) as table:
        assert [each["version"] for each in table.plugin.report()["versions"]] == [0]
        registry = table.plugin.store.registry
        imported = Provenance(origin="imported", learning_steps=7)
        assert registry.save(table.plugin.slot.champion.flat, imported) == 1
        top = Rung(table.plugin.slot.champion, points=854.0, low=840.0, high=868.0)
        registry.save_ladder(1, Ladder((replace(top, points=100.0),), 0, top))
    with Table(RINGSIDE, tmp_path, learning=learning, practice=0.0) as table:
        first, untrained = table.plugin.report()["versions"]
        assert (first["rating"], untrained["rating"]) == (854.0, None)
        assert (first["version"], first["can_play"]) == (1, False)
        assert first["note"] == "in quarantine, until its file is imported once more and tried"


def test_ratings_of_versions_and_bots_come_from_the_history(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        plugin = table.plugin
        champion, history = plugin.slot.champion, plugin.store.history()
        version = plugin.store.registry.save(champion.flat, Provenance(parent=0, learning_steps=700))
        for _ in range(30):
            history.add_battle("evaluation", str(version), "random", 1.0, 3)
            history.add_battle("evaluation", str(version), "tactician", 0.5, 3)
            history.add_battle("live 5", str(version), "player", 0.0, 3)
        plugin.champions.promote_stored(version)
        wait_for(lambda: bool(plugin.report()["strength"]["versions"]))
        report = plugin.report()
        (rated,), bots = report["strength"]["versions"], report["strength"]["bots"]
        assert rated["version"] == version
        assert rated["low"] < rated["rating"] < rated["high"]
        assert [bot["name"] for bot in bots] == ["random", "tactician"]
        assert bots[0]["rating"] == 0.0 < bots[1]["rating"]
        assert report["versions"][0]["rating"] == rated["rating"]
        assert report["versions"][0]["origin"] == "trained here, 700 steps"


def test_rolling_share_is_of_the_last_battles_thinned_evenly() -> None:
    assert rolling_share([]) == []
    points = rolling_share([0.0] * 10 + [1.0] * BATTLES_A_POINT)
    assert [point["battles"] for point in points] == list(range(1, 31))
    assert (points[9]["share"], points[19]["share"], points[29]["share"]) == (0.0, 0.5, 1.0)
    assert all(point["low"] - 1e-9 <= point["share"] <= point["high"] + 1e-9 for point in points)
    many = rolling_share(list(np.linspace(0.0, 1.0, 2_000)))
    assert len(many) == MOST_POINTS
    assert many[-1]["battles"] == 2_000
