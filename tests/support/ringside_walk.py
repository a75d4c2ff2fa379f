"""A walk through Ringside's real window: every control by keyboard and by mouse, as X events, while learning goes on.

    python -m tests.support.ringside_walk DATA      under an X server, with xdotool

Each line it prints is one control: how it was used, what it changes, from what to what, and what was learned so far.
It ends with status 1 at the first control without an effect.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pygame

from cornerman.training import training_windows
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
            if by == KEY:
                walker.key(f"{before}: {control}", name, read)
            else:
                walker.mouse(f"{before}: {control}", lambda key=key: walker.chip(key), read)  # type: ignore[misc]
    if by == KEY:
        walker.key(f"{before}: help", "question", walker.shown, "Help")
        walker.key("help: back", "x", walker.shown, before)
        for close in ("F1", "Escape"):
            walker.key(f"{before}: debug menu", "F1", lambda: window.menu.open, True)
            walker.key("debug menu: close", close, lambda: window.menu.open, False)
    else:
        walker.mouse(f"{before}: help", lambda: walker.chip(pygame.K_QUESTION), walker.shown, "Help")
        walker.mouse("help: back", lambda: Rect(400, 300, 9, 9), walker.shown, before)
        walker.mouse(f"{before}: debug menu", lambda: walker.chip(pygame.K_F1), lambda: window.menu.open, True)
        walker.mouse("debug menu: close", lambda: window.menu.closing(window.canvas), lambda: window.menu.open, False)


def values(walker: Walker, by: str, rows: dict[int, tuple[str, Callable[[], Any]]]) -> None:
    """Change values of a menu there and back; the first row is in focus."""
    for row, (name, read) in rows.items():
        control = f"{walker.shown()}: {name}"
        if by == KEY:
            walker.key(control, "Right", read)
            walker.key(control, "Left", read)
            walker.press("Down")
        else:
            walker.mouse(control, lambda row=row: walker.arrow(row, True), read)  # type: ignore[misc]
            walker.mouse(control, lambda row=row: walker.arrow(row, False), read)  # type: ignore[misc]
            walker.mouse(control, lambda row=row: walker.row(row), read, button=3)  # type: ignore[misc]
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
    drawn = "Title: other fighters"
    if by == KEY:
        walker.key("Title: focus", "Escape", lambda: screen.rows.focus, title.QUIT)
        walker.key("Title: focus", "Tab", lambda: screen.rows.focus, title.SHAPE)
        values(walker, by, rows)
        walker.key("Title: draw", "Return", lambda: screen.setup.teams_seed)
        walker.key(drawn, "r", lambda: screen.setup.teams_seed)
        walker.key("Title: help", "h", walker.shown, "Help")
        walker.key("help: back", "Return", walker.shown, "Title")
        walker.key("Title: help button", "Down Down Return", walker.shown, "Help")
        walker.key("help: back", "Return", walker.shown, "Title")
        common(walker, by)
        walker.key("Title: settings", "Right Return", walker.shown, "Settings")
    else:
        values(walker, by, rows)
        walker.mouse("Title: draw", lambda: walker.row(title.DRAW), lambda: screen.setup.teams_seed)
        walker.mouse(drawn, lambda: walker.chip(pygame.K_r), lambda: screen.setup.teams_seed)
        walker.mouse("Title: help button", lambda: walker.row(title.HELP), walker.shown, "Help")
        walker.mouse("help: back", lambda: Rect(400, 300, 9, 9), walker.shown, "Title")
        common(walker, by)
        walker.mouse("Title: settings", lambda: walker.row(title.SETTINGS), walker.shown, "Settings")


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
    if by == KEY:
        walker.key("Settings: forget", "Return", walker.shown, "Question")
        walker.key("Question: back", "Escape", walker.shown, "Settings")
        walker.key("Settings: forget", "Return", walker.shown, "Question")
        walker.key("Question: keep it", "Return", walker.shown, "Settings")
        walker.key("Settings: forget", "Return", walker.shown, "Question")
        walker.key("Question: forget it", "Down Return", lambda: walker.forgotten)
        walker.key("Settings: back", "Down Return", walker.shown, behind)
    else:
        forget = lambda: walker.row(menus.FORGET)  # noqa: E731
        walker.mouse("Settings: forget", forget, walker.shown, "Question")
        walker.mouse("Question: keep it", lambda: walker.row(0), walker.shown, "Settings")
        walker.mouse("Settings: forget", forget, walker.shown, "Question")
        walker.mouse("Question: forget it", lambda: walker.row(1), lambda: walker.forgotten)
        walker.mouse("Settings: back", lambda: walker.row(menus.DONE), walker.shown, behind)


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
        walker.click(Rect(400, 300, 9, 9))
        walker.mouse("Pause: go on", lambda: walker.row(0), walker.shown, "Battle")
    walker.until("the battle goes on", lambda: walker.shown() == "Battle")


def leave(walker: Walker, by: str) -> None:
    if by == KEY:
        walker.press("p")
        walker.key("Pause: leave", "Up Return", walker.shown, "Title")
    else:
        walker.click(walker.chip(pygame.K_p))
        walker.mouse("Pause: leave", lambda: walker.row(3), walker.shown, "Title")


def choosing(walker: Walker, by: str) -> None:
    """Every way to choose an action, each in a turn of its own; a fresh battle of two against two."""
    hall = walker.hall
    battle = walker.own_turn()
    commands = battle.commands

    def turns() -> int:
        return battle.story.turns

    def ends() -> bool:
        return hall.preferences.tutorial

    def button(skill: int) -> Rect:
        return commands.button(walker.window.canvas, skill)

    if by == KEY:
        walker.key("Battle: skip the tutorial", "t", ends, False)
        walker.key("Battle: hint", "h", lambda: battle.advice)
        walker.key("Battle: focus", "Right", lambda: commands.skill, 1)
        walker.key("Battle: skill", "Return", lambda: commands.aiming, True)
        walker.key("Battle: target", "Right", lambda: commands.target)
        walker.key("Battle: another skill", "Escape", lambda: commands.aiming, False)
        walker.key("Battle: strike", "1", lambda: commands.aiming, True)
        walker.key("Battle: on the second", "2", turns)
        walker.own_turn()
        walker.key("Battle: guard", "3", turns)
        walker.until("something is shown", lambda: battle.stage.busy)
        walker.key("Battle: faster", "space", lambda: battle.stage.busy, False)
        walker.own_turn()
        walker.key("Battle: charge", "5", turns)
    else:
        hall.preferences.tutorial = True
        walker.rest()
        walker.mouse("Battle: skip the tutorial", lambda: walker.chip(pygame.K_t), ends, False)
        walker.mouse("Battle: hint", lambda: walker.chip(pygame.K_h), lambda: battle.advice)
        walker.mouse("Battle: skill", lambda: button(1), lambda: commands.aiming, True)
        walker.mouse("Battle: another skill", lambda: Rect(20, 100, 9, 9), lambda: commands.aiming, False, 3)
        walker.mouse("Battle: strike", lambda: button(0), lambda: commands.aiming, True)
        second = battle.stage.body(walker.window.canvas, commands.targets()[-1])
        walker.mouse("Battle: on the second", lambda: second, turns)
        walker.own_turn()
        walker.mouse("Battle: guard", lambda: button(2), turns)
        walker.until("something is shown", lambda: battle.stage.busy)
        walker.mouse("Battle: faster", lambda: Rect(20, 100, 9, 9), lambda: battle.stage.busy, False)
        walker.own_turn()
        walker.mouse("Battle: charge", lambda: button(4), turns)


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
                if by == KEY:
                    walker.key("Break: go on", "space", read, True)
                else:
                    walker.mouse("Break: go on", lambda: Rect(20, 100, 9, 9), read, True)
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
        if by == KEY:
            walker.key(f"Result: {control}", key, walker.shown, wanted)
        else:
            walker.mouse(f"Result: {control}", lambda row=row: walker.row(row), walker.shown, wanted)  # type: ignore[misc]


def ghost(walker: Walker, by: str) -> None:
    """A battle against the player's ghost, which moves."""
    hall, screen = walker.hall, walker.window.screen
    assert isinstance(screen, title.TitleScreen)
    walker.until("a ghost of the player", lambda: "ghost" in hall.opponents(), 60.0)
    blue = lambda: screen.setup.blue  # noqa: E731
    if by == KEY:
        screen.rows.focus = title.BLUE
        walker.key("Title: a ghost", "Right", blue, "ghost")
        screen.rows.focus = title.FIGHT
        walker.press("Return")
    else:
        walker.mouse("Title: a ghost", lambda: walker.arrow(title.BLUE, True), blue, "ghost")
        walker.click(walker.row(title.FIGHT))
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
        if by == KEY:
            screen.rows.focus = title.FIGHT
            walker.key("Title: fight", "Return", walker.shown, "Battle")
        else:
            walker.mouse("Title: fight", lambda: walker.row(title.FIGHT), walker.shown, "Battle")
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
    training_windows.BUSY_PERCENT = 1e9  # else learning rests while other programs use the whole machine
    host = Host(PLUGINS, data / "player", RINGSIDE, {"seed": 1, "difficulty": 2}, "window")
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
