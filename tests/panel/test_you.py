"""The page You: what is not known, and why there is no habit, in words that fit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_panel import REPORT, SMALLEST, opened, sentence


@pytest.mark.parametrize("size", [SMALLEST, (960, 640)], ids=str)
@pytest.mark.parametrize(
    ("player", "parts"),
    [
        ({"champion_foresees": None}, ["by the computer alone it has learned nothing yet", "None stands out yet"]),
        ({"foreseen": 1.0, "champion_foresees": 0.97}, ["as the computer would in your place: that foresees 97%"]),
        ({"foreseen": 0.45, "champion_foresees": 0.44}, ["44%", "None stands out yet"]),
        ({"foreseen": 0.9, "champion_foresees": 0.6}, ["60%", "None stands out yet"]),
    ],
)
def test_you_says_why_there_is_no_habit(player: dict[str, Any], parts: list[str], size: tuple[int, int]) -> None:
    shown = sentence(opened(REPORT | {"player": REPORT["player"] | {"habits": []} | player}, "You")[0], size)
    assert [part for part in parts if part not in shown] == [], shown
