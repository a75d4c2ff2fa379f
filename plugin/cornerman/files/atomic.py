"""Atomic writes that survive a power cut, and reading that a hostile file cannot abuse.

Writing: a whole file is written beside its place, synced, and moved onto it, so a reader sees the old or the new one.
What a file system cannot sync, such as a folder on some network shares, is logged once and no error. Reading: only
regular files, only up to a bound, JSON only to a bounded depth. Writing raises OSError; reading raises ModelError with
a sentence. Any thread that owns the files may call.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from cornerman.contract import ModelError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("cornerman")
T = TypeVar("T")

MAX_JSON_BYTES = 4 * 2**20
MAX_JSON_DEPTH = 12
_BLOCK_BYTES = 2**20
_BUSY_ATTEMPTS = 8 if os.name == "nt" else 1
"""Windows moves and deletes no file that a virus scanner or a backup holds, mostly for a moment."""
_BUSY_WAIT_S = 0.02
_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS, what waits for the disk and not only for its cache."""
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY}
_NO_FOLDER_SYNC = {*_NO_SYNC, errno.EACCES, errno.EPERM, errno.EISDIR, errno.EBADF}
_logged: set[str] = set()


@contextmanager
def disk_errors(what: str, then: str = "") -> Iterator[None]:
    """Raise what the disk refuses as ModelError: "`what` (why)`then`."."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{what} ({error.strerror or error}){then}.") from error


def write_file(path: Path, data: bytes) -> None:
    """Create `path`, which must not exist yet, and wait until its bytes are on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view[:_BLOCK_BYTES]) :]
        try:
            _sync(descriptor)
        except OSError as error:
            _excuse(error, _NO_SYNC, "a file", path)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step: whoever reads it, at any moment, sees the old bytes or the new ones."""
    beside = path.parent / f".{path.name}.{os.getpid()}.new"  # with_name refuses "."
    unlink(beside)
    try:
        write_file(beside, data)
        rename(beside, path)
    except OSError:
        discard(beside)
        raise
    sync_folder(path.parent)


def move_folder(source: Path, target: Path) -> None:
    """Rename a finished folder to its final name in one step; FileExistsError when something is there already."""
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    _when_not_busy(lambda: os.rename(source, target))
    sync_folder(target.parent)


def rename(source: Path, target: Path) -> None:
    """Rename a file onto another, or onto nothing."""
    _when_not_busy(lambda: os.replace(source, target))


def unlink(path: Path) -> None:
    """Delete a file, where there is one."""
    _when_not_busy(lambda: path.unlink(missing_ok=True))


def discard(path: Path) -> None:
    """Remove a leftover file; that it cannot be removed is not worth failing for, the next opening tries again."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that (Windows cannot)."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        _excuse(error, _NO_FOLDER_SYNC, "a folder", path)


def _sync(descriptor: int) -> None:
    if _FULL_SYNC is not None:
        try:
            fcntl.fcntl(descriptor, _FULL_SYNC)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise
        else:
            return
    os.fsync(descriptor)


def _excuse(error: OSError, harmless: set[int], what: str, path: Path) -> None:
    """Log once what this file system cannot sync; any other error is raised."""
    if error.errno not in harmless:
        raise error
    if what not in _logged:
        _logged.add(what)
        log.warning("%s of %s cannot be synced here (%s): a power cut may lose what is new", what, path.parent, error)


def _when_not_busy(move: Callable[[], None]) -> None:
    for attempt in range(1, _BUSY_ATTEMPTS + 1):
        try:
            move()
        except PermissionError:
            if attempt == _BUSY_ATTEMPTS:
                raise
            time.sleep(_BUSY_WAIT_S)
        else:
            return


def read_file(path: Path, max_bytes: int, what: str) -> bytes:
    """The bytes of a regular file of at most `max_bytes`; ModelError when it is missing, too large or no plain file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelError(f"{what} is not a plain file ({path.name}).")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise ModelError(f"{what} is missing ({path.name}).") from None
    except OSError as error:
        raise ModelError(f"{what} cannot be read ({path.name}: {error.strerror or error}).") from error
    if len(data) > max_bytes:
        raise ModelError(f"{what} is larger than the {max_bytes:,} bytes allowed ({path.name}).")
    return data


def first_sound(paths: Sequence[Path], read: Callable[[Path], T]) -> tuple[T | None, list[str]]:
    """What `read` gives of the first copy that is sound, or None, and a message for each damaged one before it."""
    problems: list[str] = []
    for path in filter(os.path.exists, paths):
        try:
            return read(path), problems
        except ModelError as error:
            problems.append(str(error))
    return None, problems


def parse_json(data: bytes, what: str, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """JSON without NaN, without a name given twice and not deeper than `max_depth`; ModelError otherwise."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_no_name_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} is damaged: {_why_no_json(data, error)}.") from error
    level = [each for each in [value] if type(each) in (dict, list)]
    for _ in range(max_depth):
        inside = (child for each in level for child in (each.values() if type(each) is dict else each))
        level = [child for child in inside if type(child) is list or type(child) is dict]
    if any(level):
        raise ModelError(f"{what} is nested more than {max_depth} deep.")
    return value


def _why_no_json(data: bytes, error: Exception) -> str:
    """For a person who does not know the format."""
    if not data.strip():
        return "it is empty"
    if isinstance(error, UnicodeDecodeError):
        return "it holds no text"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} breaks off or was changed"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:80]


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file; ModelError with a sentence when it is anything else."""
    return parse_object(read_file(path, MAX_JSON_BYTES, what), f"{what} ({path.name})")


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object; ModelError where the bytes are anything else."""
    value = parse_json(data, what)
    if not isinstance(value, dict):
        raise ModelError(f"{what} holds a {type(value).__name__} where an object is expected.")
    return value


def to_json(value: Any) -> bytes:
    """Readable JSON of any text; ValueError for NaN and infinity, which no reader here accepts."""
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair becomes JSON's own escape of it


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is given twice")
    return names


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")
