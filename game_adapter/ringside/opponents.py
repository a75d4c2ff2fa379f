"""Ringside's scripted fighters, a ladder from random to planner; each takes a battle and a random generator.

They decide from what a player sees too. The planner plays copies of the battle with chances of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

from game_adapter.ringside.battle import GUARD, HEAVY, MEND, Battle, Fighter, chance_to_land, full_blow, mended
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
    """The blow with the most expected damage now, by the tool tips; it never thinks of anything else."""
    numbers = battle.rules
    actor, _, others = _sides(battle)
    best, best_damage = GUARD, -1.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                landing, damage = blow(numbers, actor, target, action >= HEAVY)
                if landing * damage > best_damage:
                    best, best_damage = action, landing * damage
    return best


def tactician(battle: Battle, random: Random) -> int:
    """Rules of thumb: fell whom it can, break charges, mend the low, guard when it is about to fall, focus, charge."""
    numbers = battle.rules
    actor, own, others = _sides(battle)
    best, best_worth = GUARD, 0.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                worth = _worth_of_blow(numbers, actor, target, action >= HEAVY)
                if worth > best_worth:
                    best, best_worth = action, worth
    if actor.mends:
        for slot, ally in enumerate(own):
            if 0 < ally.health < ally.max_health:
                worth = 1.2 * mended(numbers, ally.health, ally.max_health)
                if worth > best_worth:
                    best, best_worth = MEND + slot, worth
    return best


def _worth_of_blow(numbers: Rules, actor: Fighter, target: Fighter, heavy: bool) -> float:
    landing, damage = blow(numbers, actor, target, heavy)
    worth = landing / 100.0 * min(damage, target.health)
    if damage * (100 - numbers.roll) >= 100 * target.health:
        worth += 0.4 * landing
    if heavy:
        worth -= 0.1 * actor.attack
        if target.charged:
            worth += 0.15 * landing
    return worth * (1.0 + 0.5 * (1.0 - target.health / target.max_health))


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
