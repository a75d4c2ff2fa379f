"""A game whose rules print, on both streams."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from random import Random

from cornerman.contract import Bot
from tests.support.choosing import Choosing, ChoosingBattle


def talkative(battle: ChoosingBattle, random: Random) -> int:
    print("I choose ...", flush=True)
    print("... something", file=sys.stderr, flush=True)
    return random.randrange(2)


class Talking(Choosing):
    """The choosing game with a talkative bot."""

    bots: Mapping[str, Bot] = {"random": talkative}


TALKING = Talking()
QUIET = Choosing()
