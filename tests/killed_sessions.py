"""Sessions that record and learn, killed one after another; run by test_killed_sessions in a process of its own.

The process imports torch once and forks: no thread is running yet when it does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from random import Random

import torch  # noqa: F401 - so that no forked session spends its short life on importing it

from cornerman.plugin import Cornerman
from tests.choosing import SMALL, Choosing

BATTLES_AT_MOST = 80  # a session


def session(folder: str, tell: int) -> None:
    """Play until killed; tells how many battles came back, and then how many are acknowledged."""
    plugin, game = Cornerman(), Choosing()
    plugin.on_load(game, folder, {**SMALL, "replay_capacity": 4000, "held_out_fraction": 0.0, "warmup_fraction": 0.01})
    assert plugin.training is not None
    assert plugin.training.rings.check_valid() is None
    rows = plugin.training.rings.player.columns()
    back = len(set(rows["battle_id"].tolist()))
    assert len(rows["battle_id"]) == 2 * back  # whole battles, none under another's number
    os.write(tell, f"{back}\n".encode())
    told = 0
    for number in range(1, BATTLES_AT_MOST + 1):
        battle, random = game.new_battle(number), Random(number)
        plugin.on_battle_start(battle_id=number, seats={0: "player", 1: "plugin"})
        while (seat := battle.seat) is not None:
            state, mask, action = battle.state(), battle.action_mask(), random.randrange(2)
            battle.apply(action)
            plugin.on_turn(number, seat, state, mask, action, battle.state())
        plugin.on_battle_end(battle_id=number, outcome=battle.outcome or {})
        plugin.on_round_end(battle_id=number, round=1)
        time.sleep(0.002)
        if (kept := plugin.metrics.get("kept", 0)) != told:
            told = kept
            os.write(tell, f"{back + kept}\n".encode())
    signal.pause()


def main(folder: str, kills: int) -> int:
    """Print, for every life, how many battles were acknowledged before it and how many came back."""
    random, acknowledged = Random(7), 0
    for _ in range(kills):
        hear, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hear)
            try:
                session(folder, tell)
            finally:
                os._exit(3)  # only reached where it failed: the driver then hears nothing
        os.close(tell)
        with os.fdopen(hear) as lines:
            first = lines.readline()
            for _ in range(random.randrange(1, 6)):
                last = lines.readline()
            time.sleep(random.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            heard = [line for line in (last, *lines) if line.endswith("\n")]
        print(acknowledged, first.strip(), heard[-1].strip(), flush=True)
        acknowledged = int(heard[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
