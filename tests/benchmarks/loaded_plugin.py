"""The plugin as a game loads it, for the subjects that measure it whole: through settings, hooks and `report` alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from game_adapter.host.host import Host
from game_adapter.host.match import Match
from tests.support.paths import PLUGINS

SETTLING_S = 0.1
BATTLES_AHEAD = 12
"""Battles that pay for the learner's steps in a run without practice."""
PATIENCE_S = 120.0

EVERYTHING: Mapping[str, Any] = {"training_window": "always", "idle_practice": 1_000_000_000}
"""The defaults, but the window is always open and practice never has enough: nothing that can run stands still."""
LEARNING_ONLY: Mapping[str, Any] = {
    "training_window": "always",
    "updates_per_transition": 64.0,
    "updates_per_watched": 64.0,
    "practice": 0.0,
    "worker": "off",
    "candidate_period": 1_000_000,
}
"""No practice and no judging; a few battles pay for more gradient steps than a run can do."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the plugin has done since it was loaded."""

    steps: int
    decisions: int  # of practice
    judged: int  # pairs
    judging: bool  # now, or at either end of a stretch
    looked_ahead: int  # decisions of the plugin's seat

    def __sub__(self, before: Work) -> Work:
        return Work(
            self.steps - before.steps,
            self.decisions - before.decisions,
            self.judged - before.judged,
            self.judging or before.judging,
            self.looked_ahead - before.looked_ahead,
        )


@contextmanager
def loaded(game: Any, settings: Mapping[str, Any], panel_key: str = "") -> Iterator[Host]:
    """The plugin in a data folder of its own; it learns on the CPU, as nearly every player's does."""
    with tempfile.TemporaryDirectory() as data:
        host = Host(PLUGINS, data, game, {"device": "cpu", **settings}, panel_key=panel_key)
        try:
            host.load()
            if not any(plugin.on for plugin in host.loaded):
                raise RuntimeError(f"the plugin does not run: {host.messages}")
            yield host
        finally:
            host.quit()


def report(host: Host) -> Mapping[str, Any]:
    found = host.report("cornerman")
    if found is None:
        raise RuntimeError(f"the plugin does not answer: {host.messages}")
    return found


def work_done(host: Host) -> Work:
    found = report(host)
    gate = found["gate"]
    steps, decisions, ahead = found["learner"]["steps"], found["practice"]["decisions"], found["player"]["looked_ahead"]
    return Work(steps, decisions, gate["judged"], gate["state"] == "judging", ahead)


def switch_learning(host: Host, on: bool) -> None:
    """Learning, practice and judging on or off, as by the menu."""
    for plugin in host.loaded:
        plugin.call("set_learning", {"on": on})


def learn(host: Host, on: bool) -> None:
    """The same, and wait until that shows. Not between two frames: the second would be late, and learning give way."""
    switch_learning(host, on)
    time.sleep(SETTLING_S)


def play_battles(host: Host, game: Any, num_battles: int, opponent: str = "scripted") -> None:
    """Battles without a window, which the plugin records; `opponent`: which kind of seat the bot's is said to be."""
    bot = list(game.bots.values())[-1]
    for number in range(num_battles):
        seats = {0: "plugin", 1: opponent}
        random = Random(number)
        match = Match(host, game.new_battle(number), 1_000_000 + number, seats, bot, random)
        while not match.over:
            match.play(bot(match.battle, random) if match.seat_to_play == 1 else match.decide())
            match.start_round()


def wait_a_little() -> None:
    time.sleep(0.01)


def until(host: Host, wanted: Callable[[Work], bool], frame: Callable[[], object] = wait_a_little) -> None:
    """Call `frame` until the work done is as wanted; RuntimeError where it does not come to that."""
    end = time.monotonic() + PATIENCE_S
    while not wanted(work_done(host)):
        if time.monotonic() > end:
            found = report(host)
            raise RuntimeError(f"{work_done(host)} after {PATIENCE_S:.0f} s: {found['window']}, {found['events']}")
        frame()
