"""Ringside's bots, a ladder from random to planner; each takes a battle and a random generator.

They decide from what a player sees too. The planner plays copies of the battle with chances of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple, TypeAlias

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, Battle, Fighter
from game_adapter.ringside.blows import chance_to_land, full_blow, mended, taken_percent
from game_adapter.ringside.roster import Rules

Bot: TypeAlias = Callable[[Battle, Random], int]


def random_fighter(battle: Battle, random: Random) -> int:
    """Any legal action."""
    return random.choice([action for action, legal in enumerate(battle.action_mask()) if legal])


def blow(numbers: Rules, actor: Fighter, target: Fighter, heavy: bool, covered: bool = False) -> tuple[int, float]:
    """Percent that it lands, and the damage of an average roll; `covered` as `Battle.covers` says of its seat."""
    taken = taken_percent(numbers, target.guard, covered)
    landing = chance_to_land(numbers, heavy, actor.charged, actor.speed, target.speed)
    full = full_blow(numbers, heavy, actor.charged, taken, target.exposed, actor.attack)
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
    covered = battle.covers(1 - actor.seat)
    best, best_share = GUARD, -1.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                landing, damage = blow(numbers, actor, target, action >= HEAVY, covered)
                share = landing * min(damage / target.health, 1.0)
                if share > best_share:
                    best, best_share = action, share
    return best


FOCUS = 0.5  # a blow is worth so much more on the nearly fallen
FELL = 30.0  # points of health that felling somebody for certain is worth
BREAK = 20.0  # points of health that breaking a charge for certain is worth
SAFE = 0.6  # it charges up only where less than this share of its health is at stake
UNBROKEN = 0.7  # the chance that a charge outlasts one enemy's turn
PATIENCE = 0.9  # a blow to come is worth less than one now, and so is damage not taken


def tactician(battle: Battle, random: Random) -> int:
    """Rules of thumb in points of health: fell, focus, break charges, mend the low, guard against charges, charge."""
    numbers = battle.rules
    actor, own, others = _sides(battle)
    covered = battle.covers(1 - actor.seat)
    coming = _coming(battle, actor, own)
    opening = coming.damage * (numbers.heavy_exposed - 100) / 100.0
    best, best_blow = GUARD, 0.0
    best_worth = PATIENCE * coming.charged_damage * (100 - numbers.guard_taken) / 100.0
    for slot, target in enumerate(others):
        if target.health > 0:
            for action in (slot, HEAVY + slot):
                worth = _worth_of_blow(numbers, actor, target, action >= HEAVY, covered)
                best_blow = max(best_blow, worth)
                if action >= HEAVY:
                    worth -= opening
                if worth > best_worth:
                    best, best_worth = action, worth
    if actor.mends:
        for slot, ally in enumerate(own):
            if 0 < ally.health < ally.max_health:
                healed = mended(numbers, ally.health, ally.max_health)
                if healed > best_worth:
                    best, best_worth = MEND + slot, healed
    if not actor.charged and coming.damage < SAFE * actor.health:
        more = best_blow * (numbers.charge_power - 100) / 100.0
        if PATIENCE * UNBROKEN**coming.turns * more > best_worth:
            return CHARGE
    return best


class _Coming(NamedTuple):
    """What enemies may do to a fighter before its next turn, if their heaviest blows are spread over its team."""

    turns: int
    damage: float
    charged_damage: float  # the part of it from charged enemies


def _coming(battle: Battle, actor: Fighter, own: list[Fighter]) -> _Coming:
    assert battle.acting is not None, "the battle is over"
    everyone = battle.fighters
    share = 1.0 / (100.0 * sum(ally.health > 0 for ally in own))
    turns, damage, charged_damage = 0, 0.0, 0.0
    for i in battle.until(battle.acting):
        foe = everyone[i]
        if foe.seat != actor.seat:
            landing, full = blow(battle.rules, foe, actor, True, False)
            expected = landing * full * share
            turns += 1
            damage += expected
            if foe.charged:
                charged_damage += expected
    return _Coming(turns, damage, charged_damage)


def _worth_of_blow(numbers: Rules, actor: Fighter, target: Fighter, heavy: bool, covered: bool) -> float:
    landing, damage = blow(numbers, actor, target, heavy, covered)
    worth = min(damage, target.health)
    if damage * (100 - numbers.roll) >= 100 * target.health:
        worth += FELL
    if heavy and target.charged:
        worth += BREAK
    return landing / 100.0 * worth * (1.0 + FOCUS * (1.0 - target.health / target.max_health))


PLANNER_SAMPLES = 4
"""Chances that the planner tries every action with."""


def planner(battle: Battle, random: Random) -> int:
    """Looks one full round ahead with the rules themselves, for every action, over chances of its own."""
    mask = battle.action_mask()
    actions = [action for action, legal in enumerate(mask) if legal]
    seeds = [random.getrandbits(63) for _ in range(PLANNER_SAMPLES)]
    worths = {action: sum(_look_ahead(battle, action, seed, random) for seed in seeds) for action in actions}
    return max(actions, key=worths.__getitem__)


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


BOTS: Mapping[str, Bot] = {
    "random": random_fighter,
    "brawler": brawler,
    "tactician": tactician,
    "planner": planner,
}
"""By name, weakest first."""
