"""What is built on the trainer's thread before it learns: where it learns and why, and that it is warm."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event, current_thread
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from cornerman import plugin
from cornerman.learning import compiled
from cornerman.learning import device as device_choice
from cornerman.learning.compiled import Way
from cornerman.learning.device import Choice
from cornerman.learning.learner import Learner
from cornerman.learning.update import Sums, learn_steps
from cornerman.opponent.players import Players
from cornerman.training import build
from cornerman.training.windows.training_windows import TrainingWindows
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.table import SMALL, Table
from tests.support.waiting import wait_for

FAULT = "The xpu device failed, so learning continues on the CPU: out of memory"
CHOICE = Choice("xpu", "Measured 900 learning steps a second on xpu, 300 on the CPU: it learns on xpu.")


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A device of the test's own, which is chosen."""
    monkeypatch.setattr(build, "choose_device", lambda *_: CHOICE)
    pytest.importorskip("torch", reason="only torch learns on a device")
    from tests.support.accelerator import Accelerator

    return Accelerator(monkeypatch)


def learner_of(table: Table) -> Learner:
    learner: Learner = table.on_owner(lambda loop: loop.updates.learner)
    return learner


def test_trainer_thread_is_configured_before_anything_is_measured_or_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []
    names = ("configure_trainer_thread", "choose_device", "build_learner")

    def watch(name: str, real: Any) -> None:
        def noted(*arguments: Any) -> Any:
            done.append((name, current_thread().name))
            return real(*arguments)

        monkeypatch.setattr(build, name, noted)

    for name in names:
        watch(name, getattr(build, name))
    with Table(Choosing(), tmp_path):
        pass
    assert done == [(name, "cornerman-trainer") for name in names]


@pytest.mark.parametrize("numba", [True, False])
def test_learning_step_is_compiled_before_the_first_battle_or_slower_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numba: bool
) -> None:
    if numba:
        pytest.importorskip("numba")
    else:
        monkeypatch.setitem(sys.modules, "numba", None)
    with Table(Choosing(), tmp_path, warmup_fraction=0.0) as table:
        assert learner_of(table).steps == 0
        table.play(40, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0
        assert ("pip install numba" in table.plugin.report()["device_why"]) is not numba


def compile_by(child: str, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process that runs `child` compile for the plugin, which waits for nothing while it loads."""
    interpreter = SimpleNamespace(command=lambda entry, given: [sys.executable, "-S", "-c", child, given["cache"]])
    monkeypatch.setattr(compiled, "interpreter", interpreter)
    monkeypatch.setattr(compiled, "importable", lambda name: True)
    monkeypatch.setattr(compiled, "ways", lambda: [way])
    monkeypatch.setattr(plugin, "LOADING_S", 0.0)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


@pytest.mark.parametrize("quick", [True, False], ids=["quick to load", "slow to load"])
def test_first_compile_that_takes_long_is_not_waited_for_beside_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    """It learns with numpy meanwhile, and changes over where a burst begins: half a burst has one way to learn."""
    spans, compiled_now = list[tuple[int, int, int]](), tmp_path / "compiled now"

    def learn(*arguments: Any) -> Sums:
        spans.append(arguments[3])
        return learn_steps(*arguments)

    child = f"import os, time\nwhile not os.path.exists({str(compiled_now)!r}): time.sleep(0.01)"
    compile_by(child, Way("slow", print, lambda folder: learn, quick), monkeypatch)
    with Table(Choosing(), tmp_path, warmup_fraction=0.0, burst_steps=4) as table:
        trainer = table.plugin.training.thread
        assert trainer is not None
        assert not trainer.ready(0.2), "without frames it is waited for, so that a series depends on no clock"
        table.on_frame(16.0, 8.0)
        table.play(10, settle=True)
        before = table.plugin.report()
        assert before["learner"]["steps"] > 0
        assert "It learns with numpy; machine code is being compiled." in before["device_why"]
        assert not spans
        compiled_now.touch()
        until = "as machine code from now on" if quick else "faster from the next start on"
        while not any(until in line for line in table.plugin.messages()):
            table.play(2, settle=True)
        table.play(10, settle=True)
        assert (until in table.plugin.report()["device_why"]) is not quick
        assert "being compiled" not in table.plugin.report()["device_why"]
    assert [first for first, _, _ in spans[:2]] == [0, 0][: 2 * quick], "the trial, and the first burst"
    assert bool(spans) is quick


def test_what_is_left_of_a_frame_reaches_the_training_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = list[tuple[float, ...]]()
    monkeypatch.setattr(TrainingWindows, "frame", lambda _, *frame: frames.append(frame))
    with Table(Choosing(), tmp_path) as table:
        table.on_frame(16.0, 8.0)
    assert frames == [(16.0, 8.0)]


@pytest.mark.parametrize("draws", [True, False])
def test_process_that_still_compiles_ends_when_the_game_quits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draws: bool
) -> None:
    """It went on as long as the game's process, and wrote into a data folder that nobody owned any more; without frames
    the trainer's thread, which waits for it, outlived the quit."""
    noted = tmp_path / "pid"
    child = (
        "import os, sys, time\nos.makedirs(f'{sys.argv[1]}.{os.getpid()}')\n"
        f"open({str(noted)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    compile_by(child, Way("slow", print, lambda folder: learn_steps), monkeypatch)
    with Table(Choosing(), tmp_path / "data") as table:
        pid = int(wait_for(lambda: (noted.exists() and noted.read_text()) or None))
        if draws:
            table.on_frame(16.0, 8.0)
            wait_for(lambda: table.plugin.training.thread and table.plugin.training.thread.ready())
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    assert not list((tmp_path / "data").rglob(f"*.{pid}")), "what it had half written"


@pytest.mark.parametrize("when", ["at the start", "while learning"])
def test_device_that_fails_is_reported_and_the_cpu_learns(tmp_path: Path, accelerator: Any, when: str) -> None:
    lost = RuntimeError("out of memory")
    accelerator.error = lost if when == "at the start" else None
    with Table(Choosing(), tmp_path, warmup_fraction=0.0) as table:
        before = table.plugin.report()
        found = before["device"], before["device_why"], before["plugin"]["notice"]
        assert found == (("cpu", FAULT, FAULT) if when == "at the start" else ("xpu", CHOICE.why, ""))
        if when == "while learning":
            table.play(40, settle=True)
            before = table.plugin.report()
            assert (before["device"], learner_of(table).device) == ("xpu", "xpu")
            accelerator.error = lost
        table.play(40, settle=True)
        report = table.plugin.report()
        assert (report["device"], report["device_why"], report["learner"]["failures"]) == ("cpu", FAULT, 0)
        assert report["learner"]["steps"] > before["learner"]["steps"]
        assert [event["text"] for event in report["events"]].count(FAULT) == 1


def test_missing_device_and_one_that_failed_its_trial_step_are_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **more: object) -> float:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(device_choice, "found_accelerators", lambda: ())
    with Table(RINGSIDE, tmp_path / "missing", device="xpu") as table:
        report = table.plugin.report()
    assert "'xpu', which is not there (no accelerator was found)" in report["device_why"]
    assert report["plugin"]["notice"].endswith("Learning runs on the CPU.")
    assert report["plugin"]["notice"] in report["device_why"]
    assert report["plugin"]["learning"]
    monkeypatch.setattr(device_choice, "signs_of_accelerators", lambda: ("cuda",))
    monkeypatch.setattr(device_choice, "found_accelerators", lambda: ("cuda",))
    monkeypatch.setattr(build, "learning_speed", broken)
    with Table(Choosing(), tmp_path, device="auto") as table:
        trial = table.plugin.report()
    assert (report["device"], trial["device"]) == ("cpu", "cpu")
    assert "a trial step failed" in trial["device_why"]
    assert "no kernel image is available" in trial["device_why"]


@pytest.mark.parametrize(
    ("unlearned", "draws_after_s", "learned_s"),
    [(5, 99.0, 1.0), (30, 99.0, 3.0), (60, 99.0, 5.0), (60, 2.0, 2.0), (60, 0.0, 0.0)],
)
def test_loading_waits_for_the_model_of_who_played_last_but_not_for_others_nor_beside_frames(
    unlearned: int, draws_after_s: float, learned_s: float
) -> None:
    """So many battles of who played last, and any number of others', are learned in 0.1 s each."""
    players = SimpleNamespace(unlearned=unlearned, learned=0)

    def advance() -> bool:
        players.learned += 1
        players.unlearned = max(0, players.unlearned - 1)
        return True

    def clock() -> float:
        return float(players.learned) / 10

    players.advance = advance
    build.learn_players(players, lambda: clock() >= draws_after_s, clock)  # type: ignore[arg-type]
    assert clock() == pytest.approx(learned_s, abs=0.1)


def test_player_who_played_last_is_known_before_the_first_battle_of_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Table(RINGSIDE, tmp_path, practice=0.0) as table:
        table.play_as("ann", 3)
        before = table.plugin.report()["player"]
    assert before["battles"] == 3
    monkeypatch.setattr(build, "PLAYERS_S", 0.0)
    with Table(RINGSIDE, tmp_path, practice=0.0) as table:
        assert table.plugin.report()["player"] == before
        assert table.plugin.slot.ghost is not None
    monkeypatch.setattr(build, "PRESENT_S", 0.0)
    with Table(RINGSIDE, tmp_path, practice=0.0) as table:
        known = table.plugin.report()["player"]
        assert (known["battles"], known["unlearned"]) == (0, 3), "a slow machine"


def test_quit_does_not_wait_until_the_player_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learning = Event()

    def advance(self: Players) -> bool:
        learning.set()
        time.sleep(0.01)
        return True

    monkeypatch.setattr(Players, "advance", advance)
    monkeypatch.setattr(build, "PLAYERS_S", 60.0)
    loaded = plugin.Cornerman()
    loaded.on_load(Choosing(), str(tmp_path), SMALL, lambda line: not learning.is_set())
    assert learning.wait(60.0)
    begun = time.monotonic()
    loaded.on_quit()
    assert not loaded.training.running
    assert time.monotonic() - begun < 5.0
