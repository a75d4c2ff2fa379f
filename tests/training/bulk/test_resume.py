"""Bulk training that was stopped, or killed after a checkpoint, goes on as if it never had been: bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from cornerman.cli.versions import StoredVersions
from cornerman.contract import Bot, HeadlessGame, ModelError
from cornerman.evaluation.gate import GateSettings
from cornerman.experience.encoder import Encoder
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.learning.device import Choice
from cornerman.learning.learner import build_learner
from cornerman.models.champions import Champions
from cornerman.models.history import History
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay import worker
from cornerman.selfplay.worker import Arrays, Worker
from cornerman.settings import Settings, with_values
from cornerman.training.bulk import promotion as promotion
from cornerman.training.bulk import report as overnight_report
from cornerman.training.bulk.loop import BulkLoop, Plan
from cornerman.training.bulk.report import write_report
from game_adapter.ringside.game import Ringside
from game_adapter.ringside.opponents import BOTS
from tests.support.choosing import Choosing
from tests.support.paths import ROOT

SMALL = {"device": "cpu", "hidden": [16], "gate_min_pairs": 2, "gate_max_pairs": 30, "learning_rate": 0.005, "seed": 3}
DECISIONS, WORKERS = 14_000, 2
CLOCK = {"seconds", "decisions_per_s", "waited_s"}


class ThreeRivals(Ringside):
    """Without the planner, whose battles take a tenth of a second."""

    @property
    def bots(self) -> Mapping[str, Bot]:
        return {name: BOTS[name] for name in ("random", "brawler", "tactician")}


GAMES: Mapping[str, HeadlessGame] = {"ringside": ThreeRivals(), "choosing": Choosing()}


class Here:
    """A pool without processes; an order is obeyed when its answer is asked for, so one under way is lost."""

    def __init__(self, name: str, hidden: tuple[int, ...], seed: int, count: int) -> None:
        self._workers = [Worker(GAMES[name], hidden, seed, number) for number in range(count)]
        self._orders: list[tuple[Arrays, Mapping[str, Any]] | None] = [None] * count
        self.replaced = 0

    def order(self, which: int, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        assert self._orders[which] is None, "one order at a time"
        self._orders[which] = dict(arrays), json.loads(json.dumps(notes))

    def answer(self, which: int, wait_s: float) -> Any:
        order = self._orders[which]
        if order is None:
            return None
        self._orders[which] = None
        arrays, notes = self._workers[which].obey(*order)
        # As bytes would be: what the worker keeps and changes is not what was sent.
        return {name: array.copy() for name, array in arrays.items()}, json.loads(json.dumps(notes))

    def close(self) -> None:
        self._workers = []


@pytest.fixture(autouse=True, scope="module")
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "BATCHED", 48)
        patch.setattr(worker, "BESIDE", 2)
        patch.setattr(promotion, "ANCHOR_BATTLES", 2)
        patch.setattr(worker, "GateSettings", partial(GateSettings, bot_pairs=4))
        yield


def built(folder: Path, name: str, decisions: int, **plan: Any) -> BulkLoop:
    game = GAMES[name]
    settings = with_values(Settings(), SMALL, "the test")
    encoder = Encoder(game)
    identity = Identity(game.name, game.version, encoder.version, tuple(game.action_names), encoder.observation_size)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, settings.hidden)
    store = Store(folder, identity, spec, "the test")
    slot = Champions(store, settings.seed, lambda _: None, lambda _: None).slot
    learner = build_learner(spec, with_values(settings, {"batch_size": 64}, "the test"), "cpu")
    small = {"workers": WORKERS, "batch_size": 64, "uses": 4.0, "capacity": 5_000, "candidate_steps": 190}
    whole = Plan(decisions=decisions, report_s=0.0, **{"checkpoint_s": 1e9, **small, **plan})
    run = BulkLoop(game, name, settings, whole, store, slot, learner, lambda _: None)
    run.new_pool = Here
    return run


def digest(run: BulkLoop, folder: Path) -> dict[str, Any]:
    """Everything that came of a run, clock apart."""
    saved, _ = CheckpointFile(folder / "bulk").load()
    assert saved is not None
    arrays, notes = saved
    progress = asdict(run.progress)
    progress["curve"] = [{key: entry[key] for key in entry.keys() - CLOCK} for entry in progress["curve"]]
    log = [json.loads(line) for line in (folder / "bulk" / "log.jsonl").read_text("utf-8").splitlines()]
    history = History(folder, time.time)
    gates = [{name: gate[name] for name in gate if name != "time"} for gate in history.gates()]
    meetings = history.meetings()
    history.close()
    identity = run._store.registry._identity
    ratings, _ = StoredVersions(folder, identity, run.game)._ratings()
    return {
        "arrays": {name: array.tobytes() for name, array in arrays.items()},
        "progress": {name: value for name, value in progress.items() if name not in CLOCK},
        "league": notes["league"],
        "standing": notes["promotion"]["standing"],
        "line": notes["promotion"]["line"],
        "versions": run._store.registry.numbers(),
        "log": [{k: e[k] for k in e.keys() - CLOCK} for e in log if e["event"] in ("progress", "verdict")],
        "gates": gates,
        "ratings": {name: rating.points for name, rating in ratings.items()},
        "meetings": meetings,
    }


def after(takes: int, run: BulkLoop) -> Any:
    """Says stop once so many answers were taken in."""
    start = run.progress.decisions
    each = 32 * (48 + 2) if isinstance(run.game, Ringside) else 32 * 64

    def stopped() -> bool:
        return run.progress.decisions - start >= takes * each

    return stopped


def compare(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for part in wanted:
        if part != "arrays":
            assert found[part] == wanted[part], part
    different = [name for name, data in wanted["arrays"].items() if found["arrays"].get(name) != data]
    assert not different
    assert found["arrays"].keys() == wanted["arrays"].keys()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What comes of a run that nothing stops, by game."""
    found = {}
    for name in GAMES:
        folder = tmp_path_factory.mktemp(name)
        run = built(folder, name, DECISIONS)
        assert run.run()
        found[name] = digest(run, folder)
    return found


def test_there_is_something_to_compare(straight: dict[str, dict[str, Any]]) -> None:
    for name, whole in straight.items():
        assert whole["standing"]["candidates"] >= 3, name
        assert whole["standing"]["promoted"] >= 1, name
        assert len(whole["gates"]) == whole["standing"]["candidates"]
        assert set(whole["ratings"]) >= {str(version) for version in whole["line"]} | set(GAMES[name].bots)
        assert len(whole["log"]) >= 10


@pytest.mark.parametrize(("name", "stops"), [("ringside", (3, 2)), ("choosing", (1,))])
def test_stopped_and_resumed_is_never_stopped(
    tmp_path: Path, straight: dict[str, dict[str, Any]], name: str, stops: tuple[int, ...]
) -> None:
    done = 0
    for takes in stops:
        run = built(tmp_path, name, DECISIONS - done)
        if done:
            run.resume()
        assert not run.run(after(takes, run))
        done = run.progress.decisions
    run = built(tmp_path, name, DECISIONS - done)
    run.resume()
    assert run.run()
    compare(digest(run, tmp_path), straight[name])


class LateJudge(Here):
    """Whose judge never answers, once it has measured the scripted fighters."""

    asked = 0

    def answer(self, which: int, wait_s: float) -> Any:
        order = self._orders[which]
        if order is not None and order[1]["kind"] == "judge":
            LateJudge.asked += 1
            return None
        return super().answer(which, wait_s)


def test_stopped_while_it_waits_for_the_judge_is_never_stopped(
    tmp_path: Path, straight: dict[str, dict[str, Any]]
) -> None:
    run = built(tmp_path, "choosing", DECISIONS)
    run.new_pool, LateJudge.asked = LateJudge, 0
    assert not run.run(lambda: LateJudge.asked > 2)
    assert run.promotion.standing.candidates == 1
    again = built(tmp_path, "choosing", DECISIONS - run.progress.decisions)
    again.resume()
    assert again.run()
    compare(digest(again, tmp_path), straight["choosing"])


class KilledError(Exception):
    """Stands for kill -9: nothing of what follows is run but what a `finally` does here, which writes nothing."""


def test_killed_after_a_checkpoint_and_resumed_is_never_killed(
    tmp_path: Path, straight: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints after each of some answers; the kill three later, with log, history and versions gone on."""
    run, taken, takes = built(tmp_path, "ringside", DECISIONS, checkpoint_s=0.0), [0], 4
    take, save = run._take, run._checkpoint_file.save

    def counted(*answer: Any) -> None:
        taken[0] += 1
        if taken[0] == takes + 3:
            raise KilledError
        take(*answer)

    def saved(*state: Any) -> int:
        if taken[0] > takes:
            raise ModelError("No room.")
        return save(*state)

    monkeypatch.setattr(run, "_take", counted)
    monkeypatch.setattr(run._checkpoint_file, "save", saved)
    with pytest.raises(KilledError):
        run.run()
    done = takes * 32 * (48 + 2)
    assert done < run.progress.decisions
    assert run.promotion.standing.promoted == 1, "in between a version was stored, which is not to be stored twice"
    known, _ = CheckpointFile(tmp_path / "bulk").load()
    assert known is not None
    assert known[1]["promotion"]["standing"]["promoted"] == 0
    again = built(tmp_path, "ringside", DECISIONS - done)
    again.resume()
    assert again.progress.decisions == done
    assert again.run()
    compare(digest(again, tmp_path), straight["ringside"])


@pytest.mark.parametrize("lost", [False, True])
def test_rows_on_a_device_teach_the_same_also_where_it_is_lost(
    tmp_path: Path, straight: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """torch's "cpu" stands for the device; it is lost in the middle of learning from rows on it."""
    run = built(tmp_path, "choosing", DECISIONS, rows_on="cpu")
    learn, batches = run._learner.learn_burst, [0]

    def learned(batch: Any) -> Any:
        assert isinstance(batch.action, torch.Tensor) != bool(run.faults or run.ring.fault)  # type: ignore[attr-defined]
        batches[0] += 1
        if lost and batches[0] == 5:
            raise RuntimeError("the device is lost")
        return learn(batch)

    monkeypatch.setattr(run._learner, "learn_burst", learned)
    assert run.run()
    compare(digest(run, tmp_path), straight["choosing"])
    assert run.faults == ["Rows on cpu failed, so they come from here: the device is lost"] * lost


def test_where_it_acts_and_why_is_in_the_log_and_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overnight_report, "draw_report", lambda *_: None)
    run = built(tmp_path, "choosing", 3_000, acting="cpu")
    run.devices = {"acting": Choice("cpu", "It acts on cpu.", {"cpu": 2.0, "numpy": 1.0})}
    assert run.run()
    log = [json.loads(line) for line in (tmp_path / "bulk" / "log.jsonl").read_text("utf-8").splitlines()]
    wanted = {"device": "cpu", "why": "It acts on cpu.", "timings": {"cpu": 2.0, "numpy": 1.0}}
    assert log[0] == {"event": "devices", "acting": wanted}
    assert not run.faults
    run._tell_fault("It stopped to.")
    run._tell_fault("It stopped to.")
    assert "Devices\nIt acts on cpu.\nIt stopped to." in write_report(run, run._lineage, tmp_path / "bulk", 2)


# ------------------------------------------------------------------------------------------- processes, and kill -9


def command(folder: Path, decisions: int, *more: str) -> subprocess.Popen[str]:
    arguments = ["--game", "game_adapter.ringside.game:RINGSIDE", "--data", str(folder), "--workers", "2"]
    arguments += ["--decisions", str(decisions), "--checkpoint", "1", "--report-battles", "2", "--seed", "3", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "cornerman", "train", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])},
    )


def outcome(running: subprocess.Popen[str]) -> str:
    out = running.communicate(timeout=100.0)[0]
    assert running.returncode == 0, out
    return out


def stored(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    saved, _ = CheckpointFile(folder / "bulk").load()
    assert saved is not None
    return saved


@pytest.mark.long
def test_processes_that_are_killed_go_on_bit_for_bit(tmp_path: Path) -> None:
    """Two workers, a judge and a learner: kill -9 in the middle, and then Ctrl-C, give what one run gives."""
    total = 500_000
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
        text = 'device = "cpu"\nhidden = [16]\ngate_min_pairs = 2\ngate_max_pairs = 12\n'
        (tmp_path / name / "settings.toml").write_text(text)
    outcome(command(tmp_path / "straight", total))
    folder, done = tmp_path / "killed", 0
    for how in (signal.SIGKILL, signal.SIGINT):
        running = command(folder, total - done, *(["--resume"] if done else []))
        end = time.monotonic() + 60.0
        while (
            not (folder / "bulk" / "resume.safetensors").is_file() or done == stored(folder)[1]["progress"]["decisions"]
        ):
            assert time.monotonic() < end
            assert running.poll() is None, running.communicate()[0]
            time.sleep(0.3)
        running.send_signal(how)
        running.communicate(timeout=60.0)
        done = stored(folder)[1]["progress"]["decisions"]
        assert 0 < done < total
    outcome(command(folder, total - done, "--resume"))
    (wanted, notes), (found, others) = stored(tmp_path / "straight"), stored(folder)
    assert notes["promotion"]["standing"] == others["promotion"]["standing"]
    assert notes["promotion"]["standing"]["candidates"] >= 2
    assert found.keys() == wanted.keys()
    assert not [name for name in wanted if wanted[name].tobytes() != found[name].tobytes()]
