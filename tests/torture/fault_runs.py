"""The N-th file operation or SQLite statement of every operation fails, N = 1, 2, 3, ...; for `make torture`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from cornerman.contract import ModelError
from cornerman.experience.battle_store import BattleStore
from cornerman.models.exchange import import_version
from tests.support import plugin_operations
from tests.support.failing_files import Failing, failing, failing_record, full_disk
from tests.support.stored_battles import FORMAT, store_battles
from tests.support.stored_versions import IDENTITY, OPERATIONS, assert_sound, opened

FAULTS: list[tuple[str, Callable[[Path], object]]] = [
    *((name, lambda folder, name=name: OPERATIONS[name](opened(folder))) for name in OPERATIONS),
    ("record", lambda folder: store_battles(folder, 3)),
    ("forget what was recorded", lambda folder: BattleStore(folder, FORMAT).forget()),
    ("import", lambda folder: import_version(opened(folder), IDENTITY, folder / "version.zip")),
]
FILE_CASES = [(name, operation, lasting) for name, operation in FAULTS for lasting in (False, True)]
PLUGIN_CASES = [(name, how) for name in plugin_operations.OPERATIONS for how in ("once", "from then on", "full disk")]
ROUND = len(FILE_CASES) + len(PLUGIN_CASES)
MOST_OPERATIONS, FULL_STEP_BYTES = 128, 512
"""No operation touches the disk so often, and no file of these folders grows to so many steps."""
NUMBERS = ROUND * MOST_OPERATIONS


def fault(number: int, counts: dict[str, int], folder: Path) -> None:
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
    store_battles(home, 2)
    with failing(nth, lasting) as state, suppress(ModelError, OSError):
        operation(home)
    try:
        assert_sound(home)
        with closing(BattleStore(home, FORMAT)) as store:
            assert name.startswith("forget") or len(list(store.battles())) >= 2
            assert not store.messages, store.messages
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
