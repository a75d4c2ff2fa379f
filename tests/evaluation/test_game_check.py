"""game_check.py: every way in which a game breaks the contract is found and named with its fix; a sound game passes."""

from __future__ import annotations

import random as random_module
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from cornerman.contract import State
from cornerman.evaluation.checked_calls import Finding
from cornerman.evaluation.game_check import check_game
from cornerman.experience.declaration import declaration_of
from game_adapter.ringside.game import RINGSIDE
from tests.support.declared_games import AtOnce, Board, CardTable
from tests.support.dice_race import Race, Races


def found(game: Any, battles: int = 30, max_decisions: int = 400) -> list[Finding]:
    return list(check_game(game, battles, max_decisions))


class FromTheModule(Race):
    def apply(self, action: int) -> None:
        super().apply(action)
        self.thrown[0] += random_module.randint(0, 1)


class OtherEachTime(Race):
    made = 0

    def __init__(self, seed: int) -> None:
        OtherEachTime.made += 1
        super().__init__(OtherEachTime.made)


class Alive(Race):
    def apply(self, action: int) -> None:
        super().apply(action)
        for characters in self.handed_out:
            characters[0]["health"] = 1


class ChangesThenRefuses(Race):
    def apply(self, action: int) -> None:
        self.round += not self.action_mask()[min(action, 1)]
        super().apply(action)


class OtherTwice(Race):
    def state(self) -> State:
        self.round += 1
        return super().state()


class FailsLater(Race):
    """Sound until the checks that come after the first battles."""

    made = 0

    def __init__(self, seed: int) -> None:
        FailsLater.made += 1
        super().__init__(seed)

    def apply(self, action: int) -> None:
        if FailsLater.made > 32:
            raise RuntimeError("a later battle")
        super().apply(action)


def odd(**attributes: Any) -> type[Race]:
    """Races with other attributes; a function of `seat` or `outcome` is a property."""
    for name in {"seat", "outcome"} & set(attributes):
        attributes[name] = property(attributes[name], lambda race, given: None)
    return type("OddRace", (Race,), attributes)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("battle", "sentence"),
    [
        (odd(outcome=lambda race: dict), "outcome of a battle is a method; make it a property"),
        (FromTheModule, "module `random`"),
        (OtherEachTime, "goes another way from decision"),
        (Alive, "changes when the battle goes on"),
        (odd(action_mask=lambda race: [True]), "gives 1 values and action_names 2"),
        (odd(action_mask=lambda race: [False, False]), "leaves nothing legal"),
        (odd(apply=raising(KeyError("Bo"))), "raises KeyError: 'Bo'"),
        (odd(outcome=lambda race: None), "did not end within 400 decisions"),
        (odd(apply=lambda race, action: Race.apply(race, 0)), "accepts an action that is not legal"),
        (ChangesThenRefuses, "refuses the action but changes the battle"),
        (odd(outcome=lambda race: {0: 3, 1: -3}), "must hold a number from -1 to 1 for each of the seats 0 to 1"),
        (FailsLater, "raises RuntimeError: a later battle"),
        (odd(outcome=raising(RuntimeError("no winner yet"))), "outcome raises RuntimeError: no winner yet"),
        (odd(seat=lambda race: 7), "its seat is 7"),
        (odd(state=lambda race: {"round": 1}), "gives what cannot be read"),
        (OtherTwice, "answers differently when asked twice"),
    ],
)
def test_what_breaks_the_contract_is_named_with_its_fix(battle: type[Race], sentence: str) -> None:
    wrong = [finding for finding in found(Races(battle)) if finding.wrong]
    assert [finding for finding in wrong if sentence in finding.what], wrong
    assert all(finding.fix for finding in wrong)


class RefusesByType(Race):
    def apply(self, action: int) -> None:
        if action > 1 or not self.action_mask()[action]:
            raise TypeError("no such throw")
        super().apply(action)


class NumpySeat(Race):
    """The seat is a numpy integer."""

    @property
    def seat(self) -> Any:
        return np.int64(self.next or 0)

    @seat.setter
    def seat(self, seat: int | None) -> None:
        self.next = seat


SOUND: dict[str, Any] = {
    "races": Races(),
    "refuses by type": Races(RefusesByType),
    "numpy seat": Races(NumpySeat),
    "ringside": RINGSIDE,
    "board": Board(random_opening=2),
    "cards": CardTable(),
    "at once": AtOnce(),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_game_has_nothing_to_mend(name: str) -> None:
    game = SOUND[name]
    assert [finding for finding in found(game, 30, declaration_of(game).max_decisions) if finding.wrong] == []


class Climb:
    """One seat after another takes a step, until all have taken three."""

    def __init__(self, num_seats: int, named: int) -> None:
        self.num_seats, self.named, self.steps = num_seats, named, 0

    @property
    def seat(self) -> int | None:
        return None if self.outcome else self.steps % self.num_seats

    @property
    def outcome(self) -> Mapping[int, float] | None:
        return dict.fromkeys(range(self.named), 0.5) if self.steps == 3 * self.num_seats else None

    def state(self) -> Any:
        return {"steps": self.steps}

    def action_mask(self) -> Sequence[bool]:
        return [True]

    def apply(self, action: int) -> None:
        if action != 0:
            raise ValueError(f"{action} is not legal")
        self.steps += 1


class Climbs(Board):
    action_names, feature_names = ("step",), ("steps",)
    bots: Mapping[str, Any] = {"first": lambda battle, random: 0}

    def encode(self, state: Any, seat: int) -> list[float]:
        time.sleep(0.002)
        return [state["steps"] / 9]

    def new_battle(self, seed: int) -> Any:
        return Climb(self.num_seats, self.named)

    num_seats, named = 1, 1


def test_outcome_must_name_each_of_the_declared_seats() -> None:
    assert [finding for finding in found(Climbs(), 3) if finding.wrong] == []
    three = found(Climbs(num_seats=3, named=3), 3)
    assert [finding for finding in three if finding.wrong] == []
    assert not [it for it in [*found(Climbs(), 3), *three] if "do not sum to 0" in it.what], "not two opponents"
    wrong = [finding.what for finding in found(Climbs(num_seats=3, named=2), 3) if finding.wrong]
    assert wrong == ["the outcome {0: 0.5, 1: 0.5} must hold a number from -1 to 1 for each of the seats 0 to 2"]


@pytest.mark.parametrize(
    ("standing", "said"),
    [(1.25, "standing(state, 0) is 1.25 and counts as 1"), (None, "standing(state, 0) is None; it must be a number")],
)
def test_standing_that_is_no_number_from_minus_1_to_1_is_named(standing: Any, said: str) -> None:
    (wrong,) = [finding for finding in found(Climbs(standing=lambda state, side: standing), 3) if finding.wrong]
    assert said in wrong.what
    assert wrong.fix


def test_pace_counts_the_time_of_the_games_encode() -> None:
    (pace,) = [finding.what for finding in found(Climbs(), 3) if "decisions/s" in finding.what]
    assert float(re.findall(r"([\d,]+) decisions/s", pace)[0].replace(",", "")) <= 500, "it takes 2 ms a decision"


def test_bots_that_play_nothing_or_what_is_not_legal_are_named() -> None:
    game = Races()
    game.bots |= {"idle": lambda battle, random: None, "itself": lambda battle, random: battle.apply(0)}
    game.bots["far"] = lambda battle, random: 1
    assert [finding.what for finding in found(game) if finding.wrong] == [
        "the bot 'idle' fails: it gave None twice and nothing happened; None: it has played its turn",
        "the bot 'far' fails: it chose 1, which is not legal",
    ]


def test_bots_that_cannot_be_called_with_battle_and_random_are_named_with_their_signature() -> None:
    game, odd_bots = Races(), {"number": 0, "alone": lambda battle: 0, "three": lambda battle, random, seat: 0}
    game.bots |= odd_bots | {"broken": lambda battle, random: battle.no_such_thing, "built in": max}
    named = {finding.what.split("'")[1]: finding for finding in found(game) if "the bot" in finding.what}
    assert {name: named[name].fix for name in odd_bots} == dict.fromkeys(
        odd_bots, "Declare a function (battle, random) -> int | None."
    )
    assert named["number"].what == "the bot 'number' is no function: 0"
    assert named["alone"].what == (
        "the bot 'alone' does not take the arguments (battle, random): too many positional arguments"
    )
    assert named["broken"].fix == "Mend the bot's code."


def test_seeds_that_change_nothing_and_outcomes_that_do_not_sum_are_remarked() -> None:
    class SameForEverySeed(Race):
        def __init__(self, seed: int) -> None:
            del seed
            super().__init__(0)

        @property
        def outcome(self) -> Mapping[int, int] | None:
            return None if super().outcome is None else {0: 1, 1: 1}

    remarks = [finding for finding in found(Races(SameForEverySeed)) if not finding.wrong]
    (seeds,) = [finding.fix for finding in remarks if "different seeds gave the same battle" in finding.what]
    assert "Use the seed of new_battle(seed), if the game has any chance." in seeds
    assert "random_opening" in seeds
    assert any("do not sum to 0" in finding.what for finding in remarks)


def test_misspelt_attribute_is_named_with_the_one_that_is_read() -> None:
    class Slips(Races):
        num_seat, own_fighters, random_openings, max_rounds, rules = 2, "", 4, 20, "free"
        feature_scale = None

    found = [finding for finding in check_game(Slips(), 5, 200) if "is not read" in finding.what]
    assert [(finding.what, finding.wrong) for finding in found] == [
        ("feature_scale is not read", False),
        ("num_seat is not read", False),
        ("own_fighters is not read", False),
        ("random_openings is not read", False),
    ]
    assert found[1].fix == "If it is meant for Cornerman, call it num_seats."
    assert not [finding for finding in check_game(Races(), 5, 200) if "is not read" in finding.what]
