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
from typing import Any

import numpy as np

from cornerman.contract import ModelError
from cornerman.evaluation.arena import BattleRecord
from cornerman.evaluation.verdict import GateBattle, Verdict
from cornerman.experience.battle_store import PLAYER
from cornerman.models.exchange import export_version
from cornerman.models.history import History
from cornerman.panel.controls import Controls
from cornerman.plugin import Cornerman
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from tests.support.choosing import SMALL, Choosing

VERSIONS, BATTLES = 3, 2  # in the template
LEFT_BY_A_FAULT = ("half-written battle", "Forgetting was cut short")


def weights(spec: NetworkSpec, version: int) -> np.ndarray:
    """The parameters that version `version` of the template, or the one promoted over it, holds."""
    return draw(spec, np.random.default_rng(100 + version))


def opened(folder: Path, **settings: Any) -> Cornerman:
    """A plugin that learns on this thread."""
    plugin = Cornerman()
    plugin.on_load(Choosing(), str(folder), {**SMALL, "learning": False, "practice": 0.0, **settings})
    plugin.prepare()
    return plugin


def closed(plugin: Cornerman) -> None:
    assert plugin.training is not None
    plugin.training.close()
    plugin.on_quit()


def verdict(version: int) -> Verdict:
    battles = tuple(
        GateBattle("candidate", "champion", BattleRecord(seed, seat, 1.0, 1, 2, False))
        for seed in range(3)
        for seat in (0, 1)
    )
    return Verdict(True, f"Promoted: version {version}.", pairs=3, score=1.0, battles=battles, seed=5)


def record(plugin: Cornerman, battles: int = 1) -> None:
    """A battle against the player, whose result is noted and whose decisions are kept."""
    game = Choosing()
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
        plugin.keep_recorded()


def promote(plugin: Cornerman) -> None:
    """A candidate has passed the gate: it is saved, pointed to, noted, and an old one is pruned."""
    training = plugin.training
    assert training is not None
    spec, version = plugin.slot.champion.spec, max(plugin.registry.numbers()) + 1
    training.memory.rows[PLAYER] += 1  # it learned from the player
    training._candidate = Policy(spec, weights(spec, version), -1)
    training._decide(verdict(version))


def save(plugin: Cornerman) -> None:
    """What is being learned, at the end of a session."""
    assert plugin.training is not None
    try:
        plugin.training.close()
    except ModelError as error:
        plugin.say(str(error))  # the trainer logs it


def roll_back(plugin: Cornerman) -> None:
    Controls(plugin).roll_back()


def take_in(plugin: Cornerman) -> None:
    plugin.take_in()


@dataclass(frozen=True)
class Operation:
    """`done` looks at a freshly opened plugin: whether it has the effect."""

    do: Callable[[Cornerman], object]
    done: Callable[[Cornerman], bool]


def recorded(plugin: Cornerman) -> int:
    return len({item.battle_id for item in plugin.safe.stored(PLAYER, 10**6)})


def live_noted(plugin: Cornerman) -> int:
    return _rows(plugin, "select count(*) from battles where kind like 'live%'")


def _rows(plugin: Cornerman, query: str) -> int:
    history = History(plugin.registry.folder, lambda: 0.0)
    try:
        assert history.sentences == []
        return int(history.database.rows(query)[0][0])
    finally:
        history.close()


OPERATIONS = {
    "record": Operation(record, lambda plugin: recorded(plugin) > BATTLES and live_noted(plugin) > BATTLES),
    "save": Operation(save, lambda plugin: plugin.metrics.get("fill", 0) >= 2 * BATTLES),
    "promote": Operation(
        promote, lambda plugin: plugin.registry.champion == VERSIONS and _rows(plugin, "select count(*) from gates") > 2
    ),
    "roll back": Operation(roll_back, lambda plugin: plugin.registry.champion == VERSIONS - 2),
    "forget": Operation(
        lambda plugin: Controls(plugin).forget(),
        lambda plugin: recorded(plugin) == 0 and live_noted(plugin) == 0 and plugin.registry.numbers() == [0],
    ),
    "import": Operation(take_in, lambda plugin: plugin.registry.champion == VERSIONS),
}


def prepare(template: Path) -> None:
    """A data folder with versions that learned from the player, recorded battles, a history and a model to take in."""
    plugin = opened(template)
    record(plugin, BATTLES)
    for _ in range(VERSIONS - 1):
        promote(plugin)
    (template / "imports").mkdir()
    export_version(plugin.registry, 0, template / "imports" / "model.zip")
    closed(plugin)


def fault(template: Path, home: Path, name: str, failing: Callable[[], AbstractContextManager[object]]) -> str:
    """Do `name` in a copy of the template while `failing()` (a context manager) lets things fail, and start again.

    An empty string, or what was wrong: a damaged state, an effect that is missing and was not told, one told twice.
    """
    shutil.copytree(template, home)
    operation, plugin = OPERATIONS[name], opened(home)
    heard = plugin.metrics.events()
    with failing():
        try:
            operation.do(plugin)
        except ModelError as error:  # what the trainer says in its thread
            plugin.say(str(error))
    said = [event["text"] for event in plugin.metrics.events() if event["text"] not in {old["text"] for old in heard}]
    plugin.safe.close()
    plugin.store.close()
    return _wrong(home, name, said)


def _wrong(home: Path, name: str, said: list[str]) -> str:
    again = opened(home)
    try:
        sentences = [event["text"] for event in again.metrics.events()]
        if name == "import" and (home / "imports" / "model.zip").exists():
            sentences = [sentence for sentence in sentences if "model.zip" not in sentence]
        if name != "import":
            sentences = [sentence for sentence in sentences if "There is a model to take in" not in sentence]
        bad = [sentence for sentence in sentences if not any(left in sentence for left in LEFT_BY_A_FAULT)]
        if bad:
            return f"the next start says {bad}"
        champion = again.slot.champion
        known = champion.version > 0 and name != "import"
        if known and champion.flat.tobytes() != weights(champion.spec, champion.version).tobytes():
            return f"version {champion.version} holds other weights"
        if name != "forget" and recorded(again) < BATTLES:
            return "a battle that was kept is gone"
        if name != "forget" and live_noted(again) < BATTLES:
            return f"the history of battles is gone: {said}"
        if not OPERATIONS[name].done(again) and not said:
            return "it was not done, and nothing was said"
        twice = {sentence for sentence in said if said.count(sentence) > 1}
        return f"said twice: {twice}" if twice else ""
    finally:
        closed(again)
