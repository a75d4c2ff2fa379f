"""The break between two rounds: what it says of the learning, that its text is not cut, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygame
import pytest

from cornerman.training.starvation import HELD, NOT_PUMPED
from game_adapter.ringside.drawing.theme import SMALL
from game_adapter.ringside.screens.corner import LENGTH_S, SETTLES_S, Corner, split_reason
from tests.support.ringside_window import FRAME_S, SIZES, VERDICT, fight, opened, plugin_of, press, shown

REASONS = (
    "between rounds; the machine is busy, so learning takes 5 % of the time",
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


def test_reason_of_one_long_sentence_gets_its_own_lines() -> None:
    hot = "The processor is at 92 C: learning rests until it is below 80 C."
    assert split_reason(hot) == ("", hot)
    assert split_reason("a round is being played") == ("a round is being played", "")


def test_break_shows_work_gain_and_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = opened(tmp_path, learning=True)
    before: dict[str, Any] = {
        "window": {"open": True},
        "learner": {"steps": 640, "steps_to_candidate": 360, "candidate_period": 1000},
        "practice": {"played": 11},
        "gate": {"state": "idle", "pairs": 0, "verdict": ""},
        "replay": {"fill": 90},
        "events": [],
    }

    def corner(**changes: Any) -> Corner:
        monkeypatch.setattr(window.host, "report", lambda name: before)
        made = Corner(window.hall, 2)
        monkeypatch.setattr(window.host, "report", lambda name: before | changes)
        made.update(0.1)
        return made

    still = corner()
    assert (still.doing(), still.gained()) == ("Reading the round's turns", "")
    still.update(SETTLES_S)
    assert still.doing() == "Nothing new to learn from yet"
    assert "up to date" in still.headline()
    held = corner(window={"open": True, "why": REASONS[0]})
    held.update(SETTLES_S)
    assert held.doing() == "Waiting for its share of the time"
    assert held.headline().endswith("waits")
    assert still.progress() == ("640 of 1,000 steps to the next candidate", 0.64)
    assert still.latest() == ""
    learning = corner(learner=before["learner"] | {"steps": 704})
    assert (learning.doing(), learning.gained()) == ("Learning from 90 transitions", "+64 steps")
    assert "is learning" in learning.headline()
    alone = corner(learner={"steps": 704}, replay={"fill": 0})
    assert alone.doing() == "Learning from its practice battles"
    practising = corner(practice={"played": 12})
    assert practising.doing() == "Practising: 12 headless battles so far"
    assert practising.gained() == "+1 practice battle"
    judging = corner(gate={"state": "judging", "pairs": 12, "verdict": VERDICT, "score": 0.48})
    assert judging.doing() == "Judging a candidate: 12 pairs of battles so far"
    assert "48" not in judging.doing(), "the score of the candidate before"
    assert judging.latest() == f"Last candidate: {VERDICT}"
    news = {"age_s": 3.0, "text": "Version 4 plays."}
    assert corner(events=[news], gate={"verdict": VERDICT}).latest() == "Latest: Version 4 plays."
    assert corner(events=[news | {"age_s": 90.0}]).latest() == "Latest: Version 4 plays."
    ready = corner(learner={"steps": 1, "steps_to_candidate": 0, "candidate_period": 1000}).progress()
    assert ready == ("The next candidate is ready and waits for its turn", 1.0)
    assert corner(learner={"steps": 0, "steps_to_candidate": None}).progress() is None
    monkeypatch.setattr(window.host, "report", lambda name: {"window": {"open": True}})
    assert Corner(window.hall, 2).doing() == "Filling the replay buffer: 0 transitions so far"


def test_break_lasts_its_time_unless_skipped(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    corner = Corner(window.hall, 2)
    corner.update(LENGTH_S - 0.01)
    assert not corner.done
    corner.update(0.02)
    assert corner.done


def test_headline_names_what_the_plugin_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = opened(tmp_path, learning=True)
    opening = {"window": {"open": True}, "learner": {"steps": 5}, "plugin": {"on": True, "learning": True}}
    for changes, words in (
        ({}, "reviews the round"),
        ({"gate": {"state": "judging"}}, "tests a candidate"),
        ({"learner": {"steps": 0}}, "recording"),
        ({"window": {"open": False}}, "waits"),
        ({"plugin": {"on": True, "learning": False}}, "learning is off"),
        ({"plugin": {"on": False, "learning": True}}, "switched off"),
    ):
        report = opening | changes
        monkeypatch.setattr(window.host, "report", lambda name, report=report: report)
        assert words in Corner(window.hall, 2).headline()
    monkeypatch.setattr(window.host, "report", lambda name: None)
    assert "a moment's rest" in Corner(window.hall, 2).headline()
