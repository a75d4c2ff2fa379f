"""The arithmetic of a blow and of a mend, for rules, features, bots and tool tips alike."""

from __future__ import annotations

from game_adapter.ringside.roster import Rules


def chance_to_land(rules: Rules, heavy: bool, charged: bool, speed: int, target_speed: int) -> int:
    """Percent of blows that land: the skill's accuracy, more against the slower, less against the faster."""
    percent = rules.heavy_accuracy if heavy else rules.strike_accuracy
    if charged:
        percent += rules.charge_accuracy
    percent += (speed - target_speed) // rules.speed_per_percent
    return min(max(percent, rules.least_accuracy), rules.most_accuracy)


def taken_percent(rules: Rules, guard: bool, covered: bool) -> int:
    """What a guard leaves of a blow: the target's own, or that of a living ally who steps in front."""
    return rules.guard_taken if guard else rules.guard_covers if covered else 100


def full_blow(rules: Rules, heavy: bool, charged: bool, taken: int, exposed: bool, attack: int) -> int:
    """A blow before defense, roll and critical, in hundredths of damage; `taken` is what guards leave of it."""
    blow = attack * (rules.heavy_power if heavy else rules.strike_power)
    if charged:
        blow = blow * rules.charge_power // 100
    if taken < 100:
        blow = blow * taken // 100
    if exposed:
        blow = blow * rules.heavy_exposed // 100
    return blow


def mended(numbers: Rules, health: int, max_health: int) -> int:
    """What a mend gives back: a share of the missing health, rounded up."""
    return -(-(max_health - health) * numbers.mend_missing // 100)
