"""Ringside's rules: golden playthroughs, the slow twin, properties of any battle, and every refusal's sentence."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS, STRIKE, Battle, chance
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.opponents import BOTS
from game_adapter.ringside.roster import SHAPES, RosterEntry, roster, rules
from game_adapter.ringside.teams import draw_teams
from tests.support.playthroughs import BATTLES, GOLDEN, file_name, playthrough
from tests.support.slow_ringside import SlowBattle, legal_actions

shapes = st.sampled_from(SHAPES)
seeds = st.integers(0, 2**63 - 1)
choices = st.lists(st.integers(0, 10**6), min_size=1, max_size=40)


def legal(battle: Battle) -> list[int]:
    return [action for action, allowed in enumerate(battle.action_mask()) if allowed]


def total_health(battle: Battle) -> int:
    return sum(fighter.health for fighter in battle.fighters)


def pick(battle: Battle, numbers: list[int], turn: int) -> int:
    actions = legal(battle)
    return actions[(numbers[turn % len(numbers)] + turn) % len(actions)]


def entry(name: str = "Ada", health: int = 100, attack: int = 20, defense: int = 0, speed: int = 30) -> RosterEntry:
    return RosterEntry(name, health, attack, defense, speed)


def sure_battle(*teams: list[RosterEntry], seed: int = 1, **numbers: int) -> Battle:
    """A battle without chance: every blow lands, for exactly its power."""
    sure = {"least_accuracy": 100, "most_accuracy": 100, "roll": 0, "critical_chance": 0, "defense_scale": 100}
    changed: dict[str, Any] = {**sure, **numbers}
    return Battle(teams, seed, dataclasses.replace(rules(), **changed))


@pytest.mark.parametrize("which", BATTLES, ids=lambda which: file_name(*which))
def test_golden_playthroughs_come_out_the_same(which: tuple[str, int, str, str]) -> None:
    assert playthrough(*which) == (GOLDEN / file_name(*which)).read_text(encoding="utf-8")
    assert {path.name for path in GOLDEN.glob("*.txt")} == {file_name(*each) for each in BATTLES}, (
        "no file is left over"
    )


@settings(max_examples=120, deadline=None)
@given(shapes, seeds, choices)
def test_rules_equal_their_slow_twin(shape: str, seed: int, numbers: list[int]) -> None:
    battle = RINGSIDE.new_battle(seed, shape)
    twin = SlowBattle(battle.state(), battle.rules, battle.key, battle.first_seat(0))
    turn = 0
    while battle.outcome is None:
        assert battle.round <= 20
        assert set(legal(battle)) == legal_actions(twin.state) >= {GUARD}, "a fighter can always do something"
        action, before = pick(battle, numbers, turn), total_health(battle)
        told = battle.apply(action)
        assert before - total_health(battle) == told.damage - told.healed
        assert told.text().endswith(".")
        twin.apply(action)
        state = battle.state()
        assert state["characters"] == twin.state["characters"]
        found = (state["round"], state["acting"], state["order"])
        assert found == (twin.state["round"], twin.state["acting"], twin.queue)
        turn += 1
    assert battle.outcome == twin.outcome
    assert sum(battle.outcome.values()) == 0
    assert (battle.seat, battle.acting, battle.order, legal(battle)) == (None, None, [], [])


@settings(max_examples=60, deadline=None)
@given(shapes, seeds, choices, st.integers(0, 30), st.sampled_from([-1, *range(NUM_ACTIONS), NUM_ACTIONS, 10**30]))
def test_illegal_action_is_refused_with_a_sentence_and_changes_nothing(
    shape: str, seed: int, numbers: list[int], turns: int, action: int
) -> None:
    battle = RINGSIDE.new_battle(seed, shape)
    for turn in range(turns):
        if battle.outcome is None:
            battle.apply(pick(battle, numbers, turn))
    if action in legal(battle):
        return
    state, twin = battle.state(), battle.copy()
    with pytest.raises(ValueError, match=r"^[A-Z].+\.$"):
        battle.apply(action)
    assert battle.state() == state
    while battle.outcome is None:
        action = pick(battle, numbers, 0)
        assert battle.apply(action) == twin.apply(action), "chance has not moved on"


@settings(max_examples=60, deadline=None)
@given(shapes, seeds, choices, st.integers(0, 25))
def test_same_seed_gives_the_same_battle_and_a_copy_is_equal_and_independent(
    shape: str, seed: int, numbers: list[int], turns: int
) -> None:
    battle, again = RINGSIDE.new_battle(seed, shape), RINGSIDE.new_battle(seed, shape)
    for turn in range(turns):
        if battle.outcome is None:
            action = pick(battle, numbers, turn)
            assert battle.apply(action) == again.apply(action)
    branch, state = battle.copy(), battle.state()
    kept = copy.deepcopy(state)
    turns_of_branch = []
    while branch.outcome is None:
        turns_of_branch.append(branch.apply(pick(branch, numbers, branch.round)))
    assert battle.state() == state == kept, "neither the battle nor a state handed out follows the copy"
    assert battle.outcome == again.outcome
    for expected in turns_of_branch:
        assert again.apply(expected.action) == expected
    assert again.outcome == branch.outcome


def test_copy_with_a_seed_keeps_the_moment_and_draws_anew() -> None:
    battle = RINGSIDE.new_battle(5)
    battle.apply(GUARD)
    copies = [battle.copy(seed) for seed in range(40)]
    assert all(other.state() == battle.state() for other in copies)
    assert all(other.key != battle.key for other in copies)
    assert len({other.apply(HEAVY).damage for other in copies}) > 2
    same = battle.copy(7), battle.copy(7)
    assert same[0].apply(HEAVY) == same[1].apply(HEAVY)


def test_chance_is_splitmix64() -> None:
    """The first outputs of the published generator seeded with 1234567."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [chance(1234567, counter) for counter in (1, 2, 3, 4)] == published


def test_both_seats_have_the_same_chances() -> None:
    """4 standard errors of 1,500 mirrored battles; and the coin that decides ties is fair."""
    won, battles = 0.0, 1500
    for seed in range(battles):
        battle, random = RINGSIDE.new_battle(seed), Random(seed)
        while battle.outcome is None:
            battle.apply(BOTS["brawler"](battle, random))
        won += (battle.outcome[0] + 1) / 2
    assert abs(won / battles - 0.5) < 4 * 0.5 / battles**0.5
    first = sum(RINGSIDE.new_battle(seed).first_seat(1) for seed in range(4000))
    assert abs(first - 2000) < 4 * 0.5 * 4000**0.5


@pytest.mark.parametrize(
    ("teams", "healths", "outcome"),
    [
        (([100], [100]), (100, 100), 0),
        (([100], [100]), (100, 99), 0),
        (([100], [100]), (99, 100), 0),
        (([100], [100]), (100, 98), 1),
        (([100], [100]), (60, 100), -1),
        (([200, 100], [50]), (100, 100, 35), -1),  # of the whole team: 200 of 300 against 35 of 50
    ],
)
def test_higher_share_of_health_wins_after_the_last_round(
    teams: tuple[list[int], list[int]], healths: tuple[int, ...], outcome: int
) -> None:
    battle = sure_battle(*([entry(health=health) for health in team] for team in teams))
    for fighter, health in zip(battle.fighters, healths, strict=True):
        fighter.health = health
    turns = 0
    while battle.outcome is None:
        assert battle.round == turns // len(healths) + 1
        battle.apply(GUARD)
        turns += 1
    assert turns == 20 * len(healths)
    assert battle.outcome == {0: outcome, 1: -outcome}


def test_blows_land_roll_and_turn_critical_as_often_as_the_tool_tip_says() -> None:
    numbers = rules()
    battle = Battle([[entry(attack=10_000)], [entry(health=10**6)]], 1)
    while battle.seat != 0:
        battle.apply(GUARD)
    battle.fighters[1].guard = False
    told = [battle.copy(seed).apply(HEAVY) for seed in range(6000)]
    landed = [turn for turn in told if not turn.missed]
    accuracy, critical = numbers.heavy_accuracy / 100, numbers.critical_chance / 100
    assert abs(len(landed) / 6000 - accuracy) < 4 * (accuracy * (1 - accuracy) / 6000) ** 0.5
    share = sum(turn.critical for turn in landed) / len(landed)
    assert abs(share - critical) < 4 * (critical * (1 - critical) / len(landed)) ** 0.5
    plain = Counter(turn.damage for turn in landed if not turn.critical)
    base = 100 * numbers.heavy_power
    assert set(plain) == {base * (100 + roll) // 100 for roll in range(-numbers.roll, numbers.roll + 1)}
    expected = plain.total() / (2 * numbers.roll + 1)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in plain.values())


def test_refusals_say_why() -> None:
    battle = sure_battle([entry("Ada", speed=60), entry("Bo")], [entry("Cy"), entry("Di")])
    battle.fighters[0].charged = True
    battle.fighters[2].health = 0
    battle.fighters[1].health = 0
    for action, words in (
        (STRIKE, "Cy has fallen already."),
        (HEAVY + 2, "There is no enemy 3 in this battle."),
        (MEND, "Ada is in full health; there is nothing to mend."),
        (MEND + 1, "Bo has fallen already."),
        (MEND + 2, "There is no ally 3 in this battle."),
        (CHARGE, "Ada is charged already; strike first."),
        (11, "There is no action 11; the actions are numbered 0 to 10."),
        (-1, "There is no action -1; the actions are numbered 0 to 10."),
        (1.0, "An action is a whole number from 0 to 10, not 1.0."),
        ("guard", "An action is a whole number from 0 to 10, not 'guard'."),
        (None, "An action is a whole number from 0 to 10, not None."),
    ):
        with pytest.raises(ValueError) as refused:  # noqa: PT011
            battle.apply(action)  # type: ignore[arg-type]  # wrong on purpose
        assert str(refused.value) == words
    battle.fighters[0].health, battle.fighters[0].mends = 50, 0
    with pytest.raises(ValueError, match=r"^Ada has no mends left\.$"):
        battle.apply(MEND)
    battle.apply(STRIKE + 1)
    while battle.outcome is None:
        battle.apply(GUARD)
    with pytest.raises(ValueError, match=r"^The battle is over; nobody can act any more\.$"):
        battle.apply(GUARD)


@pytest.mark.parametrize("sizes", [(0, 1), (2, 3), (1, 4), (3, 3), (1,), (1, 1, 1)])
def test_teams_of_another_shape_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot meet; Ringside plays 1v1"):
        Battle([[entry()] * size for size in sizes], 1)
    with pytest.raises(ValueError, match="has no battles of '4v4'"):
        RINGSIDE.new_battle(1, "4v4")


def test_equal_teams_are_mirrored_and_drawn_by_the_seed() -> None:
    drawn = set()
    for seed in range(300):
        red, blue = draw_teams(seed, "2v2")
        assert red == blue
        assert len({one.name for one in red}) == 2
        drawn.add(tuple(one.name for one in red))
    assert len(drawn) == 8 * 7, "every pair in every order"
    small, large = draw_teams(1, "1v3")
    assert draw_teams(1, "3v1") == (large, small)
    assert small[0].health > roster().fighters[small[0].name].health
