"""However a game ends while it learns, the process ends with it: in time, with the right status, and saved."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOPPY = """
import sys, time
from cornerman.governor import Governor
from cornerman.metrics import Metrics
from cornerman.trainer import Trainer

class Endless:
    def slice(self, budget_s):
        return {busy}
    def recover(self):
        pass
    def close(self):
        print("saved", flush=True)

trainer = Trainer(Endless, Metrics(), Governor("always" if {always} else "between_rounds"))
assert trainer.start(10.0)
time.sleep(0.05)
{ends}
"""


@pytest.mark.parametrize(
    ("busy", "always", "ends", "status"),
    [
        (True, True, "", 0),
        (False, False, "", 0),
        (True, True, "sys.exit(3)", 3),
        (True, True, "raise RuntimeError('the game is broken')", 1),
    ],
    ids=["learning", "idle", "exit", "crash"],
)
def test_a_game_that_ends_without_telling_neither_hangs_nor_aborts(
    busy: bool, always: bool, ends: str, status: int
) -> None:
    code = SLOPPY.format(busy=busy, always=always, ends=ends)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (status, "saved\n"), ended.stderr
