"""A game whose worker practises ends by kill -9, by an exception and by Ctrl-C; for `make torture`.

Two seconds later no process of it may be left, and everything that it acknowledged must be there. The game runs in a
session of its own, and Ctrl-C goes to all of its processes, as a terminal sends it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import IO

import psutil

from tests.support.paths import environment
from tests.torture.kill_runs import COUNTED as KILL_COUNTED
from tests.torture.kill_runs import Acknowledged, Findings, look

COUNTED = ("worker.runs", "worker.left", "worker.lost", "worker.failed")
COUNTED_TOO = ("worker.without_a_worker", "worker.battles")
ENDS: dict[str, Callable[[int], None]] = {
    "kill -9": lambda pid: os.kill(pid, signal.SIGKILL),
    "an exception": lambda pid: os.kill(pid, signal.SIGUSR1),
    "Ctrl-C": lambda pid: os.killpg(pid, signal.SIGINT),
}
"""How each run ends, by the game's process id; the game raises at SIGUSR1."""
LEFT_S, STARTS_S, PLAYS_S = 2.0, 60.0, 0.5
RUNS_IN_A_FOLDER = 25
ACKNOWLEDGED: dict[Path, Acknowledged] = {}
"""What the games of a folder have acknowledged so far."""


def run(number: int, counts: dict[str, int], folder: Path) -> None:
    """One run of each end in the same data folder; counts and prints what was left or lost."""
    home = folder / f"games-{number // RUNS_IN_A_FOLDER}"
    if home not in ACKNOWLEDGED:
        ACKNOWLEDGED.clear()
        ACKNOWLEDGED[home] = Acknowledged()
    for end, send in ENDS.items():
        found = Findings(number)
        lines = game(home, number, send, f"{number} {end}", counts)
        for line in lines:
            ACKNOWLEDGED[home].add(line)
        copy = folder / "copy"
        shutil.copytree(home, copy)
        look(copy / "cornerman", ACKNOWLEDGED[home], found)
        shutil.rmtree(copy)
        counts["worker.runs"] += 1
        counts["worker.battles"] += sum(line.startswith("battle ") for line in lines)
        counts["worker.lost"] += sum(found[key] for key in KILL_COUNTED[1:])
        for sentence in found.sentences:
            print(f"{sentence}, after {end}")


def game(home: Path, number: int, end: Callable[[int], None], name: str, counts: dict[str, int]) -> list[str]:
    """Start the game, end it while its worker plays, and give the lines that it wrote."""
    command = [sys.executable, "-m", "tests.torture.worker_runs", str(home), str(number)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(OMP_NUM_THREADS="1"),
            start_new_session=True,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        lines = lines_until(process.stdout, "practised")
        time.sleep(Random(name).uniform(0.0, PLAYS_S))
        group = processes(process.pid)
        end(process.pid)
        ended = time.monotonic()
        while (left := processes(process.pid)) and time.monotonic() - ended < LEFT_S:
            process.poll()
            time.sleep(0.01)
        for each in left:
            each.kill()
        psutil.wait_procs(left, timeout=STARTS_S)
        lines += process.stdout.read().splitlines()
        errors.seek(0)
        trace = errors.read()[-2000:]
    counts["worker.without_a_worker"] += len(group) < 2
    counts["worker.left"] += bool(left)
    if left:
        print(f"run {name}: {len(left)} of {len(group)} processes left after {LEFT_S} s")
    if "practised" not in lines or (name.endswith("Ctrl-C") and "ended" not in lines):
        counts["worker.failed"] += 1
        print(f"run {name}: status {process.returncode}, {lines[-1:]}, {trace}")
    return lines


def lines_until(output: IO[str], wanted: str) -> list[str]:
    """What is written until `wanted`, or until the end."""
    lines: list[str] = []
    while wanted not in lines and (line := output.readline()):
        lines.append(line.rstrip("\n"))
    return lines


def processes(session: int) -> list[psutil.Process]:
    """The processes of a session that still run."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == session and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        except ProcessLookupError:  # it ended meanwhile
            continue
    return found


def be_the_game(home: Path, number: int) -> None:
    """Play until the end that comes from outside; an exception of the game's own is raised between two turns."""
    from tests.torture.killed_sessions import Session

    broken: list[int] = []
    signal.signal(signal.SIGUSR1, lambda signum, frame: broken.append(signum))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell runs in the background
    session = Session(home, number, seed=1, pipe=1)
    session.start()
    practised, end = False, time.monotonic() + STARTS_S
    try:
        while time.monotonic() < end:
            session.play(0.05)
            if broken:
                raise RuntimeError("the game breaks")
            report = session.host.report("cornerman")
            if not practised and report is not None and report["practice"]["decisions"]:
                practised = True
                session.write("practised")
    except KeyboardInterrupt:
        session.quit()


if __name__ == "__main__":
    be_the_game(Path(sys.argv[1]), int(sys.argv[2]))
