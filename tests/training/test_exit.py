"""However a game ends while it learns, the process ends with it: in time, with the right status, and saved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

IN_TIME_S = 8.0
"""Two seconds is what is promised, on a machine that does nothing else; less than what saving may take."""

ENDS = """
import sys, time
from threading import Event
from cornerman.training.windows.training_windows import TrainingWindows
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import TrainingThread

inside, saving_s = Event(), {saving_s}

class Work:
    def slice(self, budget_s, idle=False):
        inside.set()
        while {hangs}:
            time.sleep(60)
        return {busy}
    def recover(self, error):
        pass
    def close(self):
        time.sleep(saving_s)
        print("saved", flush=True)

trainer = TrainingThread(Work, Metrics(), TrainingWindows("always" if {busy} else "between_rounds"))
assert trainer.start(10.0) and (inside.wait(10.0) if {busy} else not inside.wait(0.05))
print(time.time(), flush=True)
{ends}
"""
CRASH = "raise RuntimeError('the game is broken')"


@pytest.mark.parametrize(
    ("ends", "status", "options"),
    [
        ("", 0, {}),
        ("", 0, {"busy": False}),
        ("sys.exit(3)", 3, {}),
        (CRASH, 1, {}),
        ("", 0, {"saving_s": 1.5}),
        ("assert trainer.stop()", 0, {"saving_s": 1.5}),
        ("", 0, {"hangs": True}),
        ("assert not trainer.stop()", 0, {"hangs": True}),
        (CRASH, 1, {"hangs": True}),
    ],
    ids=str,
)
def test_process_ends_with_the_game_and_saves_unless_a_step_hangs(
    ends: str, status: int, options: dict[str, Any]
) -> None:
    code = ENDS.format(**{"busy": True, "hangs": False, "saving_s": 0.0, "ends": ends, **options})
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    began, *saved = ended.stdout.split()
    assert (ended.returncode, saved) == (status, [] if "hangs" in options else ["saved"]), ended.stderr
    assert time.time() - float(began) < IN_TIME_S + options.get("saving_s", 0.0)


GAME = """
import os, signal, sys, threading, time
from random import Random
import pygame
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import Window

settings = {{"training_window": "always", "learning_time": "{way}", "batch_size": 4, "updates_per_transition": 64.0,
    "warmup_fraction": 0.0, "rest_when_busy": False}}
host = Host({plugins!r}, {data!r}, RINGSIDE, settings)
host.load()
window = Window(host, RINGSIDE, Random(1), sound=False, watch="brawler")
steps = lambda: (host.report("cornerman") or {{}})["learner"]["steps"]
end = time.monotonic() + 60.0
clock = pygame.time.Clock()
while steps() < 48 and time.monotonic() < end:  # it learns flat out
    window.frame(0.5, clock.tick(60))
    host.pump(8.0)
assert steps() >= 48, host.report("cornerman")
print(time.time(), flush=True)
{ends}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "ends", "status"),
    [
        ("thread", "pygame.event.post(pygame.event.Event(pygame.QUIT)); window.run()", 0),
        ("thread", "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start(); window.run()", 0),
        ("pump", CRASH, 1),
        ("thread", "", 0),
    ],
    ids=["window closed", "Ctrl-C", "exception", "interpreter exit"],
)
def test_game_ends_while_learning_takes_all_its_time(way: str, ends: str, status: int, tmp_path: Path) -> None:
    code = GAME.format(way=way, ends=ends, plugins=str(ROOT / "plugin"), data=str(tmp_path))
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])
    run = [sys.executable, "-c", code]
    game = subprocess.run(run, capture_output=True, text=True, timeout=90, check=False, env=environment)
    assert game.returncode == status, game.stderr
    assert time.time() - float(game.stdout.splitlines()[-1]) < IN_TIME_S
    assert "Fatal" not in game.stderr
    assert (tmp_path / "cornerman" / "resume.safetensors").is_file(), "what was learned is saved"
