"""Words: habits are said only beyond chance, none twice, and in the game's own names and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from cornerman.experience.declaration import Declaration
from cornerman.opponent import words
from cornerman.opponent.rules import Decisions, Rule, RuleList
from tests.support.habits import ACTIONS, FEATURES, battles, champion, never_guards


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


ASKS = tuple(f"ask {silk} silk {iron} iron" for silk in range(3) for iron in range(3))
BARGAINS = (*ASKS, "accept", "threaten", "leave")
ALL, ACCEPT, THREATEN = map(BARGAINS.index, ("ask 2 silk 2 iron", "accept", "threaten"))
WITHOUT_ONE = tuple(name for name in BARGAINS if "1" not in name)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([WITHOUT_ONE], ["threaten or ask 2 silk 2 iron or accept or 4 others: 90 times of 90"]),
        ([("threaten", "accept"), ("threaten",)], ["threaten, given the choice: 60 times of 60"]),
        (
            [("threaten",), ASKS],
            ["threaten, given the choice: 60 times of 60", "ask silk iron: 28 times of 90"],
        ),
        (
            [WITHOUT_ONE, ("threaten",), ("threaten",), ("ask 2 silk 2 iron",)],
            ["threaten, given the choice: 60 times of 60", "ask 2 silk 2 iron, given the choice: 28 times of 30"],
        ),
    ],
)
def test_habits_name_what_was_taken_most_and_the_choice_and_say_nothing_twice(
    groups: Sequence[Sequence[str]], said: Sequence[str]
) -> None:
    """Who threatens where that is possible; else asks for everything, or accepts, which is possible twice."""
    masks = np.ones((90, len(BARGAINS)), np.bool_)
    masks[60:, THREATEN] = masks[:60, ALL] = masks[:88, ACCEPT] = False
    taken = np.repeat([THREATEN, ALL, ACCEPT], [60, 28, 2])
    played = Decisions(np.zeros((90, 1), np.float32), masks, taken)
    rules = [Rule(np.zeros((0, 4)), np.isin(BARGAINS, group), 0.9, tried=-1e9) for group in groups]
    found = words.habits(RuleList(20.0, rules), np.zeros(masks.shape, np.float32), played, ("round",), BARGAINS, {})
    assert [habit.sentence.partition(" (")[0] for habit in found] == said


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
