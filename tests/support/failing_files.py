"""Lets the N-th file operation or SQLite statement fail, for tests that try every N until none is hit."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

OPERATIONS = ("open", "write", "fsync", "replace", "rename", "mkdir", "unlink", "rmdir")
READING = ("select", *(f"pragma {name}" for name in ("quick", "user_version", "trusted", "secure", "synchronous")))
ENDLESS = 10_000


class Failing:
    """Counts file operations; the `nth` raises, every later one too if `lasting` (the disk stays full)."""

    def __init__(self, nth: int, lasting: bool) -> None:
        self.nth, self.lasting, self.count = nth, lasting, 0

    @property
    def hit(self) -> bool:
        return self.count >= self.nth

    def step(self, name: str) -> None:
        self.count += 1
        if self.count == self.nth or (self.lasting and self.count > self.nth):
            raise OSError(errno.ENOSPC, f"No space left on device ({name})")


@contextmanager
def failing_record() -> Iterator[None]:
    """Inside, connections to SQLite are of the kind that `failing` can let fail."""
    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect
        patch.setattr(
            sqlite3, "connect", lambda *args, **keywords: connect(*args, **keywords, factory=FailingConnection)
        )
        yield


@contextmanager
def full_disk(num_bytes: int) -> Iterator[None]:
    """Inside, no file grows beyond `num_bytes`: the system itself cuts writes short and fails them, SQLite's too."""
    import resource  # here and not above: it does not exist on Windows

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def failing(nth: int, lasting: bool = False, files: bool = True) -> Iterator[Failing]:
    """Inside, the `nth` operation (from 1) of `OPERATIONS` fails; half of what a failing write is given is written.

    Statements count, too, of connections that were opened in `failing_record`; without `files` only they do.
    """
    state = Failing(nth, lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS if files else ():
            patch.setattr(os, name, _counted(name, getattr(os, name), state))
        FailingConnection.state = state
        yield state
        FailingConnection.state = None


class FailingConnection(sqlite3.Connection):
    """A connection whose writing statements and commits count among the operations that fail."""

    state: Failing | None = None

    def _step(self, statement: str) -> None:
        if self.state is None or statement.startswith(READING):
            return
        try:
            self.state.step(statement)
        except OSError as error:
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise full from error

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        self._step(statement)
        return super().execute(statement, *values)

    def executemany(self, statement: str, *values: Any) -> sqlite3.Cursor:
        self._step(statement)
        return super().executemany(statement, *values)

    def executescript(self, script: str) -> sqlite3.Cursor:
        self._step(script)
        return super().executescript(script)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        try:
            if kind is None:
                self._step("commit")
        except sqlite3.OperationalError as full:
            super().__exit__(type(full), full, None)  # SQLite rolls back
            raise
        return super().__exit__(kind, error, trace)


def _counted(name: str, real: Any, state: Failing) -> Any:
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            state.step(name)
        except OSError:
            if name == "write":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            raise
        return real(*args, **keywords)

    return call
