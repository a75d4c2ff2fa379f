"""Bulk training over processes: it learns, survives a killed worker, an interrupt and a kill, and says what it did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cornerman.contract import ModelError, SettingsError
from cornerman.experience.encoder import Encoder
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.learning import device as device_choice
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.anchors import anchor_points, present_rating
from cornerman.selfplay.league import Standing
from cornerman.selfplay.pool import PoolError, WorkerPool
from cornerman.selfplay.worker import PRESENT
from cornerman.training.bulk import loop as bulk_loop
from cornerman.training.bulk.run import train_over_processes
from game_adapter.ringside.game import RINGSIDE
from tests.support.paths import ROOT

NAME = "game_adapter.ringside.game:RINGSIDE"
FILE = 'device = "cpu"\nhidden = [16]\ngate_min_pairs = 2\ngate_max_pairs = 4\n'
HAS_TENSORBOARD = find_spec("tensorboard") is not None  # an extra of its own


@pytest.fixture(autouse=True)
def usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests' own thread would keep the trainer's low priority."""
    monkeypatch.setattr(device_choice, "configure_trainer_thread", lambda: False)


def begin(folder: Path, **options: object) -> tuple[dict[str, object], list[str]]:
    (folder / "settings.toml").write_text(FILE)
    small = {"batch_size": 64, "uses": 0.25, "capacity": 50_000, "report_battles": 2, "report_s": 0.2}
    return {**small, "checkpoint_s": 1000.0, "candidate_steps": 10_000, **options}, []


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "bulk" / "log.jsonl").read_text("utf-8").splitlines()]


def test_it_trains_judges_reports_and_resumes(tmp_path: Path) -> None:
    options, said = begin(tmp_path, decisions=60_000, tensorboard=tmp_path / "board" if HAS_TENSORBOARD else None)
    train_over_processes(RINGSIDE, NAME, tmp_path, options, 1, say=said.append)
    text = "\n".join(said)
    assert "100%" in text
    for part in ("Learning curve", "Ladder", "Cross table", "Action use", "It is stored in"):
        assert part in text
    progress = [entry for entry in entries(tmp_path) if entry["event"] == "progress"]
    assert progress[-1]["decisions"] >= 60_000
    assert set(progress[-1]["score"]) == set(RINGSIDE.bots)
    assert progress[0]["rating"] is None
    assert bool(list(tmp_path.glob("board/events.*"))) == HAS_TENSORBOARD
    assert any(entry["event"] == "verdict" for entry in entries(tmp_path)), "what was learned last is judged too"
    assert (tmp_path / "bulk" / "report.png").read_bytes()[:4] == b"\x89PNG"
    again: list[str] = []
    train_over_processes(RINGSIDE, NAME, tmp_path, {**options, "decisions": 20_000}, 1, True, again.append)
    assert again[1].startswith(f"Goes on from {progress[-1]['decisions']:,} decisions")
    later = [entry for entry in entries(tmp_path) if entry["event"] == "progress"]
    assert later[-1]["decisions"] >= progress[-1]["decisions"] + 20_000
    assert later[-1]["steps"] > progress[-1]["steps"]


def test_resuming_from_nothing_is_a_sentence(tmp_path: Path) -> None:
    options, said = begin(tmp_path, decisions=100)
    with pytest.raises(ModelError, match="no checkpoint to resume"):
        train_over_processes(RINGSIDE, NAME, tmp_path, options, 1, True, said.append)


def test_memory_that_cannot_suffice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_loop, "WORKER_BYTES", 2**50)
    options, said = begin(tmp_path, decisions=100)
    with pytest.raises(SettingsError, match="MiB are free; take fewer workers"):
        train_over_processes(RINGSIDE, NAME, tmp_path, options, 1, say=said.append)


def wait_for(pool: WorkerPool, which: int, seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = pool.answer(which, 0.2)
        if answer is not None:
            return answer
    raise AssertionError("no answer")


def test_a_worker_that_is_killed_is_replaced_and_goes_on_with_its_order() -> None:
    encoder = Encoder(RINGSIDE)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    order = {
        "kind": "collect",
        "versions": {PRESENT: 7},
        "mix": {"itself": 0.5, "random": 0.5},
        "mix_beside": {"itself": 1.0},
        "epsilon": 0.1,
        "n_step": 3,
        "gamma": 0.99,
    }
    pool = WorkerPool(NAME, (8,), 0, 1)
    try:
        pid = pool.pids[0]
        os.kill(pid, signal.SIGKILL)
        pool.order(0, {PRESENT: draw(spec, np.random.default_rng(0))}, order)
        columns, notes = wait_for(pool, 0)
        assert pool.replaced == 1
        assert pool.pids[0] != pid
        assert notes["decisions"] == 32 * (1024 + 16)
        assert set(columns["version"].tolist()) == {7, -1}
        assert (columns["discount"] <= 0.99).all()
        names = {name for first, second, *_ in notes["tallies"] for name in (first, second)}
        assert names == {PRESENT, "random"}
        pid = pool.pids[0]
    finally:
        pool.close()
    assert not psutil.pid_exists(pid)


def test_the_anchors_are_measured_and_give_the_policy_a_rating() -> None:
    pool = WorkerPool(NAME, (8,), 0, 1)
    try:
        pool.order(0, {}, {"kind": "measure", "seed": 0, "battles": 2})
        _, notes = wait_for(pool, 0)
    finally:
        pool.close()
    points = anchor_points(notes["met"], "random")
    assert points["random"] == 0.0
    assert points["planner"] > points["brawler"] > points["random"]
    standings = {"random": Standing(30.0, 40.0), "brawler": Standing(10.0, 40.0), "version 1": Standing(40.0, 40.0)}
    rating = present_rating(standings, points)
    assert rating is not None
    assert points["random"] < rating.points < points["brawler"]
    assert rating.low < rating.points < rating.high
    assert present_rating({"random": Standing()}, points) is None


def test_a_game_that_always_fails_ends_training_with_its_words() -> None:
    pool = WorkerPool("tests.support.breaking_game:BREAKS", (8,), 0, 1)
    try:
        with pytest.raises(PoolError, match="no ring today"):
            wait_for(pool, 0)
    finally:
        pool.close()


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_saves_and_a_kill_leaves_the_last_checkpoint(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "settings.toml").write_text(FILE)
    command = [sys.executable, "-m", "cornerman", "train", "--game", NAME, "--data", str(tmp_path), "--minutes", "5"]
    command += ["--workers", "1", "--checkpoint", "0.01", "--report-battles", "2"]
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])},
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 40.0
        while not (tmp_path / "bulk" / "resume.previous.safetensors").is_file():
            assert time.monotonic() < end
            assert running.poll() is None
            time.sleep(0.05)
        children = psutil.Process(running.pid).children()
        if how is signal.SIGINT:
            os.killpg(running.pid, how)
        else:
            running.kill()
        out = running.communicate(timeout=30.0)[0]
        gone, alive = psutil.wait_procs(children, timeout=10.0)
        assert not alive, "the workers end with their parent"
        assert gone
    finally:
        running.kill()
    if how is signal.SIGINT:
        assert running.returncode == 0, out
        assert "Stopped; everything is saved" in out
        assert "Cross table" in out
        assert "Traceback" not in out
    saved, _ = CheckpointFile(tmp_path / "bulk").load()
    assert saved is not None
    before = saved[1]["progress"]["decisions"]
    assert before > 0
    if how is signal.SIGKILL:
        said: list[str] = []
        train_over_processes(RINGSIDE, NAME, tmp_path, {"decisions": 1, "report_battles": 2}, 0, True, said.append)
        assert said[1].startswith(f"Goes on from {before:,} decisions")
        assert f" {before + 32 * (1024 + 16):,} decisions" in "".join(said)
