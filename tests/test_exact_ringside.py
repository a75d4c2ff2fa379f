"""The exact solution of Ringside with one fighter a side, of the study `strength`."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from cornerman.experience.encoder import Encoder
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import given_lineups
from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, Battle
from game_adapter.ringside.roster import RosterEntry
from tests.studies.adapters.small_ringside import GAME
from tests.studies.measures.exact_ringside import ACTIONS, Duel, Moment

TINY = RosterEntry("Tiny", health=9, attack=4, defense=10, speed=30)
HEAVY_BLOW, MEND_ITSELF = 1, 3


@pytest.fixture(scope="module")
def solved() -> Duel:
    return Duel(TINY)


def mends_or_strikes(solved: Duel, moment: Moment) -> Any:
    """Mends where it may, else strikes heavily."""
    return np.where(solved.legal[MEND_ITSELF], MEND_ITSELF, HEAVY_BLOW).reshape(-1)


def simulated(solved: Duel, count: int) -> Any:
    """Outcomes of `mends_or_strikes` against perfect play by the batched rules, as many in either seat."""
    battles = VectorBattle(count, 5, given_lineups([([TINY], [TINY])]))
    first, found = np.arange(count) % 2, np.full(count, np.nan)
    while np.isnan(found).any():
        me = battles.seat.astype(np.int64)
        status = np.array([battles.status[me, battles.columns], battles.status[1 - me, battles.columns]], np.int64)
        stance = np.where(status[1] & 4, 1, np.where(status[1] & 1, 2, 0))
        health = battles.health[me, battles.columns], battles.health[1 - me, battles.columns]
        own, other = (status >> 1) & 1, status >> 3
        place = np.array([*health, own[0], other[0], stance, own[1], other[1]]).astype(np.int64)
        begins = battles.code[me, battles.columns] < 8
        actions = np.zeros(count, np.int64)
        for number, begun in {*zip(battles.round.tolist(), begins.tolist(), strict=True)}:
            rows = ((battles.round == number) & (begins == begun)).nonzero()[0]
            at = tuple(place[:, rows])
            perfect = solved.perfect((number, begun))[at]
            fixed = mends_or_strikes(solved, (number, begun)).reshape(solved.shape)[at]
            actions[rows] = np.array(ACTIONS)[np.where(me[rows] == first[rows], fixed, perfect)]
        ended = battles.step(actions)
        fresh = ended.rows[np.isnan(found[ended.rows])]
        found[fresh] = (ended.outcome * (1 - 2 * first[ended.rows]))[np.isin(ended.rows, fresh)]
    return found


def test_exact_outcome_is_the_mean_of_battles_by_the_batched_rules(solved: Duel) -> None:
    exact = solved.outcomes(lambda moment: mends_or_strikes(solved, moment), solved.perfect)
    found = simulated(solved, 6000)
    assert -0.99 < exact < -0.05, "the mean must be able to differ"
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / np.sqrt(len(found)))


def test_nobody_beats_perfect_play_and_a_best_response_takes_most(solved: Duel) -> None:
    def fixed(moment: Moment) -> Any:
        return mends_or_strikes(solved, moment)

    assert solved.outcomes(None, None) == pytest.approx(0.0, abs=1e-6)
    assert solved.outcomes(solved.perfect, None) == pytest.approx(0.0, abs=1e-6)
    assert solved.outcomes(fixed, None) < solved.outcomes(fixed, solved.perfect) < 0.0


def test_policy_and_look_ahead_are_shown_what_the_scalar_rules_show(solved: Duel) -> None:
    """Of the first four moments: after a heavy strike, a mend where there was damage, a charge and a guard."""
    encoder = Encoder(GAME)
    for seed in range(4):
        battle = Battle(([TINY], [TINY]), seed)
        shown = []
        for moment, action in zip(product((1, 2), (True, False)), (HEAVY, MEND, CHARGE, GUARD), strict=True):
            mask = battle.action_mask()
            shown.append((battle.state(), battle.seat, mask, moment))
            battle.apply(action if mask[action] else GUARD)
        for state, seat, mask, moment in shown:
            assert seat is not None
            own, other = sorted(state["characters"], key=lambda character: character["seat"] != seat)
            stance = 1 if other["guard"] else 2 if other["exposed"] else 0
            seen = own["health"], other["health"], own["charged"], own["mends"], stance
            fields = (*seen, other["charged"], other["mends"])
            observations, masks = solved.seen(np.array([fields], np.int16).T, moment)
            assert observations[0] == pytest.approx(encoder.encode(state, seat), abs=1e-6)
            assert masks[0].tolist() == mask
            regrets, place = solved.regrets_in(state, seat), tuple(map(int, fields))
            assert regrets.tolist() == [each[place] for each in solved.regrets[moment]]
            assert np.isfinite(regrets).tolist() == [mask[action] for action in ACTIONS]
            GAME.restore_battles([state], [seat], np.array([0]), np.array([seed])).observe(observations, masks)
            assert observations[0] == pytest.approx(encoder.encode(state, seat), abs=1e-6)
            assert masks[0].tolist() == mask


def test_last_word_is_shown_to_who_acts_last_in_the_last_round() -> None:
    battle, shown = GAME.new_battle(5), list[tuple[int, float]]()
    while battle.seat is not None:
        last = battle.seat
        shown.append((last, GAME.encode(battle.state(), last)[-1]))
        battle.apply(GUARD)
    assert len(shown) == 40
    assert all(said == (seat == last) for seat, said in shown)
