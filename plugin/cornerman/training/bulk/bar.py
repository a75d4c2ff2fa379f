"""How far something long is: a bar on a terminal where tqdm is installed, and a line now and then everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

PERIOD_S = 10.0


def quietly(sentence: str) -> None:
    """Say a sentence beside what a command prints for other programs: on the error stream."""
    print(sentence, file=sys.stderr, flush=True)


class Bar:
    """Shown while it is entered; whatever is said through it stands above the bar."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._bar: Any = None

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ImportError:  # an extra: without it there are lines
                return self
            shape = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
            self._bar = tqdm(total=1.0, leave=False, miniters=0, mininterval=0.5, bar_format=shape)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def say(self, sentence: str) -> None:
        if self._bar is None:
            self._say(sentence)
            return
        with self._bar.external_write_mode(file=sys.stdout):
            self._say(sentence)

    def moved(self, share: float) -> None:
        """So much of it is done, 0 to 1."""
        if self._bar is not None:
            self._bar.update(min(share, 1.0) - self._bar.n)

    def during(
        self, what: str, stopped: Callable[[], bool] = lambda: False, done: Callable[[], str] = str
    ) -> Callable[[], bool]:
        """`stopped`, which is asked again and again while something takes long, that says so every `PERIOD_S`, with how
        much of it is `done`."""
        begun = said = time.monotonic()

        def asked() -> bool:
            nonlocal said
            if (now := time.monotonic()) - said >= PERIOD_S:
                said = now
                self.say(f"{what}, {now - begun:.0f} s{done()} ...")
            return stopped()

        return asked
