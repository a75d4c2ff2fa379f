"""Which policy plays at which level: rungs of a ladder with equal steps up to the live champion."""

from __future__ import annotations

import numpy as np
import pytest

from cornerman.policy.difficulty import LEVELS, RUNG, Rung
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot
from cornerman.policy.q_network import NetworkSpec, draw

SPEC = NetworkSpec(3, 2, (4,))


def policy(version: int) -> Policy:
    flat = draw(SPEC, np.random.default_rng(0))
    flat[-1] = 1.0  # it has learned something
    return Policy(SPEC, flat, version)


RUNGS = [Rung(policy(RUNG - at), points=points) for at, points in enumerate((10.0, 100.0, 210.0, 320.0, 410.0))]


def versions(slot: PolicySlot) -> list[int]:
    return [rung.policy.version for number in range(1, 6) if (rung := slot.at_level(number))]


def test_levels_are_rungs_and_the_champion_is_level_five() -> None:
    slot = PolicySlot([policy(3)], False, (RUNGS, 1, {3: 500.0}))
    assert versions(slot) == [RUNG - 1, RUNG - 2, RUNG - 3, RUNG - 4, 3]
    assert [rung.points for rung in slot.rungs] == [10.0, 100.0, 210.0, 320.0, 410.0, 500.0]
    assert slot.rated


def test_a_newer_champion_is_level_five_and_older_champions_become_rungs_by_rating() -> None:
    slot = PolicySlot([policy(3)], from_nothing=False)
    slot.promote(policy(4), (RUNGS, 1, {3: 500.0, 4: 620.0}))
    assert versions(slot) == [RUNG - 1, RUNG - 2, RUNG - 3, 3, 4]
    assert [rung.points for rung in slot.rungs][-2:] == [500.0, 620.0]


def test_a_champion_weaker_than_some_rungs_stays_the_strongest() -> None:
    slot = PolicySlot([policy(2)], False, (RUNGS, 1, {2: 300.0}))
    assert versions(slot) == [RUNG - 1, RUNG - 1, RUNG - 2, RUNG - 2, 2]
    assert max(rung.points for rung in slot.rungs) == 300.0


@pytest.mark.parametrize(("rungs", "points"), [([], {3: 500.0}), (RUNGS, {}), (RUNGS, {3: 50.0})])
def test_without_a_known_ladder_levels_are_older_champions_at_temperatures(
    rungs: list[Rung], points: dict[int, float]
) -> None:
    slot = PolicySlot([policy(number) for number in range(4)], False, (rungs, 1, points))
    assert versions(slot) == [0, 1, 2, 3, 3]
    assert [rung.temperature for rung in slot.rungs] == [level.temperature for level in LEVELS]
    assert not slot.rated


def test_no_level_is_played_by_who_has_learned_nothing() -> None:
    slot = PolicySlot([Policy(SPEC, draw(SPEC, np.random.default_rng(0)), 0)], False, (RUNGS, 1, {0: 500.0}))
    assert slot.at_level(1) is slot.at_level(5) is None
    assert slot.rungs == ()
