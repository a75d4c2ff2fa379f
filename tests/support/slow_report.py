"""The choosing game with a bot that is slow in the process that makes the report, and quick in workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from random import Random

from cornerman.contract import Bot
from tests.support.choosing import Choosing, ChoosingBattle, at_random

THINKS_S = 1.0


def thoughtful(battle: ChoosingBattle, random: Random) -> int:
    if sys.argv[0] != "-c":  # how a worker is started
        time.sleep(THINKS_S)
    return at_random(battle, random)


class SlowReport(Choosing):
    """Sixty battles of a report take a minute."""

    bots: Mapping[str, Bot] = {"random": thoughtful}


SLOW_REPORT = SlowReport()
