"""Every key, click and button of a gamepad reaches what it is for, and nothing else."""

from __future__ import annotations

from typing import Any

import pygame
import pytest

from cornerman.panel import panel as panel_module
from tests.support.fake_panel import PAGES, REPORT, key, opened, sentence

LARGER = (960, 600)


def test_keys_turn_pages_and_come_round() -> None:
    panel, _plugin = opened()
    last = pygame.K_1 + len(PAGES) - 1
    for pressed, page in ((pygame.K_2, 1), (pygame.K_KP_4, 3), (pygame.K_TAB, 4), (last, -1), (pygame.K_TAB, 0)):
        assert key(panel, pressed) == [True]
        assert panel.shown[0] == PAGES[page]
    key(panel, pygame.K_TAB, mod=pygame.KMOD_LSHIFT)
    assert panel.shown[0] == PAGES[-1]
    assert key(panel, pygame.K_9, pygame.K_w) == [False, False]


def test_keys_reach_every_control_of_the_overview() -> None:
    panel, plugin = opened()
    space, down, right, left = pygame.K_SPACE, pygame.K_DOWN, pygame.K_RIGHT, pygame.K_LEFT
    assert all(key(panel, space, down, pygame.K_RETURN, down, right, down, right, left, left, left, left, space))
    assert plugin.calls == [
        ("on", False),
        ("recording", False),
        ("learning", True),
        *(("difficulty", level) for level in (4, 3, 2, 1, 1, 2)),
    ]
    assert key(panel, down, pygame.K_UP) == [True, True]
    assert panel.shown == ("Overview", "difficulty")


def test_import_and_roll_back_are_a_key_on_every_page() -> None:
    for page in PAGES:
        panel, plugin = opened(page=page)
        assert key(panel, pygame.K_b, pygame.K_i) == [True, True]
        assert plugin.calls == [("roll back", None), ("import", None)]
        assert "The model was imported." in sentence(panel)


def test_answer_gives_way_to_the_event_that_shows_how_a_command_came_out() -> None:
    panel, plugin = opened(page="Versions")
    key(panel, pygame.K_b)
    assert "Version 2 plays again." in sentence(panel)
    plugin.data["events"].insert(0, {"age_s": 0.0, "text": "Version 2 was damaged; version 1 plays."})
    key(panel, pygame.K_UP)
    shown = sentence(panel)
    assert "Version 2 was damaged; version 1 plays." in shown
    assert "Version 2 plays again." not in shown
    key(panel, pygame.K_1, pygame.K_5)
    assert "Version 2 was damaged" not in sentence(panel), "turning the page clears it"


def test_buttons_are_there_in_every_frame_and_do_not_jump_as_events_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_module, "REFRESH_S", 0.0)
    panel, plugin = opened(page="Versions")
    key(panel, pygame.K_b)
    surface = pygame.Surface((420, 380))

    def button() -> int:
        panel.draw(surface)
        return next(written.rect[1] for written in panel.written if written.text == "Import: I")

    tops = [button()]
    for words in (40, 1, 40):
        plugin.data["events"].insert(0, {"age_s": 0.0, "text": "Candidate " * words})
        tops += [button(), button()]
    assert tops[0] > tops[1]
    assert len(set(tops[1:])) == 1
    key(panel, pygame.K_1, pygame.K_5)
    assert button() == tops[0]


@pytest.mark.parametrize(
    ("name", "keys", "asks", "call", "says"),
    [
        ("bob", [], "Really? Again: 40 battles of bob", ("forget player", "bob"), "This player was forgotten."),
        ("", [], "Really? Again: 40 battles of this player", ("forget player", ""), "This player was forgotten."),
        ("", [pygame.K_RIGHT], "Really? Again: forget all", ("forget", None), "Everything was forgotten."),
    ],
    ids=["player", "without a name", "all"],
)
def test_forget_asks_for_confirmation(name: str, keys: list[int], asks: str, call: tuple[str, Any], says: str) -> None:
    panel, plugin = opened({**REPORT, "player": {**REPORT["player"], "name": name}}, page="You")
    key(panel, *keys, pygame.K_SPACE)
    assert plugin.calls == []
    assert asks in sentence(panel, LARGER)
    key(panel, pygame.K_TAB, pygame.K_4, pygame.K_SPACE)
    assert plugin.calls == [], "turning the page takes the question back"
    assert key(panel, pygame.K_ESCAPE) == [True]
    assert key(panel, pygame.K_ESCAPE) == [False], "the second Esc is the menu's"
    key(panel, pygame.K_SPACE, pygame.K_LEFT, pygame.K_RIGHT, pygame.K_SPACE)
    assert plugin.calls == [], "so does another focus"
    key(panel, pygame.K_SPACE)
    assert plugin.calls == [call]
    assert says in sentence(panel)


def test_forget_asks_anew_where_another_player_sits_down_before_the_second_press() -> None:
    panel, plugin = opened({**REPORT, "player": {**REPORT["player"], "name": "ann"}}, page="You")
    key(panel, pygame.K_SPACE)
    plugin.data["player"]["name"] = "bob"
    key(panel, pygame.K_SPACE)
    assert plugin.calls == []
    assert "40 battles of bob" in sentence(panel, LARGER)


def test_ghosts_command_is_named_where_a_player_is_known() -> None:
    for battles, named in ((12, True), (0, False)):
        panel, _ = opened({**REPORT, "player": {**REPORT["player"], "habits": [], "battles": battles}}, page="You")
        assert ("cornerman ghost play" in sentence(panel, LARGER)) is named


def test_question_stays_under_the_mouse_where_a_long_answer_was_shown_before() -> None:
    panel, plugin = opened(page="You")
    panel.answer = "a long answer " * 12
    plugin.data["events"] = []
    surface = pygame.Surface((420, 380))
    panel.draw(surface)
    x, y, *_ = next(written.rect for written in panel.written if written.text == "Forget all that was learned")
    for _ in range(2):
        panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(x + 9, y + 5), button=1))
        panel.draw(surface)
    assert plugin.calls == [("forget", None)]


def test_chosen_version_plays_or_is_exported_and_buttons_roll_back_and_import() -> None:
    panel, plugin = opened(page="Versions")
    key(panel, pygame.K_UP, pygame.K_UP, pygame.K_SPACE, pygame.K_RIGHT, pygame.K_RETURN)
    assert plugin.calls == [("promote", 5), ("export", 5)]
    assert "Version 5 is in exports." in sentence(panel)
    key(panel, pygame.K_DOWN, pygame.K_LEFT, pygame.K_SPACE)
    shown = sentence(panel)
    assert "Version 4 cannot play: damaged: its checksum does not fit." in shown
    assert "It cannot play" in shown
    assert "Let it play" not in shown
    plugin.calls.clear()
    key(panel, pygame.K_LEFT, pygame.K_SPACE, pygame.K_LEFT, pygame.K_SPACE)
    assert plugin.calls == [("roll back", None), ("import", None)]


def test_list_of_versions_scrolls_to_the_chosen_one_and_takes_clicks() -> None:
    panel, plugin = opened(page="Versions")
    assert "3 plays" in sentence(panel), "the one that plays is in sight"
    key(panel, *[pygame.K_UP] * 30)
    assert "17 1,551" in sentence(panel)
    row = next(written.rect for written in panel.written if written.text == "15")
    assert panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(row[0] + 2, row[1] + 5), button=1))
    assert "Version 15, from version 14" in sentence(panel)
    key(panel, *[pygame.K_DOWN] * 30)
    assert "Version 0; shipped with the game" in sentence(panel)
    plugin.data["versions"] = plugin.data["versions"][:3]
    assert "Version 17, from version 16" in sentence(opened(plugin.data, "Versions")[0])


def test_mouse_reaches_tabs_and_controls_in_a_part_of_the_window() -> None:
    panel, plugin = opened()
    part = pygame.Surface((960, 600)).subsurface(pygame.Rect(300, 90, 560, 460))

    def click(text: str, share: float = 0.5) -> bool:
        panel.draw(part)
        left, top, width, height = next(written.rect for written in panel.written if written.text == text)
        at = (300 + left + int(width * share), 90 + top + height // 2)
        assert panel.event(pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)))
        return panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1))

    for text in ("Plugin", "Recording", "Learning", "Learning"):
        assert click(text)
    assert click("even", 1.0)  # the right end of the dial
    assert plugin.calls == [
        ("on", False),
        ("recording", False),
        ("learning", True),
        ("learning", False),
        ("difficulty", 6),
    ]
    assert panel.shown == ("Overview", "difficulty")
    assert click(f"{len(PAGES)} {PAGES[-1]}")
    assert panel.shown[0] == PAGES[-1]
    assert click("1 Overview")
    assert not panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(5, 5), button=1))
    assert not panel.event(pygame.event.Event(pygame.KEYUP, key=pygame.K_SPACE))


def test_gamepad_moves_presses_and_turns_pages() -> None:
    panel, plugin = opened()

    def send(kind: int, **more: Any) -> bool:
        return panel.event(pygame.event.Event(kind, instance_id=0, **more))

    assert send(pygame.JOYHATMOTION, hat=0, value=(0, -1))
    assert not send(pygame.JOYHATMOTION, hat=0, value=(0, 0))
    assert panel.shown[1] == "recording"
    for value, moves in ((0.2, False), (0.7, True), (1.0, False), (0.5, False), (0.1, False), (0.7, True)):
        assert send(pygame.JOYAXISMOTION, axis=1, value=value) == moves, value
    assert panel.shown[1] == "difficulty"
    assert send(pygame.JOYAXISMOTION, axis=0, value=-0.9)
    assert send(pygame.JOYBUTTONDOWN, button=11)
    assert send(pygame.JOYBUTTONDOWN, button=0)
    assert plugin.calls == [("difficulty", 2), ("learning", True)]
    assert send(pygame.JOYBUTTONDOWN, button=5)
    assert panel.shown[0] == PAGES[1]
    key(panel, pygame.K_4)
    assert send(pygame.JOYBUTTONDOWN, button=0)
    assert send(pygame.JOYBUTTONDOWN, button=1), "takes the question back"
    assert not send(pygame.JOYBUTTONDOWN, button=1)
    assert send(pygame.JOYBUTTONDOWN, button=9)
    assert panel.shown[0] == PAGES[2]
    assert not send(pygame.JOYBUTTONDOWN, button=7)


def test_list_of_actions_scrolls_by_arrows_and_wheel() -> None:
    panel, _plugin = opened(page="Mind")
    assert "mend ally, chosen" in sentence(panel)
    key(panel, pygame.K_DOWN)
    panel.event(pygame.event.Event(pygame.MOUSEWHEEL, y=-1))
    shown = sentence(panel)
    assert "mend ally, chosen" not in shown
    assert "2 more above" in shown
    key(panel, *[pygame.K_DOWN] * 30)
    shown = sentence(panel)
    assert "yield" in shown
    assert "below" not in shown
    key(panel, *[pygame.K_UP] * 30)
    assert "mend ally, chosen" in sentence(panel)
    assert "more" not in sentence(panel, (421, 900)), "there is room for all of them"
