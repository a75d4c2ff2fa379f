"""Ringside with one fighter against another like it, solved exactly by backward induction, and any play in it.

Nothing is hidden and seats decide in turn, so that each moment has a value: the mean outcome for whoever acts, from -1
to 1, where both play on perfectly. In a round both act once; who acts last in a round acts first in the next one (ties
of speed change sides). A moment of the seat to act is a place in arrays with the axes

    own health, other's health, own charge, own mends, other's stance, other's charge, other's mends

where health is 0 to the most and a stance is none, on guard or exposed; who acts has none.
Chances are those of `Battle._blow` but for the rounding of 64 bits to percents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from game_adapter.ringside.batched.arrays import CHARGED, EXPOSED, ON_GUARD, ONE_MEND
from game_adapter.ringside.batched.lineups import OBSERVATION_SIZE, given_lineups
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS, STRIKE
from game_adapter.ringside.blows import chance_to_land, full_blow, mended, taken_percent
from game_adapter.ringside.roster import RosterEntry, rules
from tests.studies.adapters.small_ringside import MORE, SmallBattles

Values = NDArray[np.float32]
Moment = tuple[int, bool]
"""The round from 1, and whether the first of it is due."""
Play = Callable[[Moment], NDArray[np.int64]]
"""Of a player: its action in every state of a moment, `[states]`."""

NONE, GUARDING, OPEN = 0, 1, 2
ACTIONS = (STRIKE, HEAVY, GUARD, MEND, CHARGE)


class Duel:
    """One fighter against its like: values of perfect play, and of any player against any other."""

    def __init__(self, fighter: RosterEntry) -> None:
        self.fighter, self.rules = fighter, rules()
        most, mends = fighter.health, self.rules.mend_charges + 1
        self.shape = (most + 1, most + 1, 2, mends, 3, 2, mends)
        self.start = (most, most, 0, mends - 1, NONE, 0, mends - 1)
        self._blows = [[self._hits(heavy, case) for case in product((0, 1), range(3))] for heavy in (False, True)]
        own, charged, left = np.arange(most + 1), np.arange(2), np.arange(mends)
        legal = np.zeros((len(ACTIONS), *self.shape), np.bool_)
        legal[:3] = True
        legal[3] = ((own[:, None] < most) & (left > 0)).reshape(-1, 1, 1, mends, 1, 1, 1)
        legal[4] = (charged == 0).reshape(1, 1, 2, 1, 1, 1, 1)
        self.legal = legal

    def moments(self) -> Iterator[Moment]:
        """All of them, the last one first."""
        return ((number, first) for number in range(self.rules.rounds, 0, -1) for first in (False, True))

    def _hits(self, heavy: bool, case: tuple[int, int]) -> tuple[dict[int, float], float]:
        """Chances of every damage of a blow that lands, and the chance to land, by own charge and other's stance."""
        numbers, fighter = self.rules, self.fighter
        charged, stance = bool(case[0]), case[1]
        taken = taken_percent(numbers, stance == GUARDING, False)
        full = full_blow(numbers, heavy, charged, taken, stance == OPEN, fighter.attack)
        found: dict[int, float] = {}
        for critical, chance in ((False, 1 - numbers.critical_chance / 100), (True, numbers.critical_chance / 100)):
            blow = full * numbers.critical_power // 100 if critical else full
            for roll in range(100 - numbers.roll, 101 + numbers.roll):
                scale = numbers.defense_scale
                damage = max(blow * roll * scale // (10_000 * (scale + fighter.defense)), 1)
                found[damage] = found.get(damage, 0.0) + chance / (2 * numbers.roll + 1)
        return found, chance_to_land(numbers, heavy, charged, fighter.speed, fighter.speed) / 100

    # ------------------------------------------------------------------------------------------------- one turn back

    def action_values(self, coming: Callable[[int], Values]) -> Values:
        """The value of every action `[5, states]`, minus infinity where it is illegal; `coming(stance)` has that of the
        state that a turn leaves, seen from who acts, by the stance that it leaves itself in."""
        values = np.full((len(ACTIONS), *self.shape), -np.inf, np.float32)
        as_is, guarding, exposed = (coming(stance) for stance in (NONE, GUARDING, OPEN))
        for at, after in ((0, as_is), (1, exposed)):
            self._strike(values[at], after, at == 1)
        values[2] = guarding
        most = self.fighter.health
        healed = [health + (mended(self.rules, health, most) if health else 0) for health in range(most + 1)]
        values[3][:, :, :, 1:] = as_is[healed][:, :, :, :-1]
        values[4][:, :, 0] = as_is[:, :, 1]
        return np.where(self.legal, values, np.float32(-np.inf))

    def _strike(self, values: Values, after: Values, heavy: bool) -> None:
        """The values of a blow, into `values`."""
        most, left = self.fighter.health, after[:, :, 0]  # the charge is spent
        broken = left[..., :1, :] if heavy else left  # and a heavy blow that lands breaks the other's
        for (charged, stance), (hits, landing) in zip(product((0, 1), range(3)), self._blows[heavy], strict=True):
            mean = (1 - landing) * left[:, :, :, stance]
            for damage, chance in hits.items():
                health = np.maximum(np.arange(most + 1) - damage, 0)
                mean = mean + landing * chance * broken[:, health][:, :, :, stance]
            values[:, :, charged, :, stance] = mean

    def _coming(self, moment: Moment, own: Values | None, others: Values | None) -> Callable[[int], Values]:
        """Values of the states that a turn leaves, given those of the next moment for whoever acts then."""
        most = np.arange(self.fighter.health + 1)
        over = np.where(most[:, None] > most, 1.0, np.where(most[:, None] < most, -1.0, 0.0)).astype(np.float32)
        close = np.abs(most[:, None] - most) * 100 <= self.rules.draw_margin * self.fighter.health
        decided = np.where(close, np.float32(0.0), over)

        def coming(stance: int) -> Values:
            if moment[1]:
                assert others is not None
                seen = -others[:, :, :, :, stance].transpose(1, 0, 4, 5, 2, 3)  # from who has acted
                after = np.broadcast_to(seen[:, :, :, :, None], self.shape).copy()
            elif own is None:
                after = np.broadcast_to(decided[:, :, None, None, None, None, None], self.shape).copy()
            else:
                after = own.copy()
            after[:, 0] = 1.0
            return after

        return coming

    # -------------------------------------------------------------------------------------------------- whole battles

    def outcomes(self, first: Play | None, second: Play | None) -> float:
        """The mean outcome of `first` against `second`, over who begins; None: who plays best against the other."""
        ours: Values | None = None
        theirs: Values | None = None
        for moment in self.moments():
            new = []
            for play, own, others in ((first, ours, theirs), (second, theirs, ours)):
                values = self.action_values(self._coming(moment, own, others))
                new.append(values.max(0) if play is None else self._taken(values, play(moment)))
            ours, theirs = new
        assert ours is not None, "a battle has at least one round"
        assert theirs is not None
        return float(ours[self.start] - theirs[self.start]) / 2

    def _taken(self, values: Values, actions: NDArray[np.int64]) -> Values:
        found: Values = np.take_along_axis(values, actions.reshape(1, *self.shape), 0)[0]
        return found

    @cached_property
    def regrets(self) -> dict[Moment, NDArray[np.float16]]:
        """How much worse every action is than the best one `[5, states]`, where both play on perfectly."""
        values: Values | None = None
        found = {}
        for moment in self.moments():
            worth = self.action_values(self._coming(moment, values, values))
            values = worth.max(0)
            found[moment] = (values - worth).astype(np.float16)
        return found

    def perfect(self, moment: Moment) -> NDArray[np.int64]:
        """Perfect play."""
        best: NDArray[np.int64] = self.regrets[moment].argmin(0)
        return best

    def regrets_in(self, state: Mapping[str, Any], seat: int) -> NDArray[np.float16]:
        """`regrets` `[5]` in a state of the game in which `seat` acts."""
        own, other = sorted(state["characters"], key=lambda character: character["seat"] != seat)
        stance = GUARDING if other["guard"] else OPEN if other["exposed"] else NONE
        left = int(other["charged"]), other["mends"]
        place = (own["health"], other["health"], int(own["charged"]), own["mends"], stance, *left)
        found: NDArray[np.float16] = self.regrets[state["round"], len(state["order"]) == 2][(slice(None), *place)]
        return found

    def of_policy(self, choose: Callable[[Floats, Bools], NDArray[np.int64]]) -> Play:
        """A player that sees what the small game's features show; `choose` is a policy's `act_batch` without chance."""
        places = np.array(list(np.ndindex(self.shape)), np.int16)
        alive = (places[:, 0] > 0) & (places[:, 1] > 0)
        index = np.full(NUM_ACTIONS, -1)
        index[list(ACTIONS)] = range(len(ACTIONS))

        def play(moment: Moment) -> NDArray[np.int64]:
            actions = np.full(len(places), ACTIONS.index(GUARD))
            actions[alive] = index[choose(*self.seen(places[alive].T, moment))]
            return actions

        return play

    def seen(self, places: NDArray[np.int16], moment: Moment) -> tuple[Floats, Bools]:
        """Observations `[N, F]` and action masks `[N, A]` of states `[7, N]`, by the batched rules themselves."""
        count = places.shape[1]
        battles = SmallBattles(count, 0, given_lineups([([self.fighter], [self.fighter])]))
        own, other, charged, mends, stance, their_charge, their_mends = places
        battles.health[:2] = own, other
        battles.status[0] = charged * CHARGED + mends * ONE_MEND
        battles.status[1] = their_charge * CHARGED + their_mends * ONE_MEND
        battles.status[1] += np.array([0, ON_GUARD, EXPOSED], np.int16)[stance]
        battles.round[:] = moment[0]
        codes = np.array([[0, 9], [8, 1]], np.int8)  # seat 0 first, seat 1 first
        battles.code[:2], battles.next_code[:2] = (codes if moment[1] else codes[::-1])[..., None]
        battles.now[:], battles.at_one[:] = battles.code[0], False
        observations = np.zeros((count, OBSERVATION_SIZE + len(MORE)), np.float32)
        masks = np.zeros((count, NUM_ACTIONS), np.bool_)
        battles.observe(observations, masks)
        return observations, masks
