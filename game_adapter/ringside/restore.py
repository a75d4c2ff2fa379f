"""Battles that go on from a state: what every seat sees of Ringside is the whole battle but its future chances."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from game_adapter.ringside.battle import Battle
from game_adapter.ringside.roster import RosterEntry


def teams_of(state: Mapping[str, Any]) -> tuple[tuple[RosterEntry, ...], tuple[RosterEntry, ...]]:
    """Who fights for seats 0 and 1 in a state, without what is for the window only."""
    teams: tuple[list[RosterEntry], list[RosterEntry]] = [], []
    for seen in state["characters"]:
        stats = seen["maxHealth"], seen["attack"], seen["defense"], seen["speed"]
        teams[seen["seat"]].append(RosterEntry(seen["name"], *stats))
    return tuple(teams[0]), tuple(teams[1])


def restored(state: Mapping[str, Any], random: Random) -> Battle:
    """A battle in the moment of `state`, whose chances `random` decides; ValueError where its battle is over."""
    if state["acting"] is None:
        raise ValueError("A battle that is over cannot go on.")
    battle = Battle(teams_of(state), random.getrandbits(63))
    battle.go_on_from(state)
    return battle
