"""The rules of Ringside: one battle of two teams, in whole numbers only. No drawing, no decisions, no shared state.

Order: within a round every living fighter acts once, the fastest first. Between seats a tie goes to one seat in odd
rounds and to the other in even ones (a seeded coin says which), within a team to the one listed first.
Chance: `chance(key, counter)` hashes the battle's seed and a counter (0 for that coin, then one a turn), so equal seeds
and actions give equal battles, whoever computes them: the same formula runs over arrays of unsigned 64-bit integers.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from game_adapter.ringside.blows import chance_to_land, full_blow, mended, taken_percent
from game_adapter.ringside.roster import SHAPES, RosterEntry, Rules, rules
from game_adapter.ringside.turn import Turn

STRIKE, HEAVY, GUARD, MEND, CHARGE = 0, 3, 6, 7, 10
"""The first action index of every skill; strike, heavy and mend have three, one a target slot."""
NUM_ACTIONS = 11
SLOTS = 3
SKILLS = ("strike",) * 3 + ("heavy",) * 3 + ("guard",) + ("mend",) * 3 + ("charge",)
"""The skill of every action index, `[A]`."""

_MASK64 = (1 << 64) - 1
_FIELD = (1 << 21) - 1


def chance(key: int, counter: int) -> int:
    """64 random bits of (key, counter): SplitMix64 (Steele, Lea, Flood 2014, figure 15) entered at `counter`."""
    z = (key + counter * 0x9E3779B97F4A7C15) & _MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return z ^ (z >> 31)


class Fighter:
    """One fighter in a battle: stats that stay, health and statuses that change."""

    __slots__ = (
        "attack",
        "charged",
        "defense",
        "entry",
        "exposed",
        "guard",
        "health",
        "max_health",
        "mends",
        "seat",
        "speed",
    )

    def __init__(self, entry: RosterEntry, seat: int, mends: int) -> None:
        self.entry = entry
        self.seat = seat
        self.health = self.max_health = entry.health
        self.attack = entry.attack
        self.defense = entry.defense
        self.speed = entry.speed
        self.guard = False  # covers up until its next turn
        self.exposed = False  # open until its next turn
        self.charged = False  # its next blow is a strong one
        self.mends = mends  # uses left

    @property
    def name(self) -> str:
        return self.entry.name

    def copy(self) -> Fighter:
        other = Fighter.__new__(Fighter)
        other.entry = self.entry
        other.seat = self.seat
        other.health = self.health
        other.max_health = self.max_health
        other.attack = self.attack
        other.defense = self.defense
        other.speed = self.speed
        other.guard = self.guard
        other.exposed = self.exposed
        other.charged = self.charged
        other.mends = self.mends
        return other

    def state(self) -> dict[str, Any]:
        """What everyone sees of it, as plain data."""
        return {
            "name": self.entry.name,
            "seat": self.seat,
            "health": self.health,
            "maxHealth": self.max_health,
            "attack": self.attack,
            "defense": self.defense,
            "speed": self.speed,
            "guard": self.guard,
            "exposed": self.exposed,
            "charged": self.charged,
            "mends": self.mends,
        }


class Battle:
    """One battle, owned by one thread; it keeps `contract.Battle`.

    `seat` and `acting` (an index into `fighters`) are None and `outcome` is set once it is over; `round` counts from 1.
    `key` decides every chance, with the number of the turn.
    """

    __slots__ = (
        "_at",
        "_coin",
        "_counter",
        "_order",
        "_orders",
        "acting",
        "fighters",
        "key",
        "outcome",
        "round",
        "rules",
        "seat",
        "sizes",
    )

    def __init__(self, teams: Sequence[Sequence[RosterEntry]], seed: int, numbers: Rules | None = None) -> None:
        """`teams` are seat 0's and seat 1's roster entries; ValueError when their shape is none of SHAPES."""
        shape = "v".join(str(len(team)) for team in teams)
        if shape not in SHAPES:
            raise ValueError(f"Teams of {shape} cannot meet; Ringside plays {', '.join(SHAPES)}.")
        self.rules = numbers or rules()
        self.sizes = (len(teams[0]), len(teams[1]))
        self.fighters = [
            Fighter(entry, seat, self.rules.mend_charges) for seat, team in enumerate(teams) for entry in team
        ]
        self.key = chance(seed & _MASK64, 1)
        self._coin = chance(self.key, 0) & 1
        self._counter = 0
        self._orders = (self._order_of(0), self._order_of(1))
        self.round = 1
        self.outcome: dict[int, int] | None = None
        self._order = self._orders[self.first_seat(1)]
        self._at = 0
        self.acting: int | None = self._order[0]
        self.seat: int | None = self.fighters[self._order[0]].seat

    def _order_of(self, first_seat: int) -> tuple[int, ...]:
        """Who acts after whom in a round in which ties go to `first_seat`."""
        everyone = self.fighters
        return tuple(
            sorted(range(len(everyone)), key=lambda i: (-everyone[i].speed, everyone[i].seat != first_seat, i))
        )

    def first_seat(self, round_number: int) -> int:
        """The seat that ties of speed go to in that round."""
        return self._coin ^ (round_number & 1)

    @property
    def order(self) -> list[int]:
        """The living fighters still to act in this round, the acting one first; empty once the battle is over."""
        return [] if self.outcome else [i for i in self._order[self._at :] if self.fighters[i].health > 0]

    @property
    def next_order(self) -> list[int]:
        """Who would act in the next round, in order, were it to begin now."""
        return [i for i in self._orders[self.first_seat(self.round + 1)] if self.fighters[i].health > 0]

    def covers(self, seat: int) -> bool:
        """Whether somebody of that seat is on guard and so steps in front of the others."""
        first = self.sizes[0]
        return any(fighter.guard for fighter in (self.fighters[:first] if seat == 0 else self.fighters[first:]))

    def until(self, index: int) -> list[int]:
        """Who acts after the present turn and before a fighter's next one, in order, if nobody falls."""
        coming = self.order[1:] + self.next_order
        return coming[: coming.index(index)] if index in coming else coming

    def copy(self, seed: int | None = None) -> Battle:
        """An independent battle in the same moment; with `seed` its future chances are drawn anew."""
        other = Battle.__new__(Battle)
        other.rules = self.rules
        other.sizes = self.sizes
        other.fighters = [fighter.copy() for fighter in self.fighters]
        other.key = self.key if seed is None else chance(seed & _MASK64, 3)  # (seed, 1) is the real battle of it
        other._coin = self._coin
        other._counter = self._counter
        other._orders = self._orders
        other._order = self._order
        other._at = self._at
        other.round = self.round
        other.outcome = None if self.outcome is None else dict(self.outcome)
        other.acting = self.acting
        other.seat = self.seat
        return other

    def go_on_from(self, state: Mapping[str, Any]) -> None:
        """Become the moment of a state of a battle of the same teams that is not over; future chances stay its own."""
        for fighter, seen in zip(self.fighters, state["characters"], strict=True):
            for name in ("health", "guard", "exposed", "charged", "mends"):
                setattr(fighter, name, seen[name])
        self.round, self.acting = state["round"], state["acting"]
        self.seat = self.fighters[self.acting].seat
        if self.next_order != state["next_order"]:  # the coin shows where two of the same speed are alive
            self._coin = 1 - self._coin
        self._order = self._orders[self.first_seat(self.round)]
        self._at = self._order.index(self.acting)

    def state(self) -> dict[str, Any]:
        """The moment as plain data (`contract.State`): all of it is on the player's screen."""
        return {
            "round": self.round,
            "characters": [fighter.state() for fighter in self.fighters],
            "acting": self.acting,
            "order": self.order,
            "next_order": self.next_order,
        }

    def own_slot(self, index: int) -> int:
        """A fighter's place in its own team, from 0: the slot by which actions aim at it."""
        return index if index < self.sizes[0] else index - self.sizes[0]

    def action_mask(self) -> list[bool]:
        """The acting fighter's legal actions, `[A]`; all False once the battle is over."""
        mask = [False] * NUM_ACTIONS
        if self.acting is None:
            return mask
        everyone, first = self.fighters, self.sizes[0]
        actor = everyone[self.acting]
        own, others = (everyone[:first], everyone[first:]) if actor.seat == 0 else (everyone[first:], everyone[:first])
        for slot, enemy in enumerate(others):
            if enemy.health > 0:
                mask[slot] = mask[HEAVY + slot] = True
        mask[GUARD] = True
        if actor.mends:
            for slot, ally in enumerate(own):
                if 0 < ally.health < ally.max_health:
                    mask[MEND + slot] = True
        mask[CHARGE] = not actor.charged
        return mask

    def apply(self, action: int) -> Turn:
        """Apply the acting fighter's action; an illegal one raises ValueError with a sentence and changes nothing."""
        try:
            action = operator.index(action)
        except TypeError:
            raise ValueError(f"An action is a whole number from 0 to {NUM_ACTIONS - 1}, not {action!r}.") from None
        if self.acting is None or not 0 <= action < NUM_ACTIONS or not self.action_mask()[action]:
            raise ValueError(self._refusal(action))
        index = self.acting
        actor = self.fighters[index]
        self._counter += 1
        if action < GUARD:
            turn = self._blow(index, actor, action)
        elif action == GUARD:
            actor.guard = True
            turn = Turn(self.round, actor.seat, index, actor.entry.name, action, "guard")
        elif action == CHARGE:
            actor.charged = True
            turn = Turn(self.round, actor.seat, index, actor.entry.name, action, "charge")
        else:
            turn = self._mend(index, actor, action)
        self._go_on(turn.fallen)
        return turn

    def _blow(self, index: int, actor: Fighter, action: int) -> Turn:
        """Strike or heavy strike: one draw of 64 bits, cut into 21 for landing, 21 for the roll, 21 for a critical."""
        numbers, heavy = self.rules, action >= HEAVY
        target_index = action % SLOTS + (self.sizes[0] if actor.seat == 0 else 0)
        target = self.fighters[target_index]
        bits = chance(self.key, self._counter)
        charged = actor.charged
        landing = chance_to_land(numbers, heavy, charged, actor.speed, target.speed)
        actor.charged = False
        actor.exposed = heavy
        missed = (bits & _FIELD) * 100 >> 21 >= landing
        damage, critical, guarded, broken = 0, False, False, False
        if not missed:
            taken = taken_percent(numbers, target.guard, self.covers(target.seat))
            guarded = taken < 100
            blow = full_blow(numbers, heavy, charged, taken, target.exposed, actor.attack)
            roll = 100 - numbers.roll + ((bits >> 21 & _FIELD) * (2 * numbers.roll + 1) >> 21)
            critical = (bits >> 42 & _FIELD) * 100 >> 21 < numbers.critical_chance
            if critical:
                blow = blow * numbers.critical_power // 100
            scale = numbers.defense_scale
            damage = min(max(blow * roll * scale // (10_000 * (scale + target.defense)), 1), target.health)
            target.health -= damage
            broken = heavy and target.charged
            if broken:
                target.charged = False
            if target.health == 0:
                target.guard = target.exposed = target.charged = False
        return Turn(
            self.round,
            actor.seat,
            index,
            actor.entry.name,
            action,
            SKILLS[action],
            target_index,
            target.entry.name,
            target.seat,
            damage,
            0,
            missed,
            critical,
            guarded,
            charged,
            broken,
            target.health == 0,
        )

    def _mend(self, index: int, actor: Fighter, action: int) -> Turn:
        target_index = action - MEND + (0 if actor.seat == 0 else self.sizes[0])
        target = self.fighters[target_index]
        actor.mends -= 1
        healed = mended(self.rules, target.health, target.max_health)
        target.health += healed
        name = target.entry.name
        return Turn(
            self.round, actor.seat, index, actor.entry.name, action, "mend", target_index, name, actor.seat, 0, healed
        )

    def _go_on(self, fallen: bool) -> None:
        """Give the turn to the next living fighter, or end the battle."""
        everyone, order, at = self.fighters, self._order, self._at + 1
        if fallen and self._one_team_left():
            return
        while at < len(order) and everyone[order[at]].health <= 0:
            at += 1
        if at == len(order):
            if self.round >= self.rules.rounds:
                self._decide()
                return
            self.round += 1
            order = self._order = self._orders[self.first_seat(self.round)]
            at = 0
            while everyone[order[at]].health <= 0:
                at += 1
        self._at = at
        self.acting = order[at]
        actor = everyone[self.acting]
        self.seat = actor.seat
        actor.guard = actor.exposed = False

    def _one_team_left(self) -> bool:
        standing = {fighter.seat for fighter in self.fighters if fighter.health > 0}
        if len(standing) == 1:
            winner = standing.pop()
            self._end({winner: 1, 1 - winner: -1})
        return self.outcome is not None

    def _decide(self) -> None:
        """After the last round the higher share of remaining health wins; close to equal is a draw."""
        health, most = [0, 0], [0, 0]
        for fighter in self.fighters:
            health[fighter.seat] += fighter.health
            most[fighter.seat] += fighter.max_health
        lead = health[0] * most[1] - health[1] * most[0]
        if abs(lead) * 100 <= self.rules.draw_margin * most[0] * most[1]:
            self._end({0: 0, 1: 0})
        else:
            self._end({0: 1, 1: -1} if lead > 0 else {0: -1, 1: 1})

    def _end(self, outcome: dict[int, int]) -> None:
        self.outcome = {0: outcome[0], 1: outcome[1]}
        self.acting = self.seat = None

    def _refusal(self, action: int) -> str:
        """Why an action is not legal, for the player."""
        if self.acting is None:
            return "The battle is over; nobody can act any more."
        if not 0 <= action < NUM_ACTIONS:
            return f"There is no action {action}; the actions are numbered 0 to {NUM_ACTIONS - 1}."
        actor = self.fighters[self.acting]
        if action == CHARGE:
            return f"{actor.name} is charged already; strike first."
        own_first, others_first = (0, self.sizes[0]) if actor.seat == 0 else (self.sizes[0], 0)
        mends = action >= MEND
        slot = action - MEND if mends else action % SLOTS
        if slot >= self.sizes[actor.seat if mends else 1 - actor.seat]:
            return f"There is no {'ally' if mends else 'enemy'} {slot + 1} in this battle."
        target = self.fighters[(own_first if mends else others_first) + slot]
        if target.health <= 0:
            return f"{target.name} has fallen already."
        if not actor.mends:
            return f"{actor.name} has no mends left."
        return f"{target.name} is in full health; there is nothing to mend."
