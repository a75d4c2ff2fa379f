"""The window: every screen at three sizes, whole battles by keys and by mouse, faults, the frame's duties."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pygame
import pytest

from game_adapter.ringside.battle import NUM_ACTIONS
from game_adapter.ringside.drawing.canvas import Rect
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.roster import SHAPES, roster
from game_adapter.ringside.screens.battle_screen import BattleScreen, ResultScreen
from game_adapter.ringside.screens.commands import SKILLS, Commands
from game_adapter.ringside.screens.corner import Corner
from game_adapter.ringside.screens.screen import GHOST, HelpScreen, QuestionScreen, Screen
from game_adapter.ringside.screens.title import FIGHT, TitleScreen
from game_adapter.ringside.screens.window import Window
from tests.support.ringside_window import (
    SIZES,
    check_text,
    click,
    fight,
    opened,
    plugin_of,
    press,
    shown,
    wait_for_player,
)


def all_screens(window: Window) -> Iterator[tuple[str, Screen]]:
    """Every kind of screen, with every shape of teams among them."""
    hall = window.hall
    title = TitleScreen(hall)
    yield "title", title
    yield "help", HelpScreen(hall, title)
    for shape in SHAPES:
        screen = fight(window, shape=shape, blue="cornerman" if hall.has_cornerman() else "planner")
        yield f"battle {shape}", screen
        wait_for_player(window, screen)
        for key in (pygame.K_2, pygame.K_RIGHT):
            screen.event(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        yield f"aiming {shape}", screen
    screen.corner = Corner(hall, 20)
    screen.corner.update(0.5)
    yield "corner", screen
    yield "leave", QuestionScreen(hall, screen, "Leave this battle?", ("Back to the fight", "Leave it"), title)
    yield "result", ResultScreen(hall, screen)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_screen_keeps_its_text_inside_its_boxes(tmp_path: Path, size: tuple[int, int]) -> None:
    window = opened(tmp_path, learning=True, size=size)
    for name, screen in all_screens(window):
        window.screen = screen
        window.draw()
        assert window.canvas.placed, f"{name} shows no text"
        check_text(window)
        assert not [placed for placed in window.canvas.placed if placed.cut], name


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
    assert plugin_of(window).told[0][0] == "on_battle_start"
    assert plugin_of(window).told[0][1]["seats"] == {0: "player", 1: "scripted"}
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
    for key in ("R: other fighters", "F: always fast", "M: sound", "H: help", "F1: debug menu", "Enter"):
        assert key in shown(window), key
    title = window.screen
    assert isinstance(title, TitleScreen)
    click(window, title.boxes[FIGHT])
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


def test_back_help_and_leaving(tmp_path: Path) -> None:
    window = opened(tmp_path)
    screen = fight(window)
    wait_for_player(window, screen)
    press(window, pygame.K_1)
    assert screen.commands.aiming
    press(window, pygame.K_ESCAPE)
    assert not screen.commands.aiming
    press(window, pygame.K_h)
    assert isinstance(window.screen, HelpScreen)
    press(window, pygame.K_x)
    assert window.screen is screen
    press(window, pygame.K_ESCAPE)
    assert isinstance(window.screen, QuestionScreen)
    press(window, pygame.K_ESCAPE)
    assert window.screen is screen
    press(window, pygame.K_ESCAPE, pygame.K_DOWN, pygame.K_RETURN)
    assert isinstance(window.screen, TitleScreen)
    ends = [arguments for hook, arguments in plugin_of(window).told if hook == "on_battle_end"]
    assert [end["truncated"] for end in ends] == [True]
