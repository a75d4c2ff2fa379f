"""The plugin's panel: its switches reach the controls, its text stays in its boxes, it shows what the report says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from cornerman.panel.panel import DIFFICULTY, FORGET, LEARNING, PLUGIN, RECORDING, ROLL_BACK, ROWS, Panel
from cornerman.panel.panel_text import ago, figures_of, habits_of, messages_of, rejected_of, state_of
from tests.support.fake_panel import EMPTY, REPORT, FakePlugin

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
pygame = pytest.importorskip("pygame")

SIZES = ((420, 380), (500, 400), (620, 540), (1040, 900), (960, 600), (421, 700))


def opened(report: Mapping[str, Any] = REPORT) -> tuple[Panel, FakePlugin]:
    plugin = FakePlugin(report)
    return Panel(plugin, plugin.report), plugin


def key(panel: Panel, *keys: int) -> list[bool]:
    return [panel.event(pygame.event.Event(pygame.KEYDOWN, key=each)) for each in keys]


def words(panel: Panel) -> str:
    return " | ".join(written.text for written in panel.written)


def sentence(panel: Panel) -> str:
    return " ".join(written.text for written in panel.written)


def figures(report: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value, _mood in figures_of(report)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "61% of your moves"),
        ({"foreseen": None, "habits": []}, "no battle of yours yet"),
        ({"learns": False}, "nothing is learned of you"),
    ],
    ids=["known", "unknown", "off"],
)
def test_panel_says_how_much_of_the_player_is_foreseen(change: Mapping[str, Any], says: str) -> None:
    report = {**REPORT, "player": {**REPORT["player"], **change}}
    assert figures(report)["Foresees"] == says
    told = [line for line in habits_of(report) if line.startswith("You: guard or mend ally: 76 times of 87")]
    assert len(told) == ("habits" not in change)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("report", [REPORT, EMPTY, {}], ids=["full", "empty", "nothing"])
def test_text_stays_inside_its_box_and_the_surface_and_covers_no_other(
    size: tuple[int, int], report: Mapping[str, Any]
) -> None:
    panel, _plugin = opened(report)
    panel.answer = "Version 2 plays again, and this answer is long enough to need more than one line in a small panel."
    surface = pygame.Surface(size)
    panel.draw(surface)
    assert len(panel.written) > 20
    for written in panel.written:
        left, top, width, height = written.rect
        box_left, box_top, box_width, box_height = written.box
        assert box_left <= left, written
        assert left + width <= box_left + box_width, written
        assert box_top - 4 <= top, written
        assert top + height <= box_top + box_height + 4, written
        assert surface.get_rect().contains(written.rect), written

    rects = [pygame.Rect(written.rect).inflate(-2, -8) for written in panel.written if written.text]
    for i, rect in enumerate(rects):
        hit = rect.collidelist(rects[i + 1 :])
        assert hit == -1, (panel.written[i], panel.written[i + 1 + hit])


def test_every_figure_is_shown() -> None:
    panel, _plugin = opened()
    panel.draw(pygame.Surface((620, 540)))
    shown = words(panel)
    for part in (
        "3, changed 2 times", "4,210 of 10,000", "3 records", "18,230 (820/busy s)", "0.0123", "71%",
        "56% (41% to 70%)",
        "judging, 62 pairs, 55%", "| Device | cpu |", "Device: Measured 310 learning steps a second",
        "31%, 312 MB", "not available", "open, between rounds", "even",
        "Rejected: 2 x range, 1 x mask.", "version 3 was promoted", "61% of your moves", "Version 4 was damaged",
    ):  # fmt: skip
        assert part in shown, part

    panel.draw(pygame.Surface(SIZES[0]))
    shown = sentence(panel)
    assert "Rejected: 2 x range, 1 x mask. The attack must be a finite number, not nan." in shown
    assert rejected_of({"recorder": {"rejected": {}, "examples": {}}}) == rejected_of({}) == ""


def test_unknown_figures_are_shown_as_unknown() -> None:
    expected = {"Plays": "not known", "Win rate": "no battle yet", "Temperature": "not available"}
    assert figures(EMPTY).items() >= {**expected, "Loss": "none yet", "Device": "none"}.items()
    assert figures({"version": -1, "playing": "the game's own fighter; 7 watched"})["Plays"] == "the game's own fighter"
    plays = [figures({"version": 1, "swaps": swaps})["Plays"] for swaps in (0, 1)]
    assert plays == ["version 1", "version 1, changed 1 time"]
    assert figures({"machine": {"temperature_c": 61.4}})["Temperature"] == "61 °C"
    assert [ago(age) for age in (0.4, 30, 600, 7300)] == ["now", "30 s ago", "10 min ago", "2 h ago"]


def with_parts(**parts: Any) -> dict[str, Any]:
    """The full report with some tables changed."""
    return {**REPORT, **{name: {**REPORT[name], **changes} for name, changes in parts.items()}}


def test_verdict_is_shown_in_full() -> None:
    verdict = "Kept the champion: 52% against the champion over 400 pairs, but 31% against planner (champion 44%)."
    report = with_parts(gate={"state": "idle", "verdict": verdict, "pairs": 400, "score": 0.52})
    assert figures(report)["Candidate"] == "Kept the champion, 52%"
    judging = with_parts(gate={"state": "judging", "verdict": "Kept the champion: no.", "pairs": 3, "score": 0.31})
    assert figures(judging)["Candidate"] == "judging, 3 pairs", "the score was the last candidate's"
    panel, _plugin = opened(report)
    for size in ((620, 540), (960, 600), (640, 420)):
        panel.draw(pygame.Surface(size))
        shown = sentence(panel)
        assert f"Last candidate: {verdict}" in shown
        assert "Kept the champion, 52%" in shown
    told = with_parts(gate={"verdict": verdict}) | {"events": [{"age_s": 1.0, "text": f"Oh. {verdict}"}]}
    assert all(verdict not in message for message in messages_of(told)), "the event has it"
    waiting = messages_of(with_parts(gate={"verdict": verdict, "waits": "7 battles are too few"}))
    assert "The next candidate waits: 7 battles are too few." in waiting


def test_long_device_reason_stands_below_the_figures() -> None:
    why = "between rounds; the machine is busy, so learning takes 5% of the time"
    panel, _plugin = opened(with_parts(window={"why": why}))
    panel.draw(pygame.Surface((620, 540)))
    shown = sentence(panel)
    assert "open, between rounds" in [written.text for written in panel.written]
    assert f"Training window open: {why}." in shown
    hot = "The processor is at 92 C: learning rests until it is below 80 C."
    resting = with_parts(window={"open": False, "why": hot})
    assert ("Training", "closed, learning rests", "quiet") in figures_of(resting)
    assert f"Training window closed: {hot}" in messages_of(resting)
    held = {"why": f"between rounds. {REPORT['plugin']['notice']}"}
    assert all("Training" not in message for message in messages_of(with_parts(window=held))), "the notice has it"


FAILURES = (
    "A xpu device was found but a trial step failed, so it learns on the CPU: no kernel image is available.",
    "The cuda device failed, so learning goes on on the CPU: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 "
    "has a total capacity of 7.79 GiB of which 11.25 MiB is free. Process 1234 has 6.80 GiB memory in use. Of the "
    "allocated memory 6.51 GiB is allocated by PyTorch, and 96.07 MiB is reserved by PyTorch but unallocated.",
)


@pytest.mark.parametrize("why", [REPORT["device_why"], *FAILURES], ids=["measured", "trial", "fault"])
@pytest.mark.parametrize("size", [SIZES[0], (620, 540), (960, 600)], ids=str)
def test_device_reason_is_shown_in_full(size: tuple[int, int], why: str) -> None:
    report = {**REPORT, "device_why": why, "events": [{"age_s": 5.0, "text": why}, *REPORT["events"]]}
    panel, _plugin = opened(with_parts(recorder={"rejected": {}}, plugin={"notice": ""}) | {"device_why": why})
    panel.draw(pygame.Surface(size))
    shown = sentence(panel)
    assert f"Device: {why}" in shown
    panel, plugin = opened(report)
    panel.draw(pygame.Surface((620, 900)))
    assert sentence(panel).count(why) == 1, "the event says no more"
    plugin.data["plugin"]["notice"] = why
    panel.draw(pygame.Surface((620, 900)))
    assert sentence(panel).count(why) == 1, "nor does the notice"


def test_panel_says_what_learning_waits_for() -> None:
    on = {"on": True, "recording": True, "learning": True}
    seen = {"recorder": {"recorded": 240}, "replay": {"fill": 210}, "learner": {"steps": 0}}
    decisions = "240 decisions recorded since the start, 210 in the replay buffer."
    for changes, words in (
        ({"plugin": {"on": False}}, "The plugin is off: it neither records nor plays."),
        ({"recorder": {}, "replay": {}}, "Nothing was recorded yet. Play a few rounds."),
        ({"recorder": {}, "replay": {}, "plugin": on | {"recording": False}}, "Nothing was recorded yet. Recording"),
        ({"recorder": {}, "replay": {}, "plugin": on | {"learning": False}}, "Nothing was recorded since the start. L"),
        ({}, f"{decisions} Learning has yet to begin: it waits for a training window, or for more decisions."),
        ({"plugin": on | {"learning": False}}, f"{decisions} Learning is off."),
        ({"gate": {"state": "judging"}}, f"{decisions} A candidate is being judged."),
        ({"learner": {"steps": 5, "steps_to_candidate": 1360}}, f"{decisions} 1,360 steps to the next candidate."),
        ({"learner": {"steps": 5, "steps_to_candidate": 0}}, f"{decisions} The next candidate waits its turn."),
        ({"learner": {"steps": 5}}, decisions),
    ):
        assert state_of({"plugin": on, **seen, **changes}).startswith(words), changes


def test_keys_reach_every_control() -> None:
    panel, plugin = opened()
    panel.draw(pygame.Surface((420, 380)))
    space, down, right, left = pygame.K_SPACE, pygame.K_DOWN, pygame.K_RIGHT, pygame.K_LEFT
    assert all(key(panel, space, down, pygame.K_RETURN, down, right, down, right, left, left, left, left))
    assert plugin.calls == [
        ("on", False),
        ("recording", False),
        ("learning", True),
        *(("difficulty", level) for level in (4, 3, 2, 1, 1)),
    ]
    plugin.calls.clear()
    key(panel, down, down, space)
    assert plugin.calls == [("roll back", None)]
    panel.draw(pygame.Surface((420, 380)))
    assert "Version 2 plays again." in words(panel)

    assert key(panel, pygame.K_b) == [True], "roll-back is one key wherever the focus is"
    assert plugin.calls == [("roll back", None)] * 2


def test_forget_asks_for_confirmation() -> None:
    panel, plugin = opened()
    key(panel, *[pygame.K_DOWN] * FORGET, pygame.K_SPACE)
    assert plugin.calls == []
    panel.draw(pygame.Surface((420, 380)))
    assert "Really?" in words(panel)
    key(panel, pygame.K_UP, pygame.K_DOWN, pygame.K_SPACE)
    assert plugin.calls == [], "moving away takes the question back"
    assert key(panel, pygame.K_ESCAPE) == [True]
    assert key(panel, pygame.K_ESCAPE) == [False], "the second Esc is the menu's"
    key(panel, pygame.K_SPACE, pygame.K_SPACE)
    assert plugin.calls == [("forget", None)]
    panel.draw(pygame.Surface((420, 380)))
    assert "Everything was forgotten." in words(panel)


def test_mouse_hits_rows_in_a_part_of_the_window() -> None:
    panel, plugin = opened()
    window = pygame.Surface((960, 600))
    panel.draw(window.subsurface(pygame.Rect(300, 90, 560, 460)))
    places = {written.text: written.rect for written in panel.written}

    def click(text: str, share: float = 0.5) -> bool:
        left, top, width, height = places[text]
        at = (300 + left + int(width * share), 90 + top + height // 2)
        assert panel.event(pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)))
        return panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1))

    for row in (PLUGIN, RECORDING, LEARNING, ROLL_BACK, FORGET, FORGET):
        assert click(ROWS[row])
    click("even", 1.0)  # the right end of the dial's line
    assert plugin.calls == [
        ("on", False),
        ("recording", False),
        ("learning", True),
        ("roll back", None),
        ("forget", None),
        ("difficulty", 5),
    ]
    assert panel.row == DIFFICULTY
    assert not panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(5, 5), button=1))
    assert not panel.event(pygame.event.Event(pygame.KEYUP, key=pygame.K_SPACE))
