"""restore_check.py: every way in which battles go on otherwise from a state than the real ones is found and named."""

from __future__ import annotations

import random as random_module
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import State
from cornerman.evaluation.game_check import check_game
from game_adapter.ringside.game import Ringside
from tests.support.dice_race import Race, Races, as_restored


def test_hidden_information_in_the_features_is_found_where_restore_draws_it_anew() -> None:
    class Hand(Race):
        """What seat 1 holds is seen by nobody but seat 1."""

        def __init__(self, seed: int) -> None:
            super().__init__(seed)
            self.hand = self.random.randint(0, 9)

        def state(self) -> State:
            return {**super().state(), "hand": self.hand}

    class Hands(Races):
        feature_names = ("hand",)

        def __init__(self, shown_to: tuple[int, ...]) -> None:
            super().__init__(Hand)
            self.shown_to = shown_to

        def encode(self, state: State, seat: int) -> Sequence[float]:
            return [state["hand"] / 10 if seat in self.shown_to else 0.0]

        def restore(self, state: State, seat: int, random: Random) -> Any:
            battle = as_restored(Hand(0), state, seat, random)
            battle.hand = state["hand"] if seat == 1 else random.randint(0, 9)
            return battle

    assert not [finding for finding in check_game(Hands((1,)), 30, 200) if finding.wrong]
    wrong = [finding.what for finding in check_game(Hands((0, 1)), 30, 200) if finding.wrong]
    assert len(wrong) == 1
    assert wrong[0].startswith("what encode() shows seat 0 of a restored battle is not what it saw")


class Restored(Races):
    """Races that go on from a state, all right unless changed."""

    def restore(self, state: State, seat: int, random: Random) -> Any:
        return as_restored(Race(0), state, seat, random)


def with_other_seat(state: State, seat: int, random: Random) -> Any:
    return as_restored(Race(0), state, 1 - seat, random)


def with_its_own_chances(state: State, seat: int, random: Random) -> Any:
    return as_restored(Race(0), state, seat, Random(5))


def with_module_random(state: State, seat: int, random: Random) -> Any:
    return as_restored(Race(0), state, seat, Random(random_module.random()))


def that_changes_the_state(state: State, seat: int, random: Random) -> Any:
    state["characters"][0]["health"] = 1
    return as_restored(Race(0), state, seat, random)


def with_weak_dice(state: State, seat: int, random: Random) -> Any:
    class Weak(Random):
        def randint(self, a: int, b: int) -> int:
            return super().randint(a, b - 1)

    return as_restored(Race(0), state, seat, Weak(random.random()))


@pytest.mark.parametrize(
    ("restore", "what"),
    [
        (with_other_seat, "restore() gives a battle with another seat to decide, or other legal actions"),
        (lambda state, seat, random: None, "restore() gives None"),
        (that_changes_the_state, "restore() changes the state that it is given"),
        (with_its_own_chances, "restore() gives the same chances whatever the generator"),
        (with_module_random, "restore() with the same generator gives another battle"),
        (with_weak_dice, r"battles of restore\(\) are longer or shorter than the real ones \(\+\d"),
    ],
)
def test_restore_that_is_wrong_is_named(restore: Any, what: str) -> None:
    game = Restored(Race)
    assert not [finding for finding in check_game(game, 60, 200) if finding.wrong]
    game.restore = restore  # type: ignore[method-assign]
    wrong = [finding.what for finding in check_game(game, 60, 200) if finding.wrong]
    assert len(wrong) == 1
    assert re.match(what if "\\" in what else re.escape(what), wrong[0])


def in_round_1(battles: Any) -> None:
    battles.restore({**battles.snapshot(), "round": np.ones_like(battles.round)})


def with_chances_of_their_own(battles: Any) -> None:
    battles.restore({**battles.snapshot(), "turns": np.arange(battles.num_battles, dtype=np.uint64)})


def with_critical_blows(battles: Any) -> None:
    battles.rules = replace(battles.rules, critical_chance=100)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda battles: None, None),
        (in_round_1, "restore_battles() gives rows in another moment than the real battle's"),
        (with_chances_of_their_own, "restore_battles() gives rows of one state and one seed other chances"),
        (with_critical_blows, "battles of restore_battles() are longer or shorter than the real ones (-"),
    ],
)
def test_batch_of_restored_battles_that_is_wrong_is_named(spoil: Callable[[Any], None], what: str | None) -> None:
    class Spoilt(Ringside):
        def restore_battles(self, *arguments: Any) -> Any:
            battles = super().restore_battles(*arguments)
            spoil(battles)
            return battles

    wrong = [finding.what for finding in check_game(Spoilt(), 30, 500) if finding.wrong]
    assert len(wrong) == (what is not None)
    assert what is None or wrong[0].startswith(what)
