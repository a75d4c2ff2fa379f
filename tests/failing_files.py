"""Lets the N-th file operation fail, for tests that try every N until none is hit."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

OPERATIONS = ("open", "write", "fsync", "replace", "rename", "mkdir", "unlink", "rmdir")
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
def failing(nth: int, lasting: bool = False) -> Iterator[Failing]:
    """Inside, the `nth` operation (from 1) of `OPERATIONS` fails; half of what a failing write is given is written."""
    state = Failing(nth, lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, _counted(name, getattr(os, name), state))
        yield state


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
