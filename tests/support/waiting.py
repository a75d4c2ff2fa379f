"""Waiting for something that another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def wait_for(ask: Callable[[], T | None], seconds: float = 30.0, pause_s: float = 0.0) -> T:
    """The first answer of `ask` that is neither None nor False; AssertionError where none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        time.sleep(pause_s)
    raise AssertionError(f"no answer in {seconds} s")


def in_a_thread(function: Callable[[], T]) -> T:
    """What `function` returns or raises on a thread of its own, which has ended then."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()
