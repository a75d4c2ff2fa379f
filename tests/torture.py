"""The full counts of what the tests try in small: kills, and mutated files against every loader of stored versions.

    python -m tests.torture kill 1000      kill -9 at a random moment of saving and promoting, then open again
    python -m tests.torture fuzz 100000    mutated weights, manifests, notes, exports and learner states

Counts go to torture.json after every hundred, with the number to go on from, so it may be stopped and started again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cornerman.contract import ModelError
from cornerman.exchange import export_version, import_version
from tests.test_registry import IDENTITY, filled, flat, opened
from tests.test_registry_faults import KILLED

FIGURES = Path("torture.json")
HANG_S = 1.0
SAVED_EVERY = 100
PIECES = [b"[", b"[[" * 500, b"{", b'"', b"-1", b"1e999", b"NaN", b"null", b"\xff" * 7 + b"\x7f", b"\0" * 8, b"9" * 30]
Counts = dict[str, int]


def kill(number: int, counts: Counts, folder: Path) -> None:
    """One run that is killed; what it acknowledged must be there and whole."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", KILLED, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(number).uniform(0.0, 0.08))
    process.send_signal(signal.SIGKILL)
    lines = process.stdout.read().split("\n")[:-1]
    process.stdout.close()
    process.wait()
    acknowledged = max([-1, *(int(line) for line in lines if line)])
    registry = opened(folder)
    policy, sentences = registry.load_champion()
    _, spoken = registry.resume.load()
    counts["kill.runs"] += 1
    counts["kill.unreadable"] += policy is None or bool(sentences) or bool(spoken)
    counts["kill.lost"] += policy is None or policy.version < acknowledged
    counts["kill.wrong_weights"] += policy is not None and policy.flat.tobytes() != flat(policy.version).tobytes()


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
    except ModelError:
        counts["fuzz.refused"] += 1
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        counts["fuzz.crashes"] += 1
        print(f"number {number}, {name}: {type(error).__name__}: {error}")
    counts["fuzz.hangs"] += time.perf_counter() - started > HANG_S
    path.write_bytes(whole)


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

    return [
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


def main(what: str, runs: int) -> int:
    """Go on until `runs` are done; the exit status tells whether anything was found."""
    figures: Counts = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    counts = dict.fromkeys(COUNTED[what], 0) | figures
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        first = counts[COUNTED[what][0]]
        for number in range(first, runs):
            (kill if what == "kill" else fuzz)(number, counts, folder / "killed" if what == "kill" else folder)
            if number % SAVED_EVERY == SAVED_EVERY - 1 or number == runs - 1:
                FIGURES.write_text(json.dumps(counts, indent=1))
    for key, count in counts.items():
        print(f"{key:24}{count:>10,}")
    return int(any(counts[key] for key in COUNTED[what][1:] if key != "fuzz.refused"))


COUNTED = {
    "kill": ("kill.runs", "kill.unreadable", "kill.lost", "kill.wrong_weights"),
    "fuzz": ("fuzz.files", "fuzz.crashes", "fuzz.hangs", "fuzz.wrong_weights", "fuzz.refused"),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
