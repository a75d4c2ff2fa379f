"""A plugin at a table of its own: Match plays battles with it, and whatever it raises reaches the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, TypeVar

import numpy as np

from cornerman.contract import BattleEnd, Transition
from cornerman.models.manifest import Provenance
from cornerman.plugin import Cornerman
from cornerman.policy.policy import Policy
from game_adapter.host.hooks import HOOKS, bind
from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.game import RINGSIDE, Ringside

SMALL: Mapping[str, Any] = {
    "hidden": [16],
    "batch_size": 32,
    "replay_capacity": 2000,
    "gate_min_pairs": 4,
    "gate_max_pairs": 10,
    "device": "cpu",
    "seed": 1,
    "practice": 1.0,
    "worker": "thread",
    "from_nothing": True,
    "rest_when_busy": False,
}
NO_GATE: Mapping[str, Any] = {"candidate_period": 1_000_000}
"""For sessions that are not about candidates: the battles of the gate take most of the time of a short one."""
SETTLE_S = 60.0


T = TypeVar("T")


def on_owner(plugin: Cornerman, command: Callable[[Any], T]) -> T:
    """What `command`, given the training loop or None, returns on the thread that owns the plugin's files."""
    answers: list[T] = []
    done = Event()

    def run(loop: Any) -> None:
        try:
            answers.append(command(loop))
        finally:
            done.set()

    plugin.training.call(run)
    assert done.wait(SETTLE_S)
    return answers[0]


def promote(plugin: Cornerman, count: int, rows: Mapping[str, int] | None = None) -> None:
    """Store and promote versions that differ a little, as training would have done."""
    for _ in range(count):
        champion = plugin.slot.champion
        change = np.random.default_rng(champion.version).normal(size=champion.flat.size).astype("f4")
        provenance = Provenance(champion.version, 100, rows or {})
        plugin.champions.promote(Policy(champion.spec, champion.flat + change), provenance)


class QuickRingside(Ringside):
    """Without the bot that looks ahead: a candidate has hundreds of battles against every bot."""

    @property
    def bots(self) -> Mapping[str, Any]:
        return {name: bot for name, bot in super().bots.items() if name != "planner"}


class Table:
    """Stands in for the host: one plugin, no isolation."""

    def __init__(self, game: Any, folder: Path, **settings: Any) -> None:
        self.game, self.plugin = QuickRingside() if game is RINGSIDE else game, Cornerman()
        self.plugin.on_load(self.game, str(folder), {**SMALL, **settings})
        self.battles = 0
        self.player: str | None = None  # who plays from the next battle on
        self.versions: list[int] = []  # of every decision it had an opinion on

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.plugin.on_quit()
        assert not self.plugin.training.running

    def __getattr__(self, hook: str) -> Callable[..., Any]:
        """The host's method of that name, as Match calls it."""
        if hook not in HOOKS:
            raise AttributeError(hook)
        return lambda *values, **named: self.call(hook, **dict(zip(HOOKS[hook], values, strict=False)), **named)

    def call(self, hook: str, **arguments: Any) -> None:
        if hook == "on_battle_start":
            arguments["player"] = self.player
        if (bound := bind(self.plugin).get(hook)) is not None:  # as a host: a plugin need not have every hook
            bound(**arguments)

    def choose_action(
        self, battle_id: int, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]
    ) -> int | None:
        version = self.plugin.report()["version"]
        action = self.plugin.choose_action(battle_id=battle_id, seat=seat, state=state, action_mask=action_mask)
        if action is not None:
            assert action_mask[action]
            self.versions.append(version)
        return action

    def match(self, seats: Mapping[int, str] | None = None, bot: str = "") -> Match:
        """A new battle; by default seat 0 is the plugin's."""
        self.battles += 1
        bots = self.game.bots
        return Match(
            self,  # type: ignore[arg-type]  # as much of a host as Match asks for
            self.game.new_battle(self.battles),
            self.battles,
            seats or {0: PLUGIN, 1: SCRIPTED},
            bots[bot or next(iter(bots))],
            Random(self.battles),
        )

    def play(
        self, battles: int = 1, settle: bool = False, each_turn: Callable[[Match, int], None] | None = None
    ) -> None:
        """Whole battles; `each_turn` is called before every turn with its number in the battle."""
        for _ in range(battles):
            match, turn = self.match(), 0
            while not match.over:
                if match.between_rounds:
                    if settle:
                        assert self.plugin.settle(SETTLE_S)
                    match.start_round()
                if each_turn is not None:
                    each_turn(match, turn)
                match.play(match.decide())
                turn += 1
            if settle:
                assert self.plugin.settle(SETTLE_S)

    def play_as(self, player: str, battles: int) -> None:
        """Whole battles of a player, who moves like the weakest bot but one, against the plugin."""
        self.player, (_, bot, *_) = player, self.game.bots.values()
        for _ in range(battles):
            match = self.match({0: PLAYER, 1: PLUGIN})
            while not match.over:
                match.start_round()
                own = match.seat_to_play == 0
                match.play(bot(match.battle, Random(self.battles)) if own else match.decide())
            assert self.plugin.settle(SETTLE_S)

    def on_owner(self, command: Callable[[Any], T]) -> T:
        """What `command`, given the training loop or None, returns on the thread that owns the plugin's files."""
        return on_owner(self.plugin, command)

    @property
    def rejected(self) -> dict[str, int]:
        self.plugin.recording.events.drain()
        return dict(self.plugin.recording.recorder.rejected)

    @property
    def handed_over(self) -> list[Transition | BattleEnd]:
        """What was recorded: finished battles from the store, and what is there of those under way."""
        return [*self.plugin.store.battles.stored(10**6), *self.plugin.recording.waiting()]
