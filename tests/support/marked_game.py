"""A game whose battles against the player are marked, so that what is left of them can be found in any file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from cornerman.plugin import Cornerman
from tests.support.choosing import SMALL, Choosing
from tests.support.table import on_owner

MARKS = (0.7071234, -0.3141592)
TRACE = struct.pack("<2f", *MARKS)
"""What a marked observation looks like in a file."""
WORD = "mark-of-the-player"


class Marked(Choosing):
    """The game shows two numbers of its own: the player's battles are marked by them, headless ones are not."""

    feature_names: Sequence[str] = ("mark 1", "mark 2")

    def encode(self, state: Mapping[str, Any], seat: int) -> Sequence[float]:
        del seat
        marks: Sequence[float] = state.get("marks", (0.0, 0.0))
        return marks


class Session:
    """A plugin, and battles against the player whose hooks are called by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.game, self.plugin = folder, Marked(), Cornerman()
        quick = {"held_out_fraction": 0.3, "warmup_fraction": 0.05, "gate_min_pairs": 4, "gate_max_pairs": 8}
        self.plugin.on_load(self.game, str(folder), {**SMALL, **quick, **settings})

    def battle(self, number: int, marked: bool, in_the_middle: Callable[[], None] | None = None) -> None:
        plugin, battle, random = self.plugin, self.game.new_battle(number), Random(number)
        marks = {"marks": MARKS} if marked else {}
        player = WORD if marked and in_the_middle is None else None  # who goes on playing is named again
        plugin.on_battle_start(battle_id=number, seats={0: "player", 1: "plugin"}, player=player)
        while (seat := battle.seat) is not None:
            state, mask, action = {**battle.state(), **marks}, battle.action_mask(), random.randrange(2)
            if seat == 1:
                chosen = plugin.choose_action(number, seat, state, mask)
                assert chosen is not None
                action = chosen
            battle.apply(action)
            plugin.on_turn(number, seat, state, mask, action, {**battle.state(), **marks})
            if seat == 0 and in_the_middle is not None:
                in_the_middle()
                marks = {}
        plugin.on_battle_end(battle_id=number, outcome=battle.outcome or {})
        plugin.on_round_end(battle_id=number, round=1)

    def misbehave(self) -> None:
        """An event whose explanation quotes the player's word."""
        state = self.game.new_battle(0).state()
        state["characters"][0]["health"] = WORD
        self.plugin.on_battle_start(battle_id=900, seats={0: "player"})
        self.plugin.on_turn(900, 0, state, [True, True, False], 0, state)
        self.plugin.on_battle_end(battle_id=900, outcome={0: 0})
        self.plugin.on_round_end(battle_id=900, round=1)

    def forget(self) -> None:
        assert self.plugin.controls.forget().endswith(".")
        on_owner(self.plugin, lambda loop: None)

    @property
    def traces(self) -> set[str]:
        """Files that hold something of the player's."""
        files = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {
            path.name.removesuffix("-wal") for path, data in files.items() if TRACE in data or WORD.encode() in data
        }
