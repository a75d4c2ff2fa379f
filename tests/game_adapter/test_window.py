"""The window's duties and faults: closing, Ctrl-C, no screen, no sound, missing files, pictures without a display."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pygame
import pytest

from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import read_version
from cornerman.models.manifest import Identity
from game_adapter.host import Host, Match
from game_adapter.host.match import PLUGIN, SCRIPTED
from game_adapter.ringside import assets
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.drawing.canvas import Canvas
from game_adapter.ringside.drawing.sounds import Sounds
from game_adapter.ringside.drawing.sprites import Sprites
from game_adapter.ringside.drawing.stage import Stage
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens import window as ringside_window
from game_adapter.ringside.screens.pictures import draw_battle_picture, draw_menu_picture
from game_adapter.ringside.screens.screen import CORNERMAN, Leave
from game_adapter.ringside.screens.window import LEAST_SIZE, NoScreen, Window, no_display, open_window
from game_adapter.ringside.teams import draw_teams
from tests.support.dropped_plugins import drop
from tests.support.paths import PLUGINS
from tests.support.ringside_window import FRAME_S, WindowHost, fight, opened, plugin_of


def resize(window: Window | None, size: tuple[int, int]) -> None:
    """As the player does with the mouse."""
    surface = pygame.display.set_mode(size, pygame.RESIZABLE)
    if window is not None:
        window.surface = surface
    pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=size, w=size[0], h=size[1]))


@pytest.mark.parametrize("by", ["closing", "Ctrl-C", "Ctrl-C twice"])
def test_leaving_in_mid_battle_ends_battle_and_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    window = opened(tmp_path)
    screen = fight(window)
    if by == "closing":
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    else:
        presses = 2 if by == "Ctrl-C twice" else 1

        def pressed(_: float) -> None:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(screen, "update", pressed)
    window.run(max_frames=10)
    assert isinstance(window.screen, Leave)
    assert window.frames == (0 if by == "Ctrl-C twice" else 1), "a frame under way is finished first"
    assert screen.match.over
    assert plugin_of(window).hooks[-3:] == ["on_battle_end", "on_round_end", "on_quit"]


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_resizing_lays_out_anew(tmp_path: Path) -> None:
    window = opened(tmp_path)
    resize(window, (1280, 720))
    window.frame(FRAME_S)
    assert (window.canvas.width, window.canvas.height) == (1066, 600)
    resize(window, (480, 300))
    window.frame(FRAME_S)
    assert window.surface.get_size() == LEAST_SIZE


def test_missing_screen_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    with pytest.raises(NoScreen, match="No window can be opened"):
        opened(tmp_path)
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert no_display()
    with pytest.raises(NoScreen, match="DISPLAY"):
        opened(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="screens are named by DISPLAY on Linux alone")
def test_screen_that_does_not_answer_is_no_screen() -> None:
    """SDL would fall back to a window that nobody sees; one that was asked for by name is opened all the same."""
    code = (
        "from game_adapter.ringside.screens.window import NoScreen, open_display\n"
        "try:\n    open_display()\nexcept NoScreen as error:\n    print('NoScreen:', error)\nelse:\n    print('opened')"
    )
    unset = ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY")
    dead = {name: value for name, value in os.environ.items() if name not in unset} | {"DISPLAY": ":123"}
    for changes, expected in (({}, "NoScreen: No "), ({"SDL_VIDEODRIVER": "dummy"}, "opened")):
        done = subprocess.run(
            [sys.executable, "-c", code], env=dead | changes, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith(expected), done.stdout


LINE = "loading: torch ..."
Load = Callable[[Callable[[str], bool]], object]


def loading_host(tmp_path: Path, load: Load) -> WindowHost:
    """A host in whose loading something happens."""

    class Loading(WindowHost):
        def load(self, progress: Any = None) -> None:
            load(progress)

    return Loading(tmp_path)


def test_window_loads_the_host_and_quits_it(tmp_path: Path) -> None:
    for watch, battles in ((None, 0), ("brawler", 1)):
        made: list[WindowHost] = []

        def make(made: list[WindowHost] = made) -> WindowHost:
            assert pygame.display.get_surface() is not None, "the loading picture comes first"
            made.append(WindowHost(tmp_path))
            return made[0]

        open_window(make, RINGSIDE, watch=watch, seed=1, sound=False).run(max_frames=3)
        plugin = made[0].plugin
        assert (plugin.frames, plugin.count("on_quit")) == (3, 1)
        assert plugin.count("on_battle_start") == plugin.count("on_battle_end") == battles
        assert "No plugins folder" in made[0].messages[0]


def test_ctrl_c_while_loading_ends_cleanly(tmp_path: Path) -> None:
    host = loading_host(tmp_path, interrupt)
    open_window(lambda: host, RINGSIDE).run()
    assert host.plugin.hooks == ["on_quit"]


WAITS = """
def on_load(self, data_dir, progress):
    import pathlib, time, pygame
    self.notes = pathlib.Path(data_dir, "notes.txt")
    end, answers = time.monotonic() + 30.0, []
    while time.monotonic() < end and False not in answers:
        answers.append(progress("loading: torch ..."))
        if len(answers) == 3:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
    self.notes.write_text(f"{answers}, then {progress('still here ...')}")
def on_frame(self):
    self.notes.write_text(self.notes.read_text() + ", a frame")
def on_quit(self):
    self.notes.write_text(self.notes.read_text() + ", the end")
"""


def test_closing_while_a_plugin_loads_ends_its_wait_and_the_process(tmp_path: Path) -> None:
    drop(tmp_path / "plugins", "patient", WAITS)
    command = [sys.executable, "-m", "game_adapter", "--plugins", str(tmp_path / "plugins"), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    notes = (tmp_path / "player" / "patient" / "notes.txt").read_text("utf-8")
    assert notes == "[True, True, True, False], then False, the end"
    assert list((tmp_path / "player" / "running").iterdir()) == [], "no unclean end is counted"


@pytest.mark.parametrize("line", [True, False], ids=["a line follows", "no line"])
def test_events_while_loading_close_the_game_or_change_its_size_and_keys_go_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bool
) -> None:
    pictures = set[bytes]()

    def load(progress: Callable[[str], bool]) -> None:
        for key in (pygame.K_m, pygame.K_RETURN):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(480, 300), button=1))
        resize(None, (480, 300))
        for words in (LINE, "loading: the device ...") if line else ():
            assert progress(words) is True
            pictures.add(pygame.image.tobytes(pygame.display.get_surface(), "RGB"))

    host, handled, sizes = loading_host(tmp_path, load), list[int](), set[tuple[int, int]]()
    handle = Window.handle

    def noted(window: Window, event: pygame.event.Event) -> None:
        handled.append(event.type)
        handle(window, event)

    with monkeypatch.context() as patch:
        patch.setattr(Window, "handle", noted)
        patch.setattr(host, "on_frame", lambda *_: sizes.add(pygame.display.get_surface().get_size()))
        open_window(lambda: host, RINGSIDE, sound=False).run(max_frames=3)
    assert not {pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN} & set(handled)
    assert sizes == {LEAST_SIZE}
    assert len(pictures) == (2 if line else 0), "each line is on the screen while the host goes on loading"

    def close(progress: Callable[[str], bool]) -> None:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert line is False or progress(LINE) is False

    closed = loading_host(tmp_path, close)
    monkeypatch.setattr(ringside_window, "Window", lambda *_: pytest.fail("the game was built"))
    open_window(lambda: closed, RINGSIDE, sound=False).run(max_frames=3)
    assert closed.plugin.hooks == ["on_quit"]
    assert not pygame.display.get_init()


@pytest.mark.parametrize("device", ["dummy", "nonsense"])
def test_sounds_play_and_switch_and_a_missing_device_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", device)
    window = opened(tmp_path, sound=True)
    fight(window)
    for name in ("bell", "hit", "heavy", "miss", "guard", "mend", "charge", "fall", "win", "lose", "tick", "choose"):
        window.hall.sounds.play(name)
        window.frame(FRAME_S)
    missing = device == "nonsense"
    assert sum("No sound device" in sentence for sentence, _seconds in window.hall.notices) == missing
    assert missing or [window.hall.sounds.toggle() for _ in range(2)] == ["Sound is off.", "Sound is on."]


def test_missing_files_are_named_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    battle: Battle = RINGSIDE.new_battle(1)
    monkeypatch.setattr(assets, "asset_folders", lambda: (tmp_path, tmp_path))
    sprites, sounds = Sprites(), Sounds()
    sounds.play("bell")
    sounds.play("hit")
    canvas = Canvas()
    Stage(battle, sprites, sounds).draw(canvas)
    assert len(sprites.messages) == len(sounds.messages) == 1
    assert "plain one is drawn" in sprites.messages[0]
    sounds.close()


def test_pictures_need_no_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    host, battle = WindowHost(tmp_path), Battle(draw_teams(1, "1v3"), 4)
    match = Match(host, battle, 1, {0: PLUGIN, 1: SCRIPTED}, RINGSIDE.bots["brawler"], Random(1))
    draw_battle_picture(match, tmp_path / "battle.png", [match.play(0)])
    draw_battle_picture(None, tmp_path / "demo.png")
    draw_menu_picture(host, tmp_path / "menu.png")
    for name in ("battle", "demo", "menu"):
        assert pygame.image.load(str(tmp_path / f"{name}.png")).get_size() == (960, 600)


def test_new_player_meets_the_shipped_model_at_the_chosen_level(tmp_path: Path) -> None:
    (tmp_path / "cornerman").mkdir()
    (tmp_path / "cornerman" / "settings.toml").write_text("learning = false\ndifficulty = 5\n")
    host = Host(PLUGINS, tmp_path, RINGSIDE)
    host.load()
    window = Window(host, RINGSIDE, Random(5), sound=False)
    encoder, decisions, choose = Encoder(RINGSIDE), list[tuple[Any, ...]](), host.choose_action

    def noted(battle_id: int, seat: int, state: Any, action_mask: Any) -> int | None:
        decisions.append(
            (encoder.encode(state, seat), encoder.mask(action_mask), choose(battle_id, seat, state, action_mask))
        )
        chosen: int | None = decisions[-1][-1]
        return chosen

    host.choose_action = noted  # type: ignore[method-assign]
    try:
        fight(window, red="brawler", blue=CORNERMAN)
        assert (host.report("cornerman") or {})["playing"] == "the model that the game ships (version 1)"
        while len(decisions) < 10:
            window.frame(0.05)
    finally:
        window.close()
    shipped, *_ = read_version(Identity.of(RINGSIDE, encoder), RINGSIDE.base_model)
    assert [chosen for _, _, chosen in decisions] == [shipped.act(seen, mask, Random(0)) for seen, mask, _ in decisions]
