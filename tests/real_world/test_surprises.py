"""Kind 25: a process that slept, a big screen and odd events are ordinary."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cornerman.panel.panel import Panel
from cornerman.plugin import Cornerman
from game_adapter.ringside.game import RINGSIDE
from tests.support.driven_thread import PATIENCE_S, Work, started
from tests.support.fake_panel import FakePlugin
from tests.support.waiting import wait_for

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
pygame = pytest.importorskip("pygame")

# ------------------------------------------------------------------------------------------------------------- sleep


@pytest.mark.parametrize("slept_s", [14.0, 3600.0, 3e5])
def test_process_that_slept_in_mid_step_is_not_called_stuck(slept_s: float) -> None:
    now = [100.0]
    work = Work(1)
    work.go.clear()
    with started(work, "always", clock=lambda: now[0]) as trainer:
        assert work.inside.wait(PATIENCE_S)
        now[0] += slept_s
        for _ in range(50):  # the first frames after waking up
            now[0] += 1 / 60
            trainer.frame(1e3 * slept_s)
        assert trainer.trouble == ""
        work.go.set()
        wait_for(lambda: work.done == 1)
        now[0] += 5.0
        trainer.frame(16.7)
        assert trainer.trouble == ""
        assert trainer.metrics.get("failures") is None


SLEEPS = """
import sys, time
from cornerman.training import training_thread
training_thread.STUCK_S = 0.5
from game_adapter.ringside.game import RINGSIDE
from pathlib import Path
from tests.support.table import Table

with Table(RINGSIDE, Path(sys.argv[1]), training_window="always") as table:
    table.play(2, settle=True)
    print("ready", flush=True)
    end = time.monotonic() + 4.0
    troubles = set()
    while time.monotonic() < end:
        table.plugin.on_frame(16.7)
        troubles.add(table.plugin.training.status()["trouble"])
        time.sleep(0.016)
    print([trouble for trouble in troubles if "stuck" in trouble], flush=True)  # a busy machine may starve it indeed
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
def test_process_that_is_stopped_for_a_while_goes_on_without_a_word(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPS, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2.0)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "[]\n")


# -------------------------------------------------------------------------------------------------------- big screens


@pytest.mark.parametrize("size", [(3840, 2160), (7680, 4320), (5120, 1440)], ids=str)
def test_first_picture_on_a_big_screen_does_not_hold_the_game(size: tuple[int, int]) -> None:
    plugin = FakePlugin()
    times = []
    for _ in range(5):  # each a first one, whatever the machine does meanwhile
        surface = pygame.Surface(size)
        begun = time.perf_counter()
        Panel(plugin, plugin.report).draw(surface)
        times.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(4):
        pygame.Surface(size).fill((24, 27, 54))
    fills = (time.perf_counter() - begun) / 4
    assert min(times) < 0.1 + 2 * fills, "at more than 100 ms a host says that the plugin held the game"


# --------------------------------------------------------------------------------------------------------- odd events


@pytest.mark.parametrize(
    "event",
    [
        pygame.event.Event(pygame.KEYDOWN),
        pygame.event.Event(pygame.KEYDOWN, key=None),
        pygame.event.Event(pygame.KEYDOWN, key="down"),
        pygame.event.Event(pygame.KEYDOWN, key=10**30),
        pygame.event.Event(pygame.MOUSEMOTION),
        pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=None, button=1),
        pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(1,), button=1),
        pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=("a", "b"), button=1),
        pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(float("nan"), 3.0), button=1),
        pygame.event.Event(pygame.USEREVENT),
        SimpleNamespace(),
        None,
        "an event",
        7,
    ],
    ids=str,
)
def test_odd_event_is_not_for_the_panel_and_changes_nothing(tmp_path: Path, event: Any) -> None:
    plugin = Cornerman()
    plugin.on_load(RINGSIDE, str(tmp_path), {"learning": False})
    plugin.on_draw(pygame.Surface((420, 380)))
    before = plugin.report()["plugin"]
    for _ in range(4):
        assert not plugin.on_event(event)
    assert plugin.report()["plugin"] == before
    plugin.on_quit()


def test_click_without_a_button_moves_the_focus_at_most() -> None:
    plugin = FakePlugin()
    panel = Panel(plugin, plugin.report)
    panel.draw(pygame.Surface((420, 380)))
    assert panel.event(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(20, 50)))
    assert plugin.calls == []
