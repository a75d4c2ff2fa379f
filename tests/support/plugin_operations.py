"""What a plugin does to its files, each as one call on this thread, and what must hold whatever failed meanwhile.

For tests in which files and the SQLite record fail: record, save, promote, roll back, forget, import. No trainer: what
it would do is done here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from cornerman.contract import ModelError
from cornerman.evaluation.arena import BattleRecord
from cornerman.evaluation.verdict import GateBattle, Verdict
from cornerman.experience.experience import PLAYER
from cornerman.models.exchange import export_version
from cornerman.models.history import History
from cornerman.plugin import Cornerman
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.training.training_loop import TrainingLoop
from tests.support.choosing import SMALL, Choosing
from tests.support.local_training import local_plugin

VERSIONS, BATTLES = 3, 2  # in the template
LEFT_BY_A_FAULT = ("half-written battle", "Forgetting was cut short")


def weights(spec: NetworkSpec, version: int) -> np.ndarray:
    """The parameters that version `version` of the template, or the one promoted over it, holds."""
    return draw(spec, np.random.default_rng(100 + version))


class Opened(NamedTuple):
    """A plugin that learns on this thread, and its loop."""

    plugin: Cornerman
    loop: TrainingLoop

    @property
    def said(self) -> list[str]:
        """What the player could read, newest first."""
        return [event["text"] for event in self.plugin.metrics.events()]


def opened(folder: Path, **settings: Any) -> Opened:
    return Opened(*local_plugin(Choosing(), folder, **{**SMALL, "practice": 0.0, **settings}))


def verdict(version: int) -> Verdict:
    battles = tuple(
        GateBattle("candidate", "champion", BattleRecord(seed, seat, 1.0, 1, 2, False))
        for seed in range(3)
        for seat in (0, 1)
    )
    return Verdict(True, f"Promoted: version {version}.", pairs=3, score=1.0, battles=battles, seed=5)


def record(opened: Opened, battles: int = 1) -> None:
    """A battle against the player, whose result is noted and whose decisions are kept."""
    game, plugin = Choosing(), opened.plugin
    for number in range(1, battles + 1):
        battle, random = game.new_battle(number), Random(number)
        plugin.on_battle_start(battle_id=number, seats={0: "player", 1: "plugin"})
        while (seat := battle.seat) is not None:
            state, mask, action = battle.state(), battle.action_mask(), random.randrange(2)
            if seat == 1:
                action = plugin.choose_action(number, seat, state, mask) or 0
            battle.apply(action)
            plugin.on_turn(number, seat, state, mask, action, battle.state())
        plugin.on_battle_end(battle_id=number, outcome=battle.outcome or {})


def promote(opened: Opened) -> None:
    """A candidate has passed the gate: it is saved, pointed to, noted, and an old one is pruned."""
    plugin, loop = opened
    spec, version = plugin.slot.champion.spec, max(plugin.store.registry.numbers()) + 1
    loop.experience.rows[PLAYER] += 1  # it learned from the player
    loop.candidates.decide(Policy(spec, weights(spec, version)), loop.provenance(), verdict(version))


def save(opened: Opened) -> None:
    """What is being learned, at the end of a session."""
    try:
        opened.loop.close()
    except ModelError as error:
        opened.plugin.metrics.say(str(error))  # the trainer logs it


def roll_back(opened: Opened) -> None:
    opened.plugin.controls.roll_back()


@dataclass(frozen=True)
class Operation:
    """`done` looks at a freshly opened plugin: whether it has the effect."""

    do: Callable[[Opened], object]
    done: Callable[[Opened], bool]


def recorded(opened: Opened) -> int:
    return len({item.battle_id for item in opened.plugin.store.battles.stored(10**6)})


def live_noted(opened: Opened) -> int:
    return _rows(opened, "select count(*) from battles where kind like 'live%'")


def champion(opened: Opened) -> int | None:
    return opened.plugin.store.registry.champion


def _rows(opened: Opened, query: str) -> int:
    history = History(opened.plugin.store.folder, lambda: 0.0)
    try:
        assert history.sentences == []
        return int(history.database.rows(query)[0][0])
    finally:
        history.close()


OPERATIONS = {
    "record": Operation(record, lambda opened: recorded(opened) > BATTLES and live_noted(opened) > BATTLES),
    "save": Operation(save, lambda opened: opened.plugin.metrics.get("fill", 0) >= 2 * BATTLES),
    "promote": Operation(
        promote, lambda opened: champion(opened) == VERSIONS and _rows(opened, "select count(*) from gates") > 2
    ),
    "roll back": Operation(roll_back, lambda opened: champion(opened) == VERSIONS - 2),
    "forget": Operation(
        lambda opened: opened.plugin.controls.forget(),
        lambda opened: (recorded(opened), live_noted(opened), opened.plugin.store.registry.numbers()) == (0, 0, [0]),
    ),
    "import": Operation(
        lambda opened: opened.plugin.controls.import_model(), lambda opened: champion(opened) == VERSIONS
    ),
}


def prepare(template: Path) -> None:
    """A data folder with versions that learned from the player, recorded battles, a history and a model to import."""
    built = opened(template)
    record(built, BATTLES)
    for _ in range(VERSIONS - 1):
        promote(built)
    (template / "imports").mkdir()
    export_version(built.plugin.store.registry, 0, template / "imports" / "model.zip")
    built.plugin.on_quit()


def fault(template: Path, home: Path, name: str, failing: Callable[[], AbstractContextManager[object]]) -> str:
    """Do `name` in a copy of the template while `failing()` (a context manager) lets things fail, and start again.

    An empty string, or what was wrong: a damaged state, an effect that is missing without a message, a message twice.
    """
    shutil.copytree(template, home)
    operation, built = OPERATIONS[name], opened(home)
    before = set(built.said)
    with failing():
        try:
            operation.do(built)
        except ModelError as error:  # what the trainer says in its thread
            built.plugin.metrics.say(str(error))
    said = [sentence for sentence in built.said if sentence not in before]
    built.plugin.store.close()
    return _wrong(home, name, said)


def _wrong(home: Path, name: str, said: list[str]) -> str:
    again = opened(home)
    try:
        sentences = again.said
        if name == "import" and (home / "imports" / "model.zip").exists():
            sentences = [sentence for sentence in sentences if "model.zip" not in sentence]
        if name != "import":
            sentences = [sentence for sentence in sentences if "There is a model to import" not in sentence]
        bad = [sentence for sentence in sentences if not any(left in sentence for left in LEFT_BY_A_FAULT)]
        if bad:
            return f"the next start says {bad}"
        playing = again.plugin.slot.champion
        known = playing.version > 0 and name != "import"
        if known and playing.flat.tobytes() != weights(playing.spec, playing.version).tobytes():
            return f"version {playing.version} holds other weights"
        if name != "forget" and recorded(again) < BATTLES:
            return "a battle that was kept is gone"
        if name != "forget" and live_noted(again) < BATTLES:
            return f"the history of battles is gone: {said}"
        if not OPERATIONS[name].done(again) and not said:
            return "it was not done, and nothing was said"
        twice = {sentence for sentence in said if said.count(sentence) > 1}
        return f"said twice: {twice}" if twice else ""
    finally:
        again.plugin.on_quit()
