"""Players: each has a model of its own; habits are said only where they are beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cornerman.contract import CANDIDATE, BattleEnd, Source, Transition
from cornerman.experience.declaration import Declaration
from cornerman.opponent import words
from cornerman.opponent.players import MAX_PLAYERS, Players
from cornerman.opponent.record import USUAL, Record
from cornerman.opponent.rules import Decisions, Rule, RuleList
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import draw
from tests.support.habits import (
    ACTIONS,
    FEATURES,
    Habit,
    battles,
    champion,
    guards_when_low,
    hurt_one_waits,
    never_guards,
    no_habit,
)

ZERO = np.zeros(len(FEATURES), np.float32), np.zeros(len(ACTIONS), np.bool_)


def rows_of(decisions: Decisions, source: Source = Source.PLAYER) -> list[Transition]:
    return [
        Transition(observation, mask, int(action), 0.0, *ZERO, 0.0, 0, 0, at, source, Source.PLUGIN, -1)
        for at, (observation, mask, action) in enumerate(zip(*decisions, strict=True))
    ]


def players_of(**how: Any) -> Players:
    """Players of a game with one champion."""
    base = champion()
    return Players(lambda: base, FEATURES, ACTIONS, **how)


def end(players: Players, battle: Decisions, player: str = "", source: Source = Source.PLAYER) -> None:
    players.end(rows_of(battle, source), BattleEnd(0, {0: 1.0}, False, {0: source}, player=player))


def learn(players: Players) -> None:
    while players.advance():
        pass


def fought(players: Players, habit: Habit, num_battles: int, player: str = "", seed: int = 1) -> None:
    for battle in battles(champion(), habit, num_battles, seed):
        end(players, battle, player)
    learn(players)


def habits(players: Players) -> list[str]:
    found: list[str] = players.report()["habits"]
    return found


def test_players_know_nobody_before_a_battle_and_learn_from_decisions_of_players_alone() -> None:
    players = players_of()
    (battle,) = battles(champion(), no_habit, 1, seed=1)
    end(players, battle, source=Source.SCRIPTED)
    assert not players.advance()
    assert players.model is None
    assert players.report() == {}


def test_players_keep_a_record_against_each_player_and_show_the_present_one() -> None:
    shown = list[Record]()
    players = players_of(counted=lambda record, unlearned: shown.append(record))
    (battle,) = battles(champion(), no_habit, 1, seed=1)
    own = [replace(row, version=3, seat=1) for row in rows_of(battle, Source.PLUGIN)]
    unplayed = [replace(row, version=-1) for row in own]
    for player, won, opponent, rows in (
        ("ann", 1.0, Source.PLAYER, own),
        ("ann", -1.0, Source.PLAYER, own),
        ("bob", 0.0, Source.PLAYER, own),
        ("ann", 1.0, Source.SCRIPTED, own),
        ("ann", -1.0, Source.PLAYER, unplayed),  # by the game's own fighter: it counts, too
    ):
        seats = {0: opponent, 1: Source.PLUGIN}
        players.end(rows, BattleEnd(0, {0: -won, 1: won}, False, seats, player=player))
    players.end(own, BattleEnd(0, {0: -1.0, 1: -1.0, 2: 1.0}, False, seats | {2: Source.PLUGIN}, player="bob"))
    shown.clear()
    for player in ("ann", "bob"):
        players.meet(player)
    assert [list(record.shares) for record in shown] == [[1.0, 0.0, 0.0], [0.5, 1.0]], (
        "the own fighter's battles count, too"
    )
    ann = shown[0]
    before = ann.chance()
    for version, kept in ((CANDIDATE, True), (3, False)):  # what values a candidate on trial gave is not known
        rows = [replace(row, version=version) for row in own]
        players.end(rows, BattleEnd(0, {0: 1.0, 1: -1.0}, False, {0: Source.PLAYER, 1: Source.PLUGIN}, player="ann"))
        assert (ann.chance() == pytest.approx(before)) is kept
    players.forget()
    assert (list(shown[-1].shares), shown[-1].chance()) == ([], USUAL)


def test_players_say_how_many_battles_of_the_present_player_are_not_learned_yet() -> None:
    shown, policies = list[int](), [champion()]
    counted = lambda record, unlearned: shown.append(unlearned)  # noqa: E731
    players = Players(lambda: policies[-1], FEATURES, ACTIONS, counted=counted)
    players.meet("ann")
    for battle in battles(champion(), no_habit, 3, seed=1):
        end(players, battle, "bob")
        end(players, battle, "ann")
    assert shown[-1] == players.unlearned == 3
    assert players.advance()
    assert players.unlearned == 3, "with the one that is being learned"
    while players.unlearned:
        assert players.advance()
        assert shown[-1] == players.unlearned
    assert shown[-3:] == [2, 1, 0], "the present player's come first"
    players.meet("bob")
    assert shown[-1] == 3
    players.meet("ann")
    policies.append(champion(seed=7))
    assert players.advance()
    assert shown[-1] == 3, "all again under a new champion"
    players.forget()
    assert shown[-1] == 0


def test_players_tell_several_apart() -> None:
    players = players_of()
    fought(players, never_guards, 5, "ann")
    fought(players, hurt_one_waits, 5, "bob", seed=2)
    assert players.report()["name"] == "bob"
    assert not any(habit.startswith("guard: 0 times") for habit in habits(players))
    players.meet("ann")
    assert players.report()["battles"] == 5
    assert habits(players)[0].startswith("guard: 0 times of 150 (")


def test_habit_is_said_with_its_condition_and_what_the_champion_would_do() -> None:
    players = players_of()
    fought(players, guards_when_low, 6)
    (first, *_) = habits(players)
    assert first.startswith("guard: ")
    assert "where your first character's health is at most " in first
    assert "the computer in your place: " in first
    untrained = Policy(base := champion().spec, draw(base, np.random.default_rng(1)))
    players = Players(lambda: untrained, FEATURES, ACTIONS)
    fought(players, guards_when_low, 6)
    assert all("(at random: " in habit for habit in habits(players))
    assert habits(players)
    assert players.report()["champion_foresees"] is None


@pytest.mark.parametrize(
    ("temperature", "seed"), [*((0.0, seed) for seed in range(100, 112)), *((0.1, seed) for seed in range(200, 206))]
)
def test_player_who_plays_like_the_champion_is_said_to_have_no_habits(temperature: float, seed: int) -> None:
    base, random = champion(), np.random.default_rng(seed % 100)
    players = players_of()
    for battle in battles(base, no_habit, 6, seed):
        noise = random.gumbel(0.0, temperature, battle.action_masks.shape)
        values = np.where(battle.action_masks, base.q_values_batch(battle.observations) + noise, -np.inf)
        end(players, battle._replace(actions=values.argmax(1)))
    learn(players)
    assert habits(players) == []


def test_same_battles_make_the_same_model() -> None:
    one, other = players_of(), players_of()
    for battle in battles(champion(), guards_when_low, 5, seed=1):  # learned one by one, or all at a start
        end(one, battle)
        end(other, battle)
        learn(one)
    learn(other)
    assert one.report() == other.report()


def test_new_champion_is_what_models_are_laid_over_and_the_old_model_serves_until_then() -> None:
    policies: list[Policy] = [champion()]
    players = Players(lambda: policies[-1], FEATURES, ACTIONS)
    fought(players, guards_when_low, 4)
    before = players.model
    policies.append(champion(seed=7))
    assert players.advance()
    assert players.model is before
    learn(players)
    assert players.model is not before
    assert players.report()["battles"] == 4


def test_no_more_battles_wait_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cornerman.opponent.player_model.MAX_DECISIONS", 5 * 30)
    players = players_of()
    fought(players, no_habit, 12)
    assert 5 <= players.report()["battles"] < 12, "those that are too old to be learned from are left out"


def test_model_of_stored_battles_serves_before_all_of_them_are_learned() -> None:
    shown = list[int]()
    players = players_of(changed=lambda it: shown.append(it.report().get("battles", 0)))
    fought(players, no_habit, 6)
    assert shown == [0, 1, 2, 4, 6], "seldom enough to cost nothing"


def test_present_player_is_learned_anew_first_under_a_new_champion() -> None:
    policies: list[Policy] = [champion()]
    players = Players(lambda: policies[-1], FEATURES, ACTIONS)
    fought(players, guards_when_low, 3, "ann")
    fought(players, guards_when_low, 3, "bob")
    players.meet("bob")
    policies.append(champion(seed=7))
    while players.model is None or players.model.champion is not policies[-1]:
        assert players.advance()
    players.meet("ann")
    assert players.model is not None
    assert players.model.champion is policies[0], "the one who plays does not wait for the others"


def test_forget_leaves_nothing_of_any_player() -> None:
    reports = []
    players = players_of(changed=lambda players: reports.append(players.report()))
    fought(players, never_guards, 3, "ann")
    assert reports[-1]["battles"] == 3
    players.forget()
    assert reports[-1] == players.report() == {}
    players.meet("ann")
    assert players.model is None
    assert not players.advance()


def test_present_player_is_who_began_last_whoever_ends_or_is_forgotten() -> None:
    players = players_of()
    players.meet("ann")
    players.meet("bob")
    fought(players, never_guards, 1, "ann")  # it began first, and ends while bob plays
    assert (players.present, players.model) == ("bob", None)
    fought(players, never_guards, 1, "bob")
    players.forget()
    assert players.present == "bob", "who plays on is recorded under that name"


def test_new_champion_is_said_at_once_where_the_present_player_has_no_battles() -> None:
    policies: list[Policy] = [champion()]
    bases: list[Policy] = []
    players = Players(lambda: policies[-1], FEATURES, ACTIONS, changed=lambda players: bases.append(policies[-1]))
    players.meet("ann")
    policies.append(champion(seed=7))
    bases.clear()
    players.advance()
    assert bases == policies[1:], "a search for the champion's decisions needs to know it"


def test_models_are_kept_of_the_players_that_played_last_alone() -> None:
    players = players_of()
    for number in range(MAX_PLAYERS + 1):
        fought(players, never_guards, 1, str(number))
    known = []
    for number in range(MAX_PLAYERS + 1):
        players.meet(str(number))
        known.append(players.model is not None)
    assert known == [False, *[True] * MAX_PLAYERS]
    (battle,) = battles(champion(), never_guards, 1, seed=1)
    end(players, battle, "dropped while learned")
    assert players.advance()
    for number in range(MAX_PLAYERS):
        end(players, battle, str(number))
    learn(players)
    players.meet("dropped while learned")
    assert players.model is None


def test_ghost_is_not_changed_by_later_learning() -> None:
    players = players_of()
    fought(players, never_guards, 3)
    ghost = players.ghost()
    assert ghost is not None
    (later,) = battles(champion(), never_guards, 1, seed=9)
    before = ghost.model.probabilities(later.observations, later.action_masks)
    fought(players, guards_when_low, 3)
    assert np.array_equal(ghost.model.probabilities(later.observations, later.action_masks), before)


def test_habits_are_said_only_beyond_chance_for_all_that_was_tried_and_three_at_most() -> None:
    base = champion()
    (played,) = battles(base, never_guards, 1, seed=1, length=200)
    values, anywhere = base.q_values_batch(played.observations), np.zeros((0, 4))

    def said(*tried: float) -> int:
        rules = [Rule(anywhere, np.arange(len(ACTIONS)) == at, 0.5, tried=each) for at, each in enumerate(tried)]
        return len(words.habits(RuleList(20.0, rules), values, played, FEATURES, ACTIONS, {}))

    assert said(-1e9) == 1
    assert said(1e9) == 0
    assert said(*[-1e9] * 5) == words.MAX_HABITS == 3


@pytest.mark.parametrize(
    ("name", "numbers", "bounds", "said"),
    [
        ("slot 1 pot", (0.1, 0.4, 0.5), {"high": 0.45}, "your first character's pot is at most 13"),
        ("slot pot of the one that acts", (0.1, 0.4, 0.5), {"low": 0.25}, "pot of the one that acts is above 7"),
        (
            "slot health of the one that acts",
            (0.1, 0.4, 0.9),
            {"low": 0.25},
            "health of the one that acts is above 25%",
        ),
        ("slot 2 guard", (0, 1), {"high": 0.5}, "character 2's guard is not true"),
        ("slot 1 health", (0.2, 0.3, 0.5), {"high": 0.38}, "your first character's health is at most 38%"),
        ("slot 1 health", (0, 1), {"high": 0.5}, "your first character's health is 0"),
        ("slot 1 health", (0, 0.4, 0.5), {"low": 0.2}, "your first character's health is above 0"),
        ("slot 1 health", (0.001, 0.002, 0.5), {"high": 0.003}, "your first character's health is at most 1%"),
        ("slot 3 health", (0.2, 0.5, 1.0), {"low": 0.7}, "character 3's health is 100%"),
        (
            "slot 3 health",
            (0.2, 0.3, 1),
            {"low": 0.1, "high": 0.7},
            "character 3's health is above 10% and at most 70%",
        ),
        ("round", (0.05, 0.1, 0.15, 0.2), {"high": 0.125}, "round is at most 2"),
        ("round", (0.05, 0.1, 0.15, 0.2), {"low": 0.075, "high": 0.125}, "round is 2"),
        ("round", (0.3, 0.35, 0.4), {"low": 0.325, "high": 0.375}, "round is 7"),
        ("ally 1 acts", (0, 1), {"low": 0.5}, "ally 1 acts is true"),
        ("ally 1 danger", (0, 0.2, 0.6, 0.605, 1), {"low": 0.5}, "ally 1 danger is above 50%"),
        ("characters", (0.5, 1), {"high": 0.75}, "characters is 1"),
        ("square 3", (-1, 0, 1), {"low": 0.5}, "square 3 is 1"),
        ("cards in hand", (3, 4, 5, 6), {"low": 4.5}, "cards in hand is above 4"),
        ("cards", (0, 1 / 24, 1 / 4), {"high": 0.05}, "cards is at most 1"),
        ("lead", (-0.3, 0.25, 0.71), {"high": 0.3}, "lead is at most 6"),
        ("lead", (-0.3, 0.25, 0.71), {"high": 0.0}, "lead is -6"),
        ("pace", (0.51, 0.74, 0.98), {"high": 0.75}, "pace is at most 1.5"),
        ("slot deck of the one that acts", (0.1, 0.2, 0.3), {"low": 0.15}, "deck of the one that acts is above 1"),
        ("slot x of the one that acts", (0.1, 0.2, 0.3), {"low": 0.25}, "x of the one that acts is higher than usual"),
        ("mood", (0, 1 / 24, 1 / 4), {"high": 0.02}, "mood is 0"),
        ("mood", (0, 1 / 24, 1 / 4), {"low": 0.02}, "mood is above 0"),
        ("mood", (0, 1 / 24, 1 / 4), {"high": 0.05}, "mood is not higher than usual"),
        ("mood", (0, 1 / 24, 1 / 4), {"low": 0.05}, "mood is higher than usual"),
        ("mood", (-0.3, 0.2, 0.7), {"high": 0.0}, "mood is lower than usual"),
        ("mood", (-0.3, -0.2, 0.2, 0.3, 0.7), {"low": -0.25, "high": 0.5}, "mood is about as usual"),
    ],
)
def test_habits_give_the_numbers_that_the_game_itself_uses(
    name: str, numbers: Sequence[float], bounds: Mapping[str, float], said: str
) -> None:
    own = {"cards": 24.0, "lead": 20.0, "pace": 2.0, "slot 1 deck": 10.0, "slot 2 deck": 10.0, "slot 1 x": 10.0}
    declared = Declaration(stats=(("pot", 30.0), ("guard", 1.0)), max_characters=2, feature_scales=tuple(own.items()))
    base, names = champion(), (name, *FEATURES[1:], "slot 1 pot", "slot 2 pot", *own, "slot 2 x")
    (played,) = battles(base, never_guards, 1, seed=1, length=200)
    played.observations[:, 0] = np.resize(np.array(numbers, np.float32), 200)
    values, where = base.q_values_batch(played.observations), [[0, -1, at, end == "low"] for end, at in bounds.items()]
    rules = RuleList(20.0, [Rule(np.array(where, np.float64), np.arange(len(ACTIONS)) == 4, 0.5, tried=-1e9)])
    (habit,) = words.habits(rules, values, played, names, ACTIONS, declared.divisors)
    assert f" where {said} (" in habit.sentence


@pytest.mark.parametrize(
    ("names", "inside", "said"),
    [
        ("play card 1, play card 2, play card 3, attack, draw 1, end turn, wait", 3, "play card"),
        ("play card 1, play card 2, play wall, attack, draw 1, end turn, wait", 3, "play"),
        ("play card 1, play card 2, play wall, attack, draw 1, end turn, wait", 2, "play card"),
        ("play wall, play fire, play ice, attack, draw 1, end turn, wait", 2, "play wall or play fire"),
        ("play wall, play fire, end 1, attack, draw 1, draw 2, draw card", 3, "play or end 1"),
        ("1, 2, attack, draw 1, end turn", 2, "1 or 2"),
        ("heavy strike 1, heavy strike 2, strike 1, strike 2, a, b, c", 4, "heavy strike or strike"),
        ("a, b, c, d, e, f, g, h, i, j", 5, "a or b or c or 2 others"),
    ],
)
def test_habits_join_actions_whose_names_begin_alike(names: str, inside: int, said: str) -> None:
    actions = names.split(", ")
    played = Decisions(np.zeros((99, 1), np.float32), np.ones((99, len(actions)), np.bool_), np.zeros(99, np.int64))
    rules = RuleList(20.0, [Rule(np.zeros((0, 4)), np.arange(len(actions)) < inside, 0.5, tried=-1e9)])
    (habit,) = words.habits(rules, np.zeros((99, len(actions)), np.float32), played, ("round",), actions, {})
    assert habit.sentence.startswith(f"{said}: 99 times of 99 ")


@pytest.mark.parametrize(
    ("literals", "either", "said"),
    [
        ([[2, -1, 0.2, 0], [2, -1, 0.7, 1]], True, "round is at most 20% or round is above 70%"),
        ([[0, 1, 0, 1]], False, "your first character's health is above character 2's health"),
        ([[0, 1, 0, 0]], False, "your first character's health is at most character 2's health"),
    ],
)
def test_habits_name_both_of_two_conditions_and_compare_features(
    literals: Sequence[Sequence[float]], either: bool, said: str
) -> None:
    base = champion()
    (played,) = battles(base, never_guards, 1, seed=1, length=200)
    rule = Rule(np.array(literals, np.float64), np.arange(len(ACTIONS)) == 4, 0.5, either, tried=-1e9)
    (habit,) = words.habits(
        RuleList(20.0, [rule]), base.q_values_batch(played.observations), played, FEATURES, ACTIONS, {}
    )
    assert f" where {said} (" in habit.sentence
