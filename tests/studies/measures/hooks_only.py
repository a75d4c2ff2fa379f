"""Ringside as a game that offers hooks and nothing else: a series against one player, with its own fighter at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from game_adapter.host.host import Host
from game_adapter.host.match import PLAYER, PLUGIN, Match
from game_adapter.ringside.game import RINGSIDE

SETTLE_S = 60.0
ROOT = Path(__file__).resolve().parents[3]


class HooksOnly:
    """What Ringside declares, without its battles and bots."""

    name, version = RINGSIDE.name, RINGSIDE.version
    action_names, feature_names = RINGSIDE.action_names, RINGSIDE.feature_names

    def encode(self, state: Mapping[str, Any], seat: int) -> Sequence[float]:
        return RINGSIDE.encode(state, seat)


def series(own: str, player: str, battles: int, seed: int, data: Path | None) -> dict[str, Any]:
    """Battles of `own` against `player`, by the plugin where it has an opinion; without `data` there is no plugin.

    The same seed gives the same teams and dice with the plugin and without. Returns outcomes and which version played.
    """
    host = Host(ROOT / "plugin" if data else ROOT / "no plugins", data or Path(), HooksOnly(), {"seed": seed})
    if data:
        host.load()
    bots, seeds = RINGSIDE.bots, Random(f"series {seed}")
    won, versions = list[int](), list[int]()
    for number in range(1, battles + 1):
        battle_seed, seat = seeds.getrandbits(48), (number - 1) % 2
        random = Random(battle_seed)
        battle = RINGSIDE.new_battle(battle_seed)
        match = Match(host, battle, number, {seat: PLUGIN, 1 - seat: PLAYER}, bots[own], random)
        while not match.over:
            if match.between_rounds:
                host.settle(SETTLE_S)
                match.start_round()
            elif match.seat_to_play == seat:
                match.play(match.decide())
            else:
                match.play(bots[player](battle, random))
        host.settle(SETTLE_S)
        won.append(int((battle.outcome or {}).get(seat, 0)))
        versions.append(int((host.report("cornerman") or {}).get("version", -1)))
    messages = host.messages
    events = [event["text"] for event in (host.report("cornerman") or {}).get("events", [])]
    host.quit()
    return {"won": won, "versions": versions, "messages": messages, "events": events}
