"""The gate: equal candidates rarely pass, better ones do, losses elsewhere are caught, slices stay short."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sqrt
from random import Random
from typing import Any

import pytest

from cornerman.contract import Bot
from cornerman.evaluation.arena import rotation_turns
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.verdict import Bar, Verdict, verdict_of
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.studies.plain_games.tic_tac_toe import LINES, perfect_move
from tests.support.declared_games import Board
from tests.support.duel import NUM_LEVELS, OBSERVATION_SIZE, Duel, DuelBattle, at_level, preferring

ENCODER = Encoder(Duel())
SPEC = NetworkSpec(OBSERVATION_SIZE, NUM_LEVELS, (8,))
QUICK = GateSettings(check_battles=20)


def gate(candidate: Any, champion: Any, game: Duel | None = None, seed: int = 1, **others: Any) -> Gate:
    return Gate(candidate, champion, game or Duel(mirrored=False), ENCODER, seed, **others)


def judged(*args: Any, **others: Any) -> Verdict:
    judge = gate(*args, **others)
    verdict = judge.advance(200_000)
    assert verdict is not None
    return verdict


# ----------------------------------------------------------------------------------------- calibration, whole battles

GATES = 100


@pytest.mark.parametrize("mirrored", [True, False])
def test_whole_gates_promote_equal_candidates_at_most_5_times_of_100(mirrored: bool) -> None:
    game = EvenDuel(mirrored)
    promoted = sum(judged(at_level(0), at_level(1), game, seed, settings=QUICK).promote for seed in range(GATES))
    assert promoted / GATES <= 0.05 + 3 * sqrt(0.05 * 0.95 / GATES)


@pytest.mark.parametrize("mirrored", [True, False])
def test_whole_gates_promote_60_percent_strength_at_least_90_times_of_100(mirrored: bool) -> None:
    """Level 6 against 4 wins 60 %; the bots and the oldest champion (level 2) are played too."""
    game = Duel(mirrored)
    promoted = sum(
        judged(at_level(6), at_level(4), game, seed, settings=QUICK, oldest=at_level(2)).promote
        for seed in range(GATES)
    )
    assert promoted / GATES >= 0.90


class EvenDuel(Duel):
    """Levels 0 and 1 are equally strong and yet play different battles."""

    def __init__(self, mirrored: bool) -> None:
        super().__init__(mirrored, bots={})

    def new_battle(self, seed: int) -> DuelBattle:
        return EvenBattle(seed, self._mirrored)


class EvenBattle(DuelBattle):
    def apply(self, action: int) -> None:
        super().apply(action)
        if len(self.levels) == 2:
            # Each pairing of levels draws its own luck; mirrored, the seed favours one seat in most battles.
            own, shared = Random(f"{self._seed} {self.levels[0]}"), Random(self._seed).random()
            won = (shared if self._mirrored and own.random() < 0.7 else own.random()) < 0.5
            self.outcome = {0: 1, 1: -1} if won else {0: -1, 1: 1}


# -------------------------------------------------------------------------------------------------------- its rules


def test_a_clearly_better_candidate_is_promoted_with_every_battle_on_record() -> None:
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


class Cycle(Duel):
    """Level 0 beats 1, 1 beats 2, 2 beats 0, nine times of ten."""

    def new_battle(self, seed: int) -> DuelBattle:
        return CycleBattle(seed)


class CycleBattle(DuelBattle):
    def apply(self, action: int) -> None:
        super().apply(action)
        if len(self.levels) == 2:
            first, second = self.levels
            chance = {0: 0.5, 1: 0.1, 2: 0.9}[(first - second) % 3]
            won = Random(f"{self._seed} {first}").random() < chance
            self.outcome = {0: 1, 1: -1} if won else {0: -1, 1: 1}


def test_a_cycle_is_caught_by_the_oldest_champion() -> None:
    game = Cycle(bots={})
    assert judged(at_level(0), at_level(1), game).promote
    verdict = judged(at_level(0), at_level(1), game, oldest=at_level(2))
    assert not verdict.promote
    assert "oldest champion" in verdict.reason


def test_a_loss_against_a_bot_that_the_champion_beats_is_caught() -> None:
    game = Cycle(bots={"scissors": at_level(2)})
    verdict = judged(at_level(0), at_level(1), game)
    assert not verdict.promote
    assert "scissors" in verdict.reason
    assert verdict.checks[0].lost
    assert verdict.checks[0].candidate < verdict.checks[0].best


class Unbeatable(Duel):
    """Whatever meets level 0 wins every second battle; against level 1 a level wins as often as `AGAINST` says."""

    def new_battle(self, seed: int) -> DuelBattle:
        return UnbeatableBattle(seed)


AGAINST = {0: 0.5, 2: 0.75, 3: 0.5}


class UnbeatableBattle(DuelBattle):
    def apply(self, action: int) -> None:
        super().apply(action)
        if len(self.levels) == 2:
            first, second = self.levels
            chance = AGAINST[first] if second == 1 else 1 - AGAINST[second] if first == 1 else 0.5
            won = Random(f"{self._seed} {self.levels}").random() < chance
            self.outcome = {0: 1, 1: -1} if won else {0: -1, 1: 1}


@pytest.mark.parametrize(("level", "least", "most"), [(2, 24, 40), (3, 0, 5)])
def test_gate_promotes_who_leads_on_the_bots_where_nobody_can_beat_the_champion(
    level: int, least: int, most: int
) -> None:
    game = Unbeatable(bots={"habit": at_level(1)})
    verdicts = [judged(at_level(level), at_level(0), game, seed, settings=QUICK) for seed in range(40)]
    assert least <= sum(verdict.promote for verdict in verdicts) <= most
    leading = "points more than the champion has against the bots"
    assert sum(leading in verdict.reason for verdict in verdicts) >= least * 0.75


def test_who_leads_on_the_bots_and_loses_to_the_champion_is_refused() -> None:
    game = Cycle(bots={"rock": at_level(0)})
    verdict = judged(at_level(2), at_level(1), game)
    assert not verdict.promote
    assert {battle.opponent for battle in verdict.battles} == {"champion"}


def careful(battle: Any, random: Random) -> int:
    """Never loses, always in the same way."""
    return perfect_move(battle, Random(0))


def near_sighted(number: int) -> Bot:
    """Completes a line, or else prevents one, or else takes any square, in one position always the same."""

    def play(battle: Any, random: Random) -> int:
        squares = battle.squares
        for mark in ("XO"[battle.seat], "OX"[battle.seat]):
            for line in LINES:
                held = [squares[at] for at in line]
                if held.count(mark) == 2 and " " in held:
                    return line[held.index(" ")]
        chosen: int = Random(f"{number} {squares}").choice(battle.moves())
        return chosen

    return play


@pytest.mark.parametrize("alike", [True, False])
def test_gate_makes_openings_longer_where_a_game_of_draws_has_too_few_that_differ(alike: bool) -> None:
    """There are nine pairs, and then they repeat."""
    board = Board(random_opening=1, bots={}, seats_alike=alike)
    better, worse = ((careful, near_sighted(1)), (near_sighted(1), careful))
    verdicts = [judged(*both, board, 3) for both in (better, worse)]
    assert [verdict.promote for verdict in verdicts] == [True, False]
    stored = verdict_of(json.loads(json.dumps(verdicts[0].as_dict())))
    assert [each.record.opening for each in stored.battles] == [each.record.opening for each in verdicts[0].battles]
    last = [each for each in verdicts[0].battles if each.player == "candidate"][-1].record
    declared = replace(declaration_of(board), random_opening=last.opening)
    assert last.opening > board.random_opening
    assert last in rotation_turns(board, last.seed, better[0], [better[1]] * 2, declared), "it can be played again"
    same = judged(careful, careful, board, 3)
    assert (same.promote, same.score) == (False, 0.5)
    assert "not better" in same.reason


@pytest.mark.long
def test_gate_with_longer_openings_promotes_equal_candidates_at_most_5_times_of_100() -> None:
    board, num = Board(random_opening=1, bots={}), 2 * GATES
    promoted = sum(judged(near_sighted(2 * at), near_sighted(2 * at + 1), board, at).promote for at in range(num))
    assert promoted / num <= 0.05 + 3 * sqrt(0.05 * 0.95 / num)


def test_a_bot_that_beats_both_alike_is_no_loss() -> None:
    verdict = judged(at_level(8), at_level(2), Duel(bots={"master": at_level(10)}), settings=QUICK)
    assert verdict.promote


def test_policies_are_judged_through_the_encoder() -> None:
    strong, weak = (Policy(SPEC, preferring(level, SPEC), 0) for level in (9, 1))
    assert judged(strong, weak, settings=QUICK).promote
    assert not judged(weak, strong, settings=QUICK).promote


def test_gate_compares_with_the_best_that_a_kept_version_has_reached() -> None:
    """Level 8 beats the champion, level 5, by far; a version before it had won more against the bot."""
    game = Duel(mirrored=False, bots={"low": at_level(0)})
    first = judged(at_level(8), at_level(5), game, settings=QUICK)
    assert first.promote
    (champion,) = first.measured
    assert (champion.player, champion.opponent, champion.battles) == ("champion", "low", 20)
    reached = replace(champion, player="3", battles=4000, score=0.99)
    best = judged(at_level(8), at_level(5), game, settings=replace(QUICK, bar=Bar(0, (reached, champion))))
    assert not best.promote
    assert "against low where 99.0% in 4,000 was reached" in best.reason
    assert best.measured == (), "what is known of the champion is not played again"
    other_rules = replace(reached, code=reached.code + 1)
    assert judged(at_level(8), at_level(5), game, settings=replace(QUICK, bar=Bar(0, (other_rules, champion)))).promote


def test_gate_asks_more_of_later_candidates_and_gives_them_more_pairs() -> None:
    verdicts = [
        judged(at_level(6), at_level(4), seed=2, bots={}, settings=GateSettings(bar=Bar(turned_down)))
        for turned_down in (0, 200)
    ]
    assert [verdict.promote for verdict in verdicts] == [True, True]
    assert verdicts[1].pairs > 1.5 * verdicts[0].pairs
    assert verdicts[1].llr > verdicts[0].llr


def test_gate_keeps_the_champion_where_a_check_cannot_be_played() -> None:
    def broken(battle: DuelBattle, random: Random) -> int:
        raise KeyError("stat")

    verdict = judged(at_level(8), at_level(2), Duel(mirrored=False, bots={"broken": broken}), settings=QUICK)
    assert not verdict.promote
    assert "no battle against broken could be played" in verdict.reason
    assert "a bot failed with KeyError" in verdict.reason


def test_verdict_says_how_many_different_battles_it_rests_on() -> None:
    verdict = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    num = sum(check.battles for check in verdict.checks)
    assert f"over {verdict.pairs} pairs and no loss against 2 others in {num} battles" in verdict.reason
    assert num == len([each for each in verdict.battles if each.player == "candidate" and each.opponent != "champion"])


# ------------------------------------------------------------------------------------------------------------ slices


def test_slices_of_any_size_give_the_same_verdict() -> None:
    whole = judged(at_level(7), at_level(3), seed=9, settings=QUICK)
    judge = gate(at_level(7), at_level(3), seed=9, settings=QUICK)
    for _ in range(10_000):
        if judge.advance(3) is not None:
            break
    assert judge.verdict == whole


def test_it_returns_as_soon_as_the_budget_closes() -> None:
    turns: list[DuelBattle] = []

    def counting(battle: DuelBattle, random: Random) -> int:
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


def test_the_verdict_fits_a_manifest() -> None:
    verdict = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    stored = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert stored["promote"] is True
    assert len(stored["battles"]) == len(verdict.battles)
    assert stored["battles"][0][:2] == ["candidate", "champion"]
    assert verdict_of(stored).measured == verdict.measured
    bar = Bar(3, verdict.measured)
    assert Bar.of(json.loads(json.dumps(bar.as_dict()))) == bar


# ------------------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("error", [ValueError("no legs"), ZeroDivisionError("by zero"), KeyError("stat")])
def test_gate_keeps_the_champion_where_most_battles_are_faulty(error: Exception) -> None:
    def broken(battle: DuelBattle, random: Random) -> int:
        raise error

    verdict = judged(broken, at_level(1))
    assert not verdict.promote
    assert verdict.reason.startswith("Kept the champion: it could not be judged (most headless battles are faulty: ")
    assert verdict.reason.count(str(error.args[0])) == 1


def test_gate_passes_on_a_fault_of_our_own() -> None:
    """A policy of the wrong shape is no fault of the game, and must not look like one."""
    wrong = Policy(NetworkSpec(3, NUM_LEVELS, (8,)), preferring(1, NetworkSpec(3, NUM_LEVELS, (8,))), 0)
    with pytest.raises(ValueError, match=r"matmul|shape|dim"):
        judged(wrong, at_level(1))


def test_battles_that_never_end_keep_the_champion_and_are_said() -> None:
    verdict = judged(dicing, at_level(1), Duel(endless=True, max_decisions=6))
    assert not verdict.promote
    assert all(battle.record.truncated for battle in verdict.battles)
    assert f"{2 * verdict.pairs} battles cut off" in verdict.reason


def dicing(battle: DuelBattle, random: Random) -> int:
    return random.randrange(NUM_LEVELS)


def test_gate_counts_identical_battles_once_and_says_so() -> None:
    repeated = judged(at_level(9), at_level(1), Duel(endless=True, max_decisions=6), settings=QUICK)
    assert not repeated.promote
    assert (repeated.pairs, repeated.figures["repeated pairs"]) == (1, 399)
    assert "over 1 pairs, 399 more pairs repeated them (declare the game's random_opening)" in repeated.reason
    played = judged(at_level(8), at_level(2), seed=4, settings=QUICK)
    assert played.figures["repeated pairs"] == 0
    assert "repeated" not in played.reason
