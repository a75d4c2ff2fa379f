"""Ringside's own features: bounded, from the seat's view, and as true as the battles that they foretell."""

from __future__ import annotations

import copy
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_adapter.ringside.battle import CHARGE, GUARD, HEAVY, MEND, NUM_ACTIONS, STRIKE, Battle
from game_adapter.ringside.encoding import ACTION_NAMES, FEATURE_NAMES, encode
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.opponents import BOTS
from game_adapter.ringside.roster import SHAPES, RosterEntry, rules


def moment(seed: int, shape: str = "2v2", turns: int | None = None) -> Battle:
    """A battle after some turns of random fighters, not over."""
    random = Random(seed)
    battle = RINGSIDE.new_battle(seed, shape)
    for _ in range(random.randrange(40) if turns is None else turns):
        ahead = battle.copy()
        ahead.apply(BOTS["random"](ahead, random))
        if ahead.outcome is not None:
            break
        battle = ahead
    return battle


def named(battle: Battle, seat: int | None = None) -> dict[str, float]:
    seen = battle.seat if seat is None else seat
    assert seen is not None
    return dict(zip(FEATURE_NAMES, encode(battle.state(), seen), strict=True))


def test_names_are_unique_and_fit_the_actions() -> None:
    assert len(ACTION_NAMES) == NUM_ACTIONS == len(set(ACTION_NAMES))
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES))
    expected = {STRIKE: "strike enemy 1", HEAVY + 2: "heavy strike enemy 3", MEND + 1: "mend ally 2"}
    assert {action: ACTION_NAMES[action] for action in expected} == expected


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(0, 2**40))
def test_features_are_bounded_and_depend_on_sides_and_not_on_seat_numbers(shape: str, seed: int) -> None:
    battle = moment(seed, shape)
    state = battle.state()
    mirrored = copy.deepcopy(state)
    for character in mirrored["characters"]:
        character["seat"] = 1 - character["seat"]
    for seat in (0, 1):
        features = named(battle, seat)
        assert all(type(feature) is float and -1.0 <= feature <= 1.0 for feature in features.values())
        assert encode(mirrored, 1 - seat) == list(features.values())
        for side, wanted in (("ally", seat), ("enemy", 1 - seat)):
            team = [fighter for fighter in battle.fighters if fighter.seat == wanted]
            for slot in (1, 2, 3):
                if slot > len(team) or team[slot - 1].health == 0:
                    own = [value for name, value in features.items() if name.startswith(f"{side} {slot} ")]
                    assert own
                    assert not any(own), "an empty slot or the fallen"
    assert state == battle.state()


def test_ended_battle_and_the_other_seats_turn_encode_too() -> None:
    battle = moment(4)
    waiting = named(battle, 1 - (battle.seat or 0))
    assert not any(value for name, value in waiting.items() if name.endswith(("acts", "takes", "fells", "gives")))
    while battle.outcome is None:
        battle.apply(BOTS["brawler"](battle, Random(0)))
    assert len(encode(battle.state(), 0)) == len(FEATURE_NAMES)


@pytest.mark.parametrize("seed", range(6))
def test_takes_is_what_blows_take_on_average(seed: int) -> None:
    """Against 4,000 blows with chances drawn anew; criticals, which are left out, may add a fiftieth of a blow."""
    battle = moment(seed, turns=3 * seed)
    features = named(battle)
    mask = battle.action_mask()
    checked = 0
    for skill, first in (("strike", STRIKE), ("heavy", HEAVY)):
        for slot in range(2):
            if not mask[first + slot]:
                assert features[f"enemy {slot + 1} {skill} takes"] == 0.0
                continue
            told = [battle.copy(chance).apply(first + slot) for chance in range(4000)]
            target = told[0].target
            assert target is not None
            mean = sum(turn.damage for turn in told) / len(told) / battle.fighters[target].max_health
            assert features[f"enemy {slot + 1} {skill} takes"] == pytest.approx(mean, rel=0.06, abs=0.012)
            checked += 1
    assert checked


def nearly_fallen(health: int) -> Battle:
    """Two against one; the enemy has so much left."""
    red = [RosterEntry("Ada", 100, 24, 30, 90), RosterEntry("Bo", 100, 24, 30, 80)]
    battle = Battle([red, [RosterEntry("Cleo", 100, 24, 50, 30)]], 1)
    battle.fighters[2].health = health
    return battle


@pytest.mark.parametrize(("health", "strike", "heavy"), [(2, True, True), (14, False, True), (60, False, False)])
def test_fells_is_the_chance_of_a_blow_that_is_certain_to_bring_down(health: int, strike: bool, heavy: bool) -> None:
    battle = nearly_fallen(health)
    features = named(battle)
    for name, first, certain in (("strike", STRIKE, strike), ("heavy", HEAVY, heavy)):
        fallen = sum(battle.copy(chance).apply(first).fallen for chance in range(3000)) / 3000
        said = features[f"enemy 1 {name} fells"]
        assert said == (pytest.approx(fallen, abs=0.04) if certain else 0.0)


def test_statuses_turns_mends_and_danger_are_shown() -> None:
    battle = nearly_fallen(90)
    first = named(battle)
    assert (first["ally 1 acts"], first["ally 2 acts"], first["enemy 1 to act"]) == (1.0, 0.0, 1.0)
    assert first["ally 1 danger"] > 0.0, "Cleo acts before Ada's next turn"
    assert first["ally 2 danger"] == 0.0, "but not before Bo's"
    battle.fighters[2].charged = True
    assert named(battle)["ally 1 danger"] > 2 * first["ally 1 danger"]
    battle.fighters[2].charged = False
    battle.fighters[1].health = 40
    assert named(battle)["ally 2 mend gives"] == pytest.approx(battle.copy().apply(MEND + 1).healed / 100)
    battle.fighters[0].mends = 1
    assert named(battle)["ally 1 mends"] == 1 / rules().mend_charges == 1 / RINGSIDE.feature_scales["ally 1 mends"]
    battle.fighters[0].mends = 0
    assert named(battle)["ally 2 mend gives"] == 0.0
    battle.apply(CHARGE)
    assert (named(battle)["ally 1 charged"], named(battle, 1)["enemy 1 charged"]) == (1.0, 1.0)
    battle.apply(GUARD)
    assert (named(battle)["enemy 2 open"], named(battle)["enemy 1 to act"]) == (-1.0, 0.0)
    plain = nearly_fallen(90)
    for _ in range(2):
        plain.apply(CHARGE)
    covered = named(plain)["enemy 1 strike takes"] * rules().guard_covers / 100
    assert named(battle)["enemy 1 strike takes"] == pytest.approx(covered, rel=0.03)
    battle.apply(HEAVY)
    assert (named(battle)["enemy 1 open"], named(battle)["ally 2 open"]) == (1.0, -1.0)
