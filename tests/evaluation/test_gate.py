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
from cornerman.evaluation.verdict import SEVERAL, Bar, Verdict, verdict_of
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.studies.plain_games.tic_tac_toe import LINES, perfect_move
from tests.support.declared_games import Board, CardTable
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


@pytest.fixture(scope="module")
def better() -> Verdict:
    """On a clearly better candidate."""
    return judged(at_level(8), at_level(2), seed=4, settings=QUICK)


# ----------------------------------------------------------------------------------------- calibration, whole battles

GATES = 100


@pytest.mark.parametrize("mirrored", [True, False])
def test_whole_gates_promote_equal_candidates_at_most_5_times_of_100(mirrored: bool) -> None:
    """Levels 0 and 1 are equally strong and yet play different battles."""

    def even(seed: int, first: int, second: int) -> bool:
        # Each pairing of levels draws its own luck; mirrored, the seed favours one seat in most battles.
        own, shared = Random(f"{seed} {first}"), Random(seed).random()
        return (shared if mirrored and own.random() < 0.7 else own.random()) < 0.5

    game = Duel(bots={}, wins=even)
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


# -------------------------------------------------------------------------------------------------------- its rules


def test_a_clearly_better_candidate_is_promoted_with_every_battle_on_record(better: Verdict) -> None:
    assert better.promote
    assert better.reason.startswith("Promoted: ")
    assert better.pairs >= 20
    assert better.interval[0] < better.score < better.interval[1]
    assert {check.opponent for check in better.checks} == {"low", "high"}
    against = [battle for battle in better.battles if battle.opponent == "champion"]
    assert len(against) == 2 * better.pairs
    assert sum(battle.record.score for battle in against) / len(against) == pytest.approx(better.score)
    assert [battle.record.seat for battle in against[:2]] == [0, 1]
    assert against[0].record.seed == against[1].record.seed
    checked = sum(check.battles for check in better.checks)
    assert f"over {better.pairs} pairs and no loss against 2 others in {checked} battles" in better.reason
    others = [battle for battle in better.battles if battle.player == "candidate" and battle.opponent != "champion"]
    assert len(others) == checked


def test_battles_of_a_bot_in_the_place_of_a_champion_are_the_bots_own() -> None:
    game = Duel(mirrored=False)
    verdict = judged(at_level(9), game.bots["low"], game, settings=QUICK)
    met = [(battle.player, battle.opponent) for battle in verdict.battles]
    assert {name for pair in met for name in pair} == {"candidate", "low", "high"}
    assert met.count(("candidate", "low")) == 2 * verdict.pairs + verdict.checks[0].battles


def test_battles_against_several_at_once_say_so() -> None:
    game = CardTable()
    candidate, champion = [*game.bots.values()][:2]
    verdict = Gate(candidate, champion, game, Encoder(game), 1, GateSettings(2, 2)).advance(100_000)
    assert verdict is not None
    assert SEVERAL in {battle.opponent for battle in verdict.battles}
    assert "champion" not in {battle.opponent for battle in verdict.battles}


def cycle(seed: int, first: int, second: int) -> bool:
    """Level 0 beats 1, 1 beats 2, 2 beats 0, nine times of ten."""
    return Random(f"{seed} {first}").random() < {0: 0.5, 1: 0.1, 2: 0.9}[(first - second) % 3]


@pytest.mark.parametrize(
    ("bots", "oldest", "loss"),
    [({}, at_level(2), "oldest champion"), ({"scissors": at_level(2)}, None, "scissors")],
    ids=["oldest", "bot"],
)
def test_a_loss_against_who_the_champion_beats_is_caught(bots: dict[str, Bot], oldest: Bot | None, loss: str) -> None:
    assert judged(at_level(0), at_level(1), Duel(wins=cycle, bots={})).promote
    verdict = judged(at_level(0), at_level(1), Duel(wins=cycle, bots=bots), oldest=oldest)
    assert not verdict.promote
    assert loss in verdict.reason
    assert verdict.checks[0].lost
    assert verdict.checks[0].candidate < verdict.checks[0].best


AGAINST = {0: 0.5, 2: 0.75, 3: 0.5}


def unbeatable(seed: int, first: int, second: int) -> bool:
    """Whatever meets level 0 wins every second battle; against level 1 a level wins as often as `AGAINST` says."""
    chance = AGAINST[first] if second == 1 else 1 - AGAINST[second] if first == 1 else 0.5
    return Random(f"{seed} {[first, second]}").random() < chance


@pytest.mark.parametrize(("level", "least", "most"), [(2, 24, 40), (3, 0, 5)])
def test_gate_promotes_who_leads_on_the_bots_where_nobody_can_beat_the_champion(
    level: int, least: int, most: int
) -> None:
    game = Duel(wins=unbeatable, bots={"habit": at_level(1)})
    verdicts = [judged(at_level(level), at_level(0), game, seed, settings=QUICK) for seed in range(40)]
    assert least <= sum(verdict.promote for verdict in verdicts) <= most
    leading = "points more than the champion has against the bots"
    assert sum(leading in verdict.reason for verdict in verdicts) >= least * 0.75


def test_who_leads_on_the_bots_and_loses_to_the_champion_is_refused() -> None:
    game = Duel(wins=cycle, bots={"rock": at_level(0)})
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


def test_the_verdict_fits_a_manifest(better: Verdict) -> None:
    stored = json.loads(json.dumps(better.as_dict(), allow_nan=False))
    assert stored["promote"] is True
    assert len(stored["battles"]) == len(better.battles)
    assert stored["battles"][0][:2] == ["candidate", "champion"]
    assert verdict_of(stored).measured == better.measured
    bar = Bar(3, better.measured)
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


def test_gate_counts_identical_battles_once_and_says_so(better: Verdict) -> None:
    repeated = judged(at_level(9), at_level(1), Duel(endless=True, max_decisions=6), settings=QUICK)
    assert not repeated.promote
    assert (repeated.pairs, repeated.figures["repeated pairs"]) == (1, 399)
    assert "over 1 pairs, 399 more pairs repeated them (declare the game's random_opening)" in repeated.reason
    assert better.figures["repeated pairs"] == 0
    assert "repeated" not in better.reason
