"""Worker process: orders and answers, pausing, and that it ends with whoever started it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cornerman.evaluation.verdict import Bar
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.orders import collecting, judging
from cornerman.selfplay.worker import Worker
from cornerman.selfplay.worker_process import PART_BYTES, Turnstile, WorkerError, WorkerProcess, in_parts, joined
from cornerman.settings import Settings
from game_adapter.ringside.game import RINGSIDE
from tests.support.paths import PLUGINS, ROOT
from tests.support.waiting import wait_for

GAME = "game_adapter.ringside.game:RINGSIDE"
OPTIONS = {"hidden": (8,), "seed": 3, "number": 0, "bulk": True}
LONG_S = 30.0
ENCODER = Encoder(RINGSIDE)
FLAT = draw(NetworkSpec(ENCODER.observation_size, ENCODER.num_actions, (8,)), np.random.default_rng(0))
COLLECT = collecting(Settings(), {"present": 0}, {"itself": 1.0}, {"itself": 1.0})


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess(GAME, OPTIONS)
    yield process
    process.close()


def used(worker: WorkerProcess) -> float:
    """Seconds of processor time."""
    return sum(psutil.Process(worker.pid).cpu_times()[:2])


def rests(worker: WorkerProcess) -> bool:
    """Whether it uses no processor time for a while; on a busy machine it may be late to."""
    before = used(worker)
    time.sleep(0.3)
    return used(worker) == before


def collect(worker: WorkerProcess) -> tuple[dict[str, Any], dict[str, Any]]:
    worker.order({"present": FLAT}, COLLECT)
    answer = worker.answer(LONG_S)
    assert answer is not None
    return answer


def test_answer_is_what_the_same_worker_gives_in_this_process(worker: WorkerProcess) -> None:
    columns, notes = collect(worker)
    here, noted = Worker(RINGSIDE, (8,), 3, 0).obey({"present": FLAT}, COLLECT)
    assert notes == noted
    for name, values in here.items():
        np.testing.assert_array_equal(columns[name], values, err_msg=name)


def test_answer_without_an_order_is_none_at_once(worker: WorkerProcess) -> None:
    assert worker.answer(0.0) is None


def test_paused_worker_answers_nothing_and_uses_no_processor(worker: WorkerProcess) -> None:
    collect(worker)
    worker.pause(True)
    worker.order({"present": FLAT}, COLLECT)
    wait_for(lambda: rests(worker))
    assert worker.answer(0.0) is None
    worker.pause(False)
    assert worker.answer(LONG_S) is not None


def test_pause_in_the_middle_of_an_order_holds_it_up(worker: WorkerProcess) -> None:
    policy = Policy(NetworkSpec(ENCODER.observation_size, ENCODER.num_actions, (8,)), FLAT)
    endless = judging(policy, [policy], replace(Settings(), gate_min_pairs=9_999, gate_max_pairs=9_999), 1, None, Bar())
    collect(worker)
    worker.order(*endless)
    for _ in range(2):
        before = used(worker)
        wait_for(lambda before=before: used(worker) > before + 0.1, pause_s=0.01)  # type: ignore[misc]
        worker.pause(True)
        wait_for(lambda: rests(worker))
        worker.pause(False)


PAUSES = """
import signal, threading
from cornerman.selfplay.worker_process import Turnstile, stops_here
turnstile, done = Turnstile(), []
stops_here(turnstile)
def pauses():
    for _ in range(20_000):
        turnstile.pause(True)
        signal.raise_signal(signal.SIGINT)
        turnstile.pause(False)
    done.append(True)
threading.Thread(target=pauses, daemon=True).start()
while not done:
    turnstile()
"""


def test_pause_in_what_may_not_be_stopped_stops_at_its_end() -> None:
    """A worker that was writing its answer when it was paused went on to the first turn of the next order."""
    turnstile, inside, over = Turnstile(), threading.Event(), threading.Event()

    def write() -> None:
        with turnstile.passed():
            turnstile.pause(True)
            turnstile()
            inside.set()
        over.set()

    threading.Thread(target=write, daemon=True).start()
    assert inside.wait(LONG_S)
    assert not over.wait(0.05)
    turnstile.pause(False)
    assert over.wait(LONG_S)


def test_answer_is_packed_in_small_parts_and_joined_as_it_was() -> None:
    """A paused worker went on for 3.4 ms of processor time where it packed 4 MB in one call."""
    random = np.random.default_rng(0)
    arrays = {
        "rows": random.random((5000, 50), np.float32),
        "flags": random.random(5000) < 0.5,
        "none": np.zeros((0, 3)),
    }
    parts = [part for _, part in in_parts(arrays, {"battles": 3})]
    assert max(map(len, parts)) < PART_BYTES + 1000
    found, notes = joined(parts)
    assert notes == {"battles": 3}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_thousands_of_pauses_at_any_moment_lock_nothing() -> None:
    """A pause that came while the main thread was at the turnstile once waited for a lock of its own thread."""
    done = subprocess.run([sys.executable, "-c", PAUSES], env={**os.environ, "PYTHONPATH": str(PLUGINS)}, timeout=60)
    assert done.returncode == 0


GIVES_WAY = """
import os, threading, time
from cornerman.selfplay.worker_process import Turnstile, give_way, wait_without_alarms
given = []
os.sched_yield = lambda: given.append(True)
def times(work):
    before = len(given)
    work()
    return len(given) - before
def work():
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
def wait():
    turnstile.pause(True)
    threading.Timer(0.2, turnstile.pause, [False]).start()
    turnstile()
turnstile = Turnstile(wait_without_alarms)
give_way(0.001)
print(times(work) > 5, times(wait) < 5, times(work) > 5)
give_way(0.0)
print(times(work), times(wait))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is an idle class on Linux only")
def test_working_worker_gives_its_processor_away_now_and_then_and_a_paused_one_sleeps() -> None:
    command, env = [sys.executable, "-c", GIVES_WAY], {**os.environ, "PYTHONPATH": str(PLUGINS)}
    done = subprocess.run(command, env=env, timeout=60, capture_output=True, text=True)
    assert done.stdout == "True True True\n0 0\n", done.stderr


def test_what_the_game_prints_does_not_disturb_the_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from game_adapter.ringside.game import RINGSIDE\nprint('a loud game', flush=True)\nGAME = RINGSIDE\n"
    (tmp_path / "loud_game.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    worker = WorkerProcess("loud_game:GAME", OPTIONS)
    try:
        assert collect(worker)[1]["decisions"] > 0
    finally:
        worker.close()


def test_game_that_cannot_be_imported_is_named() -> None:
    worker = WorkerProcess("no_such_game:GAME", OPTIONS)
    try:
        with pytest.raises(WorkerError, match="no_such_game"):
            worker.answer(LONG_S)
    finally:
        worker.close()


def test_main_script_without_a_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "game.py"
    script.write_text(
        f"import sys\nsys.path[:0] = [{str(PLUGINS)!r}, {str(ROOT)!r}]\nprint('started')\n"
        "from cornerman.selfplay.worker_process import WorkerProcess\n"
        f"worker = WorkerProcess({GAME!r}, {OPTIONS!r})\n"
        "worker.order({}, {'kind': 'state'})\nassert worker.answer(30.0) is not None\nworker.close()\n",
        "utf-8",
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["started"]


def test_worker_that_was_killed_is_an_error_with_its_status(worker: WorkerProcess) -> None:
    collect(worker)
    psutil.Process(worker.pid).kill()
    with pytest.raises(WorkerError, match="ended"):
        worker.answer(LONG_S)
    with pytest.raises(WorkerError, match="ended"):  # and again for whoever asks later
        worker.answer(LONG_S)


def test_frozen_program_starts_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(WorkerError, match="no Python to start"):
        WorkerProcess(GAME, OPTIONS)


ENDS = {
    "kill": "os.kill(os.getpid(), 9)",
    "kill while paused": "worker.pause(True); time.sleep(0.05); os.kill(os.getpid(), 9)",
    "exception": "raise RuntimeError('the game breaks')",
    "no word": "pass",
}


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_worker_ends_with_the_process_that_started_it(end: str, tmp_path: Path) -> None:
    script = tmp_path / "game.py"
    script.write_text(
        f"import os, sys, time\nsys.path[:0] = [{str(PLUGINS)!r}, {str(ROOT)!r}]\n"
        "from cornerman.selfplay.worker_process import WorkerProcess\n"
        f"worker = WorkerProcess({GAME!r}, {OPTIONS!r})\n"
        "worker.order({}, {'kind': 'measure', 'seed': 1, 'battles': 100000})\n"
        f"print(worker.pid, flush=True)\ntime.sleep(0.5)\n{end}\n",
        "utf-8",
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as game:
        assert game.stdout is not None
        pid = int(game.stdout.readline())
        game.wait(30)
        try:
            wait_for(lambda: not psutil.pid_exists(pid) or is_zombie(pid), pause_s=0.02)
        except AssertionError:
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the worker outlived its game")


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
