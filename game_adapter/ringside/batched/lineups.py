"""Who may meet in a batch of battles, as tables: a battle begins by copying one column, a blow by looking up one case.

Made once a batch from the roster or from given teams, by the scalar rules' own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from game_adapter.ringside.batched.chance import chances
from game_adapter.ringside.blows import chance_to_land, full_blow, taken_percent
from game_adapter.ringside.encoding import FEATURE_NAMES
from game_adapter.ringside.roster import RosterEntry, Rules, roster, rules
from game_adapter.ringside.teams import seated, sizes_of

STANDARD_SIZE = 18
"""Features that the plugin puts first: 4 slots of 4, the round, the number of characters."""
OBSERVATION_SIZE = STANDARD_SIZE + len(FEATURE_NAMES)
_MOST_CHARACTERS = 4

Teams = tuple[Sequence[RosterEntry], Sequence[RosterEntry]]
Ints = NDArray[Any]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Lineups:
    """Tables over L line-ups of one shape and over every case of a blow.

    `drawn(seeds)` says which line-up `[R]` the battles of those seeds have.
    """

    def __init__(self, teams: Sequence[Teams], drawn: Callable[[Ints], Ints], numbers: Rules | None = None) -> None:
        self.rules, self.drawn = numbers or rules(), drawn
        self.sizes = len(teams[0][0]), len(teams[0][1])
        everyone = [[*first, *second] for first, second in teams]
        self.fighters = list(dict.fromkeys(entry for lineup in everyone for entry in lineup))
        self.num_entries = len(self.fighters)
        place = {entry: at for at, entry in enumerate(self.fighters)}
        self.entry = np.array([[place[entry] for entry in lineup] for lineup in everyone], np.int32).T.copy()
        self.health = np.array([[entry.health for entry in lineup] for lineup in everyone], np.float32).T.copy()
        first = self.sizes[0]
        self.full = np.stack([self.health[:first].sum(0), self.health[first:].sum(0)])
        rows = [lineup if seat == 0 else lineup[first:] + lineup[:first] for lineup in everyone for seat in (0, 1)]
        stats = [[(entry.attack / 100.0, entry.defense / 100.0, entry.speed / 100.0) for entry in row] for row in rows]
        self.templates = np.array([_template(row) for row in stats], np.float32)  # [2 * line-up + seat, F]
        codes = [[self._codes(lineup, favoured) for lineup in everyone] for favoured in (0, 1)]
        self.codes = np.array(codes, np.int8).transpose(0, 2, 1).copy()  # [seat that ties go to, fighter, line-up]
        self._cases()

    def _codes(self, lineup: list[RosterEntry], favoured: int) -> list[int]:
        """8 times the place in the order plus the fighter, by fighter; as `Battle._order_of`."""
        first = self.sizes[0]
        order = sorted(range(len(lineup)), key=lambda i: (-lineup[i].speed, (i >= first) != favoured, i))
        return [8 * order.index(i) + i for i in range(len(lineup))]

    def _cases(self) -> None:
        """Per pair of fighters 24 cases: strike or heavy, guarded or not, charged or not, exposed or not."""
        numbers = self.rules
        landing, blow, damage, fells = [], [], [], []
        divisors = [[10_000 * (numbers.defense_scale + target.defense) for target in self.fighters]] * self.num_entries
        for actor in self.fighters:
            for target in self.fighters:
                for case in range(24):
                    heavy, within = case >= 12, case % 12
                    charged, exposed = bool(within & 2), bool(within & 1)
                    taken = taken_percent(numbers, within >= 8, within >= 4)
                    full = full_blow(numbers, heavy, charged, taken, exposed, actor.attack)
                    scale = numbers.defense_scale
                    average = full * scale / (100.0 * (scale + target.defense))
                    landing.append(chance_to_land(numbers, heavy, charged, actor.speed, target.speed))
                    blow.append(full)
                    damage.append(average)
                    fells.append(_most_felled(average * (100 - numbers.roll)))
        self.landing, self.blow = np.array(landing, np.uint64), np.array(blow, np.int64)
        self.divisor = np.array(divisors, np.int64).reshape(-1)
        share = np.array(landing) / 100.0
        self.chance = share.astype(np.float32)  # to land
        self.damage = np.array(damage, np.float32)  # of an average roll that lands
        self.threat = (share * np.array(damage)).astype(np.float32)
        self.fells = np.array(fells, np.float32)  # the most health that it is certain to bring down


def _template(attack_defense_speed: list[tuple[float, float, float]]) -> list[float]:
    """The part of an observation that never changes in a battle, stats in the standard order; the rest is 0."""
    row = [0.0] * OBSERVATION_SIZE
    for slot, stats in enumerate(attack_defense_speed):
        row[4 * slot + 1 : 4 * slot + 4] = stats
    row[STANDARD_SIZE - 1] = len(attack_defense_speed) / _MOST_CHARACTERS
    return row


def _most_felled(least: float) -> int:
    """The largest whole health h with `least >= 100 * h`, compared as the features compare it."""
    health = int(least // 100)
    while least >= 100 * (health + 1):
        health += 1
    while health > 0 and not least >= 100 * health:
        health -= 1
    return health


@cache
def drawn_lineups(shape: str) -> Lineups:
    """Whom `draw_teams` may draw for a shape: every ordered choice from the roster. ValueError for no shape.

    Made once, for all batches: it takes 15 ms.
    """
    entries, sizes = list(roster().fighters.values()), sizes_of(shape)
    large = max(sizes)
    choices = list(permutations(range(len(entries)), large))
    place = np.zeros(len(entries) ** large, np.int64)
    powers = np.array([[len(entries) ** at] for at in range(large)])
    teams: list[Teams] = []
    for number, choice in enumerate(choices):
        place[sum(pick * power for pick, power in zip(choice, powers[:, 0].tolist(), strict=True))] = number
        teams.append(seated([entries[pick] for pick in choice], sizes))

    def drawn(seeds: Ints) -> Ints:
        key = chances(np.asarray(seeds, np.uint64), 2)
        lots = chances(key, np.arange(len(entries), dtype=np.uint64)[:, None])
        picks = lots.argsort(0, kind="stable")[:large]
        return np.asarray(place[(picks * powers).sum(0)])

    return Lineups(teams, drawn)


def given_lineups(teams: Sequence[Teams], numbers: Rules | None = None) -> Lineups:
    """These teams, all of one shape; a battle has the line-up whose number is its seed's remainder."""
    return Lineups(teams, lambda seeds: (seeds % np.uint64(len(teams))).astype(np.int64), numbers)
