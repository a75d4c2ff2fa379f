"""gate.py: equal candidates rarely pass, better ones do, losses elsewhere are caught, slices stay short."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sqrt
from random import Random

import numpy as np
import pytest

from cornerman.evaluation.gate import Gate, GateSettings, HeldOutJudge, Verdict
from cornerman.experience.encoder import Encoder
from cornerman.experience.held_out import HeldOutBattle
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle, at_level, preferring

ENCODER = Encoder(Duel())
SPEC = NetworkSpec(OBSERVATION_SIZE, NUM_LEVELS, (8,))
QUICK = GateSettings(bot_pairs=10)


def gate(candidate, champion, game=None, seed=1, **others):
    return Gate(candidate, champion, game or Duel(mirrored=False), ENCODER, seed, **others)


def judged(*args, **others) -> Verdict:
    judge = gate(*args, **others)
    verdict = judge.advance(200_000)
    assert verdict is not None
    return verdict


# ----------------------------------------------------------------------------------------- calibration, whole battles

GATES = 100


@pytest.mark.parametrize("mirrored", [True, False])
def test_whole_gates_promote_equal_candidates_at_most_5_times_of_100(mirrored):
    game = EvenDuel(mirrored)
    promoted = sum(judged(at_level(0), at_level(1), game, seed, settings=QUICK).promote for seed in range(GATES))
    assert promoted / GATES <= 0.05 + 3 * sqrt(0.05 * 0.95 / GATES)


@pytest.mark.parametrize("mirrored", [True, False])
def test_whole_gates_promote_60_percent_strength_at_least_90_times_of_100(mirrored):
    """Level 6 against 4 wins 60 %; the bots and the oldest champion (level 2) are played too."""
    game = Duel(mirrored)
    promoted = sum(
        judged(at_level(6), at_level(4), game, seed, settings=QUICK, oldest=at_level(2)).promote
        for seed in range(GATES)
    )
    assert promoted / GATES >= 0.90


class EvenDuel(Duel):
    """Levels 0 and 1 are equally strong and yet play different battles."""

    def __init__(self, mirrored):
        super().__init__(mirrored, bots={})

    def new_battle(self, seed):
        return EvenBattle(seed, self._mirrored)


class EvenBattle(DuelBattle):
    def apply(self, action):
        super().apply(action)
        if len(self._levels) == 2:
            # Each pairing of levels draws its own luck; mirrored, the seed favours one seat in most battles.
            own, shared = Random(f"{self._seed} {self._levels[0]}"), Random(self._seed).random()
            won = (shared if self._mirrored and own.random() < 0.7 else own.random()) < 0.5
            self.outcome = {0: 1, 1: -1} if won else {0: -1, 1: 1}


# -------------------------------------------------------------------------------------------------------- its rules


def test_a_clearly_better_candidate_is_promoted_with_every_battle_on_record():
    verdict = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    assert verdict.promote
    assert verdict.reason.startswith("Promoted: ")
    assert verdict.pairs >= 20
    assert verdict.interval[0] < verdict.score < verdict.interval[1]
    assert {check.opponent for check in verdict.checks} == {"low", "high"}
    against = [battle for battle in verdict.battles if battle.opponent == "champion"]
    assert len(against) == 2 * verdict.pairs
    assert sum(battle.record.score for battle in against) / len(against) == pytest.approx(verdict.score)
    assert [battle.record.seat for battle in against[:2]] == [0, 1]
    assert against[0].record.seed == against[1].record.seed


def test_a_recorded_battle_can_be_played_again():
    verdict = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    for battle in verdict.battles:
        if battle.opponent == "champion":
            replayed = DuelBattle(battle.record.seed, mirrored=False)
            for seat in (0, 1):
                replayed.apply(8 if seat == battle.record.seat else 2)
            assert (replayed.outcome[battle.record.seat] + 1) / 2 == battle.record.score


def test_the_same_candidate_is_refused_after_the_least_number_of_pairs():
    verdict = judged(at_level(5), at_level(5), Duel())
    assert not verdict.promote
    assert verdict.pairs == 20
    assert verdict.checks == ()
    assert "not better" in verdict.reason


def test_undecided_keeps_the_champion_and_says_so():
    settings = GateSettings(min_pairs=20, max_pairs=20)
    verdicts = [judged(at_level(6), at_level(5), seed=seed, settings=settings, bots={}) for seed in range(40)]
    undecided = [verdict for verdict in verdicts if "undecided" in verdict.reason]
    assert undecided
    assert not any(verdict.promote for verdict in undecided)


class Cycle(Duel):
    """Level 0 beats 1, 1 beats 2, 2 beats 0, nine times of ten."""

    def new_battle(self, seed):
        return CycleBattle(seed)


class CycleBattle(DuelBattle):
    def apply(self, action):
        super().apply(action)
        if len(self._levels) == 2:
            first, second = self._levels
            chance = {0: 0.5, 1: 0.1, 2: 0.9}[(first - second) % 3]
            won = Random(f"{self._seed} {first}").random() < chance
            self.outcome = {0: 1, 1: -1} if won else {0: -1, 1: 1}


def test_a_cycle_is_caught_by_the_oldest_champion():
    game = Cycle(bots={})
    assert judged(at_level(0), at_level(1), game).promote
    verdict = judged(at_level(0), at_level(1), game, oldest=at_level(2))
    assert not verdict.promote
    assert "oldest champion" in verdict.reason


def test_a_loss_against_a_rival_that_the_champion_beats_is_caught():
    game = Cycle(bots={"scissors": at_level(2)})
    verdict = judged(at_level(0), at_level(1), game)
    assert not verdict.promote
    assert "scissors" in verdict.reason
    assert verdict.checks[0].lost
    assert verdict.checks[0].candidate < verdict.checks[0].reference


def test_a_rival_that_beats_both_alike_is_no_loss():
    verdict = judged(at_level(8), at_level(2), Duel(bots={"master": at_level(10)}), settings=QUICK)
    assert verdict.promote


def test_policies_are_judged_through_the_encoder():
    strong, weak = (Policy(SPEC, preferring(level, SPEC), 0) for level in (9, 1))
    assert judged(strong, weak, settings=QUICK).promote
    assert not judged(weak, strong, settings=QUICK).promote


# ------------------------------------------------------------------------------------------------------------ slices


def test_slices_of_any_size_give_the_same_verdict():
    whole = judged(at_level(7), at_level(3), seed=9, settings=QUICK)
    judge = gate(at_level(7), at_level(3), seed=9, settings=QUICK)
    for _ in range(10_000):
        if judge.advance(3) is not None:
            break
    assert judge.verdict == whole


def test_it_returns_as_soon_as_the_budget_closes():
    turns = []

    def counting(battle, random):
        turns.append(battle)
        return 5

    judge = gate(counting, counting)
    assert judge.advance(lambda: False) is None
    assert turns == []
    answers = iter([True] * 7 + [False] * 100)
    judge.advance(lambda: next(answers))
    assert len(turns) <= 7
    judge.advance(1)
    assert len(turns) <= 8


def test_after_the_verdict_nothing_is_played():
    judge = gate(at_level(5), at_level(5), Duel())
    verdict = judge.advance(100_000)
    assert judge.advance(10) is verdict


def test_progress_is_plain_data():
    judge = gate(at_level(5), at_level(5))
    judge.advance(50)
    progress = judge.progress()
    assert progress["stage"] == "champion"
    assert progress["pairs"] == judge.pairs > 0
    json.dumps(progress)


def test_the_verdict_fits_a_manifest():
    verdict = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    stored = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert stored["promote"] is True
    assert len(stored["battles"]) == len(verdict.battles)
    assert stored["battles"][0][:2] == ["candidate", "champion"]


# ------------------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("error", [ValueError("no legs"), ZeroDivisionError("by zero"), KeyError("stat")])
def test_a_game_that_raises_keeps_the_champion_with_a_sentence(error):
    def broken(battle, random):
        raise error

    verdict = judged(broken, at_level(1))
    assert not verdict.promote
    assert verdict.reason.startswith("Kept the champion: ")
    assert str(error.args[0]) in verdict.reason


def test_battles_that_never_end_are_draws_and_end_the_gate():
    settings = GateSettings(max_turns=6)
    verdict = judged(at_level(9), at_level(1), Duel(endless=True), settings=settings)
    assert not verdict.promote
    assert all(battle.record.truncated for battle in verdict.battles)


# ---------------------------------------------------------------------------------------------------- held-out judge

FEATURES, ACTIONS = 4, 3


def linear(weights, bias=(0.0, 0.0, 0.0)) -> Policy:
    """A policy whose Q-values are `observation @ weights + bias`."""
    spec = NetworkSpec(FEATURES, ACTIONS, ())
    return Policy(spec, np.concatenate([np.asarray(weights, np.float32).ravel(), np.asarray(bias, np.float32)]), 0)


def battles(num, seed=0) -> list[HeldOutBattle]:
    """Feature 0 tells who wins; features 1 to 3 tell which action the winner takes."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(num):
        length = int(random.integers(6, 12))
        outcome = np.where(np.arange(length) % 2 == 0, 1, -1) * int(random.choice([-1, 1]))
        observation = random.normal(0.0, 1.0, (length, FEATURES)).astype(np.float32)
        action = observation[:, 1:].argmax(1)
        observation[:, 0] = outcome + random.normal(0.0, 0.3, length)
        returns = (outcome * 0.97 ** np.arange(length)[::-1]).astype(np.float32)
        made.append(HeldOutBattle(observation, np.ones((length, ACTIONS), bool), action, outcome, returns))
    return made


KNOWS = np.zeros((FEATURES, ACTIONS))
KNOWS[0] = 0.8
KNOWS[1:] = 0.05 * np.eye(3)
KNOWS_NOTHING = np.zeros((FEATURES, ACTIONS))
KNOWS_NOTHING[1:] = 0.05 * np.eye(3)


def held_out(candidate, champion, seen) -> Verdict:
    judge = HeldOutJudge(candidate, champion, seen)
    verdict = judge.advance(10_000)
    assert verdict is not None
    return verdict


def test_a_better_estimate_passes_on_probation():
    verdict = held_out(linear(KNOWS), linear(KNOWS_NOTHING), battles(30))
    assert verdict.promote
    assert "probation" in verdict.reason
    assert verdict.figures["accuracy candidate"] > 0.9
    assert verdict.figures["error candidate"] < verdict.figures["error champion"]
    json.dumps(verdict.as_dict(), allow_nan=False)


def test_a_worse_or_an_equal_estimate_does_not():
    assert not held_out(linear(KNOWS_NOTHING), linear(KNOWS), battles(30)).promote
    assert not held_out(linear(KNOWS), linear(KNOWS), battles(30)).promote


def test_equal_estimates_with_noise_pass_at_most_5_times_of_100():
    random, passed, runs = np.random.default_rng(3), 0, 200
    for run in range(runs):
        noisy = [linear(KNOWS + random.normal(0.0, 0.02, KNOWS.shape)) for _ in range(2)]
        passed += held_out(*noisy, battles(20, seed=run)).promote
    assert passed / runs <= 0.05 + 3 * sqrt(0.05 * 0.95 / runs)


def test_too_few_battles_keep_the_champion():
    verdict = held_out(linear(KNOWS), linear(KNOWS_NOTHING), battles(11))
    assert not verdict.promote
    assert "too few" in verdict.reason


def test_play_that_collapsed_to_one_action_is_refused_however_well_it_estimates():
    only_one = KNOWS.copy()
    only_one[1:] = 0.0
    verdict = held_out(linear(only_one, bias=(0.01, 0.0, 0.0)), linear(KNOWS_NOTHING), battles(30))
    assert not verdict.promote
    assert "collapsed" in verdict.reason


def test_play_that_moves_away_from_the_winners_is_refused():
    elsewhere = KNOWS.copy()
    elsewhere[1:] = 0.05 * np.roll(np.eye(3), 1, axis=1)
    verdict = held_out(linear(elsewhere), linear(KNOWS_NOTHING), battles(30))
    assert not verdict.promote
    assert "agreement" in verdict.reason


def test_illegal_actions_do_not_count_as_estimates():
    """A huge value of an action that the mask forbids must not be taken for the estimate."""
    seen = [
        replace(battle, action_mask=np.tile([True, True, False], (len(battle.action), 1))) for battle in battles(30)
    ]
    poisoned = linear(KNOWS, bias=(0.0, 0.0, 1000.0))
    verdict = held_out(poisoned, linear(KNOWS_NOTHING), seen)
    assert verdict.figures["error candidate"] < 0.2


def test_held_out_battles_are_judged_one_at_a_time():
    judge = HeldOutJudge(linear(KNOWS), linear(KNOWS_NOTHING), battles(30))
    for done in range(1, 30):
        judge.advance(1)
        assert judge.pairs == done
    assert judge.verdict is None
    assert judge.advance(10) is not None
