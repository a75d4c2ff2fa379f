"""The full counts of what the tests try in small: kills, and mutated files against every loader of stored versions.

    python -m tests.torture kill 1000      kill -9 at a random moment of a game that learns and promotes, start again
    python -m tests.torture fuzz 100000    mutated files against every loader
    python -m tests.torture fault 100000   the N-th file operation fails, N = 1, 2, 3, ... until none is hit
    python -m tests.torture swap 1000000   decisions while another thread swaps the policy
    python -m tests.torture cycle 1000     promotions and roll-backs, with files, threads and memory counted

Counts go to torture.json after every hundred (ten kills), with the number to go on from, so it may be stopped and
started again. What a kill left behind that was wrong is kept in torture-found/.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import numpy as np
import psutil

from cornerman.contract import BattleEnd, ModelError, SettingsError, Source
from cornerman.dataset import export as export_data
from cornerman.dataset import load as load_data
from cornerman.exchange import export_version, import_version
from cornerman.history import History
from cornerman.journal import PLAYER, Journal
from cornerman.lineage import Lineage
from cornerman.policy import Policy
from cornerman.segment import Header
from cornerman.settings import read_settings
from cornerman.version_manifest import Provenance
from game_adapter.manifest import ManifestError, read_manifest
from tests import kill_runs, plugin_operations
from tests.duel import preferring
from tests.failing_files import Failing, failing, failing_record, full_disk
from tests.sample_states import chain
from tests.test_registry import IDENTITY, PASSED, SPEC, filled, flat, opened
from tests.test_registry_faults import OPERATIONS, assert_sound

FIGURES = Path("torture.json")
HEADER = Header("toy", "1.0", "layout-1", 2, 3)
HANG_S = 1.0
SAVED_EVERY = 100
PIECES = [b"[", b"[[" * 500, b"{", b'"', b"-1", b"1e999", b"NaN", b"null", b"\xff" * 7 + b"\x7f", b"\0" * 8, b"9" * 30]
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
    path.write_bytes(whole)


FAULTS: list[tuple[str, Callable[[Path], object]]] = [
    *((name, lambda folder, name=name: OPERATIONS[name](opened(folder))) for name in OPERATIONS),  # type: ignore[misc]
    ("record", lambda folder: record(folder, 3)),
    ("forget what was recorded", lambda folder: Journal(folder / "journal", HEADER).forget()),
    ("import", lambda folder: import_version(opened(folder), IDENTITY, folder / "version.zip")),
]
FILE_CASES = [(name, operation, lasting) for name, operation in FAULTS for lasting in (False, True)]
PLUGIN_CASES = [(name, how) for name in plugin_operations.OPERATIONS for how in ("once", "from then on", "full disk")]
ROUND = len(FILE_CASES) + len(PLUGIN_CASES)
MOST_OPERATIONS, FULL_STEP_BYTES = 128, 512
"""No operation touches the disk so often, and no file of these folders grows to so many steps."""


def fault(number: int, counts: Counts, folder: Path) -> None:
    """One operation, its N-th file operation or statement failing: `number` goes through all of them for N = 1, ...

    The first cases are files alone; the others are what a whole plugin does, the record in SQLite included.
    """
    nth, at = number // ROUND + 1, number % ROUND
    home = folder / "faulty"
    if at < len(FILE_CASES):
        hit, wrong = file_fault(home, nth, *FILE_CASES[at])
    else:
        hit, wrong = plugin_fault(folder / "plugin", home, nth, *PLUGIN_CASES[at - len(FILE_CASES)])
    shutil.rmtree(home)
    if hit and nth >= MOST_OPERATIONS:
        wrong = wrong or "there is no end to the operations"
    counts["fault.runs"] += hit
    counts["fault.unclean"] += bool(wrong)
    if wrong:
        print(f"number {number}, operation {nth}: {wrong}")


def file_fault(home: Path, nth: int, name: str, operation: Callable[[Path], object], lasting: bool) -> tuple[bool, str]:
    """Whether an operation was hit, and what was wrong then."""
    shutil.copytree(home.parent / "sound", home)
    shutil.copy(home.parent / "version.zip", home)
    record(home, 2)
    with failing(nth, lasting) as state, suppress(ModelError, OSError):
        operation(home)
    try:
        assert_sound(home, forgotten=name == "forget")
        battles = list(Journal(home / "journal", HEADER).battles(PLAYER))
        assert name.startswith("forget") or len(battles) >= 2
    except (AssertionError, ModelError, OSError) as error:
        return state.hit, f"{name}: {type(error).__name__}: {error}"
    return state.hit, ""


def plugin_fault(template: Path, home: Path, nth: int, name: str, how: str) -> tuple[bool, str]:
    """The same of what a whole plugin does; on a full disk no file grows beyond `nth` - 1 steps."""
    states: list[Failing] = []

    @contextmanager
    def fails() -> Iterator[None]:
        if how == "full disk":
            with full_disk((nth - 1) * FULL_STEP_BYTES):
                yield
        else:
            with failing(nth, how != "once") as state:
                states.append(state)
                yield

    try:
        with failing_record():
            wrong = plugin_operations.fault(template, home, name, fails)
    except Exception as error:  # noqa: BLE001 - whatever it lets out is what is looked for
        wrong = f"{type(error).__name__}: {error}"
    return (states[0].hit if states else nth < MOST_OPERATIONS), f"{name}, {how}: {wrong}" if wrong else ""


def record(folder: Path, battles: int) -> None:
    journal = Journal(folder / "journal", HEADER)
    for battle_id in range(battles):
        journal.append(BattleEnd(battle_id, {0: 1}, False, {0: Source.PLAYER}), chain(4, battle_id=battle_id), PLAYER)
    journal.close()


def swap(number: int, counts: Counts, folder: Path) -> None:
    """A thousand decisions while another thread swaps: each policy prefers another action, so a mixture would show."""
    del folder
    policies = [Policy(SPEC, preferring(action, SPEC), action) for action in range(SPEC.num_actions)]
    slot, stop = Lineage(policies[:1]), Event()

    def swapping() -> None:
        at = 0
        while not stop.is_set():
            at = (at + 1) % len(policies)
            slot.promote(policies[at])

    thread = Thread(target=swapping)
    thread.start()
    observation, mask = np.zeros(SPEC.observation_size, np.float32), np.ones(SPEC.num_actions, bool)
    random_ = np.random.default_rng(number)
    for _ in range(1000):
        policy = slot.champion
        counts["swap.mixed"] += policy.act(observation, mask, random_) != policy.version
    stop.set()
    thread.join()
    counts["swap.decisions"] += 1000


def cycle(number: int, counts: Counts, folder: Path) -> None:
    """Promote, decide, roll back, prune; every hundredth time what is open and alive is counted."""
    registry = opened(folder / "cycle")
    provenance = Provenance(parent=registry.champion, gate=PASSED)
    registry.promote(registry.save(flat(number % 7), provenance))
    registry.load_champion()
    if number % 2:
        registry.roll_back()
    registry.prune(5)
    counts["cycle.runs"] += 1
    if number % 100 == 99:
        process = psutil.Process()
        held = (process.num_fds(), process.num_threads(), process.memory_info().rss)
        first = BASELINE.setdefault("held", held)
        grown = held[2] - first[2] > 16 * 2**20
        left = len(list((folder / "cycle" / "versions").iterdir())) > 6
        counts["cycle.leaks"] += held[0] > first[0] or held[1] > first[1] or grown or left


BASELINE: dict[str, tuple[int, int, int]] = {}


def loaders(folder: Path) -> list[tuple[str, Callable[[], bool]]]:
    """Files below `folder` and what reads them: True when exactly what was saved came out."""
    registry = opened(folder / "home")

    def version() -> bool:
        return registry.load(1).flat.tobytes() == flat(1).tobytes()

    def exported() -> bool:
        guest = opened(folder / "guest")
        number = import_version(guest, IDENTITY, folder / "version.zip")
        same = guest.load(number).flat.tobytes() == flat(1).tobytes()
        shutil.rmtree(folder / "guest")
        return same

    def note() -> bool:
        policy, _ = opened(folder / "home").load_champion()
        return policy is not None and policy.flat.tobytes() == flat(policy.version).tobytes()

    def learner() -> bool:
        saved, _ = registry.resume.load()
        return saved is None or (saved[0]["x"].tolist() == list(range(6)) and saved[1] == {"a": 1})

    def settings() -> bool:
        read_settings(folder / "settings.toml")
        return True

    def plugin() -> bool:
        read_manifest(folder / "cornerman")
        return True

    def journal() -> bool:
        list(Journal(folder / "recorded" / "journal", HEADER).rows(PLAYER))
        return True

    def history() -> bool:
        record_ = History(folder, lambda: 0.0)
        record_.meetings()
        record_.close()
        for aside in folder.glob("history*"):
            if aside.name != "history.sqlite":
                aside.unlink()
        return True

    def data() -> bool:
        load_data(folder / "data.jsonl", HEADER)
        return True

    return [
        ("settings.toml", settings),
        ("cornerman/plugin.toml", plugin),
        ("recorded/journal/player-000001.journal", journal),
        ("history.sqlite", history),
        ("data.jsonl", data),
        ("home/versions/000001/weights.safetensors", version),
        ("home/versions/000001/manifest.json", version),
        ("home/champion.json", note),
        ("home/resume.safetensors", learner),
        ("version.zip", exported),
    ]


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
    registry.resume.save({"x": np.arange(6.0)}, {"a": 1})
    export_version(registry, 1, folder / "version.zip")
    filled(folder / "sound").resume.save({"x": np.arange(4)}, {"n": 0})
    record(folder / "recorded", 3)
    export_data(folder / "data.jsonl", HEADER, Journal(folder / "recorded" / "journal", HEADER).battles(PLAYER))
    (folder / "settings.toml").write_text('seed = 7\ndevice = "cpu"\nhidden = [16, 16]\n')
    shutil.copytree(Path(__file__).parent.parent / "plugin" / "cornerman", folder / "cornerman")
    history = History(folder, lambda: 0.0)
    for version in range(3):
        history.add_version(registry.manifest(version % 2))
        history.add_battle("gate", str(version), "random", 1.0, 9)
    history.close()
    plugin_operations.prepare(folder / "plugin")


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
        prepare(Path(name))
        for number in range(counts.get(f"{what}.number", 0), runs // step):
            RUNNERS[what](number, counts, Path(name))
            counts[f"{what}.number"] = number + 1
            if number % SAVED_EVERY == SAVED_EVERY - 1:
                yield
            if what == "fault" and number + 1 >= ROUND * MOST_OPERATIONS:
                return


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
    if what == "kill" and 10 * min(counts["kill.battles"], counts["kill.versions"]) < counts["kill.runs"]:
        print("This torture was blind: hardly anything was acknowledged that could have been lost.")
        return 1
    return int(any(counts[key] for key in COUNTED[what][1:]))


def write(counts: Counts) -> None:
    """In one step, so that whatever stops this leaves figures that can be read."""
    beside = FIGURES.with_suffix(".new")
    beside.write_text(json.dumps(counts, indent=1))
    beside.replace(FIGURES)


COUNTED = {
    "kill": kill_runs.COUNTED,
    "fault": ("fault.runs", "fault.unclean"),
    "fuzz": ("fuzz.files", "fuzz.crashes", "fuzz.hangs", "fuzz.wrong_weights"),
    "swap": ("swap.decisions", "swap.mixed"),
    "cycle": ("cycle.runs", "cycle.leaks"),
}
"""What was done, and then the faults."""
NO_FAULTS = {"kill": kill_runs.COUNTED_TOO, "fuzz": ("fuzz.refused",)}
RUNNERS = {"fault": fault, "fuzz": fuzz, "swap": swap, "cycle": cycle}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
