"""Threads that build playing backends: they outlive no game, and a system without threads has numpy."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.edge import backends
from cornerman.edge.backends import KEPT, Build, PlayingBackends
from cornerman.edge.hailo_session import NoHefError
from cornerman.policy.policy import Policy, QValues
from cornerman.policy.q_network import NetworkSpec, draw
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

SPEC = NetworkSpec(6, 5, (12,))
HANGS = """
import sys, time
from pathlib import Path
import cornerman.plugin
from cornerman.edge import backends
from tests.support.duel import Duel

backends.LOADING_S = 0.05
cornerman.plugin.builders = lambda folder: {"onnxruntime": lambda policy: time.sleep(60)}
plugin = cornerman.plugin.Cornerman()
plugin.on_load(Duel(), sys.argv[1], {"playing_backend": "onnxruntime", "learning": False, "worker": "off"})
print("loaded", flush=True)
plugin.on_quit()
sys.exit(3)
"""


def policy_of(version: int = 0) -> Policy:
    return Policy(SPEC, draw(SPEC, np.random.default_rng(version)), version)


def test_process_ends_with_the_game_although_building_a_backend_hangs(tmp_path: Path) -> None:
    began = time.monotonic()
    game = subprocess.run(
        [sys.executable, "-c", HANGS, str(tmp_path)],
        capture_output=True, text=True, timeout=50, check=False, cwd=ROOT,
    )  # fmt: skip
    assert game.stdout.splitlines() == ["loaded"], game.stderr
    assert "Traceback" not in game.stderr
    assert time.monotonic() - began < 30.0, "it waited for the minute that the backend takes"


def test_system_that_starts_no_thread_costs_the_backend_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    said: list[str] = []
    monkeypatch.setattr("threading.Thread.start", refuse)
    assert PlayingBackends("numpy", policy_of(), {}, said.append, {}.update).of(policy_of()) is None
    assert said == []
    monkeypatch.undo()
    playing = PlayingBackends("other", policy_of(), {"other": lambda policy: policy.q_values}, said.append, {}.update)
    monkeypatch.setattr("threading.Thread.start", refuse)
    assert playing.of(policy_of(1)) is None
    assert said == ["Decisions are computed by numpy, not by other: can't start new thread."]


def test_choice_that_is_made_after_the_end_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "LOADING_S", 0.0)
    closed, threads, figures = threading.Event(), list[threading.Thread](), dict[str, Any]()

    def build(policy: Policy) -> QValues:
        assert closed.wait(10.0)
        return policy.q_values

    playing = PlayingBackends("other", policy_of(), {"other": build}, print, figures.update, threads.append)
    playing.close()
    closed.set()
    [chooser] = threads
    chooser.join(10.0)
    assert playing.of(policy_of(1)) is None
    assert (len(threads), figures) == (1, {})


def test_versions_that_no_backend_can_play_are_not_kept_for_good() -> None:
    def build(policy: Policy) -> QValues:
        raise NoHefError("no file for it.")

    builds: dict[str, Build] = {"hailo": build}
    playing = PlayingBackends("hailo", policy_of(), builds, lambda sentence: None, {}.update)
    seen = []
    for version in range(KEPT + 3):
        policy = policy_of(version)
        playing.of(policy)
        seen.append(weakref.ref(policy))
    del policy

    def left() -> int:
        gc.collect()
        return sum(each() is not None for each in seen)

    wait_for(lambda: left() <= KEPT)
