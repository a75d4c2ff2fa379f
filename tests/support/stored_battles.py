"""Finished battles of a made-up duel, and a store that holds some."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.transitions import DataFormat
from tests.support.sample_states import chain

FORMAT = DataFormat("duel", "1", "abc", 2, 3)
SEATS = {0: Source.PLUGIN, 1: Source.PLAYER}


def battle(number: int, transitions: int = 5) -> tuple[BattleEnd, list[Transition]]:
    end = BattleEnd(number, {0: 1, 1: -1}, False, SEATS, player="ann" if number % 2 else "")
    return end, chain(transitions, battle_id=number, seed=number)


def store_battles(folder: Path, count: int) -> None:
    """Battles 0 to `count` - 1."""
    with closing(BattleStore(folder, FORMAT)) as store:
        for number in range(count):
            store.append([battle(number)])
