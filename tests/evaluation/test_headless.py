"""Headless battles by what a game declares: seats, roles, openings, decisions at once, bots that play by themselves."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Bot
from cornerman.evaluation.arena import BattleRecord, evaluate, rotation_turns
from cornerman.evaluation.faults import FaultyBattleError
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.headless import apply_action, new_battle, play_battle, state_text
from cornerman.evaluation.verdict import Verdict
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from tests.studies.adapters.tic_tac_toe import TicTacToeBattle as BoardBattle
from tests.support.declared_games import AtOnce, Board, CardTable, by_itself


def first_legal(battle: Any, random: Random) -> int:
    return list(battle.action_mask()).index(True)


def judged(game: Any, candidate: Bot, champion: Bot, **others: Any) -> Verdict:
    verdict = Gate(candidate, champion, game, Encoder(game), 1, GateSettings(check_battles=20), **others).advance(
        500_000
    )
    assert verdict is not None
    return verdict


# --------------------------------------------------------------------------------------------------- random openings


def test_new_battle_begins_with_the_seeds_own_random_opening() -> None:
    game = Board(random_opening=3)
    states = [tuple(new_battle(game, seed, declaration_of(game)).state()) for seed in (1, 1, *range(2, 40))]
    assert states[0] == states[1]
    assert len(set(states)) > 25
    assert {state.count(" ") for state in states} == {6}


def test_openings_that_end_a_battle_are_drawn_again() -> None:
    game = Board(random_opening=7)
    for seed in range(30):
        battle = new_battle(game, seed, declaration_of(game))
        assert battle.outcome is None
        assert battle.state().count(" ") == 2
    with pytest.raises(FaultyBattleError, match="9 random actions end every battle; declare a smaller random_opening"):
        new_battle(Board(random_opening=9), 1, declaration_of(Board(random_opening=9)))


def test_outcome_that_is_a_method_is_named_and_not_taken_for_the_end() -> None:
    class Methods(BoardBattle):
        @property
        def outcome(self) -> Any:
            return lambda: None

    game = Board(random_opening=3, new_battle=lambda seed: Methods())
    with pytest.raises(FaultyBattleError, match="outcome of a battle is a method; make it a property"):
        new_battle(game, 1, declaration_of(game))


def test_evaluate_of_a_game_without_chance_finds_differing_battles_by_openings() -> None:
    """Two players without dice: one battle a seat without an opening, and many with one."""
    alike = evaluate(first_legal, first_legal, Board(), 40, 1)
    assert (alike.num_battles, alike.repeated) == (2, 78)
    opened = evaluate(first_legal, first_legal, Board(random_opening=3), 40, 1)
    assert opened.num_battles == 40
    assert len({(battle.seat, battle.course) for battle in opened.battles}) == 40


def test_random_opening_of_seats_that_decide_at_once_ends_with_the_choice_of_all() -> None:
    """Else a choice that no state shows told battles apart, which looks like chance: then repeated ones count."""

    class Opened(AtOnce):
        random_opening = 1

    found = evaluate(first_legal, first_legal, Opened(), 100, 1)
    assert (found.num_battles, found.repeated) == (18, 200 - 18)


# --------------------------------------------------------------------------------------------- more than two seats


def test_rotation_sits_once_in_every_seat_of_the_plugin_on_one_seed() -> None:
    for seats in ((0, 1, 2), (2,)):
        game, sat = CardTable(plugin_seats=seats), list[int]()

        def noting(battle: Any, random: Random, sat: list[int] = sat) -> int:
            sat.append(battle.seat)
            return first_legal(battle, random)

        turns = rotation_turns(game, 5, noting, [first_legal] * 3, declaration_of(game))
        records = [record for record in turns if isinstance(record, BattleRecord)]
        assert [record.seat for record in records] == sorted(set(sat)) == list(seats)
        assert len({record.course for record in records}) == 1, "all play alike, so it is one battle"


def test_evaluate_measures_one_seat_among_three() -> None:
    careful, lost = CardTable.bots["careful"], CardTable.bots["random"]
    among = evaluate(careful, lost, CardTable(), 600, 1)
    assert among.interval[0] > 1 / 3 < among.win_rate
    assert list(among.by_seat()) == [0, 1, 2]
    assert evaluate(lost, careful, CardTable(), 600, 1).win_rate < 1 / 3


def test_rotation_gives_one_agent_the_whole_side() -> None:
    sat: list[tuple[int, str]] = []

    def named(name: str) -> Bot:
        return lambda battle, random: sat.append((battle.seat, name)) or first_legal(battle, random)  # type: ignore[func-returns-value]

    game = CardTable(sides=(0, 1, 0))
    list(rotation_turns(game, 5, named("agent"), [named("other")] * 3, declaration_of(game)))
    first, second = sat[: len(sat) // 2], sat[len(sat) // 2 :]
    assert set(first) == {(0, "agent"), (1, "other"), (2, "agent")}
    assert set(second) == {(0, "other"), (1, "agent"), (2, "other")}
    together = CardTable(sides=(0, 0, 0))
    assert evaluate(first_legal, first_legal, together, 4, 1).num_battles == 4, "one battle a rotation"


def test_gate_judges_three_seats_against_the_champion_in_the_same_seats() -> None:
    careful, lost = CardTable.bots["careful"], CardTable.bots["random"]
    better = judged(CardTable(), careful, lost)
    assert better.promote
    assert "where the champion has" in better.reason
    assert {battle.player for battle in better.battles} == {"candidate", "random"}
    assert not judged(CardTable(), lost, careful).promote
    assert not judged(CardTable(), lost, lost).promote


def test_gate_judges_unlike_seats_in_their_own_role() -> None:
    """X wins most battles of tic-tac-toe; only O is the plugin's, against the bots in turn, and figures are by seat."""
    game = Board(seats_alike=False, plugin_seats=(1,))
    perfect, lost = Board.bots["perfect"], Board.bots["random"]
    verdict = judged(game, perfect, lost, oldest=lost)
    assert verdict.promote
    assert {battle.record.seat for battle in verdict.battles} == {1}
    assert verdict.figures["candidate in seat 1"] > verdict.figures["champion in seat 1"]
    assert not judged(game, lost, perfect).promote
    alone = judged(Board(seats_alike=False, plugin_seats=(1,), bots={"random": lost}), perfect, lost)
    assert alone.score == 1.0, "1/2 and how much more it has than the champion would be more"
    score = evaluate(perfect, lost, game, 100, 1)
    assert score.note.startswith(f", {score.score:.0%} in seat 1")
    assert "in seat" not in evaluate(perfect, lost, Board(), 20, 1).note
    both = judged(Board(seats_alike=False), perfect, lost).figures
    assert both["champion in seat 0"] > both["champion in seat 1"]


# ----------------------------------------------------------------------------------------------- decisions at once


def test_seats_that_decide_at_once_see_no_choice_of_each_other() -> None:
    seen: list[tuple[int, int]] = []

    def noting(battle: Any, random: Random) -> int:
        seen.append((battle.seat, len(battle.state())))
        return int(battle.seat)

    played = play_battle(AtOnce(), 1, [noting, noting])
    assert seen == [(seat, turn) for turn in range(20) for seat in (0, 1)]
    assert played.outcome == {0: -1.0, 1: 1.0}, "paper beats rock"
    battle = new_battle(AtOnce(), 1, declaration_of(AtOnce()))
    copied = deepcopy(battle)
    with pytest.raises(FaultyBattleError, match="seat 0 may not take action 3 now"):
        apply_action(battle, 3)
    apply_action(copied, 0)
    assert (battle.seat, copied.seat) == (0, 1)


# ---------------------------------------------------------------------------------------- bots that play by themselves


def test_bot_that_gives_none_has_played_its_turn() -> None:
    result = evaluate(Board.bots["perfect"], by_itself, Board(), 60, 1)
    assert result.losses == 0
    assert result.wins > 30


def test_bot_that_gives_none_and_plays_nothing_is_a_fault() -> None:
    def idle(battle: BoardBattle, random: Random) -> None:
        return None

    with pytest.raises(FaultyBattleError, match="turn 1, seat 0: a bot gave None twice and nothing happened"):
        play_battle(Board(), 1, [idle, idle])


# ------------------------------------------------------------------------------------------------ states and masks


class MapBattle(BoardBattle):
    """Squares in the middle of a large array, as a game with a map gives them."""

    def state(self) -> Any:
        squares = np.zeros(3_000)
        squares[1_000:1_009] = [{" ": 0.0, "X": 1e-12, "O": 1.0}[square] for square in self.squares]
        return squares


class MapBoard(Board):
    def encode(self, state: Any, seat: int) -> list[float]:
        return [float(value) for value in (*state[1_000:1_009], *state[1_000:1_009])]

    def new_battle(self, seed: int) -> Any:
        battle = MapBattle()
        battle.apply(seed % 9)
        return battle


def test_states_of_large_arrays_that_differ_are_told_apart() -> None:
    begun = [new_battle(MapBoard(), seed, declaration_of(MapBoard())).state() for seed in range(9)]
    assert len({state_text(state) for state in begun}) == 9
    found = evaluate(first_legal, first_legal, MapBoard(), 40, 1)
    assert (found.num_battles, found.repeated) == (40, 0)


class NothingLegal(BoardBattle):
    def action_mask(self) -> list[bool]:
        return [False] * 9


def test_random_opening_of_a_battle_that_leaves_nothing_legal_is_a_fault() -> None:
    game = Board(random_opening=1, new_battle=lambda seed: NothingLegal())
    with pytest.raises(FaultyBattleError, match="leaves seat 0 no legal action"):
        new_battle(game, 1, declaration_of(game))


def test_bot_of_a_game_at_once_may_ask_for_the_mask_of_its_seat() -> None:
    def asking(battle: Any, random: Random) -> int:
        assert list(battle.action_mask(battle.seat)) == list(battle.action_mask())
        return int(battle.action_mask(1 - battle.seat)[0]) + int(battle.seat)

    assert play_battle(AtOnce(), 1, [asking, asking]).outcome == {0: -1.0, 1: 1.0}
