"""Kind 2: text of a game that cannot be drawn or encoded is cleaned once where it enters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import DataError, ModelError, printable
from cornerman.files.quality_note import quality_lines
from tests.support.sample_states import TallDuel, duel_state
from tests.support.table import Table

ODD = [
    "half a pair \ud83d",
    "a NUL \0 in it",
    "\x1b[31mred",
    "a\nbreak",
    "\udcff from a file name",
    "\ue000 private",
    "",
]


class Failing(TallDuel):
    """A game whose own code fails with this text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def encode(self, state: Any, seat: int) -> list[float]:
        raise RuntimeError(self._text)


def drawable(text: str) -> bool:
    """Whether it can be encoded and holds nothing that a font cannot draw."""
    return text.encode() is not None and not any(ord(character) < 32 for character in text)


@pytest.mark.parametrize("text", ODD)
def test_an_error_text_of_the_game_reaches_every_place_cleaned(tmp_path: Path, text: str) -> None:
    with Table(Failing(text), tmp_path, learning=False) as table:
        plugin, state = table.plugin, duel_state()
        plugin.on_battle_start(1, {0: "plugin", 1: "player"})
        assert plugin.choose_action(battle_id=1, seat=0, state=state, action_mask=[True] * 3) is None
        assert drawable(plugin.metrics.notice)
        plugin.on_turn(1, 0, state, [True] * 3, 0, state)
        plugin.on_battle_end(1, {0: 1, 1: -1})
        report = plugin.report()
        assert report["recorder"]["rejected"] == {"encode": 1}
        assert all(drawable(sentence) for sentence in report["recorder"]["examples"].values())
        assert all(drawable(sentence) for sentence in plugin.messages())
    lines = quality_lines(tmp_path)
    assert any("encode failed with RuntimeError" in line for line in lines)
    assert all(drawable(line) for line in lines)


@pytest.mark.parametrize("text", ODD)
def test_every_sentence_of_an_error_is_printable(text: str) -> None:
    for error in (ModelError(text), DataError("reason", f"It says {text}.")):
        assert drawable(str(error))
        assert str(error) == printable(str(error))
    assert printable("Drachentöter \u00a0 火 🔥\u200d🛡️") == "Drachentöter \u00a0 火 🔥\u200d🛡️"
