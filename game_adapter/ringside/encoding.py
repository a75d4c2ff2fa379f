"""What a seat may know of a battle beyond the standard features: numbers that a player reads off screen and tool tips.

Slots are places in a team, as the actions aim at them. Everything is seen by the fighter whose turn it is: what its
blows would do, what its mend would give back, and what may still happen to its own side before they act again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from game_adapter.ringside.battle import SLOTS
from game_adapter.ringside.blows import chance_to_land, full_blow, mended, taken_percent
from game_adapter.ringside.roster import Rules, rules

ACTION_NAMES = (
    *(f"strike enemy {slot}" for slot in (1, 2, 3)),
    *(f"heavy strike enemy {slot}" for slot in (1, 2, 3)),
    "guard",
    *(f"mend ally {slot}" for slot in (1, 2, 3)),
    "charge up",
)

_ENEMY_FEATURES = ("strike takes", "strike fells", "heavy takes", "heavy fells", "charged", "open", "to act")
_ALLY_FEATURES = ("acts", "charged", "open", "mends", "mend gives", "danger")

FEATURE_NAMES = (
    *(f"enemy {slot} {feature}" for slot in (1, 2, 3) for feature in _ENEMY_FEATURES),
    *(f"ally {slot} {feature}" for slot in (1, 2, 3) for feature in _ALLY_FEATURES),
)

_NO_ENEMY = (0.0,) * len(_ENEMY_FEATURES)
_NO_ALLY = (0.0,) * len(_ALLY_FEATURES)

Character = Mapping[str, Any]


def encode(state: Mapping[str, Any], seat: int) -> list[float]:
    """The extra features `[len(FEATURE_NAMES)]` from `seat`'s view, 0 for empty slots and the fallen.

    A blow "takes" its expected damage as a share of the target's full health, never more than it has left, and "fells"
    with the chance that is certain to bring it down. "open" is 1 exposed, -1 on guard. "danger" is the share of the
    fighter's present health that the heaviest blows of enemies may take before it acts again, halved, at most 1.
    """
    numbers = rules()
    characters = state["characters"]
    acting = state["acting"]
    actor = characters[acting] if acting is not None and characters[acting]["seat"] == seat else None
    order = state["order"]
    own = [i for i, character in enumerate(characters) if character["seat"] == seat]
    others = [i for i, character in enumerate(characters) if character["seat"] != seat]
    features: list[float] = []
    covered = any(characters[i]["guard"] for i in others)
    for i in others:
        enemy = characters[i]
        features += _enemy(numbers, actor, enemy, i in order, covered) if enemy["health"] > 0 else _NO_ENEMY
    features += _NO_ENEMY * (SLOTS - len(others))
    covered = any(characters[i]["guard"] for i in own)
    coming = order[1:] + state["next_order"]
    for i in own:
        ally = characters[i]
        if ally["health"] <= 0:
            features += _NO_ALLY
            continue
        gives = 0.0
        if actor is not None and actor["mends"]:
            gives = mended(numbers, ally["health"], ally["maxHealth"]) / ally["maxHealth"]
        features += (
            1.0 if i == acting else 0.0,
            1.0 if ally["charged"] else 0.0,
            1.0 if ally["exposed"] else -1.0 if ally["guard"] else 0.0,
            ally["mends"] / numbers.mend_charges if numbers.mend_charges else 0.0,
            gives,
            _danger(numbers, ally, characters, coming[: coming.index(i)], covered),
        )
    features += _NO_ALLY * (SLOTS - len(own))
    return features


def _enemy(numbers: Rules, actor: Character | None, enemy: Character, to_act: bool, covered: bool) -> tuple[float, ...]:
    takes = [0.0, 0.0, 0.0, 0.0]
    if actor is not None:
        for heavy in (False, True):
            landing, damage = expected_blow(numbers, actor, enemy, heavy, covered)
            health = enemy["health"]
            takes[2 * heavy] = landing * min(damage, health) / enemy["maxHealth"]
            if damage * (100 - numbers.roll) >= 100 * health:
                takes[2 * heavy + 1] = landing
    return (
        *takes,
        1.0 if enemy["charged"] else 0.0,
        1.0 if enemy["exposed"] else -1.0 if enemy["guard"] else 0.0,
        1.0 if to_act else 0.0,
    )


def expected_blow(
    numbers: Rules, actor: Character, target: Character, heavy: bool, covered: bool
) -> tuple[float, float]:
    """The chance to land, 0 to 1, and the damage of an average roll without a critical, of characters of a state."""
    charged = actor["charged"]
    landing = chance_to_land(numbers, heavy, charged, actor["speed"], target["speed"])
    taken = taken_percent(numbers, target["guard"], covered)
    blow = full_blow(numbers, heavy, charged, taken, target["exposed"], actor["attack"])
    scale = numbers.defense_scale
    return landing / 100.0, blow * scale / (100.0 * (scale + target["defense"]))


def _danger(
    numbers: Rules, ally: Character, characters: Sequence[Character], before: list[int], covered: bool
) -> float:
    threat = 0.0
    for i in before:
        foe = characters[i]
        if foe["seat"] != ally["seat"]:
            landing, damage = expected_blow(numbers, foe, ally, True, covered)
            threat += landing * damage
    share: float = threat / (2.0 * ally["health"])
    return min(share, 1.0)
