"""Ringside's rules once more, slow and obvious, over plain states: the twin that the real rules are compared with."""

from __future__ import annotations

import copy
from typing import Any

from game_adapter.ringside.battle import chance
from game_adapter.ringside.roster import Rules

State = dict[str, Any]


def own_and_others(state: State) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The acting fighter's team and the other one, in slot order."""
    seat = state["characters"][state["acting"]]["seat"]
    return (
        [c for c in state["characters"] if c["seat"] == seat],
        [c for c in state["characters"] if c["seat"] != seat],
    )


def legal_actions(state: State) -> set[int]:
    """Action indices, written down from the tool tips."""
    own, others = own_and_others(state)
    actor = state["characters"][state["acting"]]
    legal = {6}
    for slot, enemy in enumerate(others):
        if enemy["health"] > 0:
            legal |= {slot, 3 + slot}
    for slot, ally in enumerate(own):
        if 0 < ally["health"] < ally["maxHealth"] and actor["mends"] > 0:
            legal.add(7 + slot)
    if not actor["charged"]:
        legal.add(10)
    return legal


def apply(state: State, rules: Rules, key: int, turn: int, action: int) -> None:
    """Change the characters of `state` as the turn numbered `turn` (from 1) of a battle with that key does."""
    own, others = own_and_others(state)
    actor = state["characters"][state["acting"]]
    if action == 6:
        actor["guard"] = True
    elif action == 10:
        actor["charged"] = True
    elif action >= 7:
        ally = own[action - 7]
        missing = ally["maxHealth"] - ally["health"]
        ally["health"] += -(-missing * rules.mend_missing // 100)
        actor["mends"] -= 1
    else:
        strike(state, rules, chance(key, turn), actor, others, action)


def strike(state: State, rules: Rules, bits: int, actor: Any, others: list[Any], action: int) -> None:
    """A strike (0 to 2) or heavy strike (3 to 5)."""
    heavy = action >= 3
    target = others[action % 3]
    fields = [bits % 2**21, bits // 2**21 % 2**21, bits // 2**42 % 2**21]
    percent = (rules.heavy_accuracy if heavy else rules.strike_accuracy) + rules.charge_accuracy * actor["charged"]
    percent += (actor["speed"] - target["speed"]) // rules.speed_per_percent
    percent = max(rules.least_accuracy, min(rules.most_accuracy, percent))
    power = actor["attack"] * (rules.heavy_power if heavy else rules.strike_power)
    if actor["charged"]:
        power = power * rules.charge_power // 100
    if target["guard"]:
        power = power * rules.guard_taken // 100
    elif any(mate["guard"] for mate in others if mate["health"] > 0):
        power = power * rules.guard_covers // 100
    if target["exposed"]:
        power = power * rules.heavy_exposed // 100
    actor["charged"] = False
    actor["exposed"] = heavy
    if fields[0] * 100 // 2**21 >= percent:
        return
    if fields[2] * 100 // 2**21 < rules.critical_chance:
        power = power * rules.critical_power // 100
    roll = 100 - rules.roll + fields[1] * (2 * rules.roll + 1) // 2**21
    damage = power * roll * rules.defense_scale // (10_000 * (rules.defense_scale + target["defense"]))
    target["health"] = max(0, target["health"] - max(1, damage))
    if heavy:
        target["charged"] = False
    if target["health"] == 0:
        target["guard"] = target["exposed"] = target["charged"] = False


def turn_order(state: State, tied_first: int) -> list[int]:
    """The living by speed, the fastest first; ties to the seat `tied_first`, then as listed."""
    living = [i for i, c in enumerate(state["characters"]) if c["health"] > 0]
    return sorted(
        living, key=lambda i: (-state["characters"][i]["speed"], state["characters"][i]["seat"] != tied_first)
    )


def result(state: State, rules: Rules) -> int:
    """1, 0 or -1 for seat 0 by the share of health that remains."""
    shares = []
    for seat in (0, 1):
        team = [c for c in state["characters"] if c["seat"] == seat]
        shares.append((sum(c["health"] for c in team), sum(c["maxHealth"] for c in team)))
    (health, most), (other_health, other_most) = shares
    lead = health * other_most - other_health * most
    if abs(lead) * 100 <= rules.draw_margin * most * other_most:
        return 0
    return 1 if lead > 0 else -1


class SlowBattle:
    """A whole battle of the twin; `key` and `coin` are the only things taken from the real one."""

    def __init__(self, state: State, rules: Rules, key: int, coin: int) -> None:
        self.state, self.rules, self.key, self.coin = copy.deepcopy(state), rules, key, coin
        self.turn = 0
        self.outcome: dict[int, int] | None = None
        self.queue = turn_order(self.state, coin ^ 1)

    def apply(self, action: int) -> None:
        self.turn += 1
        self.state["acting"] = self.queue.pop(0)
        apply(self.state, self.rules, self.key, self.turn, action)
        characters = self.state["characters"]
        standing = {c["seat"] for c in characters if c["health"] > 0}
        self.queue = [i for i in self.queue if characters[i]["health"] > 0]
        if len(standing) == 1:
            won = standing == {0}
            self.outcome = {0: 1 if won else -1, 1: -1 if won else 1}
        elif not self.queue and self.state["round"] == self.rules.rounds:
            first = result(self.state, self.rules)
            self.outcome = {0: first, 1: -first}
        elif not self.queue:
            self.state["round"] += 1
            self.queue = turn_order(self.state, self.coin ^ self.state["round"] & 1)
        if self.outcome is None:
            characters[self.queue[0]]["guard"] = characters[self.queue[0]]["exposed"] = False
            self.state["acting"] = self.queue[0]
        else:
            self.state["acting"], self.queue = None, []
