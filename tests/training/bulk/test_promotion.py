"""Candidates of bulk training: what their versions are stored with."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.bulk_run import DECISIONS, Run, small_batches


def test_versions_that_descend_from_the_players_battles_say_so(tmp_path: Path) -> None:
    """Erasing what was learned from the player must find what bulk training made of it."""
    run = Run(tmp_path, "choosing", DECISIONS)
    registry, manifest = run.store.registry, tmp_path / "versions" / "000000" / "manifest.json"
    assert not registry.manifest(0).from_player
    manifest.write_text(json.dumps({**json.loads(manifest.read_text("utf-8")), "from_player": True}), "utf-8")
    with small_batches():
        run.digest()
    assert len(registry.numbers()) > 1, "nothing was promoted"
    assert all(registry.manifest(version).from_player for version in registry.numbers())
