"""Ringside's scripted fighters, a ladder from random to planner; each takes a battle and a random generator.

They decide from what a player sees too. The planner plays copies of the battle with chances of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, Battle, Fighter, chance_to_land, full_blow, mended
from game_adapter.ringside.roster import Rules

Rival: TypeAlias = Callable[[Battle, Random], int]


def random_fighter(battle: Battle, random: Random) -> int:
    """Any legal action."""
    return random.choice([action for action, legal in enumerate(battle.action_mask()) if legal])


def blow(numbers: Rules, actor: Fighter, target: Fighter, heavy: bool) -> tuple[int, float]:
    """Percent that it lands, and the damage of an average roll without a critical."""
    landing = chance_to_land(numbers, heavy, actor.charged, actor.speed, target.speed)
    full = full_blow(numbers, heavy, actor.charged, target.guard, target.exposed, actor.attack)
    scale = numbers.defense_scale
    return landing, full * scale / (100.0 * (scale + target.defense))


def _sides(battle: Battle) -> tuple[Fighter, list[Fighter], list[Fighter]]:
    """The acting fighter, its team, the other team, each in slot order."""
    assert battle.acting is not None, "the battle is over"
    everyone, first = battle.fighters, battle.sizes[0]
    actor = everyone[battle.acting]
    if actor.seat == 0:
        return actor, everyone[:first], everyone[first:]
    return actor, everyone[first:], everyone[:first]


def brawler(battle: Battle, random: Random) -> int:
    """The blow that is expected to take the largest share of what its target has left, now; it never thinks further."""
    numbers = battle.rules
    actor, _, others = _sides(battle)
    best, best_share = GUARD, -1.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                landing, damage = blow(numbers, actor, target, action >= HEAVY)
                share = landing * min(damage / target.health, 1.0)
                if share > best_share:
                    best, best_share = action, share
    return best


def tactician(battle: Battle, random: Random) -> int:
    """Rules of thumb, each worth some points of health: fell, focus, break charges, mend the low, guard, charge."""
    numbers = battle.rules
    actor, own, others = _sides(battle)
    incoming, heavies = _incoming(battle, actor, own)
    opening = incoming * (numbers.heavy_exposed - 100) / 100.0
    best, best_worth, best_blow = GUARD, W["guard"] * incoming * (100 - numbers.guard_taken) / 100.0, 0.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                worth = _worth_of_blow(numbers, actor, target, action >= HEAVY)
                best_blow = max(best_blow, worth)
                if action >= HEAVY:
                    worth -= W["open"] * opening
                if worth > best_worth:
                    best, best_worth = action, worth
    if actor.mends:
        for slot, ally in enumerate(own):
            if 0 < ally.health < ally.max_health:
                worth = W["mend"] * mended(numbers, ally.health, ally.max_health)
                if worth > best_worth:
                    best, best_worth = MEND + slot, worth
    if not actor.charged:
        worth = W["charge"] * best_blow * (numbers.charge_power - 100) / 100.0 * W["break"] ** heavies
        if incoming < W["safe"] * actor.health and worth > best_worth:
            return CHARGE
    return best


W = {
    "guard": 0.9,
    "open": 1.0,
    "mend": 1.0,
    "charge": 0.9,
    "break": 0.7,
    "safe": 0.6,
    "fell": 0.3,
    "focus": 0.5,
    "brk": 0.2,
}


def _incoming(battle: Battle, actor: Fighter, own: list[Fighter]) -> tuple[float, int]:
    """The damage that enemies may be expected to do to the acting fighter before its next turn, and in how many turns."""
    numbers, everyone = battle.rules, battle.fighters
    assert battle.acting is not None
    incoming, turns = 0.0, 0
    actor_guard, actor_open = actor.guard, actor.exposed
    actor.guard = actor.exposed = False
    for i in battle.until(battle.acting):
        foe = everyone[i]
        if foe.seat != actor.seat:
            landing, damage = blow(numbers, foe, actor, True)
            incoming += landing * damage / 100.0
            turns += 1
    actor.guard, actor.exposed = actor_guard, actor_open
    return incoming / sum(ally.health > 0 for ally in own), turns


def _worth_of_blow(numbers: Rules, actor: Fighter, target: Fighter, heavy: bool) -> float:
    landing, damage = blow(numbers, actor, target, heavy)
    worth = landing / 100.0 * min(damage, target.health)
    if damage * (100 - numbers.roll) >= 100 * target.health:
        worth += W["fell"] * landing
    if heavy and target.charged:
        worth += W["brk"] * landing
    return worth * (1.0 + W["focus"] * (1.0 - target.health / target.max_health))


def planner(battle: Battle, random: Random) -> int:
    """Looks one full round ahead with the rules themselves, for every action, over chances of its own."""
    mask = battle.action_mask()
    actions = [action for action, legal in enumerate(mask) if legal]
    seeds = [random.getrandbits(63) for _ in range(PLANNER_SAMPLES)]
    worths = {action: sum(_look_ahead(battle, action, seed, random) for seed in seeds) for action in actions}
    return max(actions, key=worths.__getitem__)


PLANNER_SAMPLES = 4


def _look_ahead(battle: Battle, action: int, seed: int, random: Random) -> float:
    seat = battle.seat
    assert seat is not None, "the battle is over"
    ahead = battle.copy(seed)
    turns = sum(fighter.health > 0 for fighter in ahead.fighters)
    ahead.apply(action)
    for _ in range(turns - 1):
        if ahead.outcome is not None:
            break
        ahead.apply(tactician(ahead, random))
    return _standing(ahead, seat)


def _standing(battle: Battle, seat: int) -> float:
    """How good a moment is for a seat: health, fighters standing, mends left, charges and openings."""
    if battle.outcome is not None:
        return 5.0 * battle.outcome[seat]
    worth = 0.0
    for fighter in battle.fighters:
        if fighter.health > 0:
            own = fighter.health / fighter.max_health + 0.4 + 0.08 * fighter.mends
            own += 0.12 * fighter.charged - 0.06 * fighter.exposed + 0.04 * fighter.guard
            worth += own if fighter.seat == seat else -own
    return worth


RIVALS: Mapping[str, Rival] = {
    "random": random_fighter,
    "brawler": brawler,
    "tactician": tactician,
    "planner": planner,
}
"""By name, weakest first."""
