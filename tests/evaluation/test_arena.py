"""evaluation.py: battles by the turn, side-swapped pairs, intervals."""

from __future__ import annotations

from math import comb
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import ContractError
from cornerman.evaluation.arena import (
    Fighter,
    Result,
    as_fighter,
    evaluate,
    pair_seed,
    pair_turns,
    play_battle,
    turns_of,
    wilson_interval,
)
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle, at_level, preferring

SPEC = NetworkSpec(OBSERVATION_SIZE, NUM_LEVELS, (8,))


def policy(level: int) -> Policy:
    return Policy(SPEC, preferring(level, SPEC), 0)


# --------------------------------------------------------------------------------------------------------- intervals


def test_wilson_interval_known_values():
    # Agresti and Coull 1998 and any table: 8 of 10 gives 0.490 to 0.943.
    low, high = wilson_interval(0.8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("p", [0.1, 0.35, 0.5, 0.8])
def test_wilson_interval_covers_the_truth_about_95_times_of_100(p):
    num = 100
    chances = [comb(num, k) * p**k * (1 - p) ** (num - k) for k in range(num + 1)]
    covered = sum(
        chance
        for k, chance in enumerate(chances)
        if wilson_interval(k / num, num)[0] <= p <= wilson_interval(k / num, num)[1]
    )
    assert 0.93 <= covered <= 0.97


@given(wins=st.integers(0, 500), losses=st.integers(0, 500))
def test_wilson_interval_holds_the_share_and_stays_a_share(wins, losses):
    num = wins + losses
    low, high = wilson_interval(wins / num if num else 0.0, num)
    assert 0.0 <= low <= high <= 1.0
    assert num == 0 or low <= wins / num + 1e-12
    assert num == 0 or high >= wins / num - 1e-12


# ----------------------------------------------------------------------------------------------------------- battles


def test_play_battle_tells_who_won_and_how_long_it_took():
    played = play_battle(Duel(), 5, [at_level(10), at_level(0)])
    assert played.outcome == {0: 1, 1: -1}
    assert (played.turns, played.truncated) == (2, False)
    assert (played.score(0), played.score(1)) == (1.0, 0.0)


def test_a_battle_that_never_ends_is_cut_off_as_a_draw():
    played = play_battle(Duel(endless=True), 5, [at_level(10), at_level(0)], max_turns=30)
    assert played.truncated
    assert played.turns == 30
    assert (played.score(0), played.score(1)) == (0.5, 0.5)


def test_a_battle_that_ends_with_the_last_turn_allowed_is_not_cut_off():
    played = play_battle(Duel(), 5, [at_level(10), at_level(0)], max_turns=2)
    assert not played.truncated
    assert played.outcome == {0: 1, 1: -1}


def test_turns_are_played_one_at_a_time():
    battle = DuelBattle(1)
    turns = turns_of(battle, [at_level(1), at_level(2)], [Random(0), Random(1)])
    assert battle.seat == 0
    assert next(turns) is None
    assert battle.seat == 1
    assert next(turns) is None
    assert battle.outcome is not None
    last = next(turns)
    assert last is not None
    assert last.outcome == battle.outcome
    assert list(turns) == []


def test_a_refused_action_names_turn_seat_and_cause():
    with pytest.raises(ContractError, match=r"turn 0: seat 0 chose action 99.*there is no level 99"):
        play_battle(Duel(), 1, [at_level(99), at_level(0)])


def test_a_battle_without_seat_and_outcome_is_refused():
    class Stuck(DuelBattle):
        seat = None

    class StuckDuel(Duel):
        def new_battle(self, seed):
            return Stuck(seed)

    with pytest.raises(ContractError, match="no outcome"):
        play_battle(StuckDuel(), 1, [at_level(1), at_level(1)])


def test_a_third_seat_is_refused():
    class Third(DuelBattle):
        seat = 2

    class ThirdDuel(Duel):
        def new_battle(self, seed):
            return Third(seed)

    with pytest.raises(ContractError, match="seat 2"):
        play_battle(ThirdDuel(), 1, [at_level(1), at_level(1)])


# ------------------------------------------------------------------------------------------------------------- pairs


def pair(game, seed, player, bot):
    return [record for record in pair_turns(game, seed, player, bot) if record is not None]


def test_a_pair_has_one_seed_and_both_sides():
    first, second = pair(Duel(), 77, at_level(10), at_level(0))
    assert (first.seed, first.seat) == (77, 0)
    assert (second.seed, second.seat) == (77, 1)
    assert (first.score, second.score) == (1.0, 1.0)


def dicing(battle, random):
    return random.randrange(NUM_LEVELS)


@given(seed=st.integers(0, 2**48))
def test_players_who_play_alike_tie_every_pair(seed):
    """Dice included: the generators belong to the seats, so the swapped battle is the same battle."""
    first, second = pair(Duel(), seed, dicing, dicing)
    assert first.score + second.score == 1.0


@given(seed=st.integers(0, 2**62), index=st.integers(0, 1000))
def test_pair_seeds_differ_by_series_and_by_index(seed, index):
    seeds = {
        pair_seed(seed, index),
        pair_seed(seed, index + 1),
        pair_seed(seed, index, "x"),
        pair_seed(seed + 1, index),
    }
    assert len(seeds) == 4
    assert all(0 <= value < 2**48 for value in seeds)


# ---------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_repeats_by_seed_and_differs_by_seed():
    game = Duel(mirrored=False)
    assert evaluate(at_level(6), at_level(4), game, 60, 1) == evaluate(at_level(6), at_level(4), game, 60, 1)
    assert evaluate(at_level(6), at_level(4), game, 60, 1) != evaluate(at_level(6), at_level(4), game, 60, 2)


def test_evaluate_measures_the_known_strength():
    result = evaluate(at_level(8), at_level(4), Duel(mirrored=False), 4000, 3)  # 70 %
    assert abs(result.win_rate - 0.7) < 0.03
    assert result.interval[0] < 0.7 < result.interval[1]
    assert result.num_battles == 4000
    assert result.wins + result.losses + result.draws == 4000


def test_evaluate_counts_both_sides_alike_and_rounds_up_to_pairs():
    result = evaluate(at_level(5), at_level(5), Duel(), 9, 3)
    assert result.num_battles == 10
    assert result.win_rate == 0.5
    assert sum(battle.seat for battle in result.battles) == 5


def test_a_draw_is_half_a_score_but_no_win():
    result = evaluate(at_level(5), at_level(5), Duel(endless=True), 4, 3, max_turns=6)
    assert (result.wins, result.losses, result.draws, result.truncated) == (0, 0, 4, 4)
    assert (result.win_rate, result.score) == (0.0, 0.5)


def test_no_battles_give_no_figures_and_no_error():
    result = Result.of([])
    assert (result.win_rate, result.score, result.interval) == (0.0, 0.0, (0.0, 1.0))
    assert result.as_dict()["battles"] == 0


def test_a_policy_plays_through_the_encoder_and_a_rival_as_it_is():
    result = evaluate(policy(10), at_level(0), Duel(), 20, 1)
    assert result.win_rate == 1.0
    assert evaluate(at_level(0), policy(10), Duel(), 20, 1).win_rate == 0.0
    bot = at_level(3)
    assert as_fighter(bot, Encoder(Duel())) is bot


def test_a_fighter_uses_the_seats_generator_when_it_plays_by_chance():
    fighter = Fighter(policy(10), Encoder(Duel()), epsilon=1.0)
    levels = [fighter(DuelBattle(0), Random(seed)) for seed in range(200)]
    assert levels == [fighter(DuelBattle(0), Random(seed)) for seed in range(200)]
    assert len(set(levels)) == NUM_LEVELS
    greedy = Fighter(policy(10), Encoder(Duel()))
    assert {greedy(DuelBattle(0), Random(seed)) for seed in range(20)} == {10}


@pytest.mark.parametrize("epsilon", [0.0, 0.7])
def test_policies_that_draw_still_tie_with_themselves_and_play_the_same_battle_again(epsilon):
    """A zero head prefers nothing and draws every action; what came before must not change what is drawn."""
    blank = Policy(SPEC, np.zeros(SPEC.num_parameters, np.float32), 0)
    first, second = (Fighter(blank, Encoder(Duel()), epsilon=epsilon) for _ in range(2))
    series = [pair(Duel(), seed, first, second) for seed in range(40)]
    assert all(one.score + other.score == 1.0 for one, other in series)
    assert pair(Duel(), 17, first, second) == series[17]
    assert {one.score for one, _ in series} == {0.0, 1.0}


def test_a_fighter_asked_after_the_end_says_so():
    battle = DuelBattle(1)
    battle.apply(1)
    battle.apply(1)
    with pytest.raises(ContractError, match="is over"):
        Fighter(policy(1), Encoder(Duel()))(battle, Random(0))


def test_figures_as_plain_data():
    figures = evaluate(at_level(10), at_level(0), Duel(), 4, 1).as_dict()
    assert figures["win_rate"] == 1.0
    assert all(isinstance(value, int | float | list) for value in figures.values())
    assert not any(isinstance(value, np.generic) for value in figures.values())
