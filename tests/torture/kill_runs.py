"""kill -9 at a random moment of a game that learns, promotes, rolls back and saves all the time, then start again.

What the killed sessions acknowledged (killed_sessions.py) is looked for in a copy of their folder with the readers of
the plugin itself, and then by the next start. This process starts no thread, so it can fork; two lanes work at once.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NoReturn

import psutil

from cornerman.contract import ModelError
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import DataFormat
from cornerman.files.atomic import read_json
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.models.champion_file import read_champions
from cornerman.models.history import History
from cornerman.models.manifest import Identity
from cornerman.models.registry import Registry
from cornerman.policy.q_network import NetworkSpec
from tests.support.short_ringside import SHORT_RINGSIDE
from tests.torture.killed_sessions import SETTINGS, battle_digest, run, weights_digest

LANES = 2
RUNS_IN_A_FOLDER = 25
STARTUP_S, PLAY_S, SHUTDOWN_S = 0.3, 1.5, 0.05
HANGS_S = 60.0
FOUND = Path("torture-found")

COUNTED = ("kill.runs", "kill.unreadable", "kill.lost", "kill.wrong_weights", "kill.failed")
COUNTED_TOO = (
    "kill.battles",
    "kill.versions",
    "kill.rolled_back",
    "kill.in_startup",
    "kill.in_play",
    "kill.in_shutdown",
    "kill.clean_ends",
)
"""Not faults: what was acknowledged in all, and where the kills fell."""


@dataclass
class Acknowledged:
    """What the sessions of one folder have acknowledged so far."""

    battles: Counter[str] = field(default_factory=Counter)
    versions: dict[int, str] = field(default_factory=dict)
    rolled_back: set[int] = field(default_factory=set)

    def add(self, line: str) -> None:
        what, *words = line.split()
        if what == "battle":
            self.battles[words[0]] += 1
        elif what in ("up", "version"):
            self.versions.setdefault(int(words[0]), words[1])
        elif what == "back":
            self.rolled_back.add(int(words[0]))


class Findings(Counter[str]):
    """Counts by the names of `COUNTED`, and a sentence for each."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.sentences: list[str] = []

    def add(self, name: str, sentence: str) -> None:
        self[f"kill.{name}"] += 1
        self.sentences.append(f"run {self.number}, {name}: {sentence}")


# ------------------------------------------------------------------------------------------------------- looking at it


def look(data: Path, known: Acknowledged, found: Findings) -> None:
    """Read everything in a plugin's data folder, and compare it with what was acknowledged."""
    if not data.exists():
        if known.battles or known.versions:
            found.add("lost", "the whole folder")
        return
    game = SHORT_RINGSIDE
    encoder = Encoder(game)
    size, actions = encoder.observation_size, encoder.num_actions
    identity = Identity(game.name, game.version, encoder.version, tuple(game.action_names), size)
    data_format = DataFormat(game.name, game.version, encoder.version, size, actions)
    spec = NetworkSpec(size, actions, tuple(SETTINGS["hidden"]))
    _look_at_versions(Registry(data, identity, spec, time.time), known, found)
    with closing(BattleStore(data, data_format)) as store:
        _look_at_battles(store, known, found)
    for path in data.glob("*.json"):
        if path.name != "in-use.json":  # a note for people beside the lock
            try:
                read_json(path, path.name)
            except ModelError as error:
                found.add("unreadable", str(error))
    try:
        history = History(data, time.time)
        history.meetings()
        history.close()
    except ModelError as error:
        found.add("unreadable", str(error))
    else:
        for sentence in history.sentences:
            found.add("unreadable", sentence)


def _look_at_versions(registry: Registry, known: Acknowledged, found: Findings) -> None:
    sentences = list(registry.sentences)
    _, spoken = CheckpointFile(registry.folder).load()
    for sentence in sentences + spoken:
        found.add("unreadable", sentence)
    loaded = {}
    for version in registry.numbers():
        try:
            loaded[version] = weights_digest(registry.load(version).flat)
        except ModelError as error:
            found.add("unreadable", str(error))
    for version in loaded.keys() & known.versions.keys():
        if loaded[version] != known.versions[version]:
            found.add("wrong_weights", f"version {version}")
    stored, _ = read_champions(registry.folder)
    if stored is None:
        if known.versions:
            found.add("lost", "which version plays")
        return
    for version in sorted(known.versions.keys() | known.rolled_back):
        newer = sum(number > version for number in loaded)
        before = found["kill.lost"]
        if version in stored.rolled_back or (version in stored.champions and version not in known.rolled_back):
            if version not in loaded:
                found.add("lost", f"the files of version {version}")
        elif version in stored.champions:
            found.add("lost", f"the roll-back of version {version}")
        elif newer < SETTINGS["kept_versions"] - 4:  # else it was pruned, which spares a few older ones
            found.add("lost", f"version {version}: {stored}")
        if found["kill.lost"] > before:  # counted once
            known.versions.pop(version, None)
            known.rolled_back.discard(version)


def _look_at_battles(store: BattleStore, known: Acknowledged, found: Findings) -> None:
    battles = list(store.battles())
    for sentence in store.messages:
        found.add("unreadable", sentence)
    ids = [battle.end.battle_id for battle in battles]
    if len(set(ids)) != len(ids):
        found.add("lost", "two battles bear one number")
    stored = Counter(
        battle_digest(zip(battle.columns["seat"], battle.columns["action"], strict=True), battle.end.outcome)
        for battle in battles
    )
    for digest in known.battles - stored:
        found.add("lost", f"battle {digest[:12]}")
        del known.battles[digest]  # counted once


# ------------------------------------------------------------------------------------------------------------- killing


def session(folder: Path, number: int, seed: int, known: Acknowledged, found: Findings) -> None:
    """Start the game in `folder`, kill it at a random moment, and read what it acknowledged until then."""
    chance = Random(f"kill {number}")
    where = chance.choices(("startup", "play", "shutdown"), (0.2, 0.6, 0.2))[0]
    delay = chance.uniform(0.0, {"startup": STARTUP_S, "play": PLAY_S, "shutdown": SHUTDOWN_S}[where])
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_session(folder, number, seed, writing, chance.uniform(0.1, 0.7) if where == "shutdown" else 2 * HANGS_S)
    os.close(writing)
    # However busy the machine is, some in play come after a promotion or a roll-back: else there were little to lose.
    wanted = {"startup": "", "play": ("up", "version", "back")[number % 3], "shutdown": "quitting"}[where]
    begun = _lines_until(reading, wanted)
    if begun is not None:
        time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as rest:
        lines = ((begun or "") + rest.read()).split("\n")[:-1]
    if not (os.WIFSIGNALED(status) or "ended" in lines or "late" in lines):
        found.add("failed", f"the session ended by itself: {lines[-1:]}")
    elif wanted and not any(line.startswith(wanted) for line in lines):
        found.add("failed", f"it did not come to {wanted!r} in {HANGS_S:.0f} s: {lines[-1:]}")
    _take(lines, known, found)
    found["kill.clean_ends" if "ended" in lines else f"kill.in_{where}"] += 1


def _be_the_session(folder: Path, number: int, seed: int, pipe: int, seconds: float) -> NoReturn:
    try:
        run(folder, number, seed, pipe, seconds)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a forked process must never go on as its parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)


def _lines_until(pipe: int, wanted: str) -> str | None:
    """What is begun until a line that begins with `wanted`; None where it does not come."""
    begun, end = "", time.monotonic() + HANGS_S
    while wanted and not any(line.startswith(wanted) for line in begun.split("\n")[:-1]):
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
        data = os.read(pipe, 65_536).decode() if ready else ""
        if not data:
            return None
        begun += data
    return begun


def _take(lines: list[str], known: Acknowledged, found: Findings) -> None:
    """Compare what the session found at its start with what was acknowledged before it, and add what it wrote."""
    for line in lines:
        if line.startswith("said ") and "passed the gate" not in line:
            found.add("unreadable", line)
        if line.startswith("up "):
            _, version, digest = line.split()
            if known.versions.get(int(version), digest) != digest:
                found.add("wrong_weights", f"version {version} after a start")
        known.add(line)
    found["kill.battles"] += sum(line.startswith("battle ") for line in lines)
    found["kill.versions"] += sum(line.startswith("version ") for line in lines)
    found["kill.rolled_back"] += sum(line.startswith("back ") for line in lines)


def lane(numbers: range, folder: Path) -> Iterator[Findings]:
    """One run after the other; every `RUNS_IN_A_FOLDER` of them begin with an empty folder."""
    known, seed = Acknowledged(), 0
    for at, number in enumerate(numbers):
        if at % RUNS_IN_A_FOLDER == 0:
            shutil.rmtree(folder, ignore_errors=True)
            known, seed = Acknowledged(), number
        found = Findings(number)
        found["kill.runs"] = 1
        session(folder, number, seed, known, found)
        copy = folder.with_name(f"{folder.name}-copy")
        shutil.copytree(folder, copy) if folder.exists() else None
        look(copy / "cornerman", known, found)
        if found.sentences:
            shutil.copytree(folder, FOUND / f"{number}", dirs_exist_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        yield found


def kills(first: int, runs: int) -> Iterator[dict[str, int]]:
    """The counts of every run from `first` to before `runs`, as they are done; prints what was found."""
    assert psutil.Process().num_threads() == 1, "only a process of one thread may fork: set OMP_NUM_THREADS=1"
    with tempfile.TemporaryDirectory() as name:
        reading, writing = os.pipe()
        children = []
        for at in range(LANES):
            children.append(os.fork())
            if children[-1] == 0:
                os.close(reading)
                _be_a_lane(range(first + at, runs, LANES), Path(name) / f"lane-{at}", writing)
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                counts, sentences = json.loads(line)
                for sentence in sentences:
                    print(sentence, flush=True)
                yield counts
        for child in children:
            _, status = os.waitpid(child, 0)
            assert status == 0, "a lane of the torture ended early"


def _be_a_lane(numbers: range, folder: Path, pipe: int) -> NoReturn:
    try:
        for found in lane(numbers, folder):
            sentences = [sentence[:200] for sentence in found.sentences[:5]]
            os.write(pipe, (json.dumps([found, sentences]) + "\n").encode())
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a forked process must never go on as its parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
