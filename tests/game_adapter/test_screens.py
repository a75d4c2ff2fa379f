"""The window: every screen at three sizes, whole battles by keys and by mouse, faults, the frame's duties."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pygame
import pytest

from game_adapter.ringside.battle import GUARD, NUM_ACTIONS
from game_adapter.ringside.drawing.canvas import Rect
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.preferences import TEXT_SIZES, Preferences
from game_adapter.ringside.roster import SHAPES, roster
from game_adapter.ringside.screens import title as title_rows
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.commands import SKILLS, Commands
from game_adapter.ringside.screens.menus import (
    FORGET,
    LEVEL,
    SPEED,
    TEXT_SIZE,
    VOLUME,
    HelpScreen,
    PauseScreen,
    SettingsScreen,
)
from game_adapter.ringside.screens.result import SETTLES_S, ResultScreen
from game_adapter.ringside.screens.screen import GHOST
from game_adapter.ringside.screens.title import FIGHT, TitleScreen
from game_adapter.ringside.screens.tutorial import SENTENCES
from game_adapter.ringside.turn import Story, Turn
from tests.support.ringside_scenes import all_screens, faults, finished
from tests.support.ringside_window import (
    FRAME_S,
    click,
    fight,
    opened,
    plugin_of,
    press,
    shown,
    wait_for_player,
)

LONG = pytest.mark.long
WINDOWS = [
    (672, 420),
    (1000, 900),
    (1280, 720),
    *(pytest.param(size, marks=LONG) for size in ((960, 600), (3840, 2160))),
]
TEXTS = [0, pytest.param(1, marks=LONG), 2]


@pytest.mark.parametrize("text", TEXTS, ids=[name for name, _ in TEXT_SIZES])
@pytest.mark.parametrize("size", WINDOWS, ids=str)
def test_every_screen_keeps_its_text_inside_its_boxes(tmp_path: Path, size: tuple[int, int], text: int) -> None:
    window = opened(tmp_path, learning=True, size=size)
    window.hall.preferences.text = text
    for name, screen in all_screens(window):
        window.screen = screen
        assert not faults(window), name


def test_every_fighter_has_a_picture_of_its_own_in_every_pose() -> None:
    sprites = Sprites()
    seen = set()
    for entry in roster().fighters.values():
        for pose in ("idle", "guard", "charge", "strike", "hurt", "win", "fallen"):
            seen.add(pygame.image.tobytes(sprites.fighter(entry.sprite, pose), "RGBA"))
    assert len(seen) == 7 * len(roster().fighters)
    assert sprites.ring() is not None
    assert sprites.messages == []


def test_ghost_of_the_player_can_be_fought_once_cornerman_knows_the_player(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    plugin_of(window).reported["player"] = {"battles": 2}
    assert GHOST not in window.hall.opponents()
    plugin_of(window).reported["player"] = {"battles": 3}
    assert window.hall.opponents()[:2] == ["cornerman", GHOST]
    screen = fight(window, blue=GHOST, red="brawler")
    assert screen.match.seats == {0: "scripted", 1: "scripted"}
    for _ in range(3_000):
        window.frame(0.1)
        if plugin_of(window).ghost_moves > 1:
            return
    raise AssertionError("the ghost does not move")


def test_a_whole_battle_by_keys_from_title_to_rematch(tmp_path: Path) -> None:
    window = opened(tmp_path)
    assert isinstance(window.screen, TitleScreen)
    press(window, pygame.K_UP, pygame.K_DOWN, pygame.K_RETURN)
    screen = window.screen
    assert isinstance(screen, BattleScreen)
    assert plugin_of(window).calls[0][0] == "on_battle_start"
    assert plugin_of(window).calls[0][1]["seats"] == {0: "player", 1: "scripted"}
    for _ in range(400):
        if window.screen is not screen:
            break
        if screen.players_turn:
            press(window, pygame.K_5, pygame.K_1, pygame.K_RETURN)
        else:
            press(window, pygame.K_SPACE)  # skips what is only shown
            window.frame(0.05)
    assert isinstance(window.screen, ResultScreen)
    assert screen.match.over
    assert plugin_of(window).count("on_battle_end") == 1
    assert plugin_of(window).count("on_round_end") == plugin_of(window).count("on_round_start") + 1
    assert len(window.hall.results) == 1
    for _ in range(12):
        window.frame(0.05)
    press(window, pygame.K_RETURN)
    again = window.screen
    assert isinstance(again, BattleScreen)
    assert again is not screen
    assert [f.name for f in again.battle.fighters] == [f.name for f in screen.battle.fighters]
    window.close()
    assert plugin_of(window).count("on_quit") == 1


def test_battle_by_mouse_alone(tmp_path: Path) -> None:
    window = opened(tmp_path)
    window.draw()
    for key in ("Other fighters: R", "Full speed: F", "Sound: M", "Help: ?", "Debug menu: F1"):
        assert key in shown(window), key
    title = window.screen
    assert isinstance(title, TitleScreen)
    click(window, title.rows.boxes[FIGHT])
    screen = window.screen
    assert isinstance(screen, BattleScreen)
    random = Random(1)
    chosen = set()
    for _ in range(600):
        if window.screen is not screen:
            break
        if not screen.players_turn:
            click(window, Rect(4, 70, 4, 4))
            window.frame(0.05)
            continue
        legal = [skill for skill in range(len(SKILLS)) if screen.commands.legal(skill)]
        skill = random.choice(legal)
        chosen.add(SKILLS[skill][0])
        click(window, screen.commands.button(window.canvas, skill))
        if screen.players_turn and screen.commands.aiming:
            target = random.choice(screen.commands.targets())
            click(window, screen.stage.body(window.canvas, target))
    assert isinstance(window.screen, ResultScreen)
    assert {"strike", "heavy", "guard", "charge"} <= chosen
    window.close()


def test_every_legal_action_can_be_chosen_and_only_those() -> None:
    """Over many moments of battles, the keys reach exactly the legal actions."""
    random = Random(2)
    for seed in range(6):
        battle = RINGSIDE.new_battle(seed, random.choice(SHAPES))
        for _ in range(25):
            if battle.outcome is not None:
                break
            reached: set[int | None] = set()
            for skill in range(len(SKILLS)):
                commands = Commands(battle)
                action = commands.key(pygame.K_1 + skill)
                if commands.aiming:
                    for _target in commands.targets():
                        reached.add(commands.action())
                        commands.key(pygame.K_RIGHT)
                elif action is not None:
                    reached.add(action)
                else:
                    assert commands.warning
            mask = battle.action_mask()
            assert reached == {action for action in range(NUM_ACTIONS) if mask[action]}
            battle.apply(random.choice([action for action, legal in enumerate(mask) if legal]))


def test_pause_stops_the_battle_and_leads_back_to_help_settings_and_the_title(tmp_path: Path) -> None:
    window = opened(tmp_path)
    screen = fight(window)
    wait_for_player(window, screen)
    press(window, pygame.K_1)
    assert screen.commands.aiming
    press(window, pygame.K_ESCAPE)
    assert not screen.commands.aiming
    for back in (pygame.K_p, pygame.K_ESCAPE):
        time_s = screen.stage.time_s
        press(window, pygame.K_p)
        window.frame(5.0)
        assert isinstance(window.screen, PauseScreen)
        assert screen.stage.time_s == time_s, "nothing moves"
        press(window, back)
        assert window.screen is screen
    press(window, pygame.K_ESCAPE, pygame.K_DOWN, pygame.K_DOWN, pygame.K_RETURN)
    assert isinstance(window.screen, HelpScreen)
    press(window, pygame.K_x, pygame.K_UP, pygame.K_RETURN)
    assert isinstance(window.screen, SettingsScreen)
    press(window, pygame.K_ESCAPE, pygame.K_DOWN, pygame.K_DOWN, pygame.K_RETURN)
    assert isinstance(window.screen, TitleScreen)
    ends = [arguments for hook, arguments in plugin_of(window).calls if hook == "on_battle_end"]
    assert [end["truncated"] for end in ends] == [True]


@pytest.mark.parametrize("by", ["keys", "mouse"])
def test_settings_count_at_once_and_are_kept(tmp_path: Path, by: str) -> None:
    path = tmp_path / "preferences.json"
    window = opened(tmp_path, learning=True, preferences=Preferences.read(path))
    settings = SettingsScreen(window.hall, window.screen)
    window.screen = settings
    window.frame(FRAME_S)

    def change(row: int, times: int) -> None:
        settings.rows.focus = row
        for _ in range(times):
            box = settings.rows.boxes[row]
            press(window, pygame.K_RIGHT) if by == "keys" else click(window, Rect(box.right - 30, box.top, 20, 40))

    for row, times in ((VOLUME, 2), (SPEED, 1), (TEXT_SIZE, 1), (LEVEL, 2)):
        change(row, times)
    assert (window.hall.sounds.volume, window.hall.speed, window.canvas.letters) == (0.9, 2.0, 1.15)
    assert plugin_of(window).reported["difficulty"]["level"] == 4
    assert Preferences.read(path) == window.hall.preferences
    if by == "keys":
        press(window, pygame.K_DOWN, pygame.K_RETURN, pygame.K_RETURN)  # the first answer keeps it
    else:
        click(window, settings.rows.boxes[FORGET])
        click(window, Rect(0, 0, window.canvas.width // 2 * 2, window.canvas.height // 2 * 2 - 20))
    assert plugin_of(window).forgotten == 0
    window.screen = settings
    press(window, pygame.K_RETURN, pygame.K_DOWN, pygame.K_RETURN)
    assert plugin_of(window).forgotten == 1
    press(window, pygame.K_ESCAPE)
    assert isinstance(window.screen, TitleScreen)


def test_level_is_seen_and_changed_on_the_title(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    window.frame(FRAME_S)
    assert "easy (2 of 5)" in shown(window)
    title = window.screen
    assert isinstance(title, TitleScreen)
    title.rows.focus = title_rows.LEVEL
    press(window, pygame.K_LEFT, pygame.K_LEFT)
    assert "adaptive" in shown(window)
    assert "(6 of" not in shown(window), "it is not harder than the fifth"
    assert (chosen := plugin_of(window).reported["difficulty"])["level"] == 6
    title.setup = replace(title.setup, blue="brawler")
    press(window, pygame.K_LEFT)
    assert "bots have one level" in shown(window)
    assert plugin_of(window).reported["difficulty"] is chosen, "no level is set"


def test_damaged_preferences_are_named_and_the_usual_ones_count(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    path.write_text('{"volume": 99, "speed": 2, "sound": 1}', "utf-8")
    found = Preferences.read(path)
    assert (found.volume, found.speed, found.sound) == (7, 2, True)
    assert [message.split(" in ")[0] for message in found.messages] == [
        "The game's setting volume",
        "The game's setting sound",
    ]
    path.write_text("{", "utf-8")
    assert "cannot be read" in Preferences.read(path).messages[0]
    blocked = Preferences(path=tmp_path / "preferences.json" / "below")
    blocked.change("volume", 1)
    blocked.change("volume", 1)
    assert [blocked.volume, len(blocked.messages)] == [9, 1]


def test_tutorial_says_a_sentence_for_each_of_the_first_decisions_and_never_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    window = opened(tmp_path, preferences=Preferences.read(path))
    screen = fight(window)
    for sentence in SENTENCES:
        wait_for_player(window, screen)
        window.frame(FRAME_S)
        assert " ".join(sentence.split()[:3]) in shown(window)
        press(window, pygame.K_3)
    wait_for_player(window, screen)
    window.frame(FRAME_S)
    assert "Your first battle" not in shown(window)
    assert not Preferences.read(path).tutorial
    window.hall.preferences.tutorial = True
    screen = fight(window)
    wait_for_player(window, screen)
    window.frame(FRAME_S)
    click(window, next(box for box, key in window.hall.chips if key == pygame.K_t))
    assert not Preferences.read(path).tutorial


@pytest.mark.parametrize(
    ("key", "row", "expected"),
    [(pygame.K_r, 0, "the same"), (pygame.K_o, 1, "others"), (pygame.K_ESCAPE, 2, "title")],
    ids=["rematch", "other fighters", "title"],
)
def test_one_key_or_click_leads_on_from_the_result(tmp_path: Path, key: int, row: int, expected: str) -> None:
    for by_mouse in (False, True):
        window = opened(tmp_path)
        screen = finished(window)
        window.screen = screen
        window.frame(FRAME_S)
        result = window.screen
        assert isinstance(result, ResultScreen)
        press(window, key)
        assert window.screen is result, "what was pressed for the battle is not for what follows it"
        window.frame(SETTLES_S)
        if by_mouse:
            click(window, result.choices.rows.boxes[row])
        else:
            press(window, key)
        following = window.screen
        if expected == "title":
            assert isinstance(following, TitleScreen)
            continue
        assert isinstance(following, BattleScreen)
        assert (following.setup == screen.setup) == (expected == "the same")


def test_result_shows_the_figures_of_the_battle(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    screen = finished(window)
    window.screen = screen
    window.frame(FRAME_S)
    result = window.screen
    assert isinstance(result, ResultScreen)
    turns = [
        (arguments["seat"], arguments["action"]) for hook, arguments in plugin_of(window).calls if hook == "on_turn"
    ]
    thrown = [sum(who == seat and action < GUARD for who, action in turns) for seat in (0, 1)]
    lost = [
        sum(fighter.max_health - fighter.health for fighter in screen.battle.fighters if fighter.seat == seat)
        for seat in (0, 1)
    ]
    (_, *landed), (_, *damage), (_, *mended) = result.figures()
    assert [blows.split(" of ")[1] for blows in landed] == [str(number) for number in thrown]
    assert [int(damage[1 - seat]) - int(mended[seat]) for seat in (0, 1)] == lost
    assert "easy (2 of 5)" in shown(window)


def test_turning_point_is_the_turn_since_which_the_winner_led() -> None:
    story = Story()
    assert story.turning_point(0) == "Neither corner got clearly ahead."
    states = [(90, 100), (90, 80), (70, 80), (70, 60), (70, 0)]
    for number, (red, blue) in enumerate(states, 1):
        turn = Turn(number, number % 2, 0, "Ada", 0, "strike", 1, "Bo", 1 - number % 2, 10)
        characters = [{"seat": seat, "health": health, "maxHealth": 100} for seat, health in enumerate((red, blue))]
        story.add(turn, {"characters": characters})
    assert story.turning_point(0).startswith("The red corner stayed ahead from round 4 on: Ada (red) hits Bo (blue)")
    assert story.turning_point(None) == story.turning_point(1) == "Neither corner got clearly ahead."


def test_machines_that_fight_each_other_go_on_by_themselves(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True, watch="brawler")
    first = window.screen
    assert isinstance(first, BattleScreen)
    assert first.match.seats == {0: "scripted", 1: "plugin"}
    assert first.name_of(0) == "Brawler (bot)"
    for _ in range(2_000):
        window.frame(1.0)
        if isinstance(window.screen, BattleScreen) and window.screen is not first:
            break
    assert isinstance(window.screen, BattleScreen)
    assert window.screen is not first
    assert len(window.hall.results) == 1


def test_hint_is_shown_with_its_reason_until_the_player_acts(tmp_path: Path) -> None:
    window = opened(tmp_path, learning=True)
    screen = fight(window, blue="cornerman")
    wait_for_player(window, screen)
    window.frame(FRAME_S)
    click(window, next(box for box, key in window.hall.chips if key == pygame.K_h))
    assert "Charge up" in shown(window)
    assert "It counts on winning 62% of battles from there, and 57% after Guard, the next best." in shown(window)
    press(window, pygame.K_3, pygame.K_h)
    assert screen.advice is None
    assert "A hint is for your own turn." in [sentence for sentence, _ in window.hall.notices]
    assert not plugin_of(window).asked, "no decision of the plugin's"
    wait_for_player(window, screen)
    plugin_of(window).hints = False
    press(window, pygame.K_h)
    assert screen.advice is None
    assert any(sentence.startswith("Nobody can give a hint") for sentence, _ in window.hall.notices)


def test_every_action_has_words_for_a_hint() -> None:
    battle = RINGSIDE.new_battle(1, "2v1")
    commands = Commands(battle)
    own: list[str] = []
    other: list[str] = []
    for fighter in battle.fighters:
        (own if fighter.seat == battle.seat else other).append(fighter.name)
    assert commands.named(0) == f"Strike on {other[0]}"
    assert commands.named(3) == f"Heavy strike on {other[0]}"
    assert [commands.named(action) for action in (6, 7, 10)] == ["Guard", f"Mend on {own[0]}", "Charge up"]
