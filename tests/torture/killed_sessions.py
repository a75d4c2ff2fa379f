"""Ringside with the real plugin through the real host, played without a pause until it is killed; for kill_runs.

Runs in a forked process that has loaded what learns but started no thread. It writes, a line each, what the player
could have seen and so may rely on: battles that are kept, versions that play, versions that were rolled back.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import cornerman.training.build  # noqa: F401 - here, once, and not in every forked session
from cornerman.learning.compiled import cpu_steps
from cornerman.plugin import Cornerman
from game_adapter.host.host import Host
from game_adapter.host.match import PLUGIN, SCRIPTED, Match
from tests.support.paths import PLUGINS
from tests.support.short_ringside import SHORT_RINGSIDE

SETTINGS: Mapping[str, Any] = {
    "hidden": [8],
    "batch_size": 32,
    "burst_steps": 8,
    "learning_rate": 5e-3,
    "target_rate": 0.05,
    "replay_capacity": 2000,
    "practice": 0.2,
    "candidate_period": 16,
    "gate_min_pairs": 4,
    "gate_max_pairs": 20,
    "kept_versions": 12,
    "from_nothing": True,
    "training_window": "always",
    "device": "cpu",
}
cpu_steps(Path())  # likewise
"""Under these the gate promotes several times a second: a learned version goes back to the untrained one, and so on."""
ROLLED_BACK = 0.05  # of all turns, where there is something to go back to
SETTLE_S, PATIENCE_S = 0.1, 30.0


def battle_digest(decisions: Iterable[tuple[int, int]], outcome: Mapping[int, float]) -> str:
    """Names a battle by what happened in it: `decisions` are pairs of seat and action in each seat's order."""
    by_seat: dict[int, list[int]] = {}
    for seat, action in decisions:
        by_seat.setdefault(int(seat), []).append(int(action))
    fared = {seat: float(outcome[seat]) for seat in by_seat if seat in outcome}  # a game says 1 where 1.0 is stored
    text = json.dumps([[seat, actions, fared.get(seat)] for seat, actions in sorted(by_seat.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def weights_digest(flat: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(flat, np.float32).tobytes()).hexdigest()


class Session:
    """One start of the game in `folder`; `pipe` is its writing end."""

    def __init__(self, folder: Path, number: int, seed: int, pipe: int) -> None:
        self._number, self._pipe = number, pipe
        self._random = Random(f"session {number}")
        self.game = SHORT_RINGSIDE
        self.host = Host(PLUGINS, folder, self.game, {**SETTINGS, "seed": seed})
        self._finished: list[str] = []  # digests of the battles that ended
        self._kept, self._rolled_back = 0, set[int]()

    def write(self, line: str) -> None:
        os.write(self._pipe, f"{line}\n".encode())

    def start(self) -> None:
        self.host.load()
        plugin: object = getattr(self.host.loaded[0].hooks["settle"], "__self__", None)
        assert isinstance(plugin, Cornerman)
        self.plugin = plugin
        for sentence in [*self.host.messages, *(event["text"] for event in plugin.metrics.events())]:
            self.write(f"said {sentence}")
        self._newest = max(plugin.store.registry.numbers())
        self._rolled_back = set(plugin.store.registry.rolled_back)
        self._write_version("up")

    def _write_version(self, what: str) -> None:
        champion = self.plugin.slot.champion
        self.write(f"{what} {champion.version} {weights_digest(champion.flat)}")

    def play(self, seconds: float) -> None:
        """Battle after battle until the time is over."""
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            number += 1
            seed, seat = self._number * 100_000 + number, number % 2
            seats = {seat: PLUGIN, 1 - seat: SCRIPTED}
            match = Match(self.host, self.game.new_battle(seed), number, seats, self.game.bots["random"], Random(seed))
            decisions = []
            while not match.over and time.monotonic() < end:
                match.start_round()
                seat_now, action = match.seat_to_play, match.decide()
                assert seat_now is not None
                assert action is not None
                decisions.append((seat_now, action))
                match.play(action)
                self._turn_over()
            if match.over:
                self._finished.append(battle_digest(decisions, match.battle.outcome or {}))
                self.host.settle(SETTLE_S)
            assert self.plugin.training.alive, self.plugin.training.status()["trouble"]
            assert self.host.loaded[0].on, self.host.messages

    def _turn_over(self) -> None:
        self._acknowledge()
        if len(self.plugin.store.registry.champions) > 1 and self._random.random() < ROLLED_BACK:
            self._roll_back()

    def _acknowledge(self) -> None:
        """Write what has come to be kept, and what plays now."""
        kept = self.plugin.metrics.get("kept", 0)
        for digest in self._finished[self._kept : kept]:
            self.write(f"battle {digest}")
            self._kept += 1
        if self.plugin.slot.champion.version > self._newest:
            self._newest = self.plugin.slot.champion.version
            self._write_version("version")

    def _roll_back(self) -> None:
        """As by the menu's key; written once the trainer has done it."""
        done = threading.Event()

        def rolled_back_by(loop: object) -> None:
            del loop
            rolled_back = set(self.plugin.store.registry.rolled_back)
            for version in sorted(rolled_back - self._rolled_back):
                self.write(f"back {version}")
            self._rolled_back = rolled_back
            done.set()

        self.plugin.controls.roll_back()
        self.plugin.training.call(rolled_back_by)
        assert done.wait(PATIENCE_S), "the trainer does not run the command"

    def quit(self) -> None:
        """End as a player ends it; every battle that was over is kept then."""
        self.write("quitting")
        self.host.quit()
        if self.plugin.training.owns_files:
            self.write("late")  # the machine is too busy: nothing was promised
            return
        for digest in self._finished[self._kept :]:
            self.write(f"battle {digest}")
        self.write("ended")


def run(folder: Path, number: int, seed: int, pipe: int, seconds: float) -> None:
    """One whole session, from start to end."""
    session = Session(folder, number, seed, pipe)
    session.start()
    session.play(seconds)
    session.quit()
