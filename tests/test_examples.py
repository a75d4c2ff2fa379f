"""The minimal game under examples/: it runs, its opponent decides, F1 opens the panel; documents show it as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dropped_plugins import run_python
from tests.support.minimal_game import EXAMPLE, PLAY
from tests.support.paths import ROOT
from tests.support.ringside_runs import link_in


def test_minimal_game_is_short_and_shown_as_it_is() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert len(text.splitlines()) <= 60
    assert f"```python\n{text}```" in (ROOT / "docs/integrate.md").read_text("utf-8")
    assert "examples/minimal_game.py" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("plugins", [True, False], ids=["with the plugin", "without a plugin"])
def test_minimal_game_plays_and_f1_opens_the_panel(tmp_path: Path, plugins: bool) -> None:
    if plugins:
        link_in(tmp_path)
    said = run_python(tmp_path, PLAY, str(EXAMPLE), *["cornerman"] * plugins)
    assert " failed in " not in said
    assert (tmp_path / "data/cornerman/champion.json").is_file() == plugins
