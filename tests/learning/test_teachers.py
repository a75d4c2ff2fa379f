"""Teachers: whoever fares best is imitated, in the role of the plugin where seats are not alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cornerman.contract import BattleEnd, Source
from cornerman.experience.declaration import Declaration
from cornerman.experience.transitions import pack
from cornerman.learning.teachers import Teachers, better_actions, weights_by_role, weights_of
from tests.support.trials import decisions

OWN, PLAYER = (int(Source.PLUGIN), False, -1), (int(Source.PLAYER), False, -1)
VERSION = (int(Source.PLUGIN), True, -1)


def battles(teachers: Teachers, *outcomes: float, version: int = -1, truncated: bool = False, plugin: int = 0) -> None:
    """Seat `plugin` is the plugin's, or its own fighter's; the outcomes are its."""
    rows = decisions(0, plugin, Source.PLUGIN, version=version) + decisions(0, 1 - plugin, Source.PLAYER)
    for outcome in outcomes:
        results: Mapping[int, float] = {plugin: outcome, 1 - plugin: -outcome}
        teachers.end(rows, BattleEnd(0, results, truncated, {}))


def test_who_wins_is_imitated() -> None:
    teachers = Teachers(Declaration())
    battles(teachers, -1, -1, -1, 1)
    assert teachers.imitated() == [PLAYER]
    battles(teachers, *[1] * 10)
    assert teachers.imitated() == [OWN]


def test_who_is_about_as_good_is_imitated_too() -> None:
    teachers = Teachers(Declaration())
    battles(teachers, *[-1, 1] * 50, version=4)
    assert set(teachers.imitated()) == {PLAYER, VERSION}


def test_battles_that_were_cut_off_say_nothing() -> None:
    teachers = Teachers(Declaration())
    battles(teachers, 1, truncated=True)
    assert teachers.imitated() == []


def test_unlike_seats_are_taught_by_decisions_of_the_plugins_own_role() -> None:
    teachers = Teachers(Declaration(seats_alike=False, plugin_seats=(1,)))
    battles(teachers, *[-1] * 5, plugin=1)
    assert teachers.imitated() == [(int(Source.PLUGIN), False, 1)], "the player wins in the other role"


def test_in_each_of_two_unlike_roles_the_better_one_teaches() -> None:
    teachers = Teachers(Declaration(seats_alike=False))
    for plugin in (0, 1):
        battles(teachers, *[-1] * 5, plugin=plugin)
    assert set(teachers.imitated()) == {(int(Source.PLAYER), False, 0), (int(Source.PLAYER), False, 1)}


def test_weights_are_those_of_the_teachers_rows() -> None:
    rows = decisions(0, 0, Source.PLUGIN, 2) + decisions(0, 1, Source.PLAYER, 2) + decisions(0, 0, Source.PLUGIN, 1, 3)
    columns = pack(rows, 3, 3)
    assert weights_of([PLAYER], columns).tolist() == [0, 0, 1, 1, 0]
    assert weights_of([OWN, VERSION], columns).tolist() == [-1, -1, 0, 0, -1], "nobody is better than the plugin's seat"
    assert weights_of([VERSION, PLAYER], columns).tolist() == [0, 0, -1, -1, -1]
    assert weights_of([(int(Source.PLAYER), False, 0)], columns).tolist() == [0, 0, 0, 0, 0]
    assert weights_of([], columns).dtype == np.float32


def test_advantages_are_those_of_imitated_decisions_that_no_policy_took() -> None:
    teachers = Teachers(Declaration())
    battles(teachers, *[-1] * 10)
    assert set(teachers.advantages()) == {-1}
    own = Teachers(Declaration())
    battles(own, *[1] * 10, version=4)
    assert not own.advantages()
    apart = Teachers(Declaration(seats_alike=False, plugin_seats=(1,)))
    battles(apart, *[-1] * 5, plugin=1)
    assert set(apart.advantages()) == {1}
    apart.clear()
    assert not apart.advantages()


def test_better_actions_take_the_place_of_a_roles_own() -> None:
    teachers = Teachers(Declaration(seats_alike=False, plugin_seats=(0,)))
    battles(teachers, *[1] * 5)
    known = teachers.advantages()
    columns = pack(decisions(0, 0, Source.PLUGIN, 3) + decisions(0, 1, Source.PLAYER, 3), 3, 3)
    columns["action_mask"][:3] = [False, True, False]
    assert better_actions(known, columns).tolist() == [1, 1, 1, 0, 1, 2], "the only legal one; the player's own"
    assert weights_by_role(known, columns).tolist() == [1, 1, 1, 0, 0, 0]
    assert weights_by_role({-1: known[0]}, columns).tolist() == [1] * 6
