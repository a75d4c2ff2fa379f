"""What the deciding seats of N battles see, as columns: the plugin's 18 standard features, then encoding.py's.

Equal to the plugin's encoding of `Battle.state()`: masks, and features that are one division of whole numbers, bit for
bit; the expected blows and the danger are computed in float32 here and in float64 there, and differ by less than 1e-6.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from game_adapter.ringside.batched.arrays import CHARGED, EXPOSED, ON_GUARD, ONE_MEND, BattleArrays
from game_adapter.ringside.batched.lineups import STANDARD_SIZE, Bools, Floats, Ints
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, SLOTS

_PER_ENEMY, _PER_ALLY = 7, 6
_ENEMIES, _ALLIES = STANDARD_SIZE, STANDARD_SIZE + SLOTS * _PER_ENEMY
_LAST_ROUND = 20


class Team(NamedTuple):
    """One team as the deciding seat sees it, `[slots, N]` each; nobody has health 0 and is never alive."""

    health: Floats
    max_health: Floats
    alive: Bools
    status: Ints
    code: Ints
    next_code: Ints
    entry: Ints


class View:
    """The two teams of every row as seen by the seat whose decision is due, and who acts there."""

    def __init__(self, battle: BattleArrays) -> None:
        self.battle = battle
        (first, second), nobody = battle.sizes, battle.num_fighters
        self.slots = max(first, second)
        self._equal = first == second
        # A slot is one fighter for seat 0 and another for seat 1.
        self._zero = [*range(first), *[nobody] * (self.slots - first)]
        self._one = [*range(first, nobody), *[nobody] * (self.slots - second)]
        self._ones = {size: -battle.at_one.astype(f"i{size}") for size in (1, 2, 4)}
        fields = (battle.health, battle.max_health, battle.status, battle.code, battle.next_code, battle.entry)
        own, others = zip(*(self._teams(field) for field in fields), strict=True)
        self.own = Team(own[0], own[1], own[0] > 0, *own[2:])
        self.others = Team(others[0], others[1], others[0] > 0, *others[2:])
        actor = battle.acting.astype(np.int64) * battle.num_battles + battle.columns
        self.status = battle.status.reshape(-1).take(actor)
        self.entry = battle.entry.reshape(-1).take(actor)

    def _teams(self, field: Ints) -> tuple[Ints, Ints]:
        """The deciding seat's team and the other one, `[slots, N]` each."""
        if not self._equal:
            zero, one, at_one = field[self._zero], field[self._one], self.battle.at_one
            return np.where(at_one, one, zero), np.where(at_one, zero, one)
        # Exchanged where seat 1 decides, by their bits: half the time of np.where.
        size = field.dtype.itemsize
        bits = field.view(f"i{size}")
        zero, one = bits[: self.slots], bits[self.slots : -1]
        exchanged = zero ^ one
        exchanged &= self._ones[size]
        return (zero ^ exchanged).view(field.dtype), (one ^ exchanged).view(field.dtype)


def cover(team: Team) -> Ints:
    """4 where anybody of a team is on guard, else 0, `[N]`."""
    return np.asarray(np.bitwise_or.reduce(team.status) & ON_GUARD)


def within(actor: Ints, target: Ints, covered: Ints) -> Ints:
    """Where in a pair's 12 cases a blow lies: exposed, charged, and three kinds of guard; `covered` is 0 or 4."""
    return np.asarray((target & EXPOSED) + (actor & CHARGED) + np.maximum((target & ON_GUARD) * 2, covered))


def write_observations(view: View, out: Floats) -> None:
    """What every row's deciding seat sees, into `[N, F]`."""
    battle = view.battle
    np.take(battle.lineups.templates, battle.lineup * 2 + battle.at_one, 0, out, "clip")
    np.divide(battle.round, np.float32(_LAST_ROUND), out=out[:, STANDARD_SIZE - 2])
    _write_health(view, out)
    _write_enemies(view, out)
    own, numbers = view.own, battle.rules
    gives = np.ceil((own.max_health - own.health) * np.float32(numbers.mend_missing) / np.float32(100.0))
    gives *= own.alive & (view.status >= ONE_MEND)
    gives /= own.max_health
    columns = (
        own.code == battle.now,
        (own.status & CHARGED) >> 1,
        _openness(own),
        (own.status // ONE_MEND) * own.alive / np.float32(numbers.mend_charges or 1),
        gives,
        _danger(view),
    )
    for at, column in enumerate(columns):
        for slot in range(view.slots):
            out[:, _ALLIES + slot * _PER_ALLY + at] = column[slot]


def _write_health(view: View, out: Floats) -> None:
    battle, (first, second) = view.battle, view.battle.sizes
    share = battle.health[:-1] / battle.max_health[:-1]
    for slot in range(first + second):
        later = share[(slot + first) % (first + second)]
        out[:, 4 * slot] = np.where(battle.at_one, later, share[slot])


def _openness(team: Team) -> Ints:
    """1 exposed, -1 on guard, `[slots, N]`."""
    return np.asarray((team.status & EXPOSED) - ((team.status & ON_GUARD) >> 2))


def _write_enemies(view: View, out: Floats) -> None:
    lineups, enemy = view.battle.lineups, view.others
    case = (view.entry * lineups.num_entries + enemy.entry) * 24 + within(view.status, enemy.status, cover(enemy))
    columns = []
    for _ in ("strike", "heavy"):
        landing = lineups.chance.take(case)
        takes = np.minimum(lineups.damage.take(case), enemy.health)
        takes *= landing
        takes /= enemy.max_health
        landing *= (enemy.health <= lineups.fells.take(case)) & enemy.alive
        columns += [takes, landing]
        case += 12  # the heavy strike's
    charged, to_act = (enemy.status & CHARGED) >> 1, (enemy.code >= view.battle.now) & enemy.alive
    for at, column in enumerate((*columns, charged, _openness(enemy), to_act)):
        for slot in range(view.slots):
            out[:, _ENEMIES + slot * _PER_ENEMY + at] = column[slot]


def _danger(view: View) -> Floats:
    """What the heaviest blows of enemies may take of an ally's health before it acts again, halved, at most 1."""
    lineups, now, own, foes = view.battle.lineups, view.battle.now, view.own, view.others
    covered = cover(own)
    later = own.code > now  # it acts again in this round
    due = foes.code > now
    threat = np.zeros(own.health.shape, np.float32)
    for foe in range(view.slots):
        times = (due[foe] & ~(later & (foes.code[foe] > own.code))).view(np.int8) + (
            ~later & (foes.next_code[foe] < own.next_code)
        ).view(np.int8)
        times *= foes.alive[foe]
        case = foes.entry[foe] * lineups.num_entries + own.entry
        case *= 24
        case += within(foes.status[foe], own.status, covered)
        case += 12
        threat += lineups.threat.take(case) * times
    threat /= np.maximum(own.health, np.float32(0.5)) * np.float32(2.0)
    np.minimum(threat, np.float32(1.0), out=threat)
    threat *= own.alive
    return threat


def write_masks(view: View, out: Bools) -> None:
    """Which actions every row's deciding seat may take, into `[N, A]`."""
    own, slots = view.own, view.slots
    mendable = own.alive & (own.health < own.max_health) & (view.status >= ONE_MEND)
    for slot in range(SLOTS):
        enemy = view.others.alive[slot] if slot < slots else False
        out[:, slot] = enemy
        out[:, HEAVY + slot] = enemy
        out[:, MEND + slot] = mendable[slot] if slot < slots else False
    out[:, GUARD] = True
    out[:, CHARGE] = (view.status & CHARGED) == 0
