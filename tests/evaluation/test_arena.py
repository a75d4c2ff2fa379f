"""Battles turn by turn, side-swapped pairs, intervals, and battles that repeat."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import ContractError
from cornerman.evaluation.arena import (
    REPEATS,
    BattleRecord,
    Result,
    Rotations,
    evaluate,
    pair_seed,
    rotation_turns,
)
from cornerman.evaluation.faults import FaultyBattleError
from cornerman.evaluation.headless import PolicyBot, as_bot, play_battle
from cornerman.evaluation.significance import wilson_interval
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from game_adapter.ringside.game import RINGSIDE
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle, at_level, preferring

SPEC = NetworkSpec(OBSERVATION_SIZE, NUM_LEVELS, (8,))


def policy(level: int) -> Policy:
    return Policy(SPEC, preferring(level, SPEC), 0)


# --------------------------------------------------------------------------------------------------------- intervals


def test_wilson_interval_has_known_values() -> None:
    # Agresti and Coull 1998 and any table: 8 of 10 gives 0.490 to 0.943.
    low, high = wilson_interval(0.8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("p", [0.1, 0.35, 0.5, 0.8])
def test_wilson_interval_covers_the_truth_about_95_times_of_100(p: float) -> None:
    num = 100
    intervals = [wilson_interval(k / num, num) for k in range(num + 1)]
    chances = [comb(num, k) * p**k * (1 - p) ** (num - k) for k in range(num + 1)]
    covered = sum(chance for chance, (low, high) in zip(chances, intervals, strict=True) if low <= p <= high)
    assert 0.93 <= covered <= 0.97


@given(wins=st.integers(0, 500), losses=st.integers(0, 500))
def test_wilson_interval_holds_the_share_and_stays_a_share(wins: int, losses: int) -> None:
    num = wins + losses
    low, high = wilson_interval(wins / num if num else 0.0, num)
    assert 0.0 <= low <= high <= 1.0
    assert num == 0 or low - 1e-12 <= wins / num <= high + 1e-12


# ----------------------------------------------------------------------------------------------------------- battles


@pytest.mark.parametrize(
    ("endless", "max_decisions", "turns", "outcome"),
    [(False, 400, 2, {0: 1, 1: -1}), (False, 2, 2, {0: 1, 1: -1}), (True, 30, 30, {0: 0, 1: 0})],
    ids=["ends", "ends with the last turn allowed", "never ends"],
)
def test_play_battle_ends_or_is_cut_off(endless: bool, max_decisions: int, turns: int, outcome: dict[int, int]) -> None:
    game = Duel(endless=endless, max_decisions=max_decisions)
    played = play_battle(game, 5, [at_level(10), at_level(0)])
    assert (played.outcome, played.turns, played.truncated) == (outcome, turns, endless)
    assert [played.score(seat) for seat in (0, 1)] == [(outcome[seat] + 1) / 2 for seat in (0, 1)]


def _fixed(value: Any) -> property:
    """An attribute that keeps its value whatever is assigned."""
    return property(lambda battle: value, lambda battle, other: None)


class Odd(Duel):
    """A duel whose battles always have these attributes."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self._attributes = {name: _fixed(value) for name, value in attributes.items()}

    def new_battle(self, seed: int) -> DuelBattle:
        battle: DuelBattle = type("OddBattle", (DuelBattle,), self._attributes)(seed)
        return battle


@pytest.mark.parametrize(
    ("game", "level", "why"),
    [
        (Duel(), 99, r"turn 0, seat 0: the game refused action 99: there is no level 99"),
        (Odd(seat=2), 1, "seat 2"),
        (Odd(seat=None, outcome=None), 1, "no outcome"),
        (Odd(outcome={0: 1}), 1, "must hold a number from -1 to 1 for each of the seats 0 to 1"),
        (Odd(outcome={0: 3, 1: -3}), 1, "must hold a number"),
    ],
    ids=["illegal action", "third seat", "no seat and no outcome", "one seat's outcome", "odd outcome"],
)
def test_play_battle_says_which_part_of_the_contract_a_game_breaks(game: Duel, level: int, why: str) -> None:
    with pytest.raises(FaultyBattleError, match=why):
        play_battle(game, 1, [at_level(level), at_level(0)])


# ------------------------------------------------------------------------------------------------------------- pairs


def pair(game: Duel, seed: int, agent: Any, opponent: Any) -> tuple[BattleRecord, BattleRecord]:
    turns = rotation_turns(game, seed, agent, [opponent, opponent], declaration_of(game))
    first, second = (record for record in turns if record is not None)
    return first, second


def test_a_pair_has_one_seed_and_both_sides() -> None:
    first, second = pair(Duel(), 77, at_level(10), at_level(0))
    assert [(record.seed, record.seat, record.score) for record in (first, second)] == [(77, 0, 1.0), (77, 1, 1.0)]


def dicing(battle: DuelBattle, random: Random) -> int:
    return random.randrange(NUM_LEVELS)


@given(seed=st.integers(0, 2**48))
def test_agents_that_play_alike_tie_every_pair(seed: int) -> None:
    """Dice included: the generators belong to the seats, so the swapped battle is the same battle."""
    first, second = pair(Duel(), seed, dicing, dicing)
    assert first.score + second.score == 1.0


@given(seed=st.integers(0, 2**62), index=st.integers(0, 1000))
def test_pair_seeds_differ_by_series_and_by_index(seed: int, index: int) -> None:
    seeds = {
        pair_seed(seed, index),
        pair_seed(seed, index + 1),
        pair_seed(seed, index, "x"),
        pair_seed(seed + 1, index),
    }
    assert len(seeds) == 4
    assert all(0 <= value < 2**48 for value in seeds)


# ---------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_repeats_by_seed_and_differs_by_seed() -> None:
    first, same, other = (evaluate(at_level(6), at_level(4), Duel(mirrored=False), 60, seed) for seed in (1, 1, 2))
    assert first == same != other


def test_evaluate_measures_the_known_strength() -> None:
    result = evaluate(at_level(8), at_level(4), Duel(mirrored=False), 4000, 3)  # 70 %
    assert abs(result.win_rate - 0.7) < 0.03
    assert result.interval[0] < 0.7 < result.interval[1]
    assert result.num_battles == 4000
    assert result.wins + result.losses + result.draws == 4000


def test_result_tells_cut_off_from_drawn() -> None:
    """A draw is half a score and no win; a battle that was cut off is in no rate."""

    def record(score: float, truncated: bool = False) -> BattleRecord:
        return BattleRecord(1, 0, score, 1, 2, truncated)

    result = Result((record(1.0), record(0.5), record(0.5, True), record(0.3)))
    assert (result.wins, result.losses, result.draws, result.truncated) == (1, 1, 1, 1)
    assert [result.win_rate, result.score] == pytest.approx([1 / 3, 0.6])
    assert result.note == ", 1 cut off"
    endless = evaluate(at_level(5), dicing, Duel(endless=True, max_decisions=6), 4, 3)
    assert (endless.truncated, endless.draws, endless.win_rate) == (4, 0, 0.0)


# ----------------------------------------------------------------------------------------------- battles that repeat


NO_CHANCE = Duel(wins=lambda seed, first, second: first > second)


@pytest.mark.parametrize(
    ("game", "agents", "different"),
    [
        (NO_CHANCE, (at_level(7), at_level(3)), 2),
        (NO_CHANCE, (policy(7), at_level(3)), 2),
        (NO_CHANCE, (at_level(7), dicing), 20),
        (Duel(), (at_level(7), at_level(3)), 40),
        (RINGSIDE, (RINGSIDE.bots["brawler"], RINGSIDE.bots["tactician"]), 40),
    ],
    ids=["no chance", "no chance, a policy", "a bot with dice", "only the end is chance", "a game with chance"],
)
def test_evaluate_counts_battles_that_differ(game: Any, agents: Sequence[Any], different: int) -> None:
    result = evaluate(agents[0], agents[1], game, 40, 1)
    if different == 20:
        assert 2 < result.num_battles <= 22, "eleven levels in two seats"
    else:
        assert result.num_battles == different
    assert (result.as_dict()["repeated"] > 0) == (different < 40)
    assert ("repeated others" in result.note) == (different < 40)


def test_rotations_that_repeat_count_once_the_game_shows_chance() -> None:
    rotations = Rotations[int]()
    first, same = BattleRecord(1, 0, 1.0, 1, 2, False, 6, 7, 8), BattleRecord(2, 0, 1.0, 1, 2, False, 6, 7, 8)
    assert [rotations.add(at, [("", battle)]) for at, battle in enumerate((first, same, same))] == [[0], [], []]
    assert rotations.num_repeated == 2
    assert rotations.add(3, [("", BattleRecord(3, 0, 0.0, 1, 2, False, 6, 7, 9))]) == [1, 2, 3]
    assert rotations.num_repeated == 0
    assert rotations.add(4, [("", same)]) == [4]
    opened, own = Rotations[int](openings=True), Rotations[int]()
    for at, battle in enumerate((first, BattleRecord(2, 0, 1.0, 1, 2, False, 5, 4, 3), first)):
        assert opened.add(at, [("", battle)]) == ([] if at == 2 else [at])
        assert own.add(at, [("", battle)]) == [at], "seeds begin in different states"


def longer_after(battle: BattleRecord, times: int, openings: bool = True) -> int:
    rotations = Rotations[int](openings)
    for at in range(times):
        rotations.add(at, [("", battle)])
    return rotations.longer


def test_random_openings_become_longer_where_rotations_repeat_and_end_no_battle() -> None:
    battle, short = BattleRecord(1, 0, 1.0, 1, 2, False, 6, 7, 8), BattleRecord(1, 0, 1.0, 1, 1, False, 6, 7, 8)
    assert [longer_after(battle, times) for times in (1, REPEATS, REPEATS + 1, 2 * REPEATS + 1)] == [0, 0, 1, 2]
    assert longer_after(battle, 20, openings=False) == 0
    assert longer_after(short, 20) == 0, "one action more would end it"


# ------------------------------------------------------------------------------------------------ policies as bots


def test_a_policy_plays_through_the_encoder_and_a_bot_as_it_is() -> None:
    assert evaluate(policy(10), at_level(0), Duel(), 20, 1).win_rate == 1.0
    assert evaluate(at_level(0), policy(10), Duel(), 20, 1).win_rate == 0.0
    bot = at_level(3)
    assert as_bot(bot, Encoder(Duel())) is bot


@pytest.mark.parametrize("epsilon", [0.0, 0.7])
def test_policies_that_draw_tie_with_themselves_and_repeat_a_battle(epsilon: float) -> None:
    """A zero head prefers nothing and draws every action; what came before must not change what is drawn."""
    blank = Policy(SPEC, np.zeros(SPEC.num_parameters, np.float32), 0)
    first, second = (PolicyBot(blank, Encoder(Duel()), epsilon=epsilon) for _ in range(2))
    series = [pair(Duel(), seed, first, second) for seed in range(40)]
    assert all(one.score + other.score == 1.0 for one, other in series)
    assert pair(Duel(), 17, first, second) == series[17]
    assert {one.score for one, _ in series} == {0.0, 1.0}


def test_policy_bot_asked_after_the_end_says_so() -> None:
    battle = DuelBattle(1)
    battle.apply(1)
    battle.apply(1)
    with pytest.raises(ContractError, match="is over"):
        PolicyBot(policy(1), Encoder(Duel()))(battle, Random(0))
