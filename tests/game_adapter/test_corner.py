"""The break between two rounds: what it says of the learning, that its text is not cut, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygame
import pytest

from cornerman.training.windows.starvation import HELD, NOT_PUMPED
from game_adapter.ringside.drawing.theme import SMALL
from game_adapter.ringside.screens.corner import LENGTH_S, LESSON_S, SETTLES_S, Corner, split_reason
from tests.support.ringside_window import FRAME_S, SIZES, VERDICT, fight, opened, plugin_of, press, shown

REASONS = (
    "between rounds; the machine is busy, so learning takes 5% of the time",
    f"between rounds. {HELD.format(share=0.09)}",
    f"while you choose. {NOT_PUMPED}",
)


def test_break_shows_the_training_window_and_ends(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    screen = fight(window, blue="cornerman", red="brawler")
    while screen.corner is None:
        window.frame(0.05)
    window.frame(FRAME_S)
    words = shown(window)
    assert "Cornerman is learning" in words
    assert "Training window open: between rounds" in words
    assert "1,234" in words
    assert screen.match.between_rounds
    corner = screen.corner
    press(window, pygame.K_SPACE)
    assert screen.corner is corner, "it settles first"
    window.frame(SETTLES_S)
    assert screen.corner is None
    assert not screen.match.between_rounds
    assert plugin_of(window).count("on_round_start") == 1
    for length_s in (LESSON_S, LENGTH_S):  # the first break that tells of a habit can be read
        unskipped = Corner(window.hall, 3)
        unskipped.update(length_s - 0.01)
        assert not unskipped.done
        unskipped.update(0.02)
        assert unskipped.done


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("why", REASONS)
def test_reason_that_holds_learning_back_is_shown_in_the_break(tmp_path: Path, size: tuple[int, int], why: str) -> None:
    window = opened(tmp_path, learning=True, size=size)
    plugin_of(window).reported["window"] = {"open": True, "why": why}
    screen = fight(window, blue="cornerman", red="brawler")
    screen.corner = Corner(window.hall, 2)
    screen.corner.update(0.5)
    window.draw()
    assert not [placed for placed in window.canvas.placed if placed.cut]
    text = shown(window)
    when, reason = split_reason(why)
    assert when in ("between rounds", "while you choose")
    assert f"Training window open: {when}" in text
    assert reason in text
    assert reason.endswith("F1 says more.") == (why.count(". ") > 1)
    drawn = next(placed for placed in window.canvas.placed if placed.text.startswith(reason[:12]))
    assert drawn.rect.height >= window.canvas.px(SMALL) * 0.6, "set too small"
    hot = "The processor is at 92 C: learning rests until it is below 80 C."
    assert split_reason(hot) == ("", hot), "one long sentence gets its own lines"


BEFORE: dict[str, Any] = {
    "plugin": {"on": True, "learning": True},
    "window": {"open": True},
    "learner": {"steps": 640, "steps_to_candidate": 360, "candidate_period": 1000},
    "practice": {"played": 11},
    "gate": {"state": "idle", "pairs": 0, "verdict": ""},
    "replay": {"fill": 90},
    "events": [],
}
NEWS = {"age_s": 3.0, "text": "Version 4 plays."}
JUDGING = {"state": "judging", "pairs": 12, "verdict": VERDICT, "score": 0.48}  # the score of the candidate before
WATCHED = "It has watched 40 turns; after some battles it knows your habits."
HELD_BACK = {"open": True, "why": REASONS[0]}
READY = {"steps": 640, "steps_to_candidate": 0, "candidate_period": 1000}
LEARNED = BEFORE["learner"] | {"steps": 704}


@pytest.mark.parametrize(
    ("changes", "seconds", "what", "words"),
    [
        ({}, 0.1, "doing", "Reading the round's turns"),
        ({}, SETTLES_S, "doing", "Nothing new to learn from yet"),
        ({"window": HELD_BACK}, SETTLES_S, "doing", "Waiting for its share of the time"),
        ({"learner": LEARNED}, 0.1, "doing", "Learning from 90 transitions"),
        ({"learner": LEARNED}, 0.1, "gained", "+64 steps"),
        ({"practice": {"played": 12}}, 0.1, "doing", "Practising: 12 headless battles so far"),
        ({"gate": JUDGING}, 0.1, "doing", "Judging a candidate: 12 pairs of battles so far"),
        ({"gate": JUDGING}, 0.1, "latest", f"Last candidate: {VERDICT}"),
        ({"events": [NEWS], "gate": {"verdict": VERDICT}}, 0.1, "latest", "Latest: Version 4 plays."),
        ({}, 0.1, "progress", ("640 of 1,000 steps to the next candidate", 0.64)),
        ({"learner": READY}, 0.1, "progress", ("The next candidate is ready and waits for its turn", 1.0)),
        ({"learner": {"steps": 0, "steps_to_candidate": None}}, 0.1, "progress", None),
        ({"plugin": {"on": True, "learning": False}}, 0.1, "headline", "learning is off"),
        ({}, 0.1, "lesson", "It has practised 11 battles by itself."),
        ({"practice": {}, "recorder": {"recorded": 40}}, 0.1, "lesson", WATCHED),
        ({"player": {"habits": ["guard", "mend"]}}, 0.1, "lesson", "You: guard."),
        ({"player": {"habits": [], "foreseen": 0.61}}, 0.1, "lesson", "It foresees 61% of your choices."),
        ({"plugin": {"on": False, "learning": True}}, 0.1, "headline", "switched off"),
    ],
)
def test_break_shows_work_gain_and_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], seconds: float, what: str, words: Any
) -> None:
    window = opened(tmp_path, learning=True)
    before = BEFORE | changes if what == "lesson" else BEFORE
    monkeypatch.setattr(window.host, "report", lambda name: before)
    corner = Corner(window.hall, 2)
    monkeypatch.setattr(window.host, "report", lambda name: BEFORE | changes)
    corner.update(seconds)
    found = getattr(corner, what)()
    assert found == words or (what == "headline" and words in found)
