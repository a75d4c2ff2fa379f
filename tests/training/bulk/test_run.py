"""`cornerman train`: it learns, judges and reports, refuses what cannot work, and ends in order."""

from __future__ import annotations

import json
import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from cornerman.contract import ModelError, SettingsError
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.files.figures_log import read_figures
from cornerman.selfplay.worker import BULK
from cornerman.training.bulk import plan as bulk_plan
from cornerman.training.bulk.plan import Plan
from cornerman.training.bulk.run import Interrupts, train
from game_adapter.ringside.game import RINGSIDE
from tests.support.bulk_command import RINGSIDE_NAME, start_training
from tests.support.bulk_run import THREE_BOTS
from tests.support.waiting import wait_for

FILE = 'device = "cpu"\nfrom_nothing = true\nhidden = [16]\ngate_min_pairs = 2\ngate_max_pairs = 4\n'
RINGSIDE_GAME = (RINGSIDE, RINGSIDE_NAME)
QUICK_GAME = (THREE_BOTS, "tests.support.bulk_run:THREE_BOTS")
HAS_TENSORBOARD = find_spec("tensorboard") is not None  # an extra of its own
SMALL = {"batch_size": 64, "uses": 0.25, "capacity": 50_000, "report_battles": 2, "report_s": 0.2}


def plan(**options: Any) -> Plan:
    return Plan(**{**SMALL, "checkpoint_s": 1000.0, "candidate_steps": 10_000, **options})


def run(
    folder: Path, resume: bool = False, settings: str = FILE, game: tuple[Any, str] = RINGSIDE_GAME, **options: Any
) -> list[str]:
    """Train a game; every sentence that was said."""
    said: list[str] = []
    (folder / "settings.toml").write_text(settings)
    train(*game, folder, plan(**options), 1, resume, said.append)
    return said


def entries(folder: Path, event: str) -> list[dict[str, Any]]:
    log = [json.loads(line) for line in (folder / "bulk" / "log.jsonl").read_text("utf-8").splitlines()]
    return [entry for entry in log if entry["event"] == event]


def test_train_judges_reports_and_resumes(tmp_path: Path) -> None:
    board = tmp_path / "board" if HAS_TENSORBOARD else None
    settings = FILE + "log_interval_s = 0.05\n"
    said = run(tmp_path, settings=settings, decisions=60_000, game=QUICK_GAME, tensorboard=board)
    text = "\n".join(said)
    assert "100%" in text
    for part in ("Learning curve", "Ladder", "Cross table", "Action use", "It is stored in"):
        assert part in text
    assert text.count("The settings ask for the CPU.") == 2, "at the start and in the report"
    assert entries(tmp_path, "devices")[0]["learning"]["device"] == "cpu"
    progress = entries(tmp_path, "progress")
    assert progress[-1]["decisions"] >= 60_000
    assert set(progress[-1]["score"]) == set(THREE_BOTS.bots)
    assert progress[0]["rating"] is None
    assert bool(list(tmp_path.glob("board/events.*"))) == HAS_TENSORBOARD
    assert entries(tmp_path, "verdict"), "what was learned last is judged too"
    logged, problems = read_figures(tmp_path)
    assert problems == []
    assert logged[-1]["steps"] > logged[0]["steps"] > 0
    assert {"source", "memory_mb", "loss", "steps_per_s", "version", "decisions"} <= set(logged[-1])
    assert (tmp_path / "bulk" / "report.png").read_bytes()[:4] == b"\x89PNG"
    again = run(tmp_path, resume=True, decisions=20_000, game=QUICK_GAME)
    assert any(sentence.startswith(f"Goes on from {progress[-1]['decisions']:,} decisions") for sentence in again)
    later = entries(tmp_path, "progress")[-1]
    assert later["decisions"] >= progress[-1]["decisions"] + 20_000
    assert later["steps"] > progress[-1]["steps"]


def test_train_says_why_no_version_is_better_than_the_games_own_fighter(tmp_path: Path) -> None:
    said = run(tmp_path, settings=FILE.replace("from_nothing = true\n", ""), decisions=3_000, game=QUICK_GAME)
    (verdict,) = (entry["reason"] for entry in entries(tmp_path, "verdict"))
    why = f"single, yet: {verdict.removeprefix('Kept the champion: ')} All is stored in {tmp_path}"
    assert said[-1] == f"No version is better than the game's own fighter, {why}"


@pytest.mark.parametrize(
    ("settings", "error", "why"),
    [
        (FILE, ModelError, "no checkpoint to resume"),
        (FILE + "colour = 1\n", SettingsError, "colour"),
        (FILE, SettingsError, "MiB are free; take fewer workers"),
    ],
)
def test_train_refuses_what_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, error: type[Exception], why: str
) -> None:
    if "MiB" in why:
        monkeypatch.setattr(bulk_plan, "WORKER_BYTES", 2**50)
    with pytest.raises(error, match=why):
        run(tmp_path, resume=True, settings=settings, decisions=100)


def test_interrupts_notes_the_first_and_raises_at_the_second() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGTERM)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


WITH_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.mark.long
@pytest.mark.parametrize(
    ("engine", "how"),
    [
        ("processes", signal.SIGINT),
        ("processes", signal.SIGKILL),
        pytest.param("ray", signal.SIGINT, marks=WITH_RAY),
        pytest.param("ray", signal.SIGTERM, marks=WITH_RAY),
    ],
)
def test_an_interrupt_saves_and_a_kill_leaves_the_last_checkpoint(
    tmp_path: Path, engine: str, how: signal.Signals
) -> None:
    """Ctrl-C goes to the whole group, SIGTERM to the one process; --resume goes on, and no process is left."""
    (tmp_path / "settings.toml").write_text(FILE)
    options = ("--minutes", "5", "--workers", "1", "--checkpoint", "0.01", "--engine", engine)
    running = start_training(tmp_path, *options, new_session=True)
    children: list[psutil.Process] = []
    try:
        wait_for((tmp_path / "bulk" / "resume.previous.safetensors").is_file, 60.0, pause_s=0.05)
        assert running.poll() is None, running.communicate()[0]
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) >= 2
        if how is signal.SIGINT:
            os.killpg(running.pid, how)
        else:
            running.send_signal(how)
        out = running.communicate(timeout=60.0)[0]
        assert not psutil.wait_procs(children, timeout=10.0)[1], "the workers end with their parent"
    finally:
        running.kill()
        for child in children:
            if child.is_running():
                child.kill()
    if how is not signal.SIGKILL:
        assert running.returncode == 0, out
        for part in ("Stopped; everything is saved", "Learning curve"):
            assert part in out
        assert "Traceback" not in out
    saved, _ = CheckpointFile(tmp_path / "bulk").load()
    assert saved is not None
    before = saved[1]["progress"]["decisions"]
    assert before > 0
    said = run(tmp_path, resume=True, decisions=1, capacity=Plan().capacity)
    assert any(sentence.startswith(f"Goes on from {before:,} decisions") for sentence in said)
    stretch = BULK.turns * (BULK.batched + BULK.beside)
    assert f" {before + stretch:,} decisions" in "".join(said)
    assert "begin anew" not in "".join(said)
