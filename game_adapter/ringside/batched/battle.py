"""The rules of Ringside over N battles at once in numpy: equal to battle.py battle for battle, for bulk self-play.

One shape of teams a batch. A battle that ends is replaced at once by a new one with a seed of its own, so that a
decision is always due in every row. Arrays are `[fighters + 1, N]`; the last row is nobody, who is never alive, and
takes what is aimed at no one. Status bits: 1 exposed, 2 charged, 4 on guard; above them the mends left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from game_adapter.ringside.batched.arrays import CHARGED, EXPOSED, ON_GUARD, ONE_MEND, BattleArrays
from game_adapter.ringside.batched.chance import battle_seeds, chances
from game_adapter.ringside.batched.encoding import View, within, write_masks, write_observations
from game_adapter.ringside.batched.lineups import Bools, Floats, Ints, Lineups
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS, SLOTS

NOT_YET = 127
"""A place in the order of somebody who does not act any more; real ones are below 32."""

_FIELD = np.uint64((1 << 21) - 1)
_KEPT = np.array([~CHARGED if action < GUARD else ~0 for action in range(NUM_ACTIONS)], np.int16)
_GAINED = np.array([0] * 3 + [EXPOSED] * 3 + [ON_GUARD] + [-ONE_MEND] * 3 + [CHARGED], np.int16)

_SNAPSHOT = (
    *("health", "max_health", "status", "entry", "lineup", "code", "next_code", "now", "at_one", "round", "turns"),
    *("seeds", "numbers", "_key", "_full"),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What one step ended: row by row the battle that is over; the rows play new ones already."""

    rows: Ints  # [E]
    outcome: Ints  # [E] seat 0's: 1 won, 0 drawn, -1 lost
    standing: Floats  # [E] as `VectorBattle.standing`, when it ended
    truncated: Bools  # [E] never: Ringside ends its battles itself


class VectorBattle(BattleArrays):
    """N battles of one shape, owned by one thread; it keeps `contract.Battles`.

    `lineups` says who may meet; row r's k-th battle has the seed `battle_seeds(seed, r, k)`, or the given
    `seeds[r]` for its first one.
    """

    def __init__(
        self, num_battles: int, seed: int, lineups: Lineups, seeds: Sequence[int] | Ints | None = None
    ) -> None:
        super().__init__(num_battles, lineups)
        self._seed = seed
        self._key = np.zeros(num_battles, np.uint64)
        self._full = np.ones((2, num_battles), np.float32)  # each side's sum of maxHealth
        # Action -> fighter aimed at, for seat 0 and then for seat 1; nobody where it aims at no one.
        self._aims = np.array([self._aim(seat, action) for seat in (0, 1) for action in range(NUM_ACTIONS)], np.int64)
        self._begin(self.columns, None if seeds is None else np.array(seeds, np.uint64))

    def _aim(self, seat: int, action: int) -> int:
        first = self.sizes[0]
        teams = range(first), range(first, self.num_fighters)
        team = teams[1 - seat] if action < GUARD else teams[seat] if MEND <= action < CHARGE else range(0)
        slot = action % SLOTS if action < GUARD else action - MEND
        return team[slot] if 0 <= slot < len(team) else self.num_fighters

    # -------------------------------------------------------------------------------------------------- what is seen

    @property
    def seat(self) -> NDArray[np.int8]:
        """Whose decision is due, `[N]`; a view that the next step changes."""
        return self.at_one.view(np.int8)

    @property
    def standing(self) -> Floats:
        """Seat 0's share of health minus seat 1's, `[N]`."""
        first = self.sizes[0]
        share = (
            self.health[:first].sum(0) / self._full[0] - self.health[first : self.num_fighters].sum(0) / self._full[1]
        )
        return np.asarray(share)

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        """Write what every row's deciding seat sees `[N, F]` and may do `[N, A]`."""
        view = View(self)
        write_observations(view, observations)
        write_masks(view, action_masks)

    # ------------------------------------------------------------------------------------------------------ one turn

    def step(self, actions: Ints) -> Ended:
        """Apply one legal action a row `[N]`; an illegal one is not noticed here (`observe` gives the masks)."""
        columns, count = self.columns, self.num_battles
        actor = self.acting.astype(np.int64) * count + columns
        target = self._aims.take(actions + NUM_ACTIONS * self.at_one) * count + columns
        health, status = self.health.reshape(-1), self.status.reshape(-1)
        was, theirs, left = status.take(actor), status.take(target), health.take(target)
        self.turns += np.uint64(1)
        blow, heavy = actions < GUARD, (actions >= HEAVY) & (actions < GUARD)
        damage, hit = self._damage(was, theirs, (actor, target), heavy, left)
        damage *= blow
        hit &= blow
        mend = (actions >= MEND) & (actions < CHARGE)
        missing = self.max_health.reshape(-1).take(target) - left
        healed = np.ceil(missing * np.float32(self.rules.mend_missing) / np.float32(100)) * mend
        left = left - damage + healed
        fallen = blow & (left <= 0)
        theirs &= np.where(heavy & hit, np.int16(~CHARGED), np.int16(~0))
        theirs &= np.where(fallen, np.int16(~(EXPOSED | CHARGED | ON_GUARD)), np.int16(~0))
        health[target] = left
        status[target] = theirs
        status[actor] = (was & _KEPT.take(actions)) + _GAINED.take(actions)  # after the target's: one may mend oneself
        return self._go_on(fallen)

    def _damage(
        self, was: Ints, theirs: Ints, who: tuple[Ints, Ints], heavy: Bools, left: Floats
    ) -> tuple[Floats, Bools]:
        """Strike or heavy strike, as `Battle._blow` in whole numbers: the damage and whether it landed."""
        numbers, first = self.rules, self.sizes[0]
        guard = [np.bitwise_or.reduce(part) & ON_GUARD for part in (self.status[:first], self.status[first:])]
        covered = np.where(self.at_one, guard[0], guard[1])
        pair = self.entry.reshape(-1).take(who[0]) * self.lineups.num_entries + self.entry.reshape(-1).take(who[1])
        index = pair * 24 + heavy * 12 + within(was, theirs, covered)
        bits = chances(self._key, self.turns)
        hit = ((bits & _FIELD) * np.uint64(100) >> np.uint64(21)) < self.lineups.landing.take(index)
        roll = ((bits >> np.uint64(21) & _FIELD) * np.uint64(2 * numbers.roll + 1) >> np.uint64(21)).astype(np.int64)
        critical = (bits >> np.uint64(42) & _FIELD) * np.uint64(100) >> np.uint64(21)
        full = self.lineups.blow.take(index)
        full = np.where(critical < np.uint64(numbers.critical_chance), full * numbers.critical_power // 100, full)
        scaled = full * (roll + (100 - numbers.roll)) * numbers.defense_scale // self.lineups.divisor.take(index // 24)
        damage = np.minimum(np.maximum(scaled, 1).astype(np.float32), left)
        return damage * hit, hit

    # -------------------------------------------------------------------------------------------- the next one's turn

    def _go_on(self, fallen: Bools) -> Ended:
        """Give every row's turn to the next living fighter, or end its battle."""
        alive = self.health[:-1] > 0
        first = self.sizes[0]
        over = fallen & ~(alive[:first].any(0) & alive[first:].any(0))
        coming = np.where(alive & (self.code[:-1] > self.now), self.code[:-1], NOT_YET).min(0)
        fresh = coming == NOT_YET
        last = fresh & (self.round >= self.rules.rounds)
        over |= last
        if fresh.any():
            swapped = (self.code ^ self.next_code) & -fresh.astype(np.int8)
            self.code ^= swapped
            self.next_code ^= swapped
            self.round += fresh & ~last
            coming = np.where(fresh, np.where(alive, self.code[:-1], NOT_YET).min(0), coming)
        self.now = coming
        rows = over.nonzero()[0]
        ended = self._ended(rows, alive)
        if len(rows):
            self._begin(rows)
        self.at_one = (self.now & 7) >= first
        self.status.reshape(-1)[self.acting.astype(np.int64) * self.num_battles + self.columns] &= np.int16(
            ~(EXPOSED | ON_GUARD)
        )
        return ended

    def _ended(self, rows: Ints, alive: Bools) -> Ended:
        """Who won in the rows that are over: the team that stands, or after the last round the healthier one."""
        first = self.sizes[0]
        health = self.health[:-1, rows].astype(np.int64)
        sums, full = (health[:first].sum(0), health[first:].sum(0)), self._full[:, rows].astype(np.int64)
        lead = sums[0] * full[1] - sums[1] * full[0]
        outcome = np.sign(lead)
        standing = alive[:first, rows].any(0) & alive[first:, rows].any(0)
        close = np.abs(lead) * 100 <= self.rules.draw_margin * full[0] * full[1]
        outcome[standing & close] = 0
        share = (sums[0] / full[0] - sums[1] / full[1]).astype(np.float32)
        return Ended(rows, outcome, share, np.zeros(len(rows), np.bool_))

    def _begin(self, rows: Ints, seeds: Ints | None = None) -> None:
        """New battles in these rows."""
        self.numbers[rows] += 1
        seeds = battle_seeds(self._seed, rows, self.numbers[rows]) if seeds is None else np.asarray(seeds, np.uint64)
        self.seeds[rows] = seeds
        lineups, which = self.lineups, self.lineups.drawn(seeds)
        key = chances(seeds, 1)
        coin = (chances(key, 0) & np.uint64(1)).astype(np.int64)
        self._key[rows] = key
        self.turns[rows] = 0
        self.round[rows] = 1
        self._full[:, rows] = lineups.full[:, which]
        self.max_health[:-1, rows] = self.health[:-1, rows] = lineups.health[:, which]
        self.entry[:-1, rows] = lineups.entry[:, which]
        self.lineup[rows] = which
        self.status[:-1, rows] = self.rules.mend_charges * ONE_MEND
        self.code[:-1, rows] = lineups.codes[1 - coin, :, which].T  # round 1: ties go to the seat coin ^ 1
        self.next_code[:-1, rows] = lineups.codes[coin, :, which].T
        self.now[rows] = self.code[:-1, rows].min(0)
        self.at_one[rows] = (self.now[rows] & 7) >= self.sizes[0]

    # -------------------------------------------------------------------------------------------------- stop and go on

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of everything that decides how these battles, and those that follow them, go on."""
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name).copy() for name in _SNAPSHOT}
        return {**arrays, "seed": np.array(self._seed % 2**64, np.uint64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on as the batch that `snapshot` was taken of; ValueError, and nothing changed, where it does not fit."""
        for name in _SNAPSHOT:
            own, given = getattr(self, name), arrays.get(name)
            if given is None or given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(f"the battles' {name!r} is missing or not {own.dtype} of shape {own.shape}")
        for name in _SNAPSHOT:
            setattr(self, name, arrays[name].copy())
        self._seed = int(arrays["seed"])

    # ---------------------------------------------------------------------------------------------- one row, for tests

    def state(self, row: int) -> dict[str, Any]:
        """One row's moment as `Battle.state()` gives it."""
        characters = []
        for at, entry in enumerate(self.lineups.fighters[number] for number in self.entry[:-1, row]):
            status = int(self.status[at, row])
            characters.append(
                {
                    "name": entry.name,
                    "seat": int(at >= self.sizes[0]),
                    "health": int(self.health[at, row]),
                    "maxHealth": entry.health,
                    "attack": entry.attack,
                    "defense": entry.defense,
                    "speed": entry.speed,
                    "guard": bool(status & ON_GUARD),
                    "exposed": bool(status & EXPOSED),
                    "charged": bool(status & CHARGED),
                    "mends": status // ONE_MEND,
                }
            )
        return {
            "round": int(self.round[row]),
            "characters": characters,
            "acting": int(self.now[row] & 7),
            "order": self._order(self.code[:-1, row], row, int(self.now[row])),
            "next_order": self._order(self.next_code[:-1, row], row, 0),
        }

    def _order(self, codes: Ints, row: int, since: int) -> list[int]:
        return [code & 7 for code in sorted(codes.tolist()) if code >= since and self.health[code & 7, row] > 0]
