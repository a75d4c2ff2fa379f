"""The full counts of what the tests try in small: kills, and mutated files against every loader of stored versions.

    python -m tests.torture kill 1000      kill -9 at a random moment of a game that learns and promotes, start again
    python -m tests.torture worker 200     kill -9, an exception and Ctrl-C while the worker plays, so many times each
    python -m tests.torture fuzz 100000    mutated files against every loader
    python -m tests.torture fault 100000   the N-th file operation fails, N = 1, 2, 3, ... until none is hit
    python -m tests.torture swap 1000000   decisions while another thread swaps the policy
    python -m tests.torture cycle 1000     promotions and roll-backs, with files, threads and memory counted

Counts go to torture.json after every hundred (ten kills), with the number to go on from, so it may be stopped and
started again. What a kill left behind that was wrong is kept in torture-found/.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil

from cornerman.cli.dataset import export as export_data
from cornerman.cli.dataset import load as load_data
from cornerman.contract import ModelError, SettingsError
from cornerman.edge.onnx_file import to_onnx
from cornerman.experience.battle_store import FILE_NAME, BattleStore
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import DataFormat, StoredBattle, pack
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.models.exchange import export_version, import_version, onnx_notes
from cornerman.models.history import History
from cornerman.opponent.ghost import Ghost, read_ghost, write_ghost
from cornerman.opponent.player_model import PlayerModel
from cornerman.settings import read_settings
from game_adapter.host.manifest import ManifestError, read_manifest
from tests.benchmarks.swap import torn_reads
from tests.support import plugin_operations
from tests.support.duel import Duel
from tests.support.habits import ACTIONS, FEATURES
from tests.support.habits import champion as champion_of_habits
from tests.support.paths import ROOT
from tests.support.stored_battles import FORMAT, battle, store_battles
from tests.support.stored_versions import IDENTITY, filled, flat, opened
from tests.torture import fault_runs, kill_runs, worker_runs

FIGURES = Path("torture.json")
HANG_S = 1.0
SAVED_EVERY = 100
PIECES = [b"[", b"[[" * 500, b"{", b'"', b"-1", b"1e999", b"NaN", b"null", b"\xff" * 7 + b"\x7f", b"\0" * 8, b"9" * 30]
GHOSTS = DataFormat("duel", "1", "abc", len(FEATURES), len(ACTIONS))
Counts = dict[str, int]


def fuzz(number: int, counts: Counts, folder: Path) -> None:
    """One mutated file against the loader that reads it; only a ModelError or the numbers saved will do."""
    chance = random.Random(number)
    name, check = chance.choice(loaders(folder))
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(mutated(whole, chance))
    started = time.perf_counter()
    counts["fuzz.files"] += 1
    try:
        counts["fuzz.wrong_weights"] += not check()
    except (ModelError, SettingsError, ManifestError):
        counts["fuzz.refused"] += 1
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        counts["fuzz.crashes"] += 1
        print(f"number {number}, {name}: {type(error).__name__}: {error}")
    counts["fuzz.hangs"] += time.perf_counter() - started > HANG_S
    for aside in folder.rglob("*.set-aside*"):
        aside.unlink()
    path.write_bytes(whole)


def swap(number: int, counts: Counts, folder: Path) -> None:
    """A thousand decisions while another thread swaps; `mixed` are those of neither version."""
    del number, folder
    mixed, swaps = torn_reads(1000)
    counts["swap.mixed"] += mixed
    counts["swap.decisions"] += 1000
    counts["swap.swaps"] += swaps


def cycle(number: int, counts: Counts, folder: Path) -> None:
    """A whole plugin records, promotes, saves and rolls back while another thread decides; then it is counted.

    What is open and alive after the first hundred cycles must not be more after any later hundred.
    """
    if "plugin" not in CYCLING:
        CYCLING["plugin"] = plugin_operations.opened(folder / "cycle", kept_versions=5)
    opened, stop, failed = CYCLING["plugin"], Event(), list[str]()
    plugin = opened.plugin
    size, actions = plugin.encoder.observation_size, plugin.encoder.num_actions
    observation, mask = np.zeros(size, np.float32), np.ones(actions, bool)

    def decide() -> None:
        random_ = np.random.default_rng(number)
        while not stop.wait(5e-4):
            if plugin.slot.champion.act(observation, mask, random_) not in range(actions):
                failed.append("no action")

    thread = Thread(target=decide)
    thread.start()
    plugin_operations.record(opened)
    plugin_operations.promote(opened)
    if number % 3:
        plugin_operations.roll_back(opened)
    while opened.loop.slice():
        pass
    stop.set()
    thread.join()
    counts["cycle.runs"] += 1
    counts["cycle.leaks"] += bool(failed)
    if number % CYCLES_COUNTED == CYCLES_COUNTED - 1:
        counts["cycle.leaks"] += leaks(folder / "cycle")


def leaks(folder: Path) -> bool:
    """Whether more is open, alive or stored than the first time."""
    gc.collect()
    process, patience = psutil.Process(), time.monotonic() + 2.0
    while process.num_threads() > CYCLING.get("held", {}).get("threads", 1) and time.monotonic() < patience:
        time.sleep(0.001)  # a thread that was joined ends a little later for the system
    held = {"files open": process.num_fds(), "threads": process.num_threads()}
    held["files stored"] = sum(1 for _ in folder.rglob("*"))
    held["bytes of memory"] = process.memory_info().rss
    first = CYCLING.setdefault("held", held)
    more = [name for name in held if held[name] > first[name] + ALLOWED.get(name, 0)]
    if more:
        print(f"more {', '.join(more)}: {held} after {first}")
    return bool(more)


CYCLES_COUNTED = 100
ALLOWED = {"files stored": 10, "bytes of memory": 16 * 2**20}
"""One version more or less, and what an allocator keeps."""
CYCLING: dict[str, Any] = {}


def loaders(folder: Path) -> list[tuple[str, Callable[[], bool]]]:
    """Files below `folder` and what reads them: True when exactly what was saved came out, or a part of it."""
    registry = opened(folder / "home")

    def version() -> bool:
        return registry.load(1).flat.tobytes() == flat(1).tobytes()

    def exported(name: str) -> bool:
        guest = opened(folder / "guest")
        number = import_version(guest, IDENTITY, folder / name)
        same = guest.load(number).flat.tobytes() == flat(1).tobytes()
        shutil.rmtree(folder / "guest")
        return same

    def champion() -> bool:
        policy, _ = opened(folder / "home").load_champion()
        return policy is not None and policy.flat.tobytes() == flat(policy.version).tobytes()

    def learner() -> bool:
        saved, _ = CheckpointFile(registry.folder).load()
        return saved is None or (saved[0]["x"].tolist() == list(range(6)) and saved[1] == {"a": 1})

    def battles() -> bool:
        with closing(BattleStore(folder / "recorded", FORMAT)) as store:
            return all(_as_stored(found) for found in store.battles())

    def history() -> bool:
        with closing(History(folder, lambda: 0.0)) as record:
            return record.meetings() is not None

    return [
        ("settings.toml", lambda: read_settings(folder / "settings.toml") is not None),
        ("cornerman/plugin.toml", lambda: read_manifest(folder / "cornerman") is not None),
        (f"recorded/{FILE_NAME}", battles),
        ("history.sqlite", history),
        ("data.jsonl", lambda: load_data(folder / "data.jsonl", FORMAT) is not None),
        ("home/versions/000001/weights.safetensors", version),
        ("home/versions/000001/manifest.json", version),
        ("home/champion.json", champion),
        ("home/resume.safetensors", learner),
        ("version.zip", lambda: exported("version.zip")),
        ("version.onnx", lambda: exported("version.onnx")),
        ("ann.ghost", lambda: read_ghost(folder / "ann.ghost", GHOSTS).name == "ann"),
    ]


def _as_stored(found: StoredBattle) -> bool:
    end, transitions = battle(found.end.battle_id)
    columns = pack(transitions, FORMAT.observation_size, FORMAT.num_actions)
    return found.end == end and all((found.columns[name] == column).all() for name, column in columns.items())


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """One to four random harms."""
    data = bytearray(whole)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        at, kind = chance.randrange(len(data) + 1), chance.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + chance.randrange(1, 40)]
        elif kind == 3:
            data[at:at] = chance.randbytes(chance.randrange(1, 30))
        else:
            data[at : at + chance.randrange(1, 9)] = chance.choice(PIECES)
    return bytes(data)


def prepare(folder: Path) -> None:
    """What `fuzz` mutates."""
    registry = filled(folder / "home", 2)
    CheckpointFile(registry.folder).save({"x": np.arange(6.0)}, {"a": 1})
    export_version(registry, 1, folder / "version.zip")
    notes = onnx_notes(registry.manifest(1), Encoder(Duel()))
    (folder / "version.onnx").write_bytes(to_onnx(registry.load(1), notes))
    CheckpointFile(filled(folder / "sound").folder).save({"x": np.arange(4)}, {"n": 0})
    store_battles(folder / "recorded", 3)
    with closing(BattleStore(folder / "recorded", FORMAT)) as store:
        export_data(folder / "data.jsonl", FORMAT, store.battles())
    (folder / "settings.toml").write_text('seed = 7\ndevice = "cpu"\nhidden = [16, 16]\n')
    shutil.copytree(ROOT / "plugin" / "cornerman", folder / "cornerman")
    history = History(folder, lambda: 0.0)
    for version in range(3):
        history.add_version(registry.manifest(version % 2))
        history.add_battle("gate", str(version), "random", 1.0, 9)
    history.close()
    plugin_operations.prepare(folder / "plugin")
    policy = champion_of_habits()
    write_ghost(Ghost("ann", PlayerModel(policy, FEATURES, ACTIONS), policy, 0, 0), GHOSTS, folder / "ann.ghost")


def killed(runs: int, counts: Counts) -> Iterator[None]:
    """Adds up the kills; a pause after every tenth."""
    for number, found in enumerate(kill_runs.kills(counts["kill.runs"], runs), 1):
        for key, count in found.items():
            counts[key] += count
        if number % 10 == 0:
            yield


def numbered(what: str, runs: int, counts: Counts) -> Iterator[None]:
    """The others, one number after the other; a pause after every hundredth."""
    step = 1000 if what == "swap" else 1
    with tempfile.TemporaryDirectory() as name:
        if what in ("fault", "fuzz"):
            prepare(Path(name))
        for number in range(counts.get(f"{what}.number", 0), runs // step):
            RUNNERS[what](number, counts, Path(name))
            counts[f"{what}.number"] = number + 1
            if number % SAVED_EVERY == SAVED_EVERY - 1:
                yield
            if what == "fault" and number + 1 >= fault_runs.NUMBERS:
                return
        CYCLING.clear()


def main(what: str, runs: int) -> int:
    """Go on until `runs` are done, with a table; the exit status tells whether anything was found."""
    logging.disable()  # every fault that is made here would be logged
    figures: Counts = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    counts = dict.fromkeys((*COUNTED[what], *NO_FAULTS.get(what, ())), 0) | figures
    for _ in killed(runs, counts) if what == "kill" else numbered(what, runs, counts):
        write(counts)
    write(counts)
    for key, count in counts.items():
        print(f"{key:24}{count:>10,}")
    blind = BLIND[what](counts) if what in BLIND else ""
    if blind:
        print(f"This torture was blind: {blind}.")
        return 1
    return int(any(counts[key] for key in COUNTED[what][1:]))


def write(counts: Counts) -> None:
    """In one step, so that whatever stops this leaves figures that can be read."""
    beside = FIGURES.with_suffix(".new")
    beside.write_text(json.dumps(counts, indent=1))
    beside.replace(FIGURES)


COUNTED = {
    "kill": kill_runs.COUNTED,
    "worker": worker_runs.COUNTED,
    "fault": ("fault.runs", "fault.unclean"),
    "fuzz": ("fuzz.files", "fuzz.crashes", "fuzz.hangs", "fuzz.wrong_weights"),
    "swap": ("swap.decisions", "swap.mixed"),
    "cycle": ("cycle.runs", "cycle.leaks"),
}
"""What was done, and then the faults."""
NO_FAULTS = {
    "kill": kill_runs.COUNTED_TOO,
    "worker": worker_runs.COUNTED_TOO,
    "fuzz": ("fuzz.refused",),
    "swap": ("swap.swaps",),
}
BLIND: dict[str, Callable[[Counts], str]] = {
    "kill": lambda counts: (
        "hardly anything was acknowledged that could have been lost"
        if 10 * min(counts["kill.battles"], counts["kill.versions"]) < counts["kill.runs"]
        else ""
    ),
    "worker": lambda counts: "there were games without a worker" if counts["worker.without_a_worker"] else "",
    "swap": lambda counts: "hardly a swap" if 10 * counts["swap.swaps"] < counts["swap.decisions"] else "",
}
RUNNERS = {"worker": worker_runs.run, "fault": fault_runs.fault, "fuzz": fuzz, "swap": swap, "cycle": cycle}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
