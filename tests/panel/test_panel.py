"""The panel shows what the report says, its text stays in its boxes, and only what changed is drawn again."""

from __future__ import annotations

import shlex
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

import pygame
import pytest

from cornerman.cli.commands.battles import add_ghost
from cornerman.panel import panel as panel_module
from cornerman.panel.pages.versions import Node, nodes_of
from cornerman.panel.panel import Panel
from cornerman.panel.panel_text import ago, now_of, rejected_of, troubles_of, verdict_of
from cornerman.panel.sheet import Sheet
from cornerman.policy.policy_slot import ON_TRIAL, OWN_FIGHTER
from tests.support.fake_panel import EMPTY, PAGES, REPORT, SMALLEST, key, opened, sentence

SIZES = (SMALLEST, (421, 700), (960, 600), (1900, 500))


def with_parts(**parts: Any) -> dict[str, Any]:
    """The full report with some tables changed."""
    return {**REPORT, **{name: {**REPORT[name], **changes} for name, changes in parts.items()}}


# -------------------------------------------------------------------------------------------------------- what it shows


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("report", [REPORT, EMPTY, {}], ids=["full", "empty", "nothing"])
def test_text_stays_inside_its_box_and_the_surface_and_covers_no_other(page: str, report: Mapping[str, Any]) -> None:
    for size in SIZES:
        panel, _plugin = opened(report, page)
        panel.answer = "Version 2 plays again, and this answer is so long that it needs more than a line of the panel."
        surface = pygame.Surface(size)
        panel.draw(surface)
        assert len(panel.written) > len(PAGES)
        for written in panel.written:
            left, top, width, height = written.rect
            box_left, box_top, box_width, box_height = written.box
            assert box_left <= left, written
            assert left + width <= box_left + box_width, written
            assert box_top - 4 <= top, written
            assert top + height <= box_top + box_height + 4, written
            assert surface.get_rect().contains(written.rect), written
        rects = [pygame.Rect(written.rect).inflate(-2, -4) for written in panel.written if written.text]
        for number, rect in enumerate(rects):
            hit = rect.collidelist(rects[number + 1 :])
            assert hit == -1, (panel.written[number], panel.written[number + 1 + hit])


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        (
            "Overview",
            [
                *(
                    "Version 3",
                    "plays, level 3 of 5, even",
                    "The computer won 56% of 41 battles, this session; likely 41% to 70%",
                ),
                *("4,300 decisions recorded since the start", "! Version 4 was damaged; version 3 plays."),
                "! Rejected: 2 x range, 1 x mask. The attack must be a finite number, not nan.",
                "3 s ago: version 3 was promoted: it won 58% of 124 paired battles",
            ],
        ),
        ("Strength", ["1,163", "tactician", "60%", "0.0123", "71%", "A candidate is judged: 62 pairs of battles."]),
        (
            "Mind",
            [
                "4 s ago: version 3 chose in battle 41, seat 1, looking ahead 640 times",
                *("mend ally, chosen +0.28 64% guard +0.22 61%", "10 more below", "strike slot 2 58%"),
                "Looking ahead took mend ally 402 times of 640; the network alone would have taken guard (value 0.24).",
            ],
        ),
        ("You", ["12 battles, 402 decisions", "61%", "50%", "Guard or mend ally: 76 times of 87", "ghost play"]),
        (
            "Versions",
            [
                *("12 1,336 2026-11-23 trained here, 30,000 steps", "5 above, 3 below", "3 plays 949"),
                "Version 3, from version 2; trained here, 7,500 steps; made 2026-11-20 09:30; rating 949; it plays.",
                "Let it play Export it Import: I Roll back: B",
            ],
        ),
        (
            "Machine",
            [
                *("Device cpu", "Training window closed, 75%", "Steps a second 820", "Steps 18,230", "4,210 of 10,000"),
                *("Processor, all 31%", "game 12%", "312 MB", "worker 84 MB", "all 8%", "Temperature not available"),
                *("while it may learn 16.7, 17.9 ms", "otherwise 16.7, 17.6 ms"),
                "The processor is at 92 C: learning rests until it is below 80 C.",
                *("Why this device: Measured 310", "a decision; under 100 us nothing else is tried."),
            ],
        ),
    ],
    ids=PAGES,
)
def test_every_figure_is_shown_on_its_page(page: str, parts: list[str]) -> None:
    shown = sentence(opened(page=page)[0])
    for part in parts:
        assert part in shown, (part, shown)


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("Overview", ["Not known who plays", "No battle finished in this session yet", "ok All is well"]),
        ("Strength", ["not known yet Loss not known yet Value accuracy not known yet", "Candidates: none was judged"]),
        ("Mind", ["No decision yet"]),
        ("You", ["Nothing learned of you yet.", "None stands out yet"]),
        ("Versions", ["No version is stored yet", "Import: I Roll back: B"]),
        ("Machine", ["Device none", "Steps a second none yet", "Temperature not available", "no such frame yet"]),
    ],
    ids=PAGES,
)
def test_what_is_not_known_is_said_to_be(page: str, parts: list[str]) -> None:
    for report in (EMPTY, {}):
        shown = sentence(opened(report, page)[0])
        for part in parts:
            assert part in shown, (part, shown)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("length", [0, 1, 2])
def test_every_page_is_drawn_with_series_of_any_length(page: str, length: int) -> None:
    cut = {name: series[:length] for name, series in REPORT["strength"].items()}
    decision = {name: REPORT["decision"][name][:length] for name in ("actions", "expects")}
    lists = {name: REPORT[name][:length] for name in ("versions", "events")}
    panel, _plugin = opened(with_parts(strength=cut, decision=decision) | lists, page)
    assert sentence(panel)


def test_page_that_cannot_be_drawn_is_left_for_the_overview() -> None:
    panel, _plugin = opened(with_parts(strength={"loss": [["three", "words"]]}), "Strength")
    with pytest.raises(TypeError, match="abs"):
        panel.draw(pygame.Surface(SMALLEST))
    assert "Version 3 plays" in sentence(panel)


LONG = "and so on, with many more words than there is room for in a panel of the least size " * 4
MANY = {
    "Overview": with_parts(plugin={"notice": f"Notice {LONG}"}, learner={"failures": 2, "dropped": 1})
    | {"events": [{"age_s": 9.0, "text": f"event {number} {LONG}"} for number in range(3)]},
    "You": with_parts(player={"habits": [f"habit {number} {LONG}" for number in range(3)]}),
    "Machine": with_parts(machine={"reasons": [f"Reason {LONG}"]}, played_by={"why": f"backend {LONG}"})
    | {"device_why": f"device {LONG}"},
}


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("Overview", ["It plays", "! Notice", "! Rejected", "! 2 learning steps", "Lately 9 s ago: event 0"]),
        ("You", ["Habit 0", "Habit 1", "Habit 2"]),
        ("Machine", ["Reason", "Why this device: device", "Decisions are computed by numpy: backend"]),
    ],
)
@pytest.mark.parametrize("answered", [False, True], ids=["", "beside a long answer"])
def test_every_paragraph_has_a_line_in_the_smallest_panel_or_is_counted(
    page: str, parts: list[str], answered: bool
) -> None:
    panel, plugin = opened(MANY[page], page)
    if answered:
        panel.answer = "asked"
        plugin.data["events"] = [{"age_s": 1.0, "text": f"event {LONG}"}]
    shown = sentence(panel)
    missing = [part for part in parts if part not in shown and "ago" not in part]
    assert not missing or (answered and f"{len(missing)} more: enlarge the window" in shown), shown
    assert "..." in shown


@pytest.mark.parametrize("size", [SMALLEST, (672, 420)], ids=str)
def test_you_shows_three_long_habits_in_full_in_a_small_window(size: tuple[int, int]) -> None:
    one, two = "where character 2's health is at most 50%", " or enemy 1 strike takes is above 40%"
    habits = [f"Act {at}, or guard: 7 times of 8 {one}{two * (at < 2)} (the computer: 2)" for at in range(3)]
    shown = sentence(opened(with_parts(player={"habits": habits}), "You")[0], size)
    assert [habit in shown for habit in habits] == [True] * 3, shown


@pytest.mark.parametrize("size", [(419, 600), (1000, 379), (200, 100), (60, 40)], ids=str)
def test_panel_below_its_least_size_asks_for_more_room_and_takes_no_input(size: tuple[int, int]) -> None:
    panel, plugin = opened()
    surface = pygame.Surface(size)
    panel.draw(surface)
    (written,) = panel.written
    assert written.text.startswith("Enlarge")
    assert "..." not in written.text
    assert surface.get_rect().contains(written.rect)
    assert key(panel, pygame.K_RETURN, pygame.K_2) == [False, False]
    assert plugin.calls == []
    panel.draw(pygame.Surface(SMALLEST))
    assert key(panel, pygame.K_RETURN) == [True]


def test_overview_says_who_plays_and_at_which_level() -> None:
    playing = with_parts(difficulty={"level": 2, "name": "easy", "note": "adaptive: no battle yet"})
    shown = sentence(opened(playing | {"playing": "level 2, easy: an earlier self; a candidate plays some"})[0])
    assert "An earlier self plays, level 2 of 5, easy" in shown
    assert "Adaptive: no battle yet." in shown
    adaptive = with_parts(difficulty={"level": 6, "name": "adaptive"})
    assert "plays, adaptive" in sentence(opened(adaptive)[0]), "the adaptive level is none of the five"
    off = with_parts(plugin={"learning": False}) | {"version": -1}
    own = sentence(opened(off | {"playing": f"{OWN_FIGHTER}; learning is off"})[0])
    assert "The game's own fighter plays, at every level" in own
    assert "The game's own fighter plays; learning is off" in own
    tried = sentence(opened(REPORT | {"playing": f"{ON_TRIAL}; version 3 in other battles", "version": -1})[0])
    assert "The candidate on trial plays, in this battle" in tried
    decision = with_parts(decision={"version": -1, "who": ON_TRIAL, "age_s": 0.0})
    assert "Now: the candidate on trial chose in battle 41" in sentence(opened(decision, "Mind")[0])


EXPECTED = {
    "battles": 3,
    "age_s": 2.0,
    "actions": [
        {"name": f"move {at}", "share": share, "taken": at == 4}
        for at, share in enumerate((0.61, 0.2, 0.1, 0.05, 0.04))
    ],
}


@pytest.mark.parametrize(
    ("changes", "title", "rows"),
    [
        (
            {"expected": EXPECTED},
            "What it expected of your last move, after 3 battles",
            "move 1 20% move 4, you did 4%",
        ),
        ({"expected": EXPECTED | {"battles": 0}}, "your last move, not knowing you", "move 0 61%"),
        ({"expected": EXPECTED | {"age_s": 9.0}}, "What it expects you to do next", "strike slot 2 58%"),
        ({"decision": None, "expected": EXPECTED}, "No decision yet", "move 3 5% move 4, you did 4%"),
    ],
    ids=["newer than look-ahead", "of a stranger", "older than look-ahead", "before a decision"],
)
def test_mind_shows_what_was_expected_of_the_last_move(changes: dict[str, Any], title: str, rows: str) -> None:
    shown = sentence(opened(REPORT | changes, "Mind")[0])
    assert title in shown
    assert rows in shown


def test_one_battle_is_no_plural() -> None:
    once = with_parts(record={"battles": 1}, player={"battles": 1, "decisions": 1}, gate={"pairs": 1})
    for page, words in (("Overview", "of 1 battle,"), ("You", "1 battle, 1 decision "), ("Strength", ": 1 pair of ba")):
        assert words in sentence(opened(once, page)[0])


@pytest.mark.parametrize("name", ["", "ann of the hill", 'Ann\'s $HOME "x"'])
def test_command_for_the_ghost_is_one_of_the_command_line(name: str) -> None:
    commands = ArgumentParser().add_subparsers()
    add_ghost(commands)
    shown = sentence(opened(with_parts(player={"name": name}), "You")[0])
    words = shlex.split(shown[shown.index("cornerman ghost") :].partition(" Forget")[0])
    options = commands.choices["ghost"].parse_args(words[2:])
    assert (options.action, options.name, options.game, str(options.data)) == ("play", name, "GAME", "FOLDER")


@pytest.mark.parametrize(("others", "compared"), [(0, False), (99, False), (100, True)])
def test_machine_says_that_there_is_nothing_to_compare_where_it_may_always_learn(others: int, compared: bool) -> None:
    times = {"p50_ms": 16.7, "p99_ms": 17.9}
    without = {**(times if others else dict.fromkeys(times)), "frames": others}
    frames = with_parts(machine={"frames": {"with": {**times, "frames": 9000}, "without": without}})
    words = "otherwise 16.7, 17.9 ms" if compared else "otherwise hardly any: here it may learn in nearly all frames"
    assert words in sentence(opened(frames, "Machine")[0])


def test_you_says_what_is_yet_to_be_learned_or_why_nothing_is() -> None:
    closed, unknown = {"open": False, "why": "other programs use the machine."}, {"foreseen": None}
    for player, window, said in (
        (unknown | {"learns": False}, {}, "Nothing is learned of you now."),
        (unknown, closed, "Nothing learned of you yet. It waits: other programs use the machine."),
        (unknown | {"unlearned": 1}, closed, "Nothing learned of you yet; 1 battle to learn. It waits: other programs"),
        ({"unlearned": 21}, {}, "12 battles, 402 decisions; 21 battles to learn"),
    ):
        assert said in sentence(opened(with_parts(player=player, window=window), "You")[0])


def test_now_says_what_it_does_or_waits_for() -> None:
    on = {"on": True, "recording": True, "learning": True}
    seen = {"recorder": {"recorded": 240}, "replay": {"fill": 210}, "learner": {"steps": 0}}
    learns = {"steps": 5, "steps_per_s": 812.4}
    for changes, words in (
        ({"plugin": {"on": False}}, "It is off: it neither records nor plays."),
        ({"recorder": {}, "replay": {}}, "It waits: nothing was recorded yet. Play a few rounds."),
        ({"recorder": {}, "replay": {}, "plugin": on | {"recording": False}}, "It waits: nothing was recorded yet. R"),
        ({"plugin": on | {"learning": False}}, "It plays; learning is off; 240 decisions recorded since the start."),
        ({"plugin": {"on": True, "learning": False, "recording": False}}, "It plays; learning and recording are off."),
        ({"window": {"open": True, "why": "between rounds"}}, "It begins to learn: 240 decisions recorded since the "
         "start, 210 in the replay buffer."),
        ({"window": {"open": True}, "replay": {"fill": 150, "needed": 200}}, "It waits for more decisions: 240 "
         "decisions recorded since the start, 150 in the replay buffer; learning needs 200 first."),
        ({"window": {"open": False, "why": "learning still loads (the device)"}}, "It waits: learning still loads (the "
         "device); 240 decisions recorded"),
        ({"gate": {"state": "judging", "pairs": 62, "score": 0.55}}, "It judges a candidate against the present version"
         ": 62 pairs of battles, 55% won."),
        ({"gate": {"state": "judging", "pairs": 3, "score": 0.5, "verdict": "no"}}, "It judges a candidate against the "
         "present version: 3 pairs of battles."),
        ({"gate": {"state": "on trial", "pairs": 12}}, "It tries a candidate, which plays some of the battles: 12 so"),
        ({"gate": {"state": "trial waits", "waits": "an older version plays"}}, "It waits to go on with the trial"),
        ({"learner": learns, "window": {"open": False, "why": "a round is being played"}}, "It waits: a round is"),
        ({"learner": learns | {"steps_to_candidate": 1360}}, "It is learning, 812 steps a second; 1,360 steps to the "),
        ({"learner": learns | {"steps_to_candidate": 0}}, "It is learning, 812 steps a second; the next candi"),
        ({"learner": {"steps": 5}}, "It is learning."),
    ):  # fmt: skip
        assert now_of({"plugin": on, **seen, **changes}).startswith(words), changes


def test_troubles_and_verdicts_are_shown_in_full() -> None:
    assert troubles_of({}) == []
    troubles = troubles_of(with_parts(learner={"failures": 2, "dropped": 1}))
    assert troubles[0] == REPORT["plugin"]["notice"]
    assert troubles[2] == "2 learning steps undone since they failed and 1 learning step dropped."
    assert rejected_of({"recorder": {"rejected": {}, "examples": {}}}) == rejected_of({}) == ""
    verdict = "Kept the champion: 52% against the champion over 400 pairs, but 31% against planner (champion 44%)."
    assert verdict_of(with_parts(gate={"state": "idle", "verdict": verdict})) == f"Last candidate: {verdict}"
    waits = {"verdict": verdict, "waits": "7 battles are too few"}
    assert verdict_of(with_parts(gate=waits)) == "A new version is not tried yet: 7 battles are too few."
    assert [ago(age) for age in (0.4, 30, 600, 7300)] == ["now", "30 s ago", "10 min ago", "2 h ago"]


# -------------------------------------------------------------------------------------------------- what is drawn again


def test_picture_is_kept_and_only_what_changed_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Counting(Sheet):
        def text(self, text: str, *arguments: Any, **more: Any) -> tuple[float, float]:
            drawn.append(text)
            return super().text(text, *arguments, **more)

    monkeypatch.setattr(panel_module, "Sheet", Counting)
    monkeypatch.setattr(panel_module, "REFRESH_S", 1e9)
    panel, plugin = opened()
    surface = pygame.Surface(SMALLEST)
    panel.draw(surface)
    kept = pygame.image.tobytes(surface, "RGB")
    plugin.data["plugin"]["recording"] = False
    drawn.clear()
    surface.fill((1, 2, 3))
    panel.draw(surface)
    assert (pygame.image.tobytes(surface, "RGB"), drawn) == (kept, []), "the report is not looked at yet"
    key(panel, pygame.K_LEFT)  # switches the plugin off
    panel.draw(surface)
    assert {"Plugin", "Recording"} <= set(drawn)
    assert not {"Learning", "Difficulty", "1 Overview"} & set(drawn)
    other = pygame.Surface((500, 400))
    panel.draw(other)
    assert "1 Overview" in drawn, "another size"
    fresh = pygame.Surface(SMALLEST)
    new = Panel(plugin, plugin.report)
    new.draw(fresh)
    panel.draw(surface)
    assert pygame.image.tobytes(surface, "RGB") == pygame.image.tobytes(fresh, "RGB"), (
        "parts drawn again leave no trace"
    )


def test_what_changes_by_itself_is_drawn_a_part_a_frame_and_at_once_where_frames_are_rare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    panel, plugin = opened()

    def shown_after(seconds: float) -> list[bool]:
        """Whether the version and the notice of the report are shown."""
        now[0] += seconds
        shown = sentence(panel)
        return [f"Version {plugin.data['version']} plays" in shown, plugin.data["plugin"]["notice"] in shown]

    def change() -> None:
        plugin.data["version"] += 1
        plugin.data["plugin"]["notice"] += " And more."

    assert shown_after(0.0) == [True, True]
    change()
    found = [shown_after(seconds) for seconds in (0.26, 0.016, 0.016)]
    assert found == [[False, False], [True, False], [True, True]]
    change()
    assert [shown_after(1.0) for _ in range(2)][-1] == [True, True]


def test_family_tree_follows_lines_of_descent() -> None:
    # 6 and 4 both come from 3; 5 was imported; 1's parent is not stored any more
    nodes = nodes_of([(6, 3), (5, None), (4, 3), (3, 1), (1, 0)])
    assert nodes == [
        Node(lane=0, joins=(), passes=(), goes_on=True),
        Node(lane=1, joins=(), passes=(0,), goes_on=False),
        Node(lane=1, joins=(), passes=(0,), goes_on=True),
        Node(lane=0, joins=(0, 1), passes=(), goes_on=True),
        Node(lane=0, joins=(0,), passes=(), goes_on=False),
    ]
