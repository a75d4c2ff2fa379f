"""A walk through Ringside's real window: every control by keyboard and by mouse, as X events, while learning goes on.

    python -m tests.support.ringside_walk DATA      under an X server, with xdotool

Each line it prints is one control: how it was used, what it changes, from what to what, and what was learned so far.
It ends with status 1 at the first control without an effect.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pygame

from game_adapter.host.host import Host
from game_adapter.ringside.drawing.canvas import Rect
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.preferences import Preferences
from game_adapter.ringside.screens import menus, title
from game_adapter.ringside.screens.battle_screen import BattleScreen
from game_adapter.ringside.screens.commands import SKILLS
from game_adapter.ringside.screens.result import ResultScreen
from game_adapter.ringside.screens.window import Window
from tests.support.panel_walk import forgetting, panel, versions
from tests.support.paths import PLUGINS
from tests.support.window_walker import FRAME_S, KEY, MOUSE, NoEffectError, Walker


def anywhere() -> Rect:
    """A place without a control."""
    return Rect(20, 100, 9, 9)


# ------------------------------------------------------------------------------------------------------ keys everywhere


def common(walker: Walker, by: str) -> None:
    """What title and battle share: speed, sound, help and the debug menu."""
    hall, window = walker.hall, walker.window
    before = walker.shown()
    for control, name, key, read in (
        ("speed", "f", pygame.K_f, lambda: hall.speed),
        ("sound", "m", pygame.K_m, lambda: hall.sounds.on),
    ):
        for _ in range(2):
            walker.either(by, f"{before}: {control}", name, partial(walker.chip, key), read)
    walker.either(by, f"{before}: help", "question", lambda: walker.chip(pygame.K_QUESTION), walker.shown, "Help")
    walker.either(by, "help: back", "x", anywhere, walker.shown, before)
    is_open, button = lambda: window.menu.open, lambda: window.menu.closing(window.canvas)
    for close in ("F1", "Escape"):
        walker.either(by, f"{before}: debug menu", "F1", lambda: walker.chip(pygame.K_F1), is_open, True)
        walker.either(by, "debug menu: close", close, button, is_open, False)


def values(walker: Walker, by: str, rows: dict[int, tuple[str, Callable[[], Any]]]) -> None:
    """Change values of a menu there and back; the first row is in focus."""
    for row, (name, read) in rows.items():
        control = f"{walker.shown()}: {name}"
        if by == KEY:
            walker.key(control, "Right", read)
            walker.key(control, "Left", read)
            walker.press("Down")
        else:
            walker.mouse(control, partial(walker.arrow, row, True), read)
            walker.mouse(control, partial(walker.arrow, row, False), read)
            walker.mouse(control, partial(walker.row, row), read, button=3)
            walker.click(walker.arrow(row, True))


def at_title(walker: Walker, by: str) -> None:
    """Every control of the title but those that leave it."""
    hall, screen = walker.hall, walker.window.screen
    assert isinstance(screen, title.TitleScreen)
    rows: dict[int, tuple[str, Callable[[], Any]]] = {
        title.SHAPE: ("match", lambda: screen.setup.shape),
        title.RED: ("red corner", lambda: screen.setup.red),
        title.BLUE: ("blue corner", lambda: screen.setup.blue),
        title.LEVEL: ("level", hall.level),
    }
    if by == KEY:
        walker.key("Title: focus", "Escape", lambda: screen.rows.focus, title.QUIT)
        walker.key("Title: focus", "Tab", lambda: screen.rows.focus, title.SHAPE)
    values(walker, by, rows)
    seed, row = lambda: screen.setup.teams_seed, walker.row
    walker.either(by, "Title: draw", "Return", lambda: row(title.DRAW), seed)
    walker.either(by, "Title: other fighters", "r", lambda: walker.chip(pygame.K_r), seed)
    if by == KEY:
        walker.key("Title: help", "h", walker.shown, "Help")
        walker.key("help: back", "Return", walker.shown, "Title")
    walker.either(by, "Title: help button", "Down Down Return", lambda: row(title.HELP), walker.shown, "Help")
    walker.either(by, "help: back", "Return", anywhere, walker.shown, "Title")
    common(walker, by)
    walker.either(by, "Title: settings", "Right Return", lambda: row(title.SETTINGS), walker.shown, "Settings")


def in_settings(walker: Walker, by: str, behind: str) -> None:
    """Every setting, forgetting with its question, and the way back."""
    hall = walker.hall
    chosen = hall.preferences
    rows: dict[int, tuple[str, Callable[[], Any]]] = {
        menus.VOLUME: ("volume", lambda: (chosen.volume, hall.sounds.volume)),
        menus.SPEED: ("speed", lambda: hall.speed),
        menus.TEXT_SIZE: ("size of text", lambda: walker.window.canvas.letters),
        menus.LEVEL: ("level", hall.level),
    }
    values(walker, by, rows)
    forget = partial(walker.row, menus.FORGET)
    if by == KEY:
        walker.key("Settings: forget", "Return", walker.shown, "Question")
        walker.key("Question: back", "Escape", walker.shown, "Settings")
    walker.either(by, "Settings: forget", "Return", forget, walker.shown, "Question")
    walker.either(by, "Question: keep it", "Return", lambda: walker.row(0), walker.shown, "Settings")
    walker.either(by, "Settings: forget", "Return", forget, walker.shown, "Question")
    walker.either(by, "Question: forget it", "Down Return", lambda: walker.row(1), lambda: walker.forgotten)
    walker.either(by, "Settings: back", "Down Return", lambda: walker.row(menus.DONE), walker.shown, behind)


# ------------------------------------------------------------------------------------------------------------- a battle


def pausing(walker: Walker, by: str) -> None:
    """The pause and what it leads to, all but leaving."""
    if by == KEY:
        for pause, go_on in (("p", "p"), ("Escape", "Escape"), ("p", "Return")):
            walker.key("Battle: pause", pause, walker.shown, "Pause")
            walker.key("Pause: go on", go_on, walker.shown, "Battle")
        walker.press("p")
        walker.key("Pause: settings", "Down Return", walker.shown, "Settings")
        walker.key("Settings: back", "Escape", walker.shown, "Pause")
        walker.key("Pause: help", "Down Return", walker.shown, "Help")
        walker.press("x", "p")
    else:
        walker.mouse("Battle: pause", lambda: walker.chip(pygame.K_p), walker.shown, "Pause")
        walker.mouse("Pause: go on", lambda: walker.row(0), walker.shown, "Battle")
        walker.click(walker.chip(pygame.K_p))
        walker.mouse("Pause: settings", lambda: walker.row(1), walker.shown, "Settings")
        in_settings(walker, by, "Pause")
        walker.mouse("Pause: help", lambda: walker.row(2), walker.shown, "Help")
        walker.click(anywhere())
        walker.mouse("Pause: go on", lambda: walker.row(0), walker.shown, "Battle")
    walker.until("the battle goes on", lambda: walker.shown() == "Battle")


def leave(walker: Walker, by: str) -> None:
    walker.press("p") if by == KEY else walker.click(walker.chip(pygame.K_p))
    walker.either(by, "Pause: leave", "Up Return", lambda: walker.row(3), walker.shown, "Title")


def choosing(walker: Walker, by: str) -> None:
    """Every way to choose an action, each in a turn of its own; a fresh battle of two against two."""
    hall = walker.hall
    battle = walker.own_turn()
    commands = battle.commands

    def turns() -> int:
        return battle.story.turns

    def ends() -> bool:
        return hall.preferences.tutorial

    def aiming() -> bool:
        return commands.aiming

    def button(skill: int) -> Callable[[], Rect]:
        return lambda: commands.button(walker.window.canvas, skill)

    def second() -> Rect:
        return battle.stage.body(walker.window.canvas, commands.targets()[-1])

    if by == MOUSE:
        hall.preferences.tutorial = True
        walker.rest()
    walker.either(by, "Battle: skip the tutorial", "t", lambda: walker.chip(pygame.K_t), ends, False)
    walker.either(by, "Battle: hint", "h", lambda: walker.chip(pygame.K_h), lambda: battle.advice)
    if by == KEY:
        walker.key("Battle: focus", "Right", lambda: commands.skill, 1)
    walker.either(by, "Battle: skill", "Return", button(1), aiming, True)
    if by == KEY:
        walker.key("Battle: target", "Right", lambda: commands.target)
        walker.key("Battle: another skill", "Escape", aiming, False)
    else:
        walker.mouse("Battle: another skill", anywhere, aiming, False, button=3)
    walker.either(by, "Battle: strike", "1", button(0), aiming, True)
    walker.either(by, "Battle: on the second", "2", second, turns)
    walker.own_turn()
    walker.either(by, "Battle: guard", "3", button(2), turns)
    walker.until("something is shown", lambda: battle.stage.busy)
    walker.either(by, "Battle: faster", "space", anywhere, lambda: battle.stage.busy, False)
    walker.own_turn()
    walker.either(by, "Battle: charge", "5", button(4), turns)


def fight_on(walker: Walker, by: str) -> None:
    """Strike until the battle is over, skipping one break."""
    battle, skipped = walker.battle, False
    while walker.shown() != "Result":
        walker.until(
            "a turn, a break or the end",
            lambda: walker.window.screen is not battle or battle.players_turn or battle.corner is not None,
        )
        if (corner := battle.corner) is not None:
            if not skipped:
                read = lambda corner=corner: corner.skipped  # noqa: E731
                walker.either(by, "Break: go on", "space", anywhere, read, True)
                skipped = True
            walker.until("the end of the break", lambda: battle.corner is None)
        elif battle.players_turn:
            walker.press("1", "Return") if by == KEY else _strike(walker, battle)
    walker.rest(40)


def _strike(walker: Walker, battle: BattleScreen) -> None:
    walker.click(battle.commands.button(walker.window.canvas, SKILLS[0][1]))
    if battle.players_turn and battle.commands.aiming:
        walker.click(battle.stage.body(walker.window.canvas, battle.commands.targets()[0]))


def results(walker: Walker, by: str) -> None:
    """From the end of a battle to a rematch, to other fighters and to the title, each after a battle of its own."""
    for row, (control, key) in enumerate((("rematch", "r"), ("other fighters", "o"), ("back to the title", "Escape"))):
        fight_on(walker, by)
        result = walker.window.screen
        assert isinstance(result, ResultScreen)
        wanted = "Title" if row == 2 else "Battle"
        walker.either(by, f"Result: {control}", key, partial(walker.row, row), walker.shown, wanted)


def ghost(walker: Walker, by: str) -> None:
    """A battle against the player's ghost, which moves."""
    hall, screen = walker.hall, walker.window.screen
    assert isinstance(screen, title.TitleScreen)
    walker.until("a ghost of the player", lambda: "ghost" in hall.opponents(), 60.0)
    blue = lambda: screen.setup.blue  # noqa: E731
    screen.rows.focus = title.BLUE
    walker.either(by, "Title: a ghost", "Right", lambda: walker.arrow(title.BLUE, True), blue, "ghost")
    screen.rows.focus = title.FIGHT
    walker.press("Return") if by == KEY else walker.click(walker.row(title.FIGHT))
    battle, presses = walker.battle, 0
    while battle.story.turns <= presses:  # nobody but the player has moved
        walker.own_turn()
        if battle.story.turns > presses:
            break
        walker.press("3")
        presses += 1
    print(
        f"{by:5} | ghost: moves | {presses} turns of the player's, {battle.story.turns} in all | {walker.learned()}",
        flush=True,
    )
    leave(walker, by)
    again = walker.window.screen
    assert isinstance(again, title.TitleScreen)
    walker.click(walker.arrow(title.BLUE, False))


def watching(walker: Walker) -> None:
    """Two machines, twice."""
    screen = walker.window.screen
    assert isinstance(screen, title.TitleScreen)
    walker.mouse("Title: two machines", lambda: walker.arrow(title.RED, False), lambda: screen.setup.red, "planner")
    walker.mouse("Title: watch", lambda: walker.row(title.FIGHT), walker.shown, "Battle")
    ended = lambda: walker.shown() == "Result"  # noqa: E731
    walker.use(MOUSE, "Watch: the end", lambda: walker.until("the end of the battle", ended, 90.0), walker.shown)
    walker.use(MOUSE, "Watch: the next battle begins by itself", lambda: None, walker.shown, "Battle")
    leave(walker, KEY)


def walk(walker: Walker) -> None:
    for by in (KEY, MOUSE):
        at_title(walker, by)
        in_settings(walker, by, "Title")
        screen: Any = walker.window.screen
        walker.hall.preferences.speed = 3
        screen.rows.focus = title.FIGHT
        walker.either(by, "Title: fight", "Return", lambda: walker.row(title.FIGHT), walker.shown, "Battle")
        choosing(walker, by)
        common(walker, by)
        panel(walker, by)
        pausing(walker, by)
        results(walker, by)
        ghost(walker, by)
        versions(walker, by)
        forgetting(walker, by)
    watching(walker)
    walker.mouse("Title: quit", lambda: walker.row(title.QUIT), walker.shown, "Leave")


def main(data: Path) -> int:
    wishes = {"seed": 1, "difficulty": 2, "rest_when_busy": False}
    host = Host(PLUGINS, data / "player", RINGSIDE, wishes, "window")
    pygame.display.init()
    pygame.display.set_mode((960, 600), pygame.RESIZABLE)
    host.load()
    window = Window(host, RINGSIDE, Random(5), preferences=Preferences.read(data / "preferences.json"))
    try:
        window.frame(FRAME_S)
        walker = Walker(window)
        walk(walker)
    except NoEffectError as error:
        print(f"NO EFFECT: {error}; messages: {host.messages[-3:]}", flush=True)
        pygame.image.save(window.surface, str(data / "stuck.png"))
        return 1
    finally:
        window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
