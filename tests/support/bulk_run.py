"""A bulk loop of a small game whose workers live in this process, so that it is quick and can be stopped anywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import HeadlessGame
from cornerman.evaluation.gate import GateSettings
from cornerman.evaluation.verdict import Bar
from cornerman.experience.encoder import Encoder
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.learning.learner import build_learner
from cornerman.models.champions import Champions
from cornerman.models.history import History
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay import worker
from cornerman.selfplay.orders import Arrays
from cornerman.selfplay.pool import AnyWorker
from cornerman.selfplay.worker import Worker
from cornerman.settings import Settings, with_values
from cornerman.training.bulk import promotion
from cornerman.training.bulk.log import BulkLog
from cornerman.training.bulk.loop import BulkLoop
from cornerman.training.bulk.plan import Plan
from game_adapter.ringside.game import Ringside
from game_adapter.ringside.opponents import BOTS, Bot
from tests.support.choosing import Choosing

SMALL = {
    "device": "cpu",
    "hidden": [16],
    "gate_min_pairs": 2,
    "gate_max_pairs": 30,
    "learning_rate": 0.005,
    "seed": 3,
    "from_nothing": True,
}
DECISIONS, WORKERS = 14_000, 2
CLOCK = {"seconds", "decisions_per_s", "waited_s"}


class ThreeBots(Ringside):
    """One of them plays single battles, but not the planner, whose battles take a tenth of a second."""

    own_fighter = "single"

    @property
    def bots(self) -> Mapping[str, Bot]:
        return {"random": BOTS["random"], "brawler": BOTS["brawler"], "single": BOTS["tactician"]}


THREE_BOTS = ThreeBots()
GAMES: Mapping[str, HeadlessGame] = {"ringside": THREE_BOTS, "choosing": Choosing()}
STRETCH = {"ringside": 32 * (48 + 2), "choosing": 32 * 64}
"""Decisions in one answer."""


class LocalWorker:
    """A worker without a process; an order is carried out when its answer is asked for, so one under way is lost."""

    pid = 0

    def __init__(self, name: str, seed: int, number: int) -> None:
        self._worker = Worker(GAMES[name], (16,), seed, number, replace(worker.BULK, batched=48, beside=2))
        self.under_way: tuple[Arrays, Mapping[str, Any]] | None = None

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        assert self.under_way is None, "one order at a time"
        self.under_way = dict(arrays), json.loads(json.dumps(notes))

    def answer(self, wait_s: float) -> Any:
        order, self.under_way = self.under_way, None
        if order is None:
            return None
        arrays, notes = self._worker.obey(*order)
        # As bytes would be: what the worker keeps and changes is not what was sent.
        return {name: array.copy() for name, array in arrays.items()}, json.loads(json.dumps(notes))

    def close(self) -> None:
        pass


def few_checks(min_pairs: int, max_pairs: int, checks: int, batched: int, bar: Bar) -> GateSettings:
    return GateSettings(min_pairs, max_pairs, min(8, checks), min(1024, batched), bar)


@contextmanager
def small_batches() -> Iterator[None]:
    """Few battles for the bots, and few for the judge at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promotion, "BOT_BATTLES", 2)
        patch.setattr(worker, "GateSettings", few_checks)
        yield


class Run:
    """A bulk loop with everything around it; closed once its result is known."""

    def __init__(
        self,
        folder: Path,
        name: str,
        decisions: int,
        start_worker: Callable[[str, int, int], AnyWorker] = LocalWorker,
        **plan: Any,
    ) -> None:
        game, settings = GAMES[name], with_values(Settings(), SMALL, "the test")
        encoder = Encoder(game)
        spec = NetworkSpec(encoder.observation_size, encoder.num_actions, settings.hidden)
        self.name, self.folder = name, folder
        self.store = Store(folder, Identity.of(game, encoder), spec, "the test")
        self.store.bulk_folder.mkdir(exist_ok=True)
        champions = Champions(self.store, settings.seed, lambda _: None, lambda _: None, settings.from_nothing)
        self.learner = build_learner(spec, with_values(settings, {"batch_size": 64}, "the test"), "cpu")
        small = {"workers": WORKERS, "batch_size": 64, "uses": 4.0, "capacity": 5_000, "candidate_steps": 190}
        whole = Plan(decisions=decisions, report_s=0.0, **{"checkpoint_s": 1e9, **small, **plan})
        log = BulkLog(self.store.bulk_folder / "log.jsonl", lambda _: None)
        start = partial(start_worker, name)
        self.loop = BulkLoop(game, settings, whole, self.store, champions, self.learner, log, start)

    def stop_after(self, answers: int) -> bool:
        """Run until so many answers were taken in; False where it was stopped."""
        start = self.loop.progress.decisions
        done = self.loop.run(lambda: self.loop.progress.decisions - start >= answers * STRETCH[self.name])
        self.store.close()
        return done

    def digest(self) -> dict[str, Any]:
        """Run to the end; everything that came of it, clock apart."""
        assert self.loop.run()
        versions = self.store.registry.numbers()
        self.store.close()
        arrays, notes = stored(self.folder)
        progress = asdict(self.loop.progress)
        progress["curve"] = [{key: entry[key] for key in entry.keys() - CLOCK} for entry in progress["curve"]]
        log = [json.loads(line) for line in (self.folder / "bulk" / "log.jsonl").read_text("utf-8").splitlines()]
        history = History(self.folder, time.time)
        gates = [{name: gate[name] for name in gate if name != "time"} for gate in history.gates()]
        meetings = history.meetings()
        history.close()
        return {
            "arrays": {name: array.tobytes() for name, array in arrays.items()},
            "progress": {name: value for name, value in progress.items() if name not in CLOCK},
            "league": notes["league"],
            "counts": notes["promotion"]["counts"],
            "line": notes["promotion"]["line"],
            "versions": versions,
            "log": [{k: e[k] for k in e.keys() - CLOCK} for e in log if e["event"] in ("progress", "verdict")],
            "gates": gates,
            "meetings": meetings,
        }


def stored(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    saved, _ = CheckpointFile(folder / "bulk").load()
    assert saved is not None
    return saved
